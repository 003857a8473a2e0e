/* test_text.c - columns of numbers out of text: by example, and against a plain reader over random lines.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/text.h"
#include "prop/text_reference.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
enum { MOST = 64 };

static const al_text_format whole = {0, 0};

/** Parse from a copy that ends where the text does, so that the address sanitizer sees a read past it. */
static bool parse(const al_text_format *format, al_type type, const char *text, size_t nbytes, void *values,
                  uint64_t *nvalues, al_text_fault *fault)
{
    char *copy = malloc(nbytes + 1);
    assert_non_null(copy);
    memcpy(copy + 1, text, nbytes);
    bool is_good = al_text_parse(format, type, copy + 1, nbytes, values, nvalues, fault);
    free(copy);
    return is_good;
}

static void check_items(const al_text_format *format, const char *text, const char *expected)
{
    double values[MOST];
    uint64_t nvalues = 99;
    al_text_fault fault;
    char printed[MOST * (AL_NUMBER_TEXT_MAX + 1)];
    if (!parse(format, AL_TYPE_f64, text, strlen(text), values, &nvalues, &fault))
        fail_msg("'%s' was refused: fault %d at %" PRIu64 ":%" PRIu32 " '%s'", text, fault.fault, fault.line,
                 fault.column, fault.excerpt);
    assert_in_range(nvalues, 0, al_text_count_lines(text, strlen(text)));
    size_t nbytes = al_text_print(AL_TYPE_f64, values, nvalues, printed);
    printed[nbytes] = '\0';
    assert_string_equal(printed, expected);
}

static void one_number_a_line(void **state)
{
    (void)state;
    check_items(&whole, "", "");
    check_items(&whole, "\n", "");
    check_items(&whole, "7", "7\n");
    check_items(&whole, "7\n", "7\n");
    check_items(&whole, "1\n2\n3", "1\n2\n3\n");
    check_items(&whole, "1\r\n2\r\n3\r", "1\n2\n3\n");
    check_items(&whole, "  1\n\t2  \n 3 \t\r\n4 \r", "1\n2\n3\n4\n");
    check_items(&whole, "1\n\n   \n\t\r\n2\n", "1\n2\n");
    check_items(&whole, "# weights\n1\n #2\n2\n#", "1\n2\n");
    check_items(&whole, "1e3\n-.5\nnan\n-inf\n12345678901234567890123\n5.",
                "1000\n-0.5\nnan\n-inf\n1.2345678901234568e+22\n5\n");
    check_items(&whole,
                "\xef\xbb\xbf"
                "1\n\xef\xbb\xbf#\n\xef\xbb\xbf 2\n\xef\xbb\xbf",
                "1\n2\n");
}

static void a_column_between_separators(void **state)
{
    (void)state;
    const al_text_format first = {',', 0}, third = {',', 2}, tab = {'\t', 1}, semicolon = {';', 1};
    check_items(&first, "1,a,b\n2\n 3 ,\n", "1\n2\n3\n");
    check_items(&third, "a,b,1\na,b,2,c\n,,3\r\nlonger than eight,and this,4, 9\n,,5 ,x\r",
                "1\n2\n3\n4\n5\n");
    check_items(&third, "\"a,\"\"b\",\"\",\"1\"\n\"x\" , \"y\" , \" 2 \" ,\"open\nq\"q,r,3\n", "1\n2\n3\n");
    check_items(&third, "# a, b\n\n  \n  # c,d,9\n\xef\xbb\xbf# d,e,f\na,b,-1.5e2\n", "-150\n");
    check_items(&tab, "a b\t1\nc\t 2\td\n\t3\r\n", "1\n2\n3\n");
    check_items(&semicolon, "1,5;2\n1,5;3;x\n", "2\n3\n");
}

static void a_column_between_blanks(void **state)
{
    (void)state;
    const al_text_format first = {' ', 0}, third = {' ', 2};
    check_items(&first, "1 2\n  3\t4\n5\r\n6 \r\n", "1\n3\n5\n6\n");
    check_items(&third, "a b 1\n a\t b  2 c\n \"x y\" 3\n a b 4 \r\n  # a b 9\n", "1\n2\n3\n4\n");
}

