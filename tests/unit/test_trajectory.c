/* test_trajectory.c - .xtc and .trr: what is written says the same when read, files go on where a checkpoint
 * was, and full disks leave whole frames. That other programs read them is test_md_oracle's.
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
#include "md/trajectory.h"

#include "support/scratch.h"
#include "support/xtc_reader.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static al_frame make_frame(uint64_t step, uint64_t natoms, const double *x)
{
    return (al_frame){.step = step,
                      .time = (double)step * 0.5,
                      .natoms = natoms,
                      .box = {{3, 0, 0}, {0.5, 4, 0}, {0.25, -1, 5}},
                      .x = {x, 3}};
}

/** Encode one frame and look at its beginning, which tells its length, and at no shorter one. */
static al_buffer encode(const al_trajectory_format *format, const al_trajectory_opts *opts,
                        const al_frame *frame)
{
    al_buffer out = {.at = NULL};
    allot_error err;
    al_frame_head head;
    if (format->encode(opts, frame, &out, &err) != ALLOT_OK)
        fail_msg("%s", err.text);
    size_t n = out.nbytes < AL_FRAME_HEAD_NBYTES ? out.nbytes : AL_FRAME_HEAD_NBYTES;
    assert_true(format->head((const uint8_t *)out.at, n, &head));
    assert_int_equal(head.nbytes, out.nbytes);
    assert_int_equal(head.natoms, frame->natoms);
    assert_int_equal(head.step, (uint32_t)frame->step);
    assert_true(head.time == (opts->is_double ? frame->time : (double)(float)frame->time));
    for (size_t few = 0; few < 40; few++)
        assert_false(format->head((const uint8_t *)out.at, few, &head) || head.nbytes <= few);
    return out;
}

/* ---- xtc ----------------------------------------------------------------------------------------------- */

static void check_xtc(uint64_t natoms, const double *x, double precision)
{
    const al_trajectory_opts opts = {.precision = precision};
    al_frame frame = make_frame(7, natoms, x);
    al_buffer out = encode(&al_trajectory_xtc, &opts, &frame);
    const uint8_t *bytes = (const uint8_t *)out.at;
    assert_int_equal(out.nbytes % 4, 0);
    for (unsigned k = 0; k < 9; k++)
        assert_true(al_xdr_f32(bytes + 16 + 4 * k) == (double)(float)frame.box[k / 3][k % 3]);
    int64_t *back = malloc((3 * natoms + 1) * sizeof *back);
    assert_non_null(back);
    if (natoms <= 9)
        for (uint64_t k = 0; k < 3 * natoms; k++)
            assert_true(al_xdr_f32(bytes + 56 + 4 * k) == (double)(float)x[k]);
    else {
        assert_int_equal(xtc_read_packed(bytes + 56, natoms, back), out.nbytes - 56);
        for (uint64_t k = 0; k < 3 * natoms; k++)
            assert_true(back[k] == llround(x[k] * precision));
    }
    free(back);
    al_buffer_fini(&out);
}

/** Boxes from a point to the widest, neighbours from one place to anywhere. */
static void xtc_of_all_shapes(void **state)
{
    (void)state;
    static const uint64_t counts[] = {1, 2, 9, 10, 11, 12, 13, 100, 777};
    static double x[3 * 777];
    for (size_t c = 0; c < COUNT(counts); c++)
        for (int wide = 0; wide < 27; wide++)
            for (int near = 0; near <= wide; near += 2) {
                for (uint64_t k = 0; k < 3 * counts[c]; k++) {
                    bool is_first = k < 3 || drand48() < 0.2;
                    double middle = is_first ? (drand48() - 0.5) * ldexp(1, wide) : x[k - 3];
                    x[k] = middle + (drand48() - 0.5) * ldexp(1, near) * !is_first;
                }
                check_xtc(counts[c], x, drand48() < 0.5 ? 1 : 4);
            }
}

