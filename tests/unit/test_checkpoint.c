/* test_checkpoint.c - checkpoints come back to the last bit; any damage is found and told; and whatever
 * happens while one is written, there is one that is whole.
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
#include <sys/wait.h>
#include <unistd.h>
#include <xxhash.h>

#include <cmocka.h>

#include "md/checkpoint.h"
#include "md/file.h"

#include "support/scratch.h"

enum { ATOMS = 20 };

static char path[80], path_before[84], path_new[84];
static char options[] = "atoms 20\ncutoff 2.5\n";
static al_atom atoms[ATOMS];
/* 2x1x2 domains in a box of 3 x 4 x 5: a row in x, two in y, two in z */
static double kept[] = {0.5, -3, 1e300};
static const al_split split = {{48, 45, 40}, 1.05};
static double edges[] = {0, 1.1, 3, 0, 4, 0, 4, 0, 1.0 / 3, 5, 0, 4.5, 5};

/** What a run has at a step: numbers of all kinds, not-a-number too. */
static al_checkpoint make(uint64_t step)
{
    for (uint64_t k = 0; k < ATOMS; k++) {
        atoms[k].id = k;
        for (unsigned d = 0; d < 3; d++) {
            atoms[k].x[d] = sin((double)(step + 3 * k + d));
            atoms[k].v[d] = d == 1 ? -0.0 : 1.0 / 3 * ldexp(1, (int)k * 50 - 500);
        }
    }
    atoms[3].v[2] = NAN;
    return (al_checkpoint){.step = step,
                           .natoms = ATOMS,
                           .seed = UINT64_MAX - step,
                           .time = (double)step * 0.005,
                           .dt = 0.005,
                           .box = {{3, 0, 0}, {0.5, 4, 0}, {-0.25, 1, 5}},
                           .cut = {.nranks = 5, .grid = {2, 1, 2}, .edges = step == 300 ? NULL : edges},
                           .split = step == 300 ? (al_split){.cutoff = 0} : split,
                           .kept = step == 300 ? NULL : kept,
                           .nkept = step == 300 ? 0 : 3,
                           .options = options,
                           .atoms = atoms};
}

static void check_same(const al_checkpoint *back, uint64_t step)
{
    al_checkpoint expected = make(step);
    assert_int_equal(back->step, step);
    assert_int_equal(back->natoms, ATOMS);
    assert_int_equal(back->seed, expected.seed);
    assert_true(back->time == expected.time && back->dt == expected.dt);
    assert_memory_equal(back->box, expected.box, sizeof back->box);
    assert_string_equal(back->options, options);
    assert_int_equal(back->cut.nranks, 5);
    assert_int_equal(back->nkept, expected.nkept);
    if (expected.nkept > 0)
        assert_memory_equal(back->kept, kept, sizeof kept);
    assert_memory_equal(back->cut.grid, expected.cut.grid, sizeof back->cut.grid);
    assert_memory_equal(back->split.mesh, expected.split.mesh, sizeof back->split.mesh);
    assert_true(back->split.cutoff == expected.split.cutoff);
    assert_true((back->cut.edges == NULL) == (expected.cut.edges == NULL));
    if (expected.cut.edges != NULL)
        assert_memory_equal(back->cut.edges, edges, sizeof edges);
    assert_memory_equal(back->atoms, atoms, sizeof atoms);
}

static void write_at(uint64_t step)
{
    al_checkpoint checkpoint = make(step);
    allot_error err;
    if (al_checkpoint_write(path, &checkpoint, true, &err) != ALLOT_OK)
        fail_msg("%s", err.text);
}

/** @param warns  what the warning has in it; NULL: there is none */
static void read_at(uint64_t step, const char *warns)
{
    al_checkpoint back;
    allot_error warning, err;
    if (al_checkpoint_read(path, &back, &warning, &err) != ALLOT_OK)
        fail_msg("%s", err.text);
    check_same(&back, step);
    if (warns == NULL)
        assert_string_equal(warning.text, "");
    else if (strstr(warning.text, warns) == NULL)
        fail_msg("no \"%s\" in \"%s\"", warns, warning.text);
    al_checkpoint_fini(&back);
}