/** Separators that occur in numbers, or mean something else, are taken at their word. */
static void odd_separators(void **state)
{
    (void)state;
    const al_text_format point = {'.', 0}, point2 = {'.', 1}, minus = {'-', 1}, e = {'e', 1};
    check_items(&point, "1.5\n", "1\n");
    check_items(&point2, "1.5\n2.75.3\n", "5\n75\n");
    check_items(&minus, "2024-01-02\n", "1\n");
    check_items(&e, "1e5\n", "5\n");
}

static void faults_say_where(void **state)
{
    (void)state;
    static const al_text_format comma2 = {',', 1}, blank2 = {' ', 1};
    static const struct {
        const al_text_format *format;
        al_type type;
        const char *text;
        al_text_fault fault;
    } rows[] = {
        {NULL, AL_TYPE_f64, "1\n2\nabc\n", {AL_NUMBER_SYNTAX, false, false, 2, 1, "abc"}},
        {NULL, AL_TYPE_f64, "1\n\n#\n  1 2\r\n", {AL_NUMBER_SYNTAX, false, false, 3, 3, "1 2"}},
        {NULL, AL_TYPE_f64, "1e400", {AL_NUMBER_RANGE, false, false, 0, 1, "1e400"}},
        {NULL, AL_TYPE_i32, "1\n99999999999\n", {AL_NUMBER_RANGE, false, false, 1, 1, "99999999999"}},
        {NULL, AL_TYPE_i64, "1.5\n", {AL_NUMBER_SYNTAX, false, false, 0, 1, "1.5"}},
        {NULL, AL_TYPE_f64, "\xef\xbb\xbfx\n", {AL_NUMBER_SYNTAX, false, false, 0, 4, "x"}},
        {NULL, AL_TYPE_f64, "1\r2\n", {AL_NUMBER_SYNTAX, false, false, 0, 1, "1\\x0d2"}},
        {NULL,
         AL_TYPE_f64,
         "\xc2\xb5g\x1b[1m\n",
         {AL_NUMBER_SYNTAX, false, false, 0, 1, "\\xc2\\xb5g\\x1b[1m"}},
        {NULL,
         AL_TYPE_f64,
         "1234567890123456789012345678x1\n",
         {AL_NUMBER_SYNTAX, false, false, 0, 1, "1234567890123456789012345678x1"}},
        {NULL,
         AL_TYPE_f64,
         "1234567890123456789012345678x123\n",
         {AL_NUMBER_SYNTAX, false, false, 0, 1, "1234567890123456789012345678..."}},
        {&comma2, AL_TYPE_f64, "a,1\nb\n", {AL_NUMBER_EMPTY, true, false, 1, 2, "b"}},
        {&comma2,
         AL_TYPE_f64,
         "\xef\xbb\xbf"
         "abc\r\n",
         {AL_NUMBER_EMPTY, true, false, 0, 7, "abc"}},
        {&comma2, AL_TYPE_f64, "a, ,3\n", {AL_NUMBER_EMPTY, false, false, 0, 4, ""}},
        {&comma2, AL_TYPE_f64, "a,\"\"\n", {AL_NUMBER_EMPTY, false, false, 0, 4, ""}},
        {&comma2, AL_TYPE_f64, "a,12x\n", {AL_NUMBER_SYNTAX, false, false, 0, 3, "12x"}},
        {&comma2, AL_TYPE_f64, "a,12 13,4\n", {AL_NUMBER_SYNTAX, false, false, 0, 3, "12 13"}},
        {&comma2, AL_TYPE_f64, "a,\"1\"2,4\n", {AL_NUMBER_SYNTAX, false, false, 0, 3, "\"1\"2"}},
        {&comma2, AL_TYPE_f64, "a,\"1\"\"2\",4\n", {AL_NUMBER_SYNTAX, false, false, 0, 4, "1\"\"2"}},
        {&comma2, AL_TYPE_f64, "\"a,1\n", {AL_NUMBER_SYNTAX, false, true, 0, 1, "\"a,1"}},
        {&comma2, AL_TYPE_f64, "a, \"1\"\",4\n", {AL_NUMBER_SYNTAX, false, true, 0, 4, "\"1\"\",4"}},
        {&blank2, AL_TYPE_f64, "1 2\n 1\n", {AL_NUMBER_EMPTY, true, false, 1, 3, " 1"}},
        {&blank2, AL_TYPE_f64, "1 2x3 4\n", {AL_NUMBER_SYNTAX, false, false, 0, 3, "2x3"}},
        {&blank2, AL_TYPE_f64, "1 2,3\n", {AL_NUMBER_SYNTAX, false, false, 0, 3, "2,3"}},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char values[MOST * sizeof(al_i128)];
        uint64_t nvalues;
        al_text_fault fault;
        const al_text_fault *wanted = &rows[i].fault;
        const al_text_format *format = rows[i].format != NULL ? rows[i].format : &whole;
        if (parse(format, rows[i].type, rows[i].text, strlen(rows[i].text), values, &nvalues, &fault))
            fail_msg("'%s' was accepted", rows[i].text);
        if (fault.fault != wanted->fault || fault.line != wanted->line || fault.column != wanted->column ||
            fault.no_column != wanted->no_column || fault.open_quote != wanted->open_quote ||
            strcmp(fault.excerpt, wanted->excerpt) != 0)
            fail_msg("'%s': fault %d, %d, %d at %" PRIu64 ":%" PRIu32 " '%s'", rows[i].text, fault.fault,
                     fault.no_column, fault.open_quote, fault.line, fault.column, fault.excerpt);
    }
}