/** Each of the format's sizes is used: pairs as far apart as it has room for. */
static void xtc_of_all_sizes(void **state)
{
    (void)state;
    enum { N = 400 };
    static double x[3 * N];
    for (int size = 9; size < 73; size++) {
        double most = xtc_size(size) / 2 - 1;
        for (int k = 0; k < N; k++)
            for (int d = 0; d < 3; d++)
                x[3 * k + d] = k % 2 == 0 ? round((drand48() - 0.5) * 1e9)
                                          : x[3 * k - 3 + d] + (drand48() < 0.5 ? -most : most);
        check_xtc(N, x, 1);
        const al_trajectory_opts opts = {.precision = 1};
        al_frame frame = make_frame(7, N, x);
        al_buffer out = encode(&al_trajectory_xtc, &opts, &frame);
        assert_int_equal(al_xdr_u32((const uint8_t *)out.at + 84), size);
        al_buffer_fini(&out);
    }
}

static void xtc_has_no_room(void **state)
{
    (void)state;
    static const double bad[] = {NAN, INFINITY, -INFINITY, 3e6, -3e6};
    double x[33] = {0};
    const al_trajectory_opts opts = {.precision = 1000};
    al_buffer out = {.at = NULL};
    allot_error err;
    for (size_t k = 0; k < COUNT(bad); k++) {
        x[16] = bad[k];
        al_frame frame = make_frame(7, 11, x);
        assert_int_equal(al_trajectory_xtc.encode(&opts, &frame, &out, &err), ALLOT_ERANGE);
        assert_non_null(strstr(err.text, "y of atom 5 is "));
        assert_int_equal(out.nbytes, 0);
    }
    x[16] = 2e6;
    x[19] = -2e6;
    al_frame frame = make_frame(7, 11, x);
    assert_int_equal(al_trajectory_xtc.encode(&opts, &frame, &out, &err), ALLOT_ERANGE);
    assert_non_null(strstr(err.text, "too far from each other at step 7"));
    frame.natoms = 300000000;
    assert_int_equal(al_trajectory_xtc.encode(&opts, &frame, &out, &err), ALLOT_ERANGE);
    al_buffer_fini(&out);
}

/* ---- trr ----------------------------------------------------------------------------------------------- */

static double trr_real(const uint8_t *bytes, size_t n, bool is_double)
{
    return is_double ? al_xdr_f64(bytes + 8 * n) : al_xdr_f32(bytes + 4 * n);
}

static void trr_in_both_precisions(void **state)
{
    (void)state;
    enum { N = 50 };
    static double x[7 * N], f[3 * N];
    for (size_t k = 0; k < COUNT(x); k++)
        x[k] = drand48() - 0.5;
    for (size_t k = 0; k < COUNT(f); k++)
        f[k] = drand48() * 1e4;
    for (unsigned parts = 1; parts < 8; parts++)
        for (int is_double = 0; is_double < 2; is_double++) {
            const al_trajectory_opts opts = {.is_double = is_double != 0};
            al_frame frame = make_frame(70000, N, NULL);
            frame.x = (al_vectors){parts & 1 ? x : NULL, 7};
            frame.v = (al_vectors){parts & 2 ? x + 4 : NULL, 7};
            frame.f = (al_vectors){parts & 4 ? f : NULL, 3};
            al_buffer out = encode(&al_trajectory_trr, &opts, &frame);
            const uint8_t *at = (const uint8_t *)out.at + 76;
            assert_true(trr_real(at, 0, is_double) == 35000);
            for (unsigned k = 0; k < 9; k++)
                assert_true(trr_real(at, 2 + k, is_double) == frame.box[k / 3][k % 3]);
            size_t n = 11;
            const al_vectors *all[] = {&frame.x, &frame.v, &frame.f};
            for (unsigned p = 0; p < 3; p++)
                for (unsigned k = 0; all[p]->at != NULL && k < 3 * N; k++, n++) {
                    double value = all[p]->at[k / 3 * all[p]->stride + k % 3];
                    assert_true(trr_real(at, n, is_double) == (is_double ? value : (double)(float)value));
                }
            assert_int_equal(out.nbytes, 76 + n * (is_double ? 8 : 4));
            al_buffer_fini(&out);
        }
}

/* ---- files --------------------------------------------------------------------------------------------- */

enum { ATOMS = 40, BETWEEN = 10 };

