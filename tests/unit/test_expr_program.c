/* test_expr_program.c - an expression as a program of its own gives the bits that it gives when it is loaded.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <fcntl.h>
#include <sys/wait.h>

#include "base/buffer.h"
#include "support/expr_fixture.h"

enum { N = 1500, NLEAVES = 3 };

static const uint32_t leaves[NLEAVES] = {1, 700, 799};

/** Run the program. @return its exit status, 128 and the signal; what it wrote is in out */
static int run_program(const al_expr_program *program, const al_buffer *in, const char *out_path)
{
    const char *path = fixture_path("program"), *in_path = fixture_path("in");
    al_bytes bytes;
    assert_int_equal(al_bytes_read(program->fd, SIZE_MAX, &bytes), 0);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
    assert_int_equal(al_bytes_write(fd, bytes.at, bytes.nbytes), 0);
    close(fd);
    free(bytes.at);
    fd = open(in_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_int_equal(al_bytes_write(fd, in->at, in->nbytes), 0);
    close(fd);
    char command[2000];
    snprintf(command, sizeof command, "'%s' <'%s' >'%s'", path, in_path, out_path);
    const int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/** Items that are numbers of every size, of the type. */
static void fill_items(al_type type, char *items)
{
    for (int k = 0; k < N; k++) {
        const double real = (k - 300) * 0.37;
        const al_i128 whole = type == AL_TYPE_u64 ? k : k - 300;
        const float single = (float)real;
        const int32_t small = (int32_t)whole;
        const int64_t wide = (int64_t)whole;
        const void *from = type == AL_TYPE_f64    ? (const void *)&real
                           : type == AL_TYPE_f32  ? (const void *)&single
                           : type == AL_TYPE_i32  ? (const void *)&small
                           : type == AL_TYPE_i128 ? (const void *)&whole
                                                  : (const void *)&wide;
        memcpy(items + (size_t)k * al_type_nbytes(type), from, al_type_nbytes(type));
    }
}

static void put_chunk(al_buffer *in, const al_expr_chunk *chunk, const char *items, size_t nbytes)
{
    al_buffer_clear(in);
    assert_true(al_buffer_append(in, chunk, sizeof *chunk));
    if (chunk->nleaves > 0)
        assert_true(al_buffer_append(in, leaves, sizeof leaves));
    if (chunk->has_items)
        assert_true(al_buffer_append(in, items, nbytes));
}

static void read_results(const char *path, char *out, size_t nbytes)
{
    al_bytes bytes;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(al_bytes_read(fd, SIZE_MAX, &bytes), 0);
    close(fd);
    assert_int_equal(bytes.nbytes, nbytes + sizeof(uint64_t)); /* the time that it took comes last */
    memcpy(out, bytes.at, nbytes);
    free(bytes.at);
}

/** The values of leaves are compared, not their accumulators, which have bytes that mean nothing. */
static void compare_folds(const al_expr *expr, const al_expr_chunk *chunk, const char *items, const char *got)
{
    const size_t nin = al_type_nbytes(expr->in_type);
    _Alignas(16) char acc[256];
    for (uint32_t k = 0, at = 0; k < NLEAVES; at += leaves[k++]) {
        _Alignas(16) char here[16] = {0}, there[16] = {0};
        memset(acc, 0, sizeof acc);
        expr->fold(items ? items + at * nin : NULL, acc, chunk->first + at, leaves[k], chunk->range);
        assert_true(expr->finish(acc, here));
        assert_true(expr->finish(got + k * expr->acc_nbytes, there));
        assert_memory_equal(here, there, 16);
    }
}

static void compare(const al_expr_spec *spec, bool has_items)
{
    static char items[N * 16], here[N * 16], there[N * 256];
    al_expr expr;
    al_expr_program program;
    allot_error err;
    al_buffer in = {.at = NULL};
    load_or_fail(spec, &expr);
    if (al_expr_program_make(spec, &program, &err) != ALLOT_OK)
        fail_msg("%s: %s", spec->expr, err.text);
    const size_t nin = al_type_nbytes(spec->in_type), nout = al_type_nbytes(expr.out_type);
    fill_items(spec->in_type, items);
    al_expr_chunk chunk = {
        .first = 12345, .count = N, .nleaves = expr.fold ? NLEAVES : 0, .has_items = has_items};
    al_expr_processor(chunk.processor);
    memcpy(chunk.range, items + nin, nin); /* start and step: two values */
    memcpy(chunk.range + nin, items + 2 * nin, nin);
    put_chunk(&in, &chunk, items, N * nin);
    const char *out = fixture_path("out");
    assert_int_equal(run_program(&program, &in, out), 0);
    const char *from = has_items ? items : NULL;
    if (expr.fold) {
        read_results(out, there, NLEAVES * expr.acc_nbytes);
        compare_folds(&expr, &chunk, from, there);
    } else {
        read_results(out, there, N * nout);
        expr.map(from, here, chunk.first, N, chunk.range);
        assert_memory_equal(here, there, N * nout);
    }
    close(program.fd);
    al_buffer_fini(&in);
    al_expr_unload(&expr);
}

static void every_type(void **state)
{
    (void)state;
    for (int type = 0; type < AL_NTYPES; type++)
        for (int has_items = 0; has_items < 2; has_items++) /* the second time they are compiled already */
            compare(&(al_expr_spec){.expr = "x*3 - i", .in_type = (al_type)type}, has_items != 0);
}

/* Whatever libm has several codes for. */
static void mathematics(void **state)
{
    (void)state;
    compare(&(al_expr_spec){.expr = "sin(x) + exp(x/100) * pow(fabs(x), 1.3) + tan(x) + log1p(fabs(x)) * "
                                    "atan2(x, i) + fma(x, x, 0.1) + cbrt(x) + erf(x) + tgamma(x/10)",
                            .in_type = AL_TYPE_f64},
            true);
    compare(&(al_expr_spec){.expr = "sinf(x) + expf(x/100) * powf(fabsf(x), 1.3f) + x*x + 0.1f",
                            .in_type = AL_TYPE_f32},
            true);
}

static void reductions(void **state)
{
    (void)state;
    static const char *const hows[] = {"sum", "min", "max", "mean", "count", "a + 2*b"};
    for (size_t k = 0; k < sizeof hows / sizeof *hows; k++)
        compare(&(al_expr_spec){.expr = "sin(x) + x*x", .in_type = AL_TYPE_f64, .reduce = hows[k]}, true);
    compare(&(al_expr_spec){.expr = "x % 1000", .in_type = AL_TYPE_i64, .reduce = "sum"}, false);
}

/* A file may have a main(), names of the C library of its own, and a function with an index. */
static void own_file(void **state)
{
    (void)state;
    const char *path = fixture_path("own.c");
    FILE *file = fopen(path, "w");
    fputs("#include <unistd.h>\n#include <stdio.h>\n"
          "static double chunk = 2; int main(void) { return 9; }\n"
          "double f(double x, long i) { if (i == 12400) printf(\"said\\n\"); return x * chunk + i; }\n",
          file);
    fclose(file);
    compare(&(al_expr_spec){.file = path, .function = "f", .in_type = AL_TYPE_f64}, true);
}

static void statuses(void **state)
{
    (void)state;
    static char items[N * 16];
    al_expr_program program, again;
    allot_error err;
    al_buffer in = {.at = NULL};
    const al_expr_spec spec = {.expr = "ipow(x, 3)", .in_type = AL_TYPE_i32};
    assert_int_equal(al_expr_program_make(&spec, &program, &err), ALLOT_OK);
    assert_int_equal(al_expr_program_make(&spec, &again, &err), ALLOT_OK);
    assert_false(program.from_cache);
    assert_true(again.from_cache);
    assert_int_equal(program.nbytes, again.nbytes);
    al_expr_chunk chunk = {.count = 1, .has_items = 1};
    const int32_t large = 1 << 20;
    memcpy(items, &large, sizeof large);
    al_expr_processor(chunk.processor);
    put_chunk(&in, &chunk, items, sizeof large);
    assert_int_equal(run_program(&program, &in, fixture_path("out")), AL_EXPR_EXIT_OVERFLOW);
    chunk.processor[0] = '?';
    put_chunk(&in, &chunk, items, sizeof large);
    assert_int_equal(run_program(&program, &in, fixture_path("out")), AL_EXPR_EXIT_PROCESSOR);
    in.nbytes -= 2; /* cut short */
    assert_int_not_equal(run_program(&program, &in, fixture_path("out")), 0);
    close(program.fd);
    close(again.fd);
    al_buffer_fini(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type), cmocka_unit_test(mathematics), cmocka_unit_test(reductions),
        cmocka_unit_test(own_file),   cmocka_unit_test(statuses),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
