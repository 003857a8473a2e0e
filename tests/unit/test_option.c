/* test_option.c - what command lines mean, and what is said of those that mean nothing.
 *
 * Messages are part of what is tested: standard error is read back from a temporary file.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/nearest.h"
#include "cli/help.h"
#include "cli/option.h"

typedef struct options {
    bool quiet, dry_run, threads_seen;
    const char *output;
    uint64_t threads, chunk, timeout_ns, pause_ns;
    int type;
} options;

#define AT(member) offsetof(options, member)
static const al_option rows[] = {
    {"quiet", 'q', AL_OPTION_FLAG, AT(quiet), NULL, NULL, 0, 0, NULL, "say nothing", SIZE_MAX},
    {"dry-run", 'n', AL_OPTION_FLAG, AT(dry_run), NULL, NULL, 0, 0, NULL, "do nothing", SIZE_MAX},
    {"output", 'o', AL_OPTION_TEXT, AT(output), "FILE", NULL, 0, 0, "standard output", "write to FILE",
     SIZE_MAX},
    {"threads", 'j', AL_OPTION_COUNT, AT(threads), "N", NULL, 1, 1024, "all", "use N threads",
     AT(threads_seen)},
    {"chunk", 0, AL_OPTION_COUNT, AT(chunk), "N", NULL, 0, 0, NULL, "cut N items at a time", SIZE_MAX},
    {"timeout", 0, AL_OPTION_DURATION, AT(timeout_ns), "TIME", NULL, 0, 0, NULL, "stop after TIME", SIZE_MAX},
    {"pause", 0, AL_OPTION_DURATION, AT(pause_ns), "TIME", NULL, 1000000000, 60000000000, NULL, "wait",
     SIZE_MAX},
    {"type", 't', AL_OPTION_CHOICE, AT(type), "TYPE", "i32|i64|f64", 0, 0, NULL, "type of x", SIZE_MAX},
};
static const al_command command = {
    .name = "try",
    .summary = "try things",
    .usage = "EXPR [INPUT ...]\n-f FILE:FUNCTION",
    .description = "Tries a sentence that is long enough to need a second line when it is printed in eighty "
                   "columns.\n\nAnother paragraph.",
    .examples = "allot try 'x # y' 0:10  # an example\n",
    .statuses = "0  success\n1  failure\n",
    .options = rows,
    .noptions = sizeof rows / sizeof rows[0],
};
const al_command *const al_commands[] = {&command};
const size_t al_ncommands = 1;

/** One command line, cut at blanks, parsed. */
typedef struct outcome {
    bool run;
    int status, noperands;
    options got;
    char *argv[16];
    char line[256];
    char errors[1024];
} outcome;

static void read_back(FILE *file, int saved, char *text, size_t nbytes)
{
    (void)fflush(stderr);
    assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
    (void)close(saved);
    rewind(file);
    size_t length = fread(text, 1, nbytes - 1, file);
    text[length] = '\0';
    (void)fclose(file);
}

static outcome *parse(const char *line)
{
    static outcome result;
    result = (outcome){.status = -1};
    int argc = 0;
    (void)snprintf(result.line, sizeof result.line, "try %s", line);
    for (char *word = strtok(result.line, " "); word != NULL; word = strtok(NULL, " "))
        result.argv[argc++] = word;
    FILE *file = tmpfile();
    assert_non_null(file);
    int saved = dup(STDERR_FILENO);
    (void)fflush(stderr);
    assert_int_equal(dup2(fileno(file), STDERR_FILENO), STDERR_FILENO);
    result.run = al_option_parse(&command, argc, result.argv, &result.got, &result.noperands, &result.status);
    read_back(file, saved, result.errors, sizeof result.errors);
    return &result;
}

static outcome *accepted(const char *line)
{
    outcome *result = parse(line);
    assert_string_equal(result->errors, "");
    assert_true(result->run);
    return result;
}

/** A line that is refused with status 2 and exactly this first sentence. */
static void refused(const char *line, const char *sentence)
{
    char expected[1024];
    outcome *result = parse(line);
    assert_false(result->run);
    assert_int_equal(result->status, 2);
    (void)snprintf(expected, sizeof expected, "allot try: %s\nTry 'allot try --help'.\n", sentence);
    assert_string_equal(result->errors, expected);
}

