/* C expressions: what is said of those that do not compile. Every case is run with each compiler that the
 * machine has, since their words differ.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support/expr_fixture.h"

static const char *const compilers[] = {"gcc", "clang", "clang-14"};

static bool has(const char *compiler)
{
    al_compiler found;
    const bool there = al_compiler_find(compiler, &found, NULL) == ALLOT_OK;
    if (there)
        al_compiler_fini(&found);
    return there;
}

/* Where the caret is, in the line above it; -1: there is none. */
static int caret(const char *diagnosis)
{
    const char *at = strstr(diagnosis, "^\n");
    const char *start = at;
    while (start && start > diagnosis && start[-1] != '\n')
        start--;
    return at && (size_t)(at - start) == strspn(start, " ") ? (int)(at - start) - 2 : -1;
}

static void expect_with(const al_expr_spec *spec, int column, const char *message, const char *hint)
{
    al_expr expr;
    allot_error err = {0};
    char *diagnosis = NULL;
    const char *text = spec->expr ? spec->expr : spec->function;
    if (al_expr_load(spec, &expr, &diagnosis, &err) != ALLOT_ECOMPILE || !diagnosis)
        fail_msg("%s (%s): no diagnosis, %s", text, spec->compiler, err.text);
    if (caret(diagnosis) != column || !strstr(diagnosis, message) || !strstr(diagnosis, hint) ||
        !strstr(err.text, message))
        fail_msg("%s (%s): wanted column %d, \"%s\", \"%s\"; got\n%s%s", text, spec->compiler, column,
                 message, hint, diagnosis, err.text);
    /* None of our own names, and no more lines than four. */
    int lines = 0;
    for (const char *at = diagnosis; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    if (strstr(diagnosis, "al_") || lines > 4 || diagnosis[strlen(diagnosis) - 1] != '\n')
        fail_msg("%s (%s): not fit for people:\n%s", text, spec->compiler, diagnosis);
    free(diagnosis);
}

static void expect(const al_expr_spec *spec, int column, const char *message, const char *hint)
{
    int tried = 0;
    for (size_t k = 0; k < sizeof compilers / sizeof *compilers; k++) {
        al_expr_spec with = *spec;
        with.compiler = compilers[k];
        if (!has(compilers[k]))
            continue;
        expect_with(&with, column, message, hint);
        tried++;
    }
    assert_true(tried > 0);
}

typedef struct mistake {
    const char *text;
    int column;
    const char *message, *hint;
} mistake;

static void expressions_that_do_not_compile(void **state)
{
    (void)state;
    static const mistake mistakes[] = {
        {"sqrt(x) + y", 10, "'y' is not known here", "known: x"},
        {"x*x +\n 2*zz", 3, "'zz' is not known here", "known: x"},
        {"x +\ty", 4, "'y' is not known here", "ipow"},
        {"foo(x)", 0, "there is no function 'foo'", "known: x"},
        {"x**2", 2, "there is no operator **", "ipow(x, n)"},
        {"x^2", 1, "invalid operands to binary", "ipow(x, n)"},
        {"x % 2", 2, "invalid operands to binary", "fmod(x, y)"},
        {"x << 2", 2, "invalid operands to binary", "whole numbers"},
        {"x & 1", 2, "invalid operands to binary", "whole numbers"},
        {"*x", 0, "", ""},
        {"x = 3", 2, "'x' cannot be changed", "=="},
        {"x++", 1, "", ""},
        {"i = 3", 2, "'i' cannot be changed", "=="},
        {"1 = x", 2, "nothing to assign to", "=="},
        {"x +", 3, "the expression is not complete", ""},
        {"x + // more", 11, "the expression is not complete", ""},
        {"ipow(x, 0.5)", 0, "whole exponent", "pow(x, y)"},
        {"sin", 0, "its value is not a number", ""},
        {"\"text\"", 0, "its value is not a number", ""},
        {"&x", 0, "its value is not a number", ""},
        {"div(1, 2)", 0, "its value is not a number", ""},
        {"(void)x", 0, "it has no value", ""},
        {"(unsigned __int128)x", 0, "unsigned __int128", "(i128)x"},
        {"x @ 2", 2, "", ""},
        {"(x) ? 1", 7, "the expression is not complete", ""},
    };
    for (size_t k = 0; k < sizeof mistakes / sizeof *mistakes; k++)
        expect(&(al_expr_spec){.expr = mistakes[k].text, .in_type = AL_TYPE_f64}, mistakes[k].column,
               mistakes[k].message, mistakes[k].hint);
}

/* Seen before any compiler is asked. */
static void expressions_that_are_none(void **state)
{
    (void)state;
    static const mistake mistakes[] = {
        {"", 0, "there is no expression", "x*x"},
        {" \t\n", 0, "there is no expression", "x*x"},
        {"/* x */", 0, "there is no expression", "x*x"},
        {"(x", 0, "this bracket is never closed", ""},
        {"sin(x[0)", 7, "does not close the one that is open", ""},
        {"x)", 1, "this bracket was never opened", ""},
        {"x) + (x", 1, "this bracket was never opened", ""},
        {"x}", 1, "this bracket was never opened", ""},
        {"x + ')", 4, "this character constant does not end", ""},
        {"x + \"a\\\"", 4, "this string does not end", ""},
        {"x + \"a\nb\"", 4, "this string does not end", ""},
        {"x + /* more", 4, "this comment does not end", ""},
        {"x; system(\"true\")", 1, "no `;`", "FILE.c:FUNCTION"},
        {"({ x; })", 1, "statements are not possible", "FILE.c:FUNCTION"},
        {"x + ( \n {x;})", 1, "statements are not possible", "FILE.c:FUNCTION"},
        {"x\n#define x 3", 0, "directives are not possible", "FILE.c:FUNCTION"},
        {"x\n /* */ # include <stdio.h>", 7, "directives are not possible", ""},
        {"x\n%:define x", 0, "digraphs are not possible", ""},
        {"x<:0:>", 1, "digraphs are not possible", "blank"},
        {"x + 1 \\", 6, "cannot end in a backslash", ""},
        {"x + 1 \\ \n+ 2", 6, "cannot end in a backslash", ""},
        {"x + \001", 4, "control character", ""},
        {"x // \\", 5, "cannot end in a backslash", ""},
        {"x // \\ \n + 1", 5, "cannot end in a backslash", ""},
    };
    for (size_t k = 0; k < sizeof mistakes / sizeof *mistakes; k++) {
        const al_expr_spec spec = {
            .expr = mistakes[k].text, .in_type = AL_TYPE_f64, .compiler = "/proc/nowhere"};
        expect_with(&spec, mistakes[k].column, mistakes[k].message, mistakes[k].hint);
        const al_expr_spec merge = {
            .expr = "x", .reduce = mistakes[k].text, .in_type = AL_TYPE_f64, .compiler = "/proc/nowhere"};
        expect_with(&merge, mistakes[k].column, mistakes[k].message, mistakes[k].hint);
    }
}

static void deep_brackets(void **state)
{
    (void)state;
    char text[600] = "";
    memset(text, '(', 201);
    strcat(text, "x");
    memset(text + 202, ')', 201);
    expect_with(&(al_expr_spec){.expr = text, .in_type = AL_TYPE_f64, .compiler = "/proc/nowhere"}, 67,
                "more than 200 brackets", "");
    al_expr expr;
    text[402] = '\0';
    load_or_fail(&(al_expr_spec){.expr = text + 1, .in_type = AL_TYPE_f64}, &expr);
    al_expr_unload(&expr);
}

/* A long line is shown around the place only. */
static void long_lines_are_cut(void **state)
{
    (void)state;
    char text[4000] = "x";
    for (int k = 0; k < 300; k++)
        strcat(text, k == 150 ? " + nix" : " + 1.0");
    allot_error err;
    al_expr expr;
    char *diagnosis = NULL;
    assert_int_equal(
        al_expr_load(&(al_expr_spec){.expr = text, .in_type = AL_TYPE_f64}, &expr, &diagnosis, &err),
        ALLOT_ECOMPILE);
    char *line = strchr(diagnosis, '\n') + 1;
    assert_true(strcspn(line, "\n") < 110);
    const int at = caret(diagnosis);
    assert_true(at > 0);
    assert_memory_equal(line + 2 + at, "nix", 3);
    assert_memory_equal(line, "  ...", 5);
    assert_non_null(strstr(err.text, "at character 905"));
    free(diagnosis);
}

static void reductions_that_do_not_compile(void **state)
{
    (void)state;
    static const mistake mistakes[] = {
        {"avg", 0, "'avg' is not known here", "sum, min, max"},
        {"a + c", 4, "'c' is not known here", "in a (what came before)"},
        {"a + x", 4, "x and i are not known in a reduction", "in a (what came before)"},
        {"a +", 3, "the expression is not complete", ""},
        {"a = b", 2, "'a' cannot be changed", "=="},
        {"&a", 0, "its value is not a number", ""},
        {"a ** b", 3, "there is no operator **", "ipow(x, n)"},
    };
    for (size_t k = 0; k < sizeof mistakes / sizeof *mistakes; k++)
        expect(&(al_expr_spec){.expr = "x", .reduce = mistakes[k].text, .in_type = AL_TYPE_f64},
               mistakes[k].column, mistakes[k].message, mistakes[k].hint);
}

static void files_that_do_not_compile(void **state)
{
    (void)state;
    char path[512], wanted[600];
    snprintf(path, sizeof path, "%s", fixture_path("f.c"));
    fixture_write("f.c", "#include <math.h>\n"
                         "static double __attribute__((noinline)) one(double v) { return v; }\n"
                         "struct pair { double a, b; } two(double v) { return (struct pair){v, v}; }\n"
                         "const char *text(double v) { (void)v; return \"f(x) { }\"; }\n"
                         "void nothing(double v) { (void)v; }\n"
                         "double none(void) { return 1; }\n"
                         "double three(double u, double v, double w) { return u + v + w; }\n"
                         "double pointer(double *v) { return *v; }\n"
                         "double elsewhere(double v);\n"
                         "double number = 3;\n");
    const al_expr_spec spec = {.file = path, .in_type = AL_TYPE_f64};
    const mistake mistakes[] = {
        {"nix", -1, "there is no function `nix` in it",
         "it has: one, two, text, nothing, none, three, pointer"},
        {"two", -1, "its value is not a number", ""},
        {"text", -1, "its value is not a number", ""},
        {"nothing", -1, "it has no value", ""},
        {"none", -1, "takes neither one item nor an item and its index", "double none(double x)"},
        {"three", -1, "takes neither one item nor an item and its index", "double three(double x)"},
        {"pointer", -1, "function `pointer`", ""},
        {"number", -1, "not a function", ""},
        {"elsewhere", -1, "'elsewhere' is declared, but nowhere defined", "CC="},
    };
    for (size_t k = 0; k < sizeof mistakes / sizeof *mistakes; k++) {
        al_expr_spec with = spec;
        with.function = mistakes[k].text;
        expect(&with, mistakes[k].column, mistakes[k].message, mistakes[k].hint);
    }
    fixture_write("f.c", "double f(double v)\n{\n\treturn v + nix;\n}\n");
    al_expr_spec with = spec;
    with.function = "f";
    snprintf(wanted, sizeof wanted, "%s:3:13: ", path);
    expect(&with, 12, wanted, "  return v + nix;");
    fixture_write("f.c", "\n#include <no-such-header.h>\n");
    snprintf(wanted, sizeof wanted, "%s:2:10: ", path);
    expect(&with, 9, wanted, "no-such-header.h");
    fixture_write("f.c", "");
    expect(&with, -1, "there is no function `f` in it", "no function at all");
}

static void calls_that_make_no_sense(void **state)
{
    (void)state;
    static const struct {
        al_expr_spec spec;
        allot_err code;
        const char *words;
    } cases[] = {
        {{.in_type = AL_TYPE_f64}, ALLOT_EINVAL, "either"},
        {{.expr = "x", .file = "f.c", .function = "f"}, ALLOT_EINVAL, "either"},
        {{.expr = "x", .in_type = AL_NTYPES}, ALLOT_EINVAL, "type"},
        {{.expr = "x", .has_out_type = true, .out_type = AL_NTYPES}, ALLOT_EINVAL, "type"},
        {{.file = "/proc/nowhere.c", .function = "f"}, ALLOT_EIO, "/proc/nowhere.c: No such file"},
        {{.file = "/", .function = "f"}, ALLOT_EIO, "not a plain file"},
        {{.file = "/dev/null", .function = "f"}, ALLOT_EIO, "not a plain file"},
        {{.file = "/etc/passwd"}, ALLOT_EINVAL, "name of a function"},
        {{.file = "/etc/passwd", .function = "f(1) +"}, ALLOT_EINVAL, "name of a function"},
        {{.file = "/etc/passwd", .function = ""}, ALLOT_EINVAL, "name of a function"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        al_expr expr;
        allot_error err = {0};
        char *diagnosis = NULL;
        assert_int_equal(al_expr_load(&cases[k].spec, &expr, &diagnosis, &err), cases[k].code);
        if (!strstr(err.text, cases[k].words))
            fail_msg("case %zu: %s", k, err.text);
        assert_null(diagnosis);
        assert_int_equal(al_expr_load(&cases[k].spec, &expr, NULL, NULL), cases[k].code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expressions_that_do_not_compile),
        cmocka_unit_test(expressions_that_are_none),
        cmocka_unit_test(deep_brackets),
        cmocka_unit_test(long_lines_are_cut),
        cmocka_unit_test(reductions_that_do_not_compile),
        cmocka_unit_test(files_that_do_not_compile),
        cmocka_unit_test(calls_that_make_no_sense),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