static void values_before_a_fault_are_there(void **state)
{
    (void)state;
    double values[MOST];
    uint64_t nvalues;
    al_text_fault fault;
    assert_false(parse(&whole, AL_TYPE_f64, "1\n#\n2\nx\n3\n", 11, values, &nvalues, &fault));
    assert_int_equal(nvalues, 2);
    assert_int_equal(fault.line, 3);
    assert_true(values[0] == 1 && values[1] == 2);
}

static void nul_is_a_character(void **state)
{
    (void)state;
    double values[MOST];
    uint64_t nvalues;
    al_text_fault fault;
    assert_false(parse(&whole, AL_TYPE_f64, "1\n2\0\n3\n", 7, values, &nvalues, &fault));
    assert_int_equal(fault.fault, AL_NUMBER_SYNTAX);
    assert_int_equal(fault.line, 1);
    assert_string_equal(fault.excerpt, "2\\x00");
}

static void every_type_is_read_and_printed(void **state)
{
    (void)state;
    static const char text[] = "1\n22\n333\n4444\n55555\n123456789\n";
    for (al_type type = 0; type < AL_NTYPES; type++) {
        char values[MOST * sizeof(al_i128)], printed[MOST * (AL_NUMBER_TEXT_MAX + 1)];
        uint64_t nvalues;
        al_text_fault fault;
        size_t nbytes = sizeof text - 1 - (type == AL_TYPE_f32 ? 10 : 0);
        assert_true(parse(&whole, type, text, nbytes, values, &nvalues, &fault));
        assert_int_equal(nvalues, type == AL_TYPE_f32 ? 5 : 6);
        assert_int_equal(al_text_print(type, values, nvalues, printed), nbytes);
        assert_memory_equal(printed, text, nbytes);
    }
}

static void lines_are_counted(void **state)
{
    (void)state;
    enum { NBYTES = 20000 };
    char *text = malloc(NBYTES);
    assert_non_null(text);
    for (size_t every = 1; every < 40; every += 3) {
        for (size_t nbytes = 0; nbytes < NBYTES; nbytes += nbytes < 70 ? 1 : 131) {
            uint64_t nlines = 0;
            for (size_t i = 0; i < nbytes; i++) {
                text[i] = i % every == 0 ? '\n' : '1';
                nlines += text[i] == '\n';
            }
            nlines += nbytes > 0 && text[nbytes - 1] != '\n';
            assert_int_equal(al_text_count_lines(text, nbytes), nlines);
        }
    }
    free(text);
}

static void lines_are_found(void **state)
{
    (void)state;
    static const char text[] = "ab\n\ncd";
    static const size_t ends[] = {3, 3, 3, 4, 6, 6, 6};
    for (size_t at = 0; at < COUNT(ends); at++)
        assert_int_equal(al_text_line_end(text, 6, at), ends[at]);
    assert_int_equal(al_text_whole_lines(text, 6), 4);
    assert_int_equal(al_text_whole_lines(text, 4), 4);
    assert_int_equal(al_text_whole_lines(text, 3), 3);
    assert_int_equal(al_text_whole_lines(text, 2), 0);
    assert_int_equal(al_text_whole_lines(text, 0), 0);
}