static void test_each_kind(void **state)
{
    (void)state;
    outcome *result = accepted("-q --output=a.txt --threads 7 --timeout 1.5s --type f64 --chunk=12");
    assert_true(result->got.quiet);
    assert_false(result->got.dry_run);
    assert_string_equal(result->got.output, "a.txt");
    assert_int_equal(result->got.threads, 7);
    assert_true(result->got.threads_seen);
    assert_int_equal(result->got.timeout_ns, 1500000000);
    assert_int_equal(result->got.type, 2);
    assert_int_equal(result->got.chunk, 12);
    assert_int_equal(result->noperands, 0);
    assert_false(accepted("-q")->got.threads_seen);
}

static void test_gnu_habits(void **state)
{
    (void)state;
    outcome *result = accepted("-qnj3 --ty=i64 -ofile");
    assert_true(result->got.quiet && result->got.dry_run);
    assert_int_equal(result->got.threads, 3);
    assert_int_equal(result->got.type, 1);
    assert_string_equal(result->got.output, "file");
    assert_int_equal(accepted("-j 3 -j 4")->got.threads, 4); /* the last one counts */
    assert_string_equal(accepted("-o -")->got.output, "-");
}

static void test_operands_mix(void **state)
{
    (void)state;
    outcome *result = accepted("x*x -q 0:10 --threads 2 - -- -q --type");
    assert_int_equal(result->noperands, 5);
    const char *const expected[] = {"x*x", "0:10", "-", "-q", "--type"};
    for (int k = 0; k < 5; k++)
        assert_string_equal(result->argv[k + 1], expected[k]);
    assert_true(result->got.quiet);
}

static void test_negative_operands(void **state)
{
    (void)state;
    outcome *result = accepted("-1 -q -5:5 x -.5 -n -(x) -2*x");
    assert_int_equal(result->noperands, 6);
    const char *const expected[] = {"-1", "-5:5", "x", "-.5", "-(x)", "-2*x"};
    for (int k = 0; k < 6; k++)
        assert_string_equal(result->argv[k + 1], expected[k]);
    assert_true(result->got.quiet && result->got.dry_run);
    refused("-j -1", "--threads: '-1' is not a whole number");
}

static void test_no_operands_at_all(void **state)
{
    (void)state;
    assert_int_equal(accepted("")->noperands, 0);
    assert_int_equal(accepted("--")->noperands, 0);
    assert_int_equal(accepted("a b -- -- c")->noperands, 4);
}

static void test_unknown(void **state)
{
    (void)state;
    refused("--thread=5x", "--threads: '5x' is not a whole number"); /* an abbreviation, not unknown */
    refused("--thraeds=5", "unknown option '--thraeds'; did you mean '--threads'?");
    refused("--otput a", "unknown option '--otput'; did you mean '--output'?");
    refused("--zebra", "unknown option '--zebra'");
    refused("--t=1", "option '--t' is ambiguous: --threads, --timeout, --type");
    refused("-x", "unknown option '-x'; if '-x' is no option, put -- before it");
    refused("-qx", "unknown option '-x'");
    refused("-x*x a", "unknown option '-x'; if '-x*x' is no option, put -- before it");
    refused("-qnxo", "unknown option '-x'");
}

static void test_missing_and_unwanted_values(void **state)
{
    (void)state;
    refused("--type", "option '--type' needs a value: TYPE");
    refused("-qj", "option '--threads' needs a value: N");
    refused("--quiet=1", "option '--quiet' takes no value");
    refused("--help=1", "option '--help' takes no value");
}

static void test_counts(void **state)
{
    (void)state;
    refused("-j0", "--threads: 0 is out of range: it takes 1 to 1024");
    refused("-j1025", "--threads: 1025 is out of range: it takes 1 to 1024");
    refused("-j1e3", "--threads: '1e3' is not a whole number");
    refused("--chunk=", "--chunk: '' is not a whole number");
    refused("--chunk=+5", "--chunk: '+5' is not a whole number");
    refused("--chunk=18446744073709551616", "--chunk: 18446744073709551616 is too large");
    assert_true(accepted("--chunk=18446744073709551615")->got.chunk == UINT64_MAX);
    assert_int_equal(accepted("-j1")->got.threads, 1);
    assert_int_equal(accepted("-j1024")->got.threads, 1024);
    assert_int_equal(accepted("-j0010")->got.threads, 10);
}