static void remove_all(void)
{
    (void)unlink(path);
    (void)unlink(path_before);
    (void)unlink(path_new);
}

static void write_bytes(const char *to, const void *bytes, size_t nbytes)
{
    FILE *file = fopen(to, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, nbytes, file), nbytes);
    assert_int_equal(fclose(file), 0);
}

static void to_the_last_bit(void **state)
{
    (void)state;
    remove_all();
    write_at(100);
    read_at(100, NULL);
    write_at(200);
    read_at(200, NULL);
    write_at(300);
    read_at(300, NULL);
    assert_int_equal(access(path_new, F_OK), -1);
    assert_int_equal(unlink(path), 0);
    read_at(200, "No such file or directory; going on from the one before it, ");
    al_checkpoint none = {.options = options};
    al_buffer bytes = {.at = NULL};
    assert_int_equal(al_checkpoint_encode(&none, &bytes, NULL), ALLOT_OK);
    al_checkpoint back;
    assert_int_equal(al_checkpoint_decode(bytes.at, bytes.nbytes, "x", &back, NULL), ALLOT_OK);
    assert_int_equal(back.natoms, 0);
    al_checkpoint_fini(&back);
    al_buffer_fini(&bytes);
}

/** Give it the sum that its bytes have. */
static void resign(char *bytes, size_t nbytes)
{
    XXH128_hash_t sum = XXH3_128bits(bytes, nbytes - 16);
    memcpy(bytes + nbytes - 16, &sum.low64, 8);
    memcpy(bytes + nbytes - 8, &sum.high64, 8);
}

static void check_bytes(const al_buffer *bytes, size_t at, const void *expected, size_t nbytes)
{
    const unsigned char *wanted = expected, *found = (const unsigned char *)bytes->at + at;
    for (size_t k = 0; k < nbytes; k++)
        if (found[k] != wanted[k])
            fail_msg("0x%02x at %zu, not 0x%02x", found[k], at + k, wanted[k]);
}

static al_atom one = {.x = {1, 2, 3}, .id = 0, .v = {-1, 0, 0.5}};
static char one_text[] = "a 1\n";
static const al_checkpoint of_one = {.step = 258,
                                     .natoms = 1,
                                     .seed = 7,
                                     .time = 1,
                                     .dt = 2,
                                     .options = one_text,
                                     .atoms = &one,
                                     .cut = {.nranks = 5, .grid = {2, 1, 2}, .edges = edges},
                                     .split = {{48, 45, 40}, 1.5},
                                     .box = {{3, 0, 0}, {0, 4, 0}, {0, 0, 5}}};

/** The bytes of docs/formats/checkpoint.md: a file written once can be read for ever. */
static void bytes_are_as_documented(void **state)
{
    (void)state;
    al_buffer bytes = {.at = NULL};
    assert_int_equal(al_checkpoint_encode(&of_one, &bytes, NULL), ALLOT_OK);
    assert_int_equal(bytes.nbytes, 192 + 8 + 13 * 8 + 48 + 16);
    static const unsigned char head[48] = {
        'a', 'l', 'l', 'o', 't', 'm', 'd', 0x1a, 3, 0, 0, 0, 48, 1, 0, 0, 2, 1, 0, 0, 0, 0, 0,    0,
        1,   0,   0,   0,   0,   0,   0,   0,    7, 0, 0, 0, 0,  0, 0, 0, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f};
    static const unsigned char cut[24] = {5, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 13};
    static const unsigned char of_split[24] = {48, 0, 0, 0, 45, 0, 0, 0, 40, 0, 0,    0,
                                               0,  0, 0, 0, 0,  0, 0, 0, 0,  0, 0xf8, 0x3f};
    static const unsigned char sum[16] = {0xff, 0x6c, 0xf1, 0x1e, 0xbe, 0xf7, 0xdd, 0xcf,
                                          0xe2, 0xce, 0x59, 0x46, 0x5a, 0xd9, 0xb9, 0x4c};
    check_bytes(&bytes, 0, head, sizeof head);
    check_bytes(&bytes, 144, cut, sizeof cut);
    check_bytes(&bytes, 168, of_split, sizeof of_split);
    check_bytes(&bytes, 192, "a 1\n\0\0\0\0", 8);
    check_bytes(&bytes, 200, edges, sizeof edges);
    check_bytes(&bytes, 304, one.x, 24);
    check_bytes(&bytes, 328, one.v, 24);
    check_bytes(&bytes, 352, sum, 16);
    al_buffer_fini(&bytes);
}