static uint64_t rng_state = 1;

static uint32_t rng_below(uint32_t n)
{
    rng_state = rng_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((rng_state >> 33) % n);
}

static size_t random_text(char *text, size_t room)
{
    static const char *const tokens[] = {
        "1", "-2.5", "123456789", "0.12345678901234567", "1e5", "12e", ",", ",", ",", " ", " ", "\t", "\t",
        "\"", "\"7\"", "\n", "\n", "\r\n", "\r", "#", "\xef\xbb\xbf", "abc", "nan", "+", ".", "0x1f", ";",
        "12", "1\n",
        /* lines that are good as they are in one format or another, more often than all of the above */
        "1\n2\n3\n", "17\r\n", " 4\n", "1,2,3,4\n", "\"a,\", 2 ,\"3\",4\r\n", "1 2\t3  4\n", "1\t2\t3\t4\n",
        "5;6;7;8\n", "# 1,2 3\n"};
    size_t nbytes = 0;
    for (uint32_t n = 1 + rng_below(40); n > 0; n--) {
        const char *token = tokens[rng_below(3) == 0 ? rng_below(29) : 29 + rng_below(COUNT(tokens) - 29)];
        if (nbytes + strlen(token) > room)
            break;
        memcpy(text + nbytes, token, strlen(token));
        nbytes += strlen(token);
    }
    return nbytes;
}

/** Random lines, read on past each fault, by both readers. */
static void agrees_with_the_plain_reader(void **state)
{
    (void)state;
    static const char separators[] = {0, 0, ' ', ',', ',', '\t', ';', '.', 'e', '"', '\r', '#', '\n', '\xef'};
    uint64_t nitems = 0;
    for (int round = 0; round < 300000; round++) {
        char text[512], values[512 * sizeof(al_i128)], oracle[512 * sizeof(al_i128)];
        const al_text_format format = {separators[rng_below(COUNT(separators))], rng_below(4)};
        al_type type = (al_type)rng_below(AL_NTYPES);
        size_t nbytes = random_text(text, sizeof text), at = 0;
        bool is_good, is_oracle_good;
        do {
            al_text_fault fault, oracle_fault;
            uint64_t nvalues, noracle;
            is_good = parse(&format, type, text + at, nbytes - at, values, &nvalues, &fault);
            is_oracle_good =
                reference_parse(&format, type, text + at, nbytes - at, oracle, &noracle, &oracle_fault);
            bool same = is_good == is_oracle_good && nvalues == noracle &&
                        memcmp(values, oracle, nvalues * al_type_nbytes(type)) == 0;
            if (!is_good && !is_oracle_good)
                same &= fault.fault == oracle_fault.fault && fault.line == oracle_fault.line &&
                        fault.column == oracle_fault.column && fault.no_column == oracle_fault.no_column &&
                        fault.open_quote == oracle_fault.open_quote;
            if (!same)
                fail_msg("separator '%c' column %" PRIu32 " type %s: %" PRIu64 " items, not %" PRIu64
                         " (%d %d) of\n%.*s",
                         format.separator, format.column, al_type_name(type), nvalues, noracle, is_good,
                         is_oracle_good, (int)(nbytes - at), text + at);
            nitems += nvalues;
            for (uint64_t line = 0; !is_good && line <= fault.line; line++)
                at = al_text_line_end(text, nbytes, at);
        } while (!is_good);
    }
    assert_true(nitems > 300000); /* or the lines are too bad to tell anything */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_number_a_line),
        cmocka_unit_test(a_column_between_separators),
        cmocka_unit_test(a_column_between_blanks),
        cmocka_unit_test(odd_separators),
        cmocka_unit_test(faults_say_where),
        cmocka_unit_test(values_before_a_fault_are_there),
        cmocka_unit_test(nul_is_a_character),
        cmocka_unit_test(every_type_is_read_and_printed),
        cmocka_unit_test(lines_are_counted),
        cmocka_unit_test(lines_are_found),
        cmocka_unit_test(agrees_with_the_plain_reader),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
