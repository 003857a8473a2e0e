/* test_series.c - energies as .xvg and as JSON lines: exact text, going on after a restart, full disks.
 * That other programs read them is test_md_oracle's.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "md/file.h"
#include "md/series.h"

#include "support/scratch.h"

static const al_series_column columns[] = {{"potential", "Potential", "kJ/mol"},
                                           {"kinetic", "Kinetic En.", "kJ/mol"},
                                           {"temperature", "Temperature", "K"}};

static const al_series_opts plain = {
    .title = "a \"melt\"", .time_unit = "ps", .columns = columns, .ncolumns = 3, .dt = 0.0001};

static const char *const names[] = {"e.xvg", "e.jsonl"};

static void write_row(al_series *series, uint64_t step)
{
    const double values[] = {-1.0 / 3 - (double)step, 1e-7 * (double)step, step == 20 ? NAN : 300.5};
    allot_error err;
    if (al_series_row(series, step, (double)step * 0.0001, values, &err) != ALLOT_OK)
        fail_msg("%s", err.text);
}

static void write_rows(const char *name, const al_series_opts *opts, uint64_t first, uint64_t last)
{
    al_series *series;
    allot_error err;
    if (al_series_open(scratch_path(name), opts, &series, &err) != ALLOT_OK)
        fail_msg("%s", err.text);
    for (uint64_t step = first; step <= last; step += 10)
        write_row(series, step);
    assert_int_equal(al_series_sync(series, &err), ALLOT_OK);
    assert_int_equal(al_series_close(series, &err), ALLOT_OK);
}

static al_buffer read_file(const char *name)
{
    al_buffer bytes = {.at = NULL};
    assert_int_equal(al_file_read(scratch_path(name), &bytes, NULL), ALLOT_OK);
    return bytes;
}

static void write_file(const char *name, const char *bytes, size_t nbytes)
{
    FILE *file = fopen(scratch_path(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, nbytes, file), nbytes);
    assert_int_equal(fclose(file), 0);
}

static void check_text(const char *name, const char *expected)
{
    al_buffer text = read_file(name);
    assert_true(al_buffer_byte(&text, '\0'));
    assert_string_equal(text.at, expected);
    al_buffer_fini(&text);
}

static void exact_text(void **state)
{
    (void)state;
    write_rows("e.xvg", &plain, 0, 20);
    check_text("e.xvg", "# allot md, a row a step; version 1\n"
                        "@    title \"a 'melt'\"\n"
                        "@    xaxis  label \"Time (ps)\"\n"
                        "@    yaxis  label \"(kJ/mol), (K)\"\n"
                        "@TYPE xy\n"
                        "@ view 0.15, 0.15, 0.75, 0.85\n"
                        "@ legend on\n"
                        "@ legend box on\n"
                        "@ legend loctype view\n"
                        "@ legend 0.78, 0.8\n"
                        "@ legend length 2\n"
                        "@ s0 legend \"Potential\"\n"
                        "@ s1 legend \"Kinetic En.\"\n"
                        "@ s2 legend \"Temperature\"\n"
                        "             0    -0.333333333333                  0              300.5\n"
                        "         0.001     -10.3333333333              1e-06              300.5\n"
                        "         0.002     -20.3333333333              2e-06                nan\n");
    write_rows("e.jsonl", &plain, 0, 20);
    check_text(
        "e.jsonl",
        "{\"version\":1,\"step\":0,\"time\":0,\"potential\":-0.3333333333333333,\"kinetic\":0,"
        "\"temperature\":300.5}\n"
        "{\"version\":1,\"step\":10,\"time\":0.001,\"potential\":-10.333333333333334,\"kinetic\":1e-06,"
        "\"temperature\":300.5}\n"
        "{\"version\":1,\"step\":20,\"time\":0.002,\"potential\":-20.333333333333332,\"kinetic\":"
        "2e-06,\"temperature\":null}\n");
    al_series_column bare[] = {{"potential", "Potential", ""}};
    const al_series_opts reduced = {.title = "", .time_unit = "", .columns = bare, .ncolumns = 1};
    write_rows("r.xvg", &reduced, 0, 0);
    al_buffer text = read_file("r.xvg");
    assert_true(al_buffer_byte(&text, '\0'));
    assert_non_null(strstr(text.at, "@    xaxis  label \"Time\"\n@    yaxis  label \"\"\n"));
    al_buffer_fini(&text);
}

/** The file as it is after a run that stopped at any byte is, gone on with, the same as without a stop. */
static void files_go_on(void **state)
{
    (void)state;
    for (size_t n = 0; n < 2; n++) {
        al_series_opts opts = plain;
        write_rows(names[n], &opts, 0, 100);
        al_buffer whole = read_file(names[n]);
        opts.goes_on = true;
        for (size_t nbytes = 0; nbytes <= whole.nbytes; nbytes++) {
            write_file(names[n], whole.at, nbytes);
            size_t nlines = 0;
            for (size_t k = 0; k < nbytes; k++)
                nlines += whole.at[k] == '\n';
            size_t nrows = n == 0 ? (nlines > 14 ? nlines - 14 : 0) : nlines;
            opts.last_step = nrows > 2 ? 10 * (nrows - 2) : 0; /* rows beyond it are cut off */
            write_rows(names[n], &opts, nrows > 0 ? opts.last_step : 0, 100);
            al_buffer again = read_file(names[n]);
            assert_int_equal(again.nbytes, whole.nbytes);
            assert_memory_equal(again.at, whole.at, whole.nbytes);
            al_buffer_fini(&again);
        }
        al_buffer_fini(&whole);
    }
}