/** A file of version 2, with the sum that was written then: it says nothing of the split. */
static void version_2_is_read(void **state)
{
    (void)state;
    static const unsigned char sum[16] = {0xb4, 0x00, 0xa6, 0x5d, 0xf8, 0x0a, 0x11, 0xb8,
                                          0xfe, 0x9d, 0xee, 0x88, 0x33, 0xdc, 0xf4, 0xe7};
    al_buffer bytes = {.at = NULL};
    al_checkpoint back;
    assert_int_equal(al_checkpoint_encode(&of_one, &bytes, NULL), ALLOT_OK);
    memmove(bytes.at + 168, bytes.at + 192, bytes.nbytes - 192);
    bytes.nbytes -= 24;
    bytes.at[8] = 2;
    bytes.at[12] = 24;
    memcpy(bytes.at + bytes.nbytes - 16, sum, 16);
    assert_int_equal(al_checkpoint_decode(bytes.at, bytes.nbytes, "x", &back, NULL), ALLOT_OK);
    assert_true(back.split.cutoff == 0 && back.split.mesh[0] == 0 && back.cut.nranks == 5);
    assert_memory_equal(back.cut.edges, edges, sizeof edges);
    assert_memory_equal(back.atoms, &one, sizeof one);
    al_checkpoint_fini(&back);
    al_buffer_fini(&bytes);
}

/** A file of version 1, to the last byte, as it was written then: it says nothing of the cut. */
static void version_1_is_read(void **state)
{
    (void)state;
    static const unsigned char sum[16] = {0x9e, 0x9c, 0xcf, 0x90, 0x1c, 0xac, 0xb8, 0x8e,
                                          0x1a, 0x48, 0xce, 0x4a, 0x96, 0x1f, 0x99, 0x1e};
    unsigned char bytes[216] = {'a', 'l', 'l', 'o', 't', 'm', 'd', 0x1a, 1, 0, 0, 0, 152,
                                0,   0,   0,   2,   1,   0,   0,   0,    0, 0, 0, 1};
    const double numbers[] = {1, 2, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5};
    al_checkpoint back;
    bytes[32] = 7;
    memcpy(bytes + 40, numbers, sizeof numbers);
    bytes[136] = 4;
    memcpy(bytes + 144, one_text, 4);
    memcpy(bytes + 152, one.x, 24);
    memcpy(bytes + 176, one.v, 24);
    memcpy(bytes + 200, sum, 16);
    assert_int_equal(al_checkpoint_decode(bytes, sizeof bytes, "x", &back, NULL), ALLOT_OK);
    assert_true(back.step == 258 && back.natoms == 1 && back.seed == 7 && back.time == 1 && back.dt == 2);
    assert_true(back.cut.nranks == 0 && back.cut.edges == NULL);
    assert_string_equal(back.options, one_text);
    assert_memory_equal(back.atoms, &one, sizeof one);
    assert_memory_equal(back.box, of_one.box, sizeof back.box);
    al_checkpoint_fini(&back);
}

