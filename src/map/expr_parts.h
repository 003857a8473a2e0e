/* expr_parts.h - what the files that make up C expressions say to each other.
 *
 *     expr_check.c      is this text one expression? (before any compiler sees it)
 *     expr_prelude.c    the fixed parts of the generated program
 *     expr_source.c     the program around an expression
 *     expr_compile.c    finding the compiler and running it
 *     expr_complaint.c  what the compiler said, in our words, with a caret
 *     expr_cache.c      shared objects kept from run to run
 *     expr_open.c       a shared object in memory becomes functions
 *     expr.c            all of them in order
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MAP_EXPR_PARTS_H
#define AL_MAP_EXPR_PARTS_H

#include <stddef.h>
#include <sys/types.h>

#include "map/expr.h"

/* ---- what the generated program exports ------------------------------------------------------------ */

/** Raised with each change of struct al_expr_table or of what its members mean. */
#define AL_EXPR_ABI 1

/** The 128 bits under which an object is kept, as 32 hexadecimal digits and a terminator. */
typedef struct al_expr_key {
    char text[33];
} al_expr_key;

/** The one symbol of a shared object, "al_expr_table"; expr_source.c writes the same declaration into
 * the program. */
typedef struct al_expr_table {
    uint32_t abi;
    uint32_t in_type, out_type, reduce_type, acc_nbytes, exact;
    al_expr_map_fn *map;
    bool *(*overflowed)(void);
    const char *(*overflow_text)(void);
    al_expr_locate_fn *locate;
    al_expr_fold_fn *fold;
    al_expr_combine_fn *combine;
    al_expr_finish_fn *finish;
    char key[33];
} al_expr_table;

/** What raised the overflow flag; overflow_text() says it in words. */
enum { AL_EXPR_KIND_POWER = 1, AL_EXPR_KIND_OUT = 2, AL_EXPR_KIND_ACC = 3 };

/* ---- expr_prelude.c --------------------------------------------------------------------------------- */

extern const char al_prelude_headers[], al_prelude_types[], al_prelude_helpers[], al_prelude_natural[],
    al_prelude_map[], al_prelude_fold[], al_prelude_sum[], al_prelude_end_sum[], al_prelude_end_mean[],
    al_prelude_count[], al_prelude_least[], al_prelude_own[], al_prelude_overflow[], al_prelude_main[];

/* ---- expr_check.c ----------------------------------------------------------------------------------- */

/** The names that positions in the user's two texts carry through the compiler. */
#define AL_EXPR_TAG_ITEM "<expression>"
#define AL_EXPR_TAG_MERGE "<reduction>"
/** ... and the name of everything around them. */
#define AL_EXPR_TAG_OURS "<allot>"

/** Whether text is one balanced expression that cannot reach outside of its place in the program.
 * @param tag        AL_EXPR_TAG_ITEM or AL_EXPR_TAG_MERGE
 * @param diagnosis  as al_expr_load() */
allot_err al_expr_check(const char *tag, const char *text, char **diagnosis, allot_error *err);

/* ---- expr_source.c ---------------------------------------------------------------------------------- */

/** What is made of an expression. */
typedef enum al_build {
    AL_BUILD_OBJECT,  /* for this very processor, to be loaded */
    AL_BUILD_PROGRAM, /* for any processor of this kind, static, with al_prelude_main */
} al_build;

/** Write the program.
 * @param user    NULL, or the preprocessed text of spec->file
 * @param nargs   arguments spec->function is called with: 1 or 2
 * @param key     NULL: leave the key out, as the text that the key is made of
 * @param[out] source  owned by caller, free() */
allot_err al_expr_source(const al_expr_spec *spec, al_build build, const char *user, int nargs,
                         const al_expr_key *key, char **source, allot_error *err);

/* ---- expr_compile.c --------------------------------------------------------------------------------- */

enum { AL_COMPILER_WORDS = 32 };

typedef struct al_compiler {
    char *words;                   /* the command, cut at blanks; owned */
    char *argv[AL_COMPILER_WORDS]; /* into words */
    int argc;
    char path[4096]; /* what argv[0] names, all links resolved */
    uint64_t nbytes, inode;
    int64_t mtime_ns;
} al_compiler;

/** Find the compiler: command, else $CC, else cc. @return ALLOT_ENOTFOUND, ALLOT_EINVAL, ALLOT_ENOMEM */
allot_err al_compiler_find(const char *command, al_compiler *compiler, allot_error *err);
void al_compiler_fini(al_compiler *compiler);