static void test_durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t ns;
    } good[] = {{"10", 10000000000},    {"0", 0},          {"200ms", 200000000}, {"3m", 180000000000},
                {"2h", 7200000000000},  {"7us", 7000},     {"9ns", 9},           {"0.25s", 250000000},
                {"1d", 86400000000000}, {".5", 500000000}, {"1.", 1000000000},   {"1.001", 1001000000}};
    for (size_t k = 0; k < sizeof good / sizeof good[0]; k++) {
        char line[64];
        (void)snprintf(line, sizeof line, "--timeout=%s", good[k].text);
        assert_true(accepted(line)->got.timeout_ns == good[k].ns);
    }
    static const char *const bad[] = {"",   ".",   "s",    "1.5.2", "10x", "1e3",
                                      "-1", "1 s", "0x10", "inf",   "nan", "1ss"};
    for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++) {
        char line[64], sentence[256];
        if (strchr(bad[k], ' ') != NULL)
            continue;
        (void)snprintf(line, sizeof line, "--timeout=%s", bad[k]);
        (void)snprintf(sentence, sizeof sentence,
                       "--timeout: '%s' is not a duration: write 10 (seconds), 1.5s, 200ms, 3m, 1h30m or 1d",
                       bad[k]);
        refused(line, sentence);
    }
    refused("--timeout=1000000d", "--timeout: 1000000d is too large");
    refused("--pause=0.5", "--pause: 0.5 is out of range: it takes 1s to 1m");
    refused("--pause=2m", "--pause: 2m is out of range: it takes 1s to 1m");
}

static void test_choices(void **state)
{
    (void)state;
    refused("-t f46", "--type: 'f46' is none of i32, i64, f64; did you mean 'f64'?");
    refused("-t complex", "--type: 'complex' is none of i32, i64, f64");
    refused("-t i", "--type: 'i' is none of i32, i64, f64");
    refused("-t f64x", "--type: 'f64x' is none of i32, i64, f64; did you mean 'f64'?");
    refused("--type=", "--type: '' is none of i32, i64, f64");
    assert_int_equal(accepted("-ti32")->got.type, 0);
}

static void test_untouched_when_refused(void **state)
{
    (void)state;
    outcome *result = parse("-j5 -j9999");
    assert_false(result->run);
    assert_int_equal(result->got.threads, 5);
}

static void test_help_fits_and_says_all(void **state)
{
    (void)state;
    char *text = NULL;
    size_t nbytes = 0;
    FILE *out = open_memstream(&text, &nbytes);
    assert_non_null(out);
    al_help_command(&command, out);
    assert_int_equal(fclose(out), 0);
    static const char *const says[] = {
        "Usage: allot try [OPTION ...] EXPR [INPUT ...]\n       allot try [OPTION ...] -f FILE:FUNCTION\n",
        "\nAnother paragraph.\n",
        "\n  -t, --type TYPE         type of x: i32, i64, f64\n",
        "\n  -j, --threads N         use N threads, 1 to 1024 (default: all)\n",
        "\n      --pause TIME        wait, 1s to 1m\n",
        "\n  -o, --output FILE       write to FILE (default: standard output)\n",
        "\n  -h, --help              print this help and exit\n",
        "\n  allot try 'x # y' 0:10\n      an example\n",
        "\nExit status:\n  0      success\n  1      failure\n",
    };
    for (size_t k = 0; k < sizeof says / sizeof says[0]; k++)
        if (strstr(text, says[k]) == NULL)
            fail_msg("help lacks: %s\nin:\n%s", says[k], text);
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
        assert_true(strcspn(line, "\n") < 80);
    free(text);
}

static void assert_nearest(const char *word, const char *expected)
{
    static const char *const names[] = {"map", "farm", "machine", "md"};
    al_nearest nearest = {.word = word};
    for (size_t k = 0; k < 4; k++)
        al_nearest_try(&nearest, names[k], strlen(names[k]));
    assert_string_equal(nearest.name, expected);
}

static void test_nearest(void **state)
{
    (void)state;
    assert_nearest("mpa", "map");
    assert_nearest("machin", "machine");
    assert_nearest("amchine", "machine");
    assert_nearest("frm", "farm");
    assert_nearest("dm", "md");
    assert_nearest("xyz", "");
    assert_nearest("", "");
    char longest[300];
    memset(longest, 'm', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    assert_nearest(longest, "");
    al_nearest nearest = {.word = longest};
    al_nearest_try(&nearest, longest, strlen(longest)); /* too long a name to be kept, not only to be meant */
    assert_string_equal(nearest.name, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_kind),
        cmocka_unit_test(test_gnu_habits),
        cmocka_unit_test(test_operands_mix),
        cmocka_unit_test(test_negative_operands),
        cmocka_unit_test(test_no_operands_at_all),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_missing_and_unwanted_values),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_choices),
        cmocka_unit_test(test_untouched_when_refused),
        cmocka_unit_test(test_help_fits_and_says_all),
        cmocka_unit_test(test_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