/** What is beyond the checkpoint is gone, even if nothing is written after it. */
static void rows_beyond_are_cut_off(void **state)
{
    (void)state;
    for (size_t n = 0; n < 2; n++) {
        al_series_opts opts = plain;
        write_rows(names[n], &opts, 0, 50);
        al_buffer until_50 = read_file(names[n]);
        write_rows(names[n], &opts, 0, 100);
        opts.goes_on = true;
        opts.last_step = 55;
        write_rows(names[n], &opts, 1, 0);
        al_buffer again = read_file(names[n]);
        assert_int_equal(again.nbytes, until_50.nbytes);
        assert_memory_equal(again.at, until_50.at, until_50.nbytes);
        al_buffer_fini(&again);
        al_buffer_fini(&until_50);
    }
}

static void check_refused(const char *name, const al_series_opts *opts, const char *says)
{
    al_series *series;
    allot_error err;
    al_buffer before = read_file(name);
    assert_int_equal(al_series_open(scratch_path(name), opts, &series, &err), ALLOT_EFORMAT);
    if (strstr(err.text, says) == NULL)
        fail_msg("no \"%s\" in \"%s\"", says, err.text);
    al_buffer after = read_file(name);
    assert_int_equal(after.nbytes, before.nbytes);
    al_buffer_fini(&before);
    al_buffer_fini(&after);
}

static void others_files_are_left_alone(void **state)
{
    (void)state;
    al_series_opts opts = plain, other = plain;
    write_rows("e.xvg", &opts, 0, 50);
    write_rows("e.jsonl", &opts, 0, 50);
    other.goes_on = opts.goes_on = true;
    other.last_step = opts.last_step = 50;
    other.ncolumns = 2;
    check_refused("e.xvg", &other, "e.xvg: does not begin as this run would");
    check_refused("e.jsonl", &other, "e.jsonl:1: this line is no row with the columns of this run");
    FILE *file = fopen(scratch_path("e.xvg"), "a");
    assert_non_null(file);
    assert_true(fputs("0.005 1 2 3\n", file) >= 0 && fclose(file) == 0);
    check_refused("e.xvg", &opts, "e.xvg:21: this line is no row");
    write_file("e.xvg", "# hello\n", 8);
    check_refused("e.xvg", &opts, "e.xvg: does not begin as this run would");
    static const char hidden[] = "{\"version\":1,\"step\":0,\"time\":0,\"potential\":1,\"kinetic\":1,"
                                 "\"temperature\":1}\0 and more\n";
    write_file("e.jsonl", hidden, sizeof hidden - 1);
    check_refused("e.jsonl", &opts, "e.jsonl:1: this line is no row");
    al_series *series;
    allot_error err;
    assert_int_equal(al_series_open(scratch_path("e.csv"), &opts, &series, &err), ALLOT_EINVAL);
    assert_non_null(strstr(err.text, "e.csv: energies are .xvg or .jsonl"));
    assert_int_equal(al_series_open("/nowhere/e.xvg", &opts, &series, &err), ALLOT_EIO);
}

/** A limit on file size acts as a full disk does. */
static void full_disks_leave_whole_lines(void **state)
{
    (void)state;
    write_rows("e.jsonl", &plain, 0, 100);
    al_buffer whole = read_file("e.jsonl");
    struct rlimit before, limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = whole.nbytes / 2;
    al_series *series;
    allot_error err;
    assert_int_equal(al_series_open(scratch_path("e.jsonl"), &plain, &series, &err), ALLOT_OK);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    int nfailed = 0;
    for (uint64_t step = 0; step <= 100; step += 10) {
        write_row(series, step);
        nfailed += al_series_flush(series, &err) != ALLOT_OK;
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_true(nfailed > 0);
    assert_non_null(strstr(err.text, "e.jsonl: cannot be written; it ends after its last whole"));
    al_buffer part = read_file("e.jsonl");
    assert_true(part.nbytes > 0 && part.nbytes <= whole.nbytes / 2 && part.at[part.nbytes - 1] == '\n');
    assert_memory_equal(part.at, whole.at, part.nbytes);
    al_buffer_fini(&part);
    assert_int_equal(al_series_close(series, &err), ALLOT_OK); /* there is room again: nothing is lost */
    part = read_file("e.jsonl");
    assert_int_equal(part.nbytes, whole.nbytes);
    al_buffer_fini(&part);
    al_buffer_fini(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_text),
        cmocka_unit_test(files_go_on),
        cmocka_unit_test(rows_beyond_are_cut_off),
        cmocka_unit_test(others_files_are_left_alone),
        cmocka_unit_test(full_disks_leave_whole_lines),
    };
    (void)signal(SIGXFSZ, SIG_IGN);
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