/** The options every expression is compiled with, as one line: part of the key. */
const char *al_compiler_flags(al_build build);

/** Bytes in memory with a zero after them. */
typedef struct al_bytes {
    char *at;
    size_t nbytes;
} al_bytes;

/** Run the preprocessor over a C file. When it fails with ALLOT_ECOMPILE, complaint has what it said.
 * @param[out] text, complaint  owned by caller, free() their `at` */
allot_err al_compiler_preprocess(const al_compiler *compiler, const char *file, al_bytes *text,
                                 al_bytes *complaint, allot_error *err);

/** Compile a program.
 * @param[out] object, complaint  as above */
allot_err al_compiler_build(const al_compiler *compiler, al_build build, const char *source, al_bytes *object,
                            al_bytes *complaint, allot_error *err);

/** The whole of an open file, from where it is. @return 0, or -1 with errno; EFBIG over max */
int al_bytes_read(int fd, size_t max, al_bytes *bytes);
int al_bytes_write(int fd, const void *at, size_t nbytes);

/* ---- expr_complaint.c ------------------------------------------------------------------------------- */

/** Turn what a compiler said into err and a diagnosis.
 * @param user  NULL, or the preprocessed text of spec->file
 * @return ALLOT_ECOMPILE, or ALLOT_ENOTFOUND when the compiler lacks a part (linker, headers) */
allot_err al_complaint_explain(const al_expr_spec *spec, const char *user, const char *complaint,
                               char **diagnosis, allot_error *err);

/** Whether a complaint is that spec->function was given too few (-1) or too many (1) arguments. */
int al_complaint_arguments(const char *complaint);

/** The same form for complaints of our own: message, line of text, caret, hint (may be NULL).
 * @param offset  of the byte in text that the caret points to
 * @return ALLOT_ECOMPILE */
allot_err al_complaint_at(const char *tag, const char *text, size_t offset, const char *message,
                          const char *hint, char **diagnosis, allot_error *err);

/* ---- expr_cache.c ----------------------------------------------------------------------------------- */

typedef struct al_cache {
    int fd;      /* of the folder, or -1: nothing is kept */
    int lock_fd; /* or -1 */
    char path[4096];
} al_cache;

/** Open the folder, making it if need be. A folder that cannot be had is no failure: nothing is kept.
 * @return ALLOT_OK, ALLOT_EPERM (it is there, and another could change what is in it) */
allot_err al_cache_open(al_cache *cache, const char *dir, allot_error *err);
void al_cache_close(al_cache *cache);

/** Get an object. @return ALLOT_OK with object->at NULL when there is none (or a damaged one);
 * ALLOT_EPERM; ALLOT_ENOMEM */
allot_err al_cache_get(al_cache *cache, const al_expr_key *key, al_bytes *object, allot_error *err);

/** Keep an object, if possible. @return whether it was kept */
bool al_cache_put(al_cache *cache, const al_expr_key *key, const al_bytes *object);

/** Let one process compile while others that want the same key wait, at most for half a minute: a hint
 * that saves work, never needed for correctness. */
void al_cache_lock(al_cache *cache, const al_expr_key *key);
void al_cache_unlock(al_cache *cache);

/** The name of an object in the folder. */
void al_cache_name(const al_cache *cache, const al_expr_key *key, char *path, size_t nbytes);

/** The key of a program: everything that decides what its object holds. */
void al_expr_key_make(const char *source, const al_compiler *compiler, al_build build, al_expr_key *key);

/* ---- expr_open.c ------------------------------------------------------------------------------------ */

/** A copy of an object as a file in memory. @return its descriptor, or -1 with errno */
int al_expr_in_memory(const al_bytes *object);

/** Load a shared object from memory, so that what was checked is what runs.
 * @return ALLOT_OK; ALLOT_EIO (not loadable, or not the object of this key) */
allot_err al_expr_open(const al_bytes *object, const al_expr_key *key, al_expr *expr, allot_error *err);

/** A file without a name, opened for reading and writing; else one in $TMPDIR that is removed at once.
 * @return its descriptor, above 2 and closed on exec; or -1 with errno */
int al_memory_file(const char *name);

/** A new folder under $TMPDIR, mode 0700. @return 0, or -1 with errno */
int al_work_folder_make(char *path, size_t nbytes);
/** Remove it and the files in it. */
void al_work_folder_remove(const char *path);

#endif
