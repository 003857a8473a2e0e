/* C expressions compiled and loaded: the steps in order.
 *
 *     check the text -> preprocess the file -> write the program -> hash it -> cached? load it
 *     -> else compile, load, keep
 *
 * The key is made of the program as it would be written for a function of one argument; whether the
 * function takes the index as well is found out by compiling, once, and not by reading C.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "map/expr.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "map/expr_parts.h"

/* What one load gathers on its way. */
typedef struct load {
    const al_expr_spec *spec;
    al_compiler compiler;
    al_cache cache;
    al_expr_key key;
    al_bytes user; /* spec->file after the preprocessor */
    al_bytes object;
    al_build build;
    double compile_ns;
    char **diagnosis;
    allot_error *err;
} load;

static bool is_identifier(const char *name)
{
    if (!isalpha((unsigned char)*name) && *name != '_')
        return false;
    while (isalnum((unsigned char)*name) || *name == '_')
        name++;
    return *name == '\0';
}

static bool is_named_reduction(const char *reduce)
{
    static const char *const known[] = {"sum", "min", "max", "mean", "count"};
    for (size_t k = 0; k < sizeof known / sizeof *known; k++)
        if (strcmp(reduce, known[k]) == 0)
            return true;
    return false;
}

static allot_err check_file(const al_expr_spec *spec, allot_error *err)
{
    struct stat st;
    if (!spec->function || !is_identifier(spec->function))
        return al_fail(err, ALLOT_EINVAL, 0,
                       "`%.100s` is not the name of a function: -f FILE.c:FUNCTION is needed",
                       spec->function ? spec->function : "");
    const int fd = open(spec->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return al_fail(err, ALLOT_EIO, errno, "cannot read the C file %.300s", spec->file);
    const bool is_plain = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    close(fd);
    if (!is_plain)
        return al_fail(err, ALLOT_EIO, 0, "the C file %.300s is not a plain file", spec->file);
    return ALLOT_OK;
}

static allot_err check_spec(load *l)
{
    const al_expr_spec *spec = l->spec;
    if (!spec->expr == !spec->file)
        return al_fail(l->err, ALLOT_EINVAL, 0, "either an expression or a file with a function is needed");
    if ((unsigned)spec->in_type >= AL_NTYPES || (spec->has_out_type && (unsigned)spec->out_type >= AL_NTYPES))
        return al_fail(l->err, ALLOT_EINVAL, 0, "there is no such type");
    allot_err result = spec->file ? check_file(spec, l->err)
                                  : al_expr_check(AL_EXPR_TAG_ITEM, spec->expr, l->diagnosis, l->err);
    if (result == ALLOT_OK && spec->reduce && !is_named_reduction(spec->reduce))
        result = al_expr_check(AL_EXPR_TAG_MERGE, spec->reduce, l->diagnosis, l->err);
    return result;
}

/* ALLOT_ECOMPILE with something said becomes a diagnosis; takes the complaint. */
static allot_err explain(load *l, allot_err result, al_bytes *complaint)
{
    if (result == ALLOT_ECOMPILE && complaint->at && complaint->nbytes > 0)
        result = al_complaint_explain(l->spec, l->user.at, complaint->at, l->diagnosis, l->err);
    free(complaint->at);
    *complaint = (al_bytes){NULL, 0};
    return result;
}

static allot_err preprocess(load *l)
{
    al_bytes complaint;
    if (!l->spec->file)
        return ALLOT_OK;
    const allot_err result =
        al_compiler_preprocess(&l->compiler, l->spec->file, &l->user, &complaint, l->err);
    return explain(l, result, &complaint);
}

static allot_err make_key(load *l)
{
    char *source;
    const allot_err result = al_expr_source(l->spec, l->build, l->user.at, 1, NULL, &source, l->err);
    if (result == ALLOT_OK)
        al_expr_key_make(source, &l->compiler, l->build, &l->key);
    free(source);
    return result;
}

static allot_err compile_with(load *l, int nargs, al_bytes *complaint)
{
    char *source;
    *complaint = (al_bytes){NULL, 0};
    allot_err result = al_expr_source(l->spec, l->build, l->user.at, nargs, &l->key, &source, l->err);
    if (result == ALLOT_OK)
        result = al_compiler_build(&l->compiler, l->build, source, &l->object, complaint, l->err);
    free(source);
    return result;
}

static allot_err compile(load *l)
{
    al_bytes complaint;
    const uint64_t start_ns = al_clock_ns();
    allot_err result = compile_with(l, 1, &complaint);
    if (result == ALLOT_ECOMPILE && l->spec->file && complaint.at &&
        al_complaint_arguments(complaint.at) < 0) {
        free(complaint.at);
        result = compile_with(l, 2, &complaint);
    }
    l->compile_ns = (double)(al_clock_ns() - start_ns);
    return explain(l, result, &complaint);
}

/* Load what was found in the cache. @return whether that worked; if not, it will be compiled */
static bool open_cached(load *l, al_expr *expr)
{
    if (!l->object.at)
        return false;
    if (al_expr_open(&l->object, &l->key, expr, NULL) != ALLOT_OK) {
        free(l->object.at);
        l->object = (al_bytes){NULL, 0};
        return false;
    }
    expr->from_cache = true;
    al_cache_name(&l->cache, &l->key, expr->path, sizeof expr->path);
    return true;
}

static allot_err compile_and_open(load *l, al_expr *expr)
{
    /* Whoever waited for the lock finds what the one before has compiled. */
    al_cache_lock(&l->cache, &l->key);
    allot_err result = al_cache_get(&l->cache, &l->key, &l->object, l->err);
    if (result == ALLOT_OK && open_cached(l, expr)) {
        al_cache_unlock(&l->cache);
        return ALLOT_OK;
    }
    if (result == ALLOT_OK)
        result = compile(l);
    /* What cannot be loaded is not kept. */
    if (result == ALLOT_OK)
        result = al_expr_open(&l->object, &l->key, expr, l->err);
    if (result == ALLOT_OK && al_cache_put(&l->cache, &l->key, &l->object))
        al_cache_name(&l->cache, &l->key, expr->path, sizeof expr->path);
    al_cache_unlock(&l->cache);
    expr->compile_ns = l->compile_ns;
    return result;
}

/* All that comes before compiling. */
static allot_err look_for(load *l)
{
    allot_err result = check_spec(l);
    if (result == ALLOT_OK)
        result = al_compiler_find(l->spec->compiler, &l->compiler, l->err);
    if (result == ALLOT_OK)
        result = preprocess(l);
    if (result == ALLOT_OK)
        result = make_key(l);
    if (result == ALLOT_OK)
        result = al_cache_open(&l->cache, l->spec->cache_dir, l->err);
    if (result == ALLOT_OK)
        result = al_cache_get(&l->cache, &l->key, &l->object, l->err);
    return result;
}

static allot_err load_all(load *l, al_expr *expr)
{
    const allot_err result = look_for(l);
    if (result != ALLOT_OK || open_cached(l, expr))
        return result;
    return compile_and_open(l, expr);
}

static void load_fini(load *l)
{
    al_cache_close(&l->cache);
    al_compiler_fini(&l->compiler);
    free(l->user.at);
    free(l->object.at);
}

allot_err al_expr_load(const al_expr_spec *spec, al_expr *expr, char **diagnosis, allot_error *err)
{
    load l = {.spec = spec, .cache = {.fd = -1, .lock_fd = -1}, .diagnosis = diagnosis, .err = err};
    memset(expr, 0, sizeof *expr);
    if (diagnosis)
        *diagnosis = NULL;
    const allot_err result = load_all(&l, expr);
    if (result != ALLOT_OK)
        al_expr_unload(expr);
    load_fini(&l);
    return result;
}

/* ---- a program ---------------------------------------------------------------------------------------- */

void al_expr_processor(char processor[AL_EXPR_PROCESSOR_NBYTES])
{
    memset(processor, 0, AL_EXPR_PROCESSOR_NBYTES);
#if defined(__x86_64__)
    /* As al_prelude_main has it. */
    __builtin_cpu_init();
    processor[0] = __builtin_cpu_supports("fma") ? 'f' : '-';
    processor[1] = __builtin_cpu_supports("avx2") ? 'v' : '-';
    processor[2] = __builtin_cpu_supports("fma4") ? '4' : '-';
    processor[3] = __builtin_cpu_supports("avx") ? 'a' : '-';
#endif
}

allot_err al_expr_program_make(const al_expr_spec *spec, al_expr_program *program, allot_error *err)
{
    char *diagnosis = NULL;
    load l = {.spec = spec,
              .cache = {.fd = -1, .lock_fd = -1},
              .build = AL_BUILD_PROGRAM,
              .diagnosis = &diagnosis,
              .err = err};
    *program = (al_expr_program){.fd = -1};
    allot_err result = look_for(&l);
    program->from_cache = result == ALLOT_OK && l.object.at != NULL;
    if (result == ALLOT_OK && !program->from_cache) {
        al_cache_lock(&l.cache, &l.key);
        result = compile(&l);
        if (result == ALLOT_OK)
            (void)al_cache_put(&l.cache, &l.key, &l.object);
        al_cache_unlock(&l.cache);
    }
    if (result == ALLOT_OK && (program->fd = al_expr_in_memory(&l.object)) < 0)
        result = al_fail(err, ALLOT_EIO, errno, "cannot copy the compiled expression into memory");
    program->nbytes = l.object.nbytes;
    program->compile_ns = l.compile_ns;
    free(diagnosis);
    load_fini(&l);
    return result;
}
