/* expr.h - C expressions compiled by the machine's compiler and loaded.
 *
 * An expression in `x` (the item) and `i` (its index) becomes a loop over arrays, compiled by `cc -O3`
 * for this very processor, kept in the user's cache folder under the hash of all that goes into it.
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
    const char *expr;         /* the expression, or NULL with file */
    const char *file;         /* a C file, or NULL */
    const char *function;     /* the function in it that is called with x, or with x and i */
    al_type in_type;          /* type of x */
    bool has_out_type;        /* otherwise the type the expression has in C decides */
    al_type out_type;
    const char *reduce;       /* NULL; "sum" "min" "max" "mean" "count"; or an expression in a and b */
    const char *compiler;     /* NULL: $CC, else cc */
    const char *cache_dir;    /* NULL: $XDG_CACHE_HOME/allot or ~/.cache/allot; a temporary folder when
                                 that cannot be written */
} al_expr_spec;

/** out[k] = EXPR(in[k], first + k) for k in [0, count). in NULL: x = start + (first + k) * step, in the
 * arithmetic of in_type, both read from `range` (two values of in_type). */
typedef void al_expr_map_fn(const void *in, void *out, uint64_t first, uint64_t count,
                            const void *range);
/** Fold count mapped values into *acc; same inputs. */
typedef void al_expr_fold_fn(const void *in, void *acc, uint64_t first, uint64_t count,
                             const void *range);
/** *acc = *acc combined with *right. */
typedef void al_expr_combine_fn(void *acc, const void *right);
/** Turn the final accumulator into one value of reduce_type. */
typedef void al_expr_finish_fn(const void *acc, void *value);
/** The lowest k in [0, count) whose ipow() left the range of its type, or UINT64_MAX: how a map whose
 * overflow flag (see al_expr.overflowed) was raised finds the item. */
typedef uint64_t al_expr_locate_fn(const void *in, uint64_t first, uint64_t count, const void *range);

typedef struct al_expr {
    al_type in_type, out_type;
    al_expr_map_fn *map;
    bool *(*overflowed)(void);    /* the calling thread's flag: set by ipow(); cleared by whoever reads it */
    al_expr_locate_fn *locate;
    /* With a reduction; otherwise NULL and 0. The accumulator holds "nothing yet" when all bytes are 0. */
    al_type reduce_type;          /* type of the final value */
    uint32_t acc_nbytes;
    bool exact;                   /* combining is exactly associative */
    al_expr_fold_fn *fold;
    al_expr_combine_fn *combine;
    al_expr_finish_fn *finish;
    /* How it came to be, for --explain. */
    bool from_cache;
    double compile_ns;            /* 0 from the cache */
    char path[512];               /* of the shared object */
    void *handle;                 /* dlopen's */
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

#endif