/** Whoever can make sums can say anything of the cut and the split: it is refused, or it is one. */
static void cuts_that_cannot_be(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        double value;
        const char *why;
    } wrong[] = {{200, 0.1, "do not rise"},      {208, 0, "do not rise"},       {208, 3, "do not rise"},
                 {208, NAN, "do not rise"},      {216, 3.5, "do not rise"},     {280, -1, "do not rise"},
                 {288, HUGE_VAL, "do not rise"}, {296, 5.5, "do not rise"},     {184, NAN, "is damaged"},
                 {184, -1.5, "is damaged"},      {184, HUGE_VAL, "is damaged"}, {184, 0, "is damaged"}};
    static const struct {
        size_t at;
        uint32_t value;
    } counts[] = {{144, 0},  {144, 1000001},    {148, 0},  {148, 3},  {148, UINT32_MAX}, {152, 2},
                  {156, 1},  {156, 1u << 30},   {160, 12}, {160, 14}, {160, 0},          {164, 1},
                  {136, 12}, {136, UINT32_MAX}, {168, 0},  {172, 0},  {172, 1000001},    {176, UINT32_MAX}};
    al_buffer bytes = {.at = NULL};
    allot_error err;
    al_checkpoint back;
    assert_int_equal(al_checkpoint_encode(&of_one, &bytes, NULL), ALLOT_OK);
    char *broken = malloc(bytes.nbytes);
    assert_non_null(broken);
    for (size_t k = 0; k < sizeof wrong / sizeof wrong[0]; k++) {
        memcpy(broken, bytes.at, bytes.nbytes);
        memcpy(broken + wrong[k].at, &wrong[k].value, sizeof(double));
        resign(broken, bytes.nbytes);
        assert_int_equal(al_checkpoint_decode(broken, bytes.nbytes, "x", &back, &err), ALLOT_EFORMAT);
        if (strstr(err.text, wrong[k].why) == NULL)
            fail_msg("%zu: \"%s\"", k, err.text);
    }
    for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++) {
        memcpy(broken, bytes.at, bytes.nbytes);
        memcpy(broken + counts[k].at, &counts[k].value, sizeof(uint32_t));
        resign(broken, bytes.nbytes);
        if (al_checkpoint_decode(broken, bytes.nbytes, "x", &back, &err) != ALLOT_EFORMAT)
            fail_msg("%zu: it was taken", k);
    }
    free(broken);
    al_buffer_fini(&bytes);
}

/** Every bit turned, every end cut off, and bytes too many. */
static void damage_is_found(void **state)
{
    (void)state;
    al_checkpoint checkpoint = make(100), back;
    al_buffer bytes = {.at = NULL};
    allot_error err;
    assert_int_equal(al_checkpoint_encode(&checkpoint, &bytes, NULL), ALLOT_OK);
    for (size_t k = 0; k < 8 * bytes.nbytes; k++) {
        bytes.at[k / 8] ^= (char)(1 << k % 8);
        assert_int_not_equal(al_checkpoint_decode(bytes.at, bytes.nbytes, "x", &back, &err), ALLOT_OK);
        bytes.at[k / 8] ^= (char)(1 << k % 8);
    }
    for (size_t n = 0; n < bytes.nbytes; n++) {
        char *part = malloc(n + 1);
        assert_non_null(part);
        memcpy(part, bytes.at, n);
        assert_int_equal(al_checkpoint_decode(part, n, "x", &back, &err), ALLOT_EFORMAT);
        assert_non_null(strstr(err.text, n < 8 ? "is no checkpoint" : "was cut off"));
        free(part);
    }
    (void)al_buffer_byte(&bytes, 0);
    assert_int_equal(al_checkpoint_decode(bytes.at, bytes.nbytes, "x", &back, &err), ALLOT_EFORMAT);
    assert_non_null(strstr(err.text, "x: is damaged: it has "));
    bytes.at[8] = 9;
    assert_int_equal(al_checkpoint_decode(bytes.at, bytes.nbytes - 1, "x", &back, &err), ALLOT_EUNSUPPORTED);
    assert_non_null(strstr(err.text, "version 9, and this allot reads versions 1 to 3"));
    al_buffer_fini(&bytes);
}