static double places[3 * ATOMS];

/** Write the frames of steps [first, last], every BETWEEN. */
static void write_frames(const char *name, const al_trajectory_opts *opts, uint64_t first, uint64_t last)
{
    al_trajectory *trajectory;
    allot_error err;
    if (al_trajectory_open(scratch_path(name), opts, &trajectory, &err) != ALLOT_OK)
        fail_msg("%s", err.text);
    for (uint64_t step = first; step <= last; step += BETWEEN) {
        for (size_t k = 0; k < COUNT(places); k++)
            places[k] = (double)((step * 7 + k * k) % 97) / 13;
        al_frame frame = make_frame(step, ATOMS, places);
        assert_int_equal(al_trajectory_frame(trajectory, &frame, &err), ALLOT_OK);
    }
    assert_int_equal(al_trajectory_close(trajectory, &err), ALLOT_OK);
}

static al_buffer read_file(const char *name)
{
    al_buffer bytes = {.at = NULL};
    assert_int_equal(al_file_read(scratch_path(name), &bytes, NULL), ALLOT_OK);
    return bytes;
}

static void write_file(const char *name, const void *bytes, size_t nbytes)
{
    FILE *file = fopen(scratch_path(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, nbytes, file), nbytes);
    assert_int_equal(fclose(file), 0);
}

/** The file as it is after a run that stopped at any byte is, gone on with, the same as without a stop. */
static void files_go_on(void **state)
{
    (void)state;
    static const char *const names[] = {"a.xtc", "a.trr"};
    for (size_t n = 0; n < COUNT(names); n++) {
        al_trajectory_opts opts = {.precision = 1000, .natoms = ATOMS, .dt = 0.5};
        write_frames(names[n], &opts, 0, 100);
        al_buffer whole = read_file(names[n]);
        size_t nframe = whole.nbytes / 11; /* about */
        for (size_t nbytes = 0; nbytes <= whole.nbytes; nbytes += nbytes < 2 * nframe ? 7 : 131) {
            write_file(names[n], whole.at, nbytes);
            opts.goes_on = true;
            opts.last_step = nbytes / nframe > 3 ? 10 * (nbytes / nframe - 3) : 0;
            write_frames(names[n], &opts, 0, 100); /* what is there is not written twice */
            al_buffer again = read_file(names[n]);
            assert_int_equal(again.nbytes, whole.nbytes);
            assert_memory_equal(again.at, whole.at, whole.nbytes);
            al_buffer_fini(&again);
        }
        /* zeros where the end was, as power failures leave them */
        write_file(names[n], whole.at, whole.nbytes);
        char *path = strdup(scratch_path(names[n]));
        assert_int_equal(truncate(path, (off_t)whole.nbytes + 10000), 0);
        opts.last_step = 100;
        write_frames(names[n], &opts, 0, 100);
        al_buffer again = read_file(names[n]);
        assert_int_equal(again.nbytes, whole.nbytes);
        al_buffer_fini(&again);
        free(path);
        al_buffer_fini(&whole);
    }
}

/** Steps beyond what the file has bits for. */
static void steps_turn_over(void **state)
{
    (void)state;
    static const char *const names[] = {"t.xtc", "t.trr"};
    static const uint64_t firsts[] = {4294967286u - 30, 2 * 4294967296u + 6, 5000000000};
    for (size_t n = 0; n < COUNT(names); n++)
        for (size_t k = 0; k < COUNT(firsts); k++) {
            al_trajectory_opts opts = {.precision = 1000, .natoms = ATOMS, .dt = 0.5};
            write_frames(names[n], &opts, firsts[k], firsts[k] + 80);
            al_buffer whole = read_file(names[n]);
            write_frames(names[n], &opts, firsts[k], firsts[k] + 120);
            opts.goes_on = true;
            opts.last_step = firsts[k] + 85;
            write_frames(names[n], &opts, firsts[k] + 80, firsts[k] + 80);
            al_buffer again = read_file(names[n]);
            assert_int_equal(again.nbytes, whole.nbytes);
            assert_memory_equal(again.at, whole.at, whole.nbytes);
            al_buffer_fini(&whole);
            al_buffer_fini(&again);
        }
}

