/* C expressions: what they compute, against the same in plain C.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>

#include "support/expr_fixture.h"

enum { N = 1003 }; /* more than three blocks, and a tail that fills no lane */

/* ---- maps ------------------------------------------------------------------------------------------- */

/* Every type: x*x - i over an array that is not aligned, with a first index that is not 0. */
#define MAP_TEST(name, ctype)                                                                                \
    static void maps_##name(void **state)                                                                    \
    {                                                                                                        \
        (void)state;                                                                                         \
        static char bytes_in[(N + 1) * sizeof(ctype)], bytes_out[(N + 1) * sizeof(ctype)];                   \
        char *in = bytes_in + 1, *out = bytes_out + 3;                                                       \
        al_expr expr;                                                                                        \
        load_or_fail(&(al_expr_spec){.expr = "x*x - i",                                                      \
                                     .in_type = AL_TYPE_##name,                                              \
                                     .has_out_type = true,                                                   \
                                     .out_type = AL_TYPE_##name},                                            \
                     &expr);                                                                                 \
        for (int k = 0; k < N; k++) {                                                                        \
            const ctype x = (ctype)(k + 3000);                                                               \
            memcpy(in + (size_t)k * sizeof x, &x, sizeof x);                                                 \
        }                                                                                                    \
        *expr.overflowed() = false;                                                                          \
        expr.map(in, out, 700, N, NULL);                                                                     \
        assert_false(*expr.overflowed());                                                                    \
        for (int k = 0; k < N; k++) {                                                                        \
            const ctype x = (ctype)(k + 3000);                                                               \
            ctype got;                                                                                       \
            memcpy(&got, out + (size_t)k * sizeof got, sizeof got);                                          \
            assert_true(got == (ctype)(x * x - (ctype)(700 + k)));                                           \
        }                                                                                                    \
        assert_int_equal(expr.in_type, AL_TYPE_##name);                                                      \
        assert_int_equal(expr.out_type, AL_TYPE_##name);                                                     \
        assert_null(expr.fold);                                                                              \
        al_expr_unload(&expr);                                                                               \
        assert_null(expr.handle);                                                                            \
    }
AL_TYPES(MAP_TEST)

static void in_may_be_out(void **state)
{
    (void)state;
    double v[N];
    al_expr expr;
    load_or_fail(&(al_expr_spec){.expr = "3*x", .in_type = AL_TYPE_f64}, &expr);
    for (int k = 0; k < N; k++)
        v[k] = k;
    expr.map(v, v, 0, N, NULL);
    for (int k = 0; k < N; k++)
        assert_true(v[k] == 3.0 * k);
    al_expr_unload(&expr);
}

static void type_follows_expression(void **state)
{
    (void)state;
    static const struct {
        const char *expr;
        al_type in, out;
    } cases[] = {
        {"x > 0", AL_TYPE_f64, AL_TYPE_i32},
        {"(char)x", AL_TYPE_f64, AL_TYPE_i32},
        {"(bool)x", AL_TYPE_i64, AL_TYPE_i32},
        {"x", AL_TYPE_i32, AL_TYPE_i32},
        {"(unsigned)x", AL_TYPE_i32, AL_TYPE_i64},
        {"x + 1L", AL_TYPE_i32, AL_TYPE_i64},
        {"(long long)x", AL_TYPE_i32, AL_TYPE_i64},
        {"i", AL_TYPE_f64, AL_TYPE_i64},
        {"x + 1", AL_TYPE_u64, AL_TYPE_u64},
        {"(i128)x", AL_TYPE_i32, AL_TYPE_i128},
        {"x*x", AL_TYPE_f32, AL_TYPE_f32},
        {"sqrt(x)", AL_TYPE_f32, AL_TYPE_f64},
        {"(long double)x", AL_TYPE_i64, AL_TYPE_f64},
        {"ipow(x, 2)", AL_TYPE_i128, AL_TYPE_i128},
        {"(double[]){1, 2}[i & 1]", AL_TYPE_i32, AL_TYPE_f64},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        al_expr expr;
        load_or_fail(&(al_expr_spec){.expr = cases[k].expr, .in_type = cases[k].in}, &expr);
        if (expr.out_type != cases[k].out)
            fail_msg("%s has type %d, not %d", cases[k].expr, expr.out_type, cases[k].out);
        al_expr_unload(&expr);
    }
}

static void comments_and_lines_are_allowed(void **state)
{
    (void)state;
    al_expr expr;
    double x = 5, out = 0;
    load_or_fail(&(al_expr_spec){.expr = "x /* ) */ +\t1 // (\n\t+ 2 //", .in_type = AL_TYPE_f64}, &expr);
    expr.map(&x, &out, 0, 1, NULL);
    assert_true(out == 8);
    al_expr_unload(&expr);
}

/* No fused multiply-add: the product is rounded before the sum. */
static void products_are_rounded(void **state)
{
    (void)state;
    al_expr expr;
    double in[64], out[64];
    load_or_fail(&(al_expr_spec){.expr = "x*x - 1.0", .in_type = AL_TYPE_f64}, &expr);
    for (int k = 0; k < 64; k++)
        in[k] = 1.0 + ldexp(1.0, -27) * (k + 1);
    expr.map(in, out, 0, 64, NULL);
    for (int k = 0; k < 64; k++) {
        const volatile double product = in[k] * in[k];
        assert_true(out[k] == product - 1.0);
    }
    al_expr_unload(&expr);
}

/* ---- ranges ----------------------------------------------------------------------------------------- */

#define RANGE_TEST(name, ctype)                                                                              \
    static void ranges_##name(void **state)                                                                  \
    {                                                                                                        \
        (void)state;                                                                                         \
        const ctype range[2] = {(ctype)7, (ctype)3};                                                         \
        ctype whole[N], parts[N];                                                                            \
        al_expr expr;                                                                                        \
        load_or_fail(&(al_expr_spec){.expr = "x", .in_type = AL_TYPE_##name}, &expr);                        \
        expr.map(NULL, whole, 5, N, range);                                                                  \
        expr.map(NULL, parts, 5, 300, range);                                                                \
        expr.map(NULL, parts + 300, 305, N - 300, range);                                                    \
        for (int k = 0; k < N; k++) {                                                                        \
            assert_true(whole[k] == (ctype)(7 + 3 * (5 + k)));                                               \
            assert_true(whole[k] == parts[k]);                                                               \
        }                                                                                                    \
        al_expr_unload(&expr);                                                                               \
    }
AL_TYPES(RANGE_TEST)

/* Beyond 2^53 an index is rounded once, wherever a chunk begins. */
static void ranges_are_the_same_in_any_cut(void **state)
{
    (void)state;
    const double range[2] = {0.1, 0.7};
    const uint64_t first = ((uint64_t)1 << 53) - 401;
    double whole[N], one;
    al_expr expr;
    load_or_fail(&(al_expr_spec){.expr = "x", .in_type = AL_TYPE_f64}, &expr);
    expr.map(NULL, whole, first, N, range);
    for (uint64_t k = 0; k < N; k++) {
        expr.map(NULL, &one, first + k, 1, range);
        assert_true(one == whole[k]);
        assert_true(one == 0.1 + (double)(first + k) * 0.7);
    }
    al_expr_unload(&expr);
}

/* ---- what expressions may call ---------------------------------------------------------------------- */

static void helpers_compute(void **state)
{
    (void)state;
    static const struct {
        const char *expr;
        double x, result;
    } cases[] = {
        {"ipow(x, 10)", 3, 59049},
        {"ipow(x, -2)", 4, 0.0625},
        {"ipow(x, 0)", 0, 1},
        {"ipow(x, (int)i + 5)", 2, 32},
        {"square(x)", -3, 9},
        {"cube(x)", -3, -27},
        {"min(x, 2)", 5, 2},
        {"max(x, 2)", 5, 5},
        {"clamp(x, 0, 1)", 1.5, 1},
        {"clamp(x, 0, 1)", -1, 0},
        {"abs(x)", -1.5, 1.5},
        {"abs((int)x)", -3, 3},
        {"ipow(ipow(x, 2), 3)", 2, 64},
        {"max(min(x, 4), min(x, 3))", 9, 4},
        {"isnan(min(x, 1))", NAN, 1},
        {"isnan(max(1, x))", NAN, 1},
        {"ipow((f32)x, 2)", 1.5, 2.25},
        {"ipow((i128)x, 3)", -5, -125},
        {"ipow((u64)x, 63)", 2, 0x1p63},
        {"ipow((int)x, -1)", -1, -1},
        {"ipow((int)x, -3)", 2, 0},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        al_expr expr;
        double out = 0;
        load_or_fail(
            &(al_expr_spec){
                .expr = cases[k].expr, .in_type = AL_TYPE_f64, .has_out_type = true, .out_type = AL_TYPE_f64},
            &expr);
        expr.map(&cases[k].x, &out, 0, 1, NULL);
        if (out != cases[k].result || *expr.overflowed())
            fail_msg("%s at %g is %.17g, not %.17g", cases[k].expr, cases[k].x, out, cases[k].result);
        al_expr_unload(&expr);
    }
}

/* A constant exponent, which is laid out flat, and a variable one give the same bits. */
static void powers_have_one_rounding(void **state)
{
    (void)state;
    al_expr flat, loop;
    double in[256], a[256], b[256];
    load_or_fail(&(al_expr_spec){.expr = "ipow(x, 63)", .in_type = AL_TYPE_f64}, &flat);
    load_or_fail(&(al_expr_spec){.expr = "ipow(x, i - i + 63)", .in_type = AL_TYPE_f64}, &loop);
    for (int k = 0; k < 256; k++)
        in[k] = 0.9 + k * 1e-3 / 3;
    flat.map(in, a, 0, 256, NULL);
    loop.map(in, b, 0, 256, NULL);
    assert_memory_equal(a, b, sizeof a);
    al_expr_unload(&flat);
    al_expr_unload(&loop);
}

/* The essay's program: exact to the last digit, as Python's integers are. */
static void powers_of_128_bits_are_exact(void **state)
{
    (void)state;
    al_expr expr;
    static al_i128 out[3000];
    const al_i128 range[2] = {0, 1};
    load_or_fail(&(al_expr_spec){.expr = "ipow(x, 10)", .in_type = AL_TYPE_i128}, &expr);
    expr.map(NULL, out, 0, 3000, range);
    assert_false(*expr.overflowed());
    for (int k = 0; k < 3000; k++) {
        al_i128 product = 1;
        for (int n = 0; n < 10; n++)
            product *= k;
        assert_true(out[k] == product);
    }
    al_expr_unload(&expr);
}

/* ---- overflow --------------------------------------------------------------------------------------- */

/* For each whole type, the first x whose power leaves it, and one before at its very end. */
static void powers_overflow(void **state)
{
    (void)state;
    static const struct {
        const char *expr;
        al_type type;
        int64_t fits, leaves;
    } cases[] = {
        {"ipow(x, 31)", AL_TYPE_i32, -2, 2},
        {"ipow(x, 63)", AL_TYPE_i64, -2, 2},
        {"ipow(x, 21)", AL_TYPE_i64, -8, 8},
        {"ipow(x, 64)", AL_TYPE_u64, 1, 2},
        {"ipow(x, 127)", AL_TYPE_i128, -2, 2},
        {"ipow(x, 2)", AL_TYPE_i64, 3037000499, 3037000500},
        {"ipow(x, -1)", AL_TYPE_i64, 1, 0},
        {"square(x)", AL_TYPE_i32, 46340, 46341},
        {"ipow(x*x, 2) + 0", AL_TYPE_i128, 3609245743, 3800000000},
        {"ipow((i128)x << 64, 2)", AL_TYPE_i64, 0, 1},
        {"cube(x)", AL_TYPE_i128, 5541191377756, 5541191377757},
        {"-cube(-x)", AL_TYPE_i128, -5541191377756, -5541191377757},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        al_expr expr;
        al_i128 out;
        load_or_fail(&(al_expr_spec){.expr = cases[k].expr, .in_type = cases[k].type}, &expr);
        for (int turn = 0; turn < 2; turn++) {
            const int64_t x = turn == 0 ? cases[k].fits : cases[k].leaves;
            const int32_t x32 = (int32_t)x;
            const al_i128 x128 = x;
            const void *at = cases[k].type == AL_TYPE_i32    ? (const void *)&x32
                             : cases[k].type == AL_TYPE_i128 ? (const void *)&x128
                                                             : (const void *)&x;
            *expr.overflowed() = false;
            expr.map(at, &out, 0, 1, NULL);
            if (*expr.overflowed() != (turn == 1))
                fail_msg("%s at %lld: %s", cases[k].expr, (long long)x,
                         turn ? "not seen" : "seen where is none");
            assert_true(turn == 0 || strstr(expr.overflow_text(), "ipow"));
            *expr.overflowed() = false;
        }
        al_expr_unload(&expr);
    }
}

static void overflow_is_located(void **state)
{
    (void)state;
    al_expr expr;
    int64_t in[N], out[N];
    const int64_t range[2] = {0, 1};
    load_or_fail(&(al_expr_spec){.expr = "ipow(x, 3)", .in_type = AL_TYPE_i64}, &expr);
    for (int k = 0; k < N; k++)
        in[k] = k == 611 || k == 900 ? 3000000 : 5;
    expr.map(in, out, 0, N, NULL);
    assert_true(*expr.overflowed());
    assert_true(expr.locate(in, 0, N, NULL) == 611);
    assert_false(*expr.overflowed());
    assert_true(expr.locate(in, 0, 611, NULL) == UINT64_MAX);
    /* 2097151 is the last whole number whose cube fits. */
    assert_true(expr.locate(NULL, 2097000, 1000, range) == 152);
    al_expr_unload(&expr);
}

static void results_that_do_not_fit_are_seen(void **state)
{
    (void)state;
    static const struct {
        const char *expr;
        al_type out;
        double fits, leaves;
    } cases[] = {
        {"x", AL_TYPE_i32, 2147483647.9, 2147483648.0},
        {"x", AL_TYPE_i32, -2147483648.9, -2147483649.0},
        {"x", AL_TYPE_i64, -0x1p63, 0x1p63},
        {"x", AL_TYPE_u64, -0.9, -1.0},
        {"x", AL_TYPE_u64, 0x1.fffffffffffffp63, 0x1p64},
        {"x", AL_TYPE_i128, -0x1p127, 0x1p127},
        {"x", AL_TYPE_i64, 0, NAN},
        {"x", AL_TYPE_i32, 1, INFINITY},
        {"(i64)x", AL_TYPE_i32, 2147483647.0, 2147483648.0},
        {"(i64)x", AL_TYPE_u64, 0, -1},
        {"(u64)x", AL_TYPE_i64, 1, 0x1p63},
        {"(i128)x", AL_TYPE_u64, 0x1p63, 0x1p64},
        {"(i128)x", AL_TYPE_i64, -0x1p63, 0x1p63},
        {"(float)x", AL_TYPE_i32, 5, 0x1p31},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        al_expr expr;
        double in[N];
        static al_i128 out[N];
        load_or_fail(&(al_expr_spec){.expr = cases[k].expr,
                                     .in_type = AL_TYPE_f64,
                                     .has_out_type = true,
                                     .out_type = cases[k].out},
                     &expr);
        for (int n = 0; n < N; n++)
            in[n] = cases[k].fits;
        *expr.overflowed() = false;
        expr.map(in, out, 0, N, NULL);
        if (*expr.overflowed())
            fail_msg("case %zu: %s at %g fits", k, cases[k].expr, cases[k].fits);
        in[777] = cases[k].leaves;
        expr.map(in, out, 0, N, NULL);
        if (!*expr.overflowed() || expr.locate(in, 0, N, NULL) != 777)
            fail_msg("case %zu: %s at %g does not fit", k, cases[k].expr, cases[k].leaves);
        assert_non_null(strstr(expr.overflow_text(), "does not fit"));
        al_expr_unload(&expr);
    }
}

/* ---- reductions ------------------------------------------------------------------------------------- */

/* What the header promises of a sum of floating point: eight lanes and a fixed tree. */
static double eight_lanes(const double *v, int n)
{
    double s[8] = {0};
    for (int k = 0; k < n; k++)
        s[k % 8] += v[k];
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

/* Fold in two leaves, combine, finish. */
static bool reduce_in_two(const al_expr *expr, const void *in, size_t item_nbytes, uint64_t n, void *value)
{
    char left[64] = {0}, right[64] = {0}, nothing[64] = {0};
    const uint64_t half = n / 3;
    assert_true(expr->acc_nbytes <= sizeof left);
    expr->fold(in, left, 0, half, NULL);
    expr->fold((const char *)in + half * item_nbytes, right, half, n - half, NULL);
    expr->combine(left, right);
    expr->combine(left, nothing);
    expr->combine(nothing, left);
    return expr->finish(nothing, value);
}

#define REDUCE_TEST(name, ctype)                                                                             \
    static void reduces_##name(void **state)                                                                 \
    {                                                                                                        \
        (void)state;                                                                                         \
        static const char *const kinds[] = {"sum", "min", "max", "mean", "count"};                           \
        const bool is_float = (ctype)0.5 != 0;                                                               \
        ctype in[N];                                                                                         \
        al_i128 sum = 0;                                                                                     \
        for (int k = 0; k < N; k++) {                                                                        \
            in[k] = (ctype)((k * 7919) % 2003);                                                              \
            sum += (al_i128)in[k];                                                                           \
        }                                                                                                    \
        for (int kind = 0; kind < 5; kind++) {                                                               \
            al_expr expr;                                                                                    \
            union {                                                                                          \
                al_i128 whole;                                                                               \
                double real;                                                                                 \
                uint64_t count;                                                                              \
                ctype own;                                                                                   \
            } got = {.whole = 0};                                                                            \
            char empty[64] = {0};                                                                            \
            load_or_fail(&(al_expr_spec){.expr = "x", .in_type = AL_TYPE_##name, .reduce = kinds[kind]},     \
                         &expr);                                                                             \
            assert_true(reduce_in_two(&expr, in, sizeof(ctype), N, &got));                                   \
            assert_false(*expr.overflowed());                                                                \
            if (kind == 0)                                                                                   \
                assert_true(expr.reduce_type == (is_float ? AL_TYPE_f64 : AL_TYPE_i128) &&                   \
                            (is_float ? got.real == (double)sum : got.whole == sum));                        \
            else if (kind < 3)                                                                               \
                assert_true(expr.reduce_type == AL_TYPE_##name && got.own == (ctype)(kind == 1 ? 0 : 2002)); \
            else if (kind == 3)                                                                              \
                assert_true(expr.reduce_type == AL_TYPE_f64 && got.real == (double)sum / N);                 \
            else                                                                                             \
                assert_true(expr.reduce_type == AL_TYPE_u64 && got.count == N - 1);                          \
            assert_int_equal(expr.exact, kind == 4 || (!is_float && (kind % 3 || sizeof(ctype) < 16)));      \
            memset(&got, 0, sizeof got);                                                                     \
            assert_int_equal(expr.finish(empty, &got), kind != 1 && kind != 2);                              \
            assert_true(kind == 3 ? isnan(got.real) : got.whole == 0);                                       \
            al_expr_unload(&expr);                                                                           \
        }                                                                                                    \
    }
AL_TYPES(REDUCE_TEST)

/* Signs, and sums that leave 64 bits. */
static void whole_sums_are_exact(void **state)
{
    (void)state;
    al_expr expr;
    int64_t in[N];
    uint64_t uin[N];
    al_i128 sum = 0, got = 0;
    load_or_fail(&(al_expr_spec){.expr = "x", .in_type = AL_TYPE_i64, .reduce = "sum"}, &expr);
    for (int k = 0; k < N; k++) {
        in[k] = k % 3 ? INT64_MIN + k : INT64_MAX - 5 * k;
        uin[k] = UINT64_MAX - (uint64_t)k;
        sum += in[k];
    }
    assert_true(reduce_in_two(&expr, in, 8, N, &got));
    assert_true(got == sum);
    al_expr_unload(&expr);
    load_or_fail(&(al_expr_spec){.expr = "x", .in_type = AL_TYPE_u64, .reduce = "sum"}, &expr);
    assert_true(reduce_in_two(&expr, uin, 8, N, &got));
    assert_true(got == (al_i128)UINT64_MAX * N - (al_i128)N * (N - 1) / 2);
    al_expr_unload(&expr);
}

static void sums_of_128_bits_overflow(void **state)
{
    (void)state;
    al_expr expr;
    const al_i128 most = (al_i128)(~(unsigned __int128)0 >> 1);
    const al_i128 in[4] = {most, -most, most, 1};
    al_i128 got;
    load_or_fail(&(al_expr_spec){.expr = "x", .in_type = AL_TYPE_i128, .reduce = "sum"}, &expr);
    char acc[64] = {0};
    expr.fold(in, acc, 0, 3, NULL);
    assert_true(expr.finish(acc, &got) && got == most);
    assert_false(*expr.overflowed());
    expr.fold(in + 3, acc, 3, 1, NULL);
    expr.finish(acc, &got);
    assert_true(*expr.overflowed());
    assert_non_null(strstr(expr.overflow_text(), "i128"));
    al_expr_unload(&expr);
}

static void float_sums_have_fixed_lanes(void **state)
{
    (void)state;
    al_expr expr;
    double in[N], got;
    load_or_fail(&(al_expr_spec){.expr = "x", .in_type = AL_TYPE_f64, .reduce = "sum"}, &expr);
    for (int k = 0; k < N; k++)
        in[k] = ldexp(1.0 + k / 7.0, (k * 37) % 60 - 30);
    static const int sizes[] = {1, 7, 8, 9, 255, 256, 257, 512, N};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        char acc[64] = {0};
        expr.fold(in, acc, 0, (uint64_t)sizes[k], NULL);
        assert_true(expr.finish(acc, &got));
        assert_true(got == eight_lanes(in, sizes[k]));
    }
    al_expr_unload(&expr);
}

static void nan_wins(void **state)
{
    (void)state;
    static const char *const kinds[] = {"min", "max", "sum", "mean"};
    static const int places[] = {0, 3, 8, 300, N - 1};
    for (size_t kind = 0; kind < 4; kind++) {
        al_expr expr;
        load_or_fail(&(al_expr_spec){.expr = "x", .in_type = AL_TYPE_f64, .reduce = kinds[kind]}, &expr);
        for (size_t k = 0; k < sizeof places / sizeof *places; k++) {
            double in[N], got = 0;
            for (int n = 0; n < N; n++)
                in[n] = n == places[k] ? NAN : n - 500.0;
            assert_true(reduce_in_two(&expr, in, 8, N, &got));
            assert_true(isnan(got));
        }
        al_expr_unload(&expr);
    }
}

/* The lane that the best item is in does not matter. */
static void least_is_found_anywhere(void **state)
{
    (void)state;
    for (int is_max = 0; is_max < 2; is_max++) {
        al_expr f32, i32;
        float in[N], got = 0;
        int32_t whole[N], got_whole = 0;
        const char *kind = is_max ? "max" : "min";
        load_or_fail(&(al_expr_spec){.expr = "x", .in_type = AL_TYPE_f32, .reduce = kind}, &f32);
        load_or_fail(&(al_expr_spec){.expr = "x", .in_type = AL_TYPE_i32, .reduce = kind}, &i32);
        for (int place = 0; place < N; place++) {
            for (int n = 0; n < N; n++) {
                whole[n] = n == place ? (is_max ? 7 : -7) : n % 3;
                in[n] = (float)whole[n];
            }
            assert_true(reduce_in_two(&f32, in, 4, N, &got) && got == (is_max ? 7 : -7));
            assert_true(reduce_in_two(&i32, whole, 4, N, &got_whole) && got_whole == (is_max ? 7 : -7));
        }
        al_expr_unload(&f32);
        al_expr_unload(&i32);
    }
}

static void own_reductions_go_from_left_to_right(void **state)
{
    (void)state;
    al_expr expr;
    int64_t in[N], got = 0, expected = 0;
    char acc[64] = {0};
    load_or_fail(&(al_expr_spec){.expr = "x", .in_type = AL_TYPE_i64, .reduce = "(a * 31 + b) % 1000003"},
                 &expr);
    for (int k = 0; k < N; k++) {
        in[k] = k * 17 + 1;
        expected = k == 0 ? in[0] : (expected * 31 + in[k]) % 1000003;
    }
    expr.fold(in, acc, 0, 300, NULL);
    expr.fold(in + 300, acc, 300, N - 300, NULL);
    assert_true(expr.finish(acc, &got));
    assert_int_equal(got, expected);
    assert_false(expr.exact);
    assert_int_equal(expr.reduce_type, AL_TYPE_i64);
    memset(acc, 0, sizeof acc);
    assert_false(expr.finish(acc, &got));
    al_expr_unload(&expr);
}

static void own_reductions_combine(void **state)
{
    (void)state;
    al_expr expr;
    double in[20], got = 0;
    load_or_fail(&(al_expr_spec){.expr = "x", .in_type = AL_TYPE_f64, .reduce = "a * b"}, &expr);
    for (int k = 0; k < 20; k++)
        in[k] = k == 0 ? 1 : 2;
    assert_true(reduce_in_two(&expr, in, 8, 20, &got) && got == 0x1p19);
    al_expr_unload(&expr);
    load_or_fail(&(al_expr_spec){.expr = "(i32)x", .in_type = AL_TYPE_f64, .reduce = "(i64)a + b"}, &expr);
    const double big[2] = {2147483647.0, 1.0};
    char acc[64] = {0};
    int32_t sum;
    expr.fold(big, acc, 0, 2, NULL);
    assert_false(*expr.overflowed());
    expr.finish(acc, &sum);
    assert_true(*expr.overflowed());
    al_expr_unload(&expr);
}

static void ranges_are_reduced(void **state)
{
    (void)state;
    al_expr expr;
    const int64_t range[2] = {0, 1};
    char acc[64] = {0};
    al_i128 sum;
    load_or_fail(&(al_expr_spec){.expr = "x + i", .in_type = AL_TYPE_i64, .reduce = "sum"}, &expr);
    expr.fold(NULL, acc, 0, 100000, range);
    assert_true(expr.finish(acc, &sum));
    assert_true(sum == (al_i128)100000 * 99999);
    al_expr_unload(&expr);
}

/* ---- functions of a file ---------------------------------------------------------------------------- */

static void file_functions_are_called(void **state)
{
    (void)state;
    al_expr expr;
    double in[2] = {3, 4}, out[2];
    mkdir(fixture_path("own"), 0700);
    fixture_write("own/near.h", "#define FACTOR 10\n");
    fixture_write("own/f.c",
                  "#include <math.h>\n#include <stdlib.h>\n#include <sys/time.h>\n#include \"near.h\"\n"
                  "typedef int i64;\nint x, i, a, b;\n"
                  "static double times(double v) { return v * FACTOR; }\n"
                  "double indexed(double v, long at) { return times(v) + at; }\n"
                  "double min(double v) { return -v; }\n");
    char path[512];
    snprintf(path, sizeof path, "%s", fixture_path("own/f.c"));
    load_or_fail(&(al_expr_spec){.file = path, .function = "times", .in_type = AL_TYPE_f64}, &expr);
    expr.map(in, out, 0, 2, NULL);
    assert_true(out[0] == 30 && out[1] == 40);
    al_expr_unload(&expr);
    load_or_fail(&(al_expr_spec){.file = path, .function = "indexed", .in_type = AL_TYPE_f64}, &expr);
    expr.map(in, out, 5, 2, NULL);
    assert_true(out[0] == 35 && out[1] == 46);
    al_expr_unload(&expr);
    load_or_fail(
        &(al_expr_spec){
            .file = path, .function = "min", .in_type = AL_TYPE_f64, .reduce = "max(a, ipow(b, 1))"},
        &expr);
    char acc[64] = {0};
    expr.fold(in, acc, 0, 2, NULL);
    assert_true(expr.finish(acc, out) && out[0] == -3);
    al_expr_unload(&expr);
    /* What it includes changes: it is compiled anew. */
    fixture_write("own/near.h", "#define FACTOR 100\n");
    load_or_fail(&(al_expr_spec){.file = path, .function = "times", .in_type = AL_TYPE_f64}, &expr);
    assert_false(expr.from_cache);
    expr.map(in, out, 0, 2, NULL);
    assert_true(out[0] == 300);
    al_expr_unload(&expr);
    load_or_fail(&(al_expr_spec){.file = path, .function = "times", .in_type = AL_TYPE_f64}, &expr);
    assert_true(expr.from_cache);
    al_expr_unload(&expr);
}

/* Many loaded at once: none is taken for another. */
static void many_are_loaded_at_once(void **state)
{
    (void)state;
    al_expr expr[4];
    static const char *const text[4] = {"x + 1", "x + 2", "x + 3", "x + 4"};
    const double in = 10;
    for (int turn = 0; turn < 2; turn++) {
        double out;
        for (int k = 0; k < 4; k++)
            load_or_fail(&(al_expr_spec){.expr = text[k], .in_type = AL_TYPE_f64}, &expr[k]);
        for (int k = 0; k < 4; k++) {
            expr[k].map(&in, &out, 0, 1, NULL);
            assert_true(out == 11 + k);
        }
        for (int k = 0; k < 4; k++)
            al_expr_unload(&expr[k]);
    }
}

#define MAP_ROW(name, ctype) cmocka_unit_test(maps_##name),
#define RANGE_ROW(name, ctype) cmocka_unit_test(ranges_##name),
#define REDUCE_ROW(name, ctype) cmocka_unit_test(reduces_##name),

int main(void)
{
    const struct CMUnitTest tests[] = {
        AL_TYPES(MAP_ROW) AL_TYPES(RANGE_ROW) AL_TYPES(REDUCE_ROW) cmocka_unit_test(in_may_be_out),
        cmocka_unit_test(type_follows_expression),
        cmocka_unit_test(comments_and_lines_are_allowed),
        cmocka_unit_test(products_are_rounded),
        cmocka_unit_test(ranges_are_the_same_in_any_cut),
        cmocka_unit_test(helpers_compute),
        cmocka_unit_test(powers_have_one_rounding),
        cmocka_unit_test(powers_of_128_bits_are_exact),
        cmocka_unit_test(powers_overflow),
        cmocka_unit_test(overflow_is_located),
        cmocka_unit_test(results_that_do_not_fit_are_seen),
        cmocka_unit_test(whole_sums_are_exact),
        cmocka_unit_test(sums_of_128_bits_overflow),
        cmocka_unit_test(float_sums_have_fixed_lanes),
        cmocka_unit_test(nan_wins),
        cmocka_unit_test(least_is_found_anywhere),
        cmocka_unit_test(own_reductions_go_from_left_to_right),
        cmocka_unit_test(own_reductions_combine),
        cmocka_unit_test(ranges_are_reduced),
        cmocka_unit_test(file_functions_are_called),
        cmocka_unit_test(many_are_loaded_at_once),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