static void the_older_one_helps_out(void **state)
{
    (void)state;
    remove_all();
    write_at(100);
    write_at(200);
    al_buffer bytes = {.at = NULL};
    assert_int_equal(al_file_read(path, &bytes, NULL), ALLOT_OK);
    bytes.at[300] ^= 1;
    write_bytes(path, bytes.at, bytes.nbytes);
    read_at(100, "is damaged: its sum is wrong; going on from the one before it, ");
    write_bytes(path, bytes.at, 500);
    read_at(100, "was cut off: it has 500 bytes");
    write_bytes(path, "", 0);
    read_at(100, "is no checkpoint of allot md");
    al_checkpoint back;
    allot_error warning, err;
    al_checkpoint next = make(300); /* replaces the damaged one; the whole one stays */
    assert_int_equal(al_checkpoint_write(path, &next, false, &err), ALLOT_OK);
    read_at(300, NULL);
    assert_int_equal(unlink(path), 0);
    read_at(100, "going on from the one before it");
    write_bytes(path, bytes.at, bytes.nbytes);
    write_bytes(path_before, bytes.at, 500);
    assert_int_equal(al_checkpoint_read(path, &back, &warning, &err), ALLOT_EFORMAT);
    assert_non_null(strstr(err.text, "its sum is wrong; and "));
    assert_non_null(strstr(err.text, ".1: was cut off"));
    (void)unlink(path_before);
    assert_int_equal(al_checkpoint_read(path, &back, &warning, &err), ALLOT_EFORMAT);
    assert_null(strstr(err.text, "; and "));
    (void)unlink(path);
    assert_int_equal(al_checkpoint_read(path, &back, &warning, &err), ALLOT_ENOTFOUND);
    al_buffer_fini(&bytes);
}

/** A limit on file size acts as a full disk does. */
static void full_disks_leave_both(void **state)
{
    (void)state;
    remove_all();
    write_at(100);
    write_at(200);
    struct rlimit before, limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 600;
    al_checkpoint checkpoint = make(300);
    allot_error err;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(al_checkpoint_write(path, &checkpoint, true, &err), ALLOT_EIO);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_non_null(strstr(err.text, "cannot be written; what was there is as before: File too large"));
    assert_int_equal(access(path_new, F_OK), -1);
    read_at(200, NULL);
    assert_int_equal(rename(path_before, path), 0);
    read_at(100, NULL);
    assert_int_equal(al_checkpoint_write("/nowhere/x", &checkpoint, true, &err), ALLOT_EIO);
}

/** Where the one before has no place, the newest stays. */
static void no_place_for_the_one_before(void **state)
{
    (void)state;
    remove_all();
    write_at(100);
    assert_int_equal(mkdir(path_before, 0700), 0);
    al_checkpoint checkpoint = make(200);
    allot_error err;
    assert_int_equal(al_checkpoint_write(path, &checkpoint, true, &err), ALLOT_EIO);
    assert_int_equal(access(path_new, F_OK), -1);
    read_at(100, NULL);
    assert_int_equal(rmdir(path_before), 0);
}

/** Killed at any moment, what was reported is there, or what came after it. */
static void killed_while_writing(void **state)
{
    (void)state;
    remove_all();
    uint64_t step = 1;
    write_at(step);
    for (int round = 0; round < 12; round++) {
        int pipe_fd[2];
        assert_int_equal(pipe(pipe_fd), 0);
        pid_t child = fork();
        if (child == 0) {
            for (uint64_t k = step + 1;; k++) {
                al_checkpoint checkpoint = make(k);
                if (al_checkpoint_write(path, &checkpoint, true, NULL) != ALLOT_OK ||
                    write(pipe_fd[1], &k, sizeof k) != sizeof k)
                    _exit(1);
            }
        }
        close(pipe_fd[1]);
        (void)usleep((useconds_t)(lrand48() % 60000));
        (void)kill(child, SIGKILL);
        (void)waitpid(child, NULL, 0);
        for (uint64_t k; read(pipe_fd[0], &k, sizeof k) == sizeof k;)
            step = k;
        close(pipe_fd[0]);
        al_checkpoint back;
        allot_error warning, err;
        if (al_checkpoint_read(path, &back, &warning, &err) != ALLOT_OK)
            fail_msg("%s", err.text);
        assert_true(back.step == step || back.step == step + 1);
        check_same(&back, back.step);
        step = back.step;
        al_checkpoint_fini(&back);
    }
}