static void others_files_are_left_alone(void **state)
{
    (void)state;
    al_trajectory_opts opts = {.precision = 1000, .natoms = ATOMS};
    al_trajectory *trajectory;
    allot_error err;
    write_frames("b.xtc", &opts, 0, 20);
    opts.goes_on = true;
    opts.last_step = 1000;
    opts.natoms = ATOMS + 1;
    assert_int_equal(al_trajectory_open(scratch_path("b.xtc"), &opts, &trajectory, &err), ALLOT_EFORMAT);
    assert_non_null(strstr(err.text, "frames of 40 atoms, and there are 41 now"));
    opts.natoms = ATOMS;
    al_buffer whole = read_file("b.xtc");
    size_t nbytes = whole.nbytes;
    for (int k = 0; k < 200; k++)
        (void)al_buffer_byte(&whole, 'x');
    write_file("b.xtc", whole.at, whole.nbytes);
    assert_int_equal(al_trajectory_open(scratch_path("b.xtc"), &opts, &trajectory, &err), ALLOT_EFORMAT);
    char says[64];
    (void)snprintf(says, sizeof says, "begins at byte %zu;", nbytes);
    assert_non_null(strstr(err.text, says));
    al_buffer again = read_file("b.xtc");
    assert_int_equal(again.nbytes, whole.nbytes); /* untouched */
    al_buffer_fini(&again);
    al_buffer_fini(&whole);
    assert_int_equal(al_trajectory_open(scratch_path("b.dcd"), &opts, &trajectory, &err), ALLOT_EINVAL);
    assert_non_null(strstr(err.text, "b.dcd: trajectories are .xtc (positions) or .trr"));
    assert_int_equal(al_trajectory_open("/nowhere/b.trr", &opts, &trajectory, &err), ALLOT_EIO);
}

/** A limit on file size acts as a full disk does: whole frames stay, and the same frames can be tried again.
 */
static void full_disks_leave_whole_frames(void **state)
{
    (void)state;
    al_trajectory_opts opts = {.precision = 1000, .natoms = ATOMS};
    write_frames("c.trr", &opts, 0, 100);
    al_buffer whole = read_file("c.trr");
    struct rlimit before, limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = whole.nbytes / 2;
    al_trajectory *trajectory;
    allot_error err;
    assert_int_equal(al_trajectory_open(scratch_path("c.trr"), &opts, &trajectory, &err), ALLOT_OK);
    uint64_t nwritten = 0;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    for (uint64_t step = 0; step <= 100; step += BETWEEN) {
        for (size_t k = 0; k < COUNT(places); k++)
            places[k] = (double)((step * 7 + k * k) % 97) / 13;
        al_frame frame = make_frame(step, ATOMS, places);
        assert_int_equal(al_trajectory_frame(trajectory, &frame, &err), ALLOT_OK);
        if (al_trajectory_sync(trajectory, &err) == ALLOT_OK)
            nwritten++;
        else
            assert_non_null(strstr(err.text, "c.trr: cannot be written; it ends after its last whole frame"));
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    al_buffer part = read_file("c.trr");
    assert_int_equal(nwritten, 5);
    assert_int_equal(part.nbytes, whole.nbytes / 11 * 5);
    al_buffer_fini(&part);
    assert_int_equal(al_trajectory_close(trajectory, &err), ALLOT_OK);
    part = read_file("c.trr");
    assert_int_equal(part.nbytes, whole.nbytes);
    assert_memory_equal(part.at, whole.at, whole.nbytes);
    al_buffer_fini(&part);
    al_buffer_fini(&whole);
}

int main(void)
{
    (void)signal(SIGXFSZ, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(xtc_of_all_shapes),
        cmocka_unit_test(xtc_of_all_sizes),
        cmocka_unit_test(xtc_has_no_room),
        cmocka_unit_test(trr_in_both_precisions),
        cmocka_unit_test(files_go_on),
        cmocka_unit_test(steps_turn_over),
        cmocka_unit_test(others_files_are_left_alone),
        cmocka_unit_test(full_disks_leave_whole_frames),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
