/* expr.h - C expressions compiled by the machine's compiler and loaded.
 *
 * An expression in `x` (the item) and `i` (its index) becomes a loop over arrays, compiled by `cc -O3`
 * for this very processor, kept in the user's cache folder under the hash of all that goes into it.
 *
 * Results do not depend on the processor: no fused multiply-add, no reordering of floating point. Whole
 * numbers wrap as two's complement does, but for ipow(), square() and cube(), and a result that does not
 * fit out_type: these raise a flag. min and max propagate NaN.
 *
 * Without out_type, what the expression is in C decides: char to int, bool -> i32; unsigned, long -> i64;
 * unsigned long -> u64; __int128 -> i128; float -> f32; double, long double -> f64.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MAP_EXPR_H
#define AL_MAP_EXPR_H

#include <stdbool.h>
#include <stdint.h>

#include <allot/error.h>

#include "data/number.h"

/** What to compile. Strings are borrowed until return. */
typedef struct al_expr_spec {
    const char *expr;     /* the expression, or NULL with file */
    const char *file;     /* a C file, or NULL */
    const char *function; /* the function in it that is called with x, or with x and i */
    al_type in_type;      /* type of x */
    bool has_out_type;    /* otherwise the type the expression has in C decides */
    al_type out_type;
    const char *reduce;    /* NULL; "sum" "min" "max" "mean" "count"; or an expression in a and b */
    const char *compiler;  /* NULL: $CC, else cc */
    const char *cache_dir; /* NULL: $XDG_CACHE_HOME/allot or ~/.cache/allot; when it cannot be had,
                              nothing is kept */
} al_expr_spec;

/** out[k] = EXPR(in[k], first + k) for k in [0, count). in NULL: x = start + (first + k) * step, in the
 * arithmetic of in_type, both read from `range` (two values of in_type). */
typedef void al_expr_map_fn(const void *in, void *out, uint64_t first, uint64_t count, const void *range);
/** Fold count mapped values into *acc; same inputs. Sums of floating point have the bits of one call for
 * each leaf, whatever the processor: item k of a call goes into lane k mod 8. */
typedef void al_expr_fold_fn(const void *in, void *acc, uint64_t first, uint64_t count, const void *range);
/** *acc = *acc combined with *right. */
typedef void al_expr_combine_fn(void *acc, const void *right);
/** Turn the final accumulator into one value of reduce_type. Raises the calling thread's overflow flag if
 * the reduction left its type (a sum of i128; an expression whose result does not fit out_type).
 * @return false when there is no value: min, max or an expression of no items. sum and count of none are
 * 0, mean is NaN. */
typedef bool al_expr_finish_fn(const void *acc, void *value);
/** The lowest k in [0, count) that raises the overflow flag (see al_expr.overflowed), or UINT64_MAX: how
 * a map finds the item. Leaves the calling thread's flag clear. */
typedef uint64_t al_expr_locate_fn(const void *in, uint64_t first, uint64_t count, const void *range);

typedef struct al_expr {
    al_type in_type, out_type;
    al_expr_map_fn *map;
    /* The calling thread's flag: set when ipow() leaves the range of its type or a result that of
     * out_type (NaN to an integer, too); cleared by whoever reads it. */
    bool *(*overflowed)(void);
    /* What set it last in this thread, as in "ipow() left the range of its type"; static until unload. */
    const char *(*overflow_text)(void);
    al_expr_locate_fn *locate;
    /* With a reduction; otherwise NULL and 0. The accumulator holds "nothing yet" when all bytes are 0. */
    al_type reduce_type; /* of the final value: sum i128 or f64, mean f64, count u64, else out_type */
    uint32_t acc_nbytes;
    bool exact; /* combining is exactly associative */
    al_expr_fold_fn *fold;
    al_expr_combine_fn *combine;
    al_expr_finish_fn *finish;
    /* How it came to be, for --explain. */
    bool from_cache;
    double compile_ns; /* 0 from the cache */
    char path[512];    /* of the shared object in the cache; "" when it could not be kept */
    void *handle;      /* dlopen's */
    int fd;            /* what it was opened from; the loader knows an object by this name */
} al_expr;

/** Compile (or find) and load.
 * @return ALLOT_OK; ALLOT_ECOMPILE (err->text: the compiler's first complaint in our words; *diagnosis:
 *         several lines with the expression and a caret, owned by caller, free()); ALLOT_ENOTFOUND (no
 *         compiler; the text names the package to install); ALLOT_EPERM (a cache folder or file that is
 *         another user's, or writable by others); ALLOT_EIO; ALLOT_EINVAL
 * Threads: any; several processes may compile the same expression at once. */
allot_err al_expr_load(const al_expr_spec *spec, al_expr *expr, char **diagnosis, allot_error *err);

/** Unload. NULL members are allowed. */
void al_expr_unload(al_expr *expr);

/* ---- the same expression as a program, for other machines of this kind -------------------------------- */

enum {
    AL_EXPR_PROCESSOR_NBYTES = 8,
    AL_EXPR_EXIT_PROCESSOR = 70, /* the program's status: libm would compute with other last bits there, */
    AL_EXPR_EXIT_OVERFLOW = 71,  /* or the overflow flag was raised; it has written nothing */
};

/** What the program reads: this, nleaves counts of items (uint32_t), and the items if has_items. It writes
 * count results, or with leaves (a reduction) nleaves accumulators of acc_nbytes; and after them the time
 * that computing them took, in ns (uint64_t). */
typedef struct al_expr_chunk {
    uint64_t first;                           /* number of the first item */
    uint64_t count, nleaves;                  /* nleaves 0: map */
    unsigned char range[32];                  /* without items: as of al_expr_map_fn */
    char processor[AL_EXPR_PROCESSOR_NBYTES]; /* al_expr_processor() */
    uint64_t has_items;
} al_expr_chunk;

/** What libm here chooses its code by. */
void al_expr_processor(char processor[AL_EXPR_PROCESSOR_NBYTES]);

typedef struct al_expr_program {
    int fd; /* a file in memory; owned by caller */
    uint64_t nbytes;
    bool from_cache;
    double compile_ns; /* 0 from the cache */
} al_expr_program;

/** Compile (or find) the expression as a static program that needs nothing of the machine it runs on and
 * gives the bits that al_expr_load()'s functions give here.
 * @return as al_expr_load(), without a diagnosis: ALLOT_ECOMPILE means that the compiler cannot link
 *         statically, if al_expr_load() took the same spec */
allot_err al_expr_program_make(const al_expr_spec *spec, al_expr_program *program, allot_error *err);

#endif