static void atoms_are_put_in_order(void **state)
{
    (void)state;
    enum { N = 1000 };
    static al_atom mixed[N];
    allot_error err;
    for (uint64_t k = 0; k < N; k++)
        mixed[k] = (al_atom){.x = {(double)k, 0, 0}, .id = k};
    for (uint64_t k = N - 1; k > 0; k--) {
        uint64_t other = (uint64_t)lrand48() % (k + 1);
        al_atom there = mixed[k];
        mixed[k] = mixed[other];
        mixed[other] = there;
    }
    assert_int_equal(al_atoms_order(mixed, N, &err), ALLOT_OK);
    for (uint64_t k = 0; k < N; k++)
        assert_true(mixed[k].id == k && mixed[k].x[0] == (double)k);
    mixed[17].id = 400;
    assert_int_equal(al_atoms_order(mixed, N, &err), ALLOT_ERANGE);
    assert_string_equal(err.text, "atom 400 of 1000 is there twice, and another is lost");
    mixed[17].id = N;
    assert_int_equal(al_atoms_order(mixed, N, &err), ALLOT_ERANGE);
    assert_string_equal(err.text, "there is an atom 1000 of 1000");
    al_checkpoint checkpoint = {.natoms = N, .atoms = mixed, .options = options};
    al_buffer bytes = {.at = NULL};
    assert_int_equal(al_checkpoint_encode(&checkpoint, &bytes, &err), ALLOT_EINVAL);
    al_buffer_fini(&bytes);
}

static void options_are_compared(void **state)
{
    (void)state;
    al_checkpoint checkpoint = make(1);
    allot_error err;
    assert_int_equal(al_checkpoint_compare(&checkpoint, "atoms 20\ncutoff 2.5\n", "x", &err), ALLOT_OK);
    assert_int_equal(al_checkpoint_compare(&checkpoint, "atoms 20\ncutoff 2.55\n", "x", &err), ALLOT_EINVAL);
    assert_string_equal(err.text,
                        "x: was made with \"cutoff 2.5\", and now it is \"cutoff 2.55\": say the same, or "
                        "start anew");
    assert_int_equal(al_checkpoint_compare(&checkpoint, "atoms 20\n", "x", &err), ALLOT_EINVAL);
    assert_int_equal(al_checkpoint_compare(&checkpoint, "atoms 20\ncutoff 2.5\nz\n", "x", &err),
                     ALLOT_EINVAL);
}

static int name_files(void **state)
{
    if (scratch_make(state) != 0)
        return -1;
    (void)snprintf(path, sizeof path, "%s/run.ckpt", scratch);
    (void)snprintf(path_before, sizeof path_before, "%s.1", path);
    (void)snprintf(path_new, sizeof path_new, "%s.new", path);
    return 0;
}

int main(void)
{
    (void)signal(SIGXFSZ, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(to_the_last_bit),
        cmocka_unit_test(bytes_are_as_documented),
        cmocka_unit_test(version_1_is_read),
        cmocka_unit_test(version_2_is_read),
        cmocka_unit_test(cuts_that_cannot_be),
        cmocka_unit_test(damage_is_found),
        cmocka_unit_test(the_older_one_helps_out),
        cmocka_unit_test(full_disks_leave_both),
        cmocka_unit_test(no_place_for_the_one_before),
        cmocka_unit_test(killed_while_writing),
        cmocka_unit_test(atoms_are_put_in_order),
        cmocka_unit_test(options_are_compared),
    };
    return cmocka_run_group_tests(tests, name_files, scratch_remove);
}
