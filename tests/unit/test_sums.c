/* test_sums.c - sums of files: each found once, and again when the file is another one; by a thread ahead of
 * need, and by who needs it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/file_transfer.h"
#include "farm/sums.h"

static char folder[] = "/tmp/test-sums-XXXXXX";

static int make_folder(void **state)
{
    *state = NULL;
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    al_folder_remove(folder);
    return 0;
}

/** A file with so many bytes of some number. @return its path, until the next call */
static const char *file_of(int number, size_t nbytes)
{
    static char path[PATH_MAX];
    char *bytes = malloc(nbytes);
    (void)snprintf(path, sizeof path, "%s/%d", folder, number);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    memset(bytes, number, nbytes);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, nbytes), nbytes);
    (void)close(fd);
    free(bytes);
    return path;
}

static al_sum true_sum(const char *path)
{
    al_sum sum;
    int fd = open(path, O_RDONLY);
    assert_int_equal(al_file_sum(fd, NULL, &sum), 0);
    (void)close(fd);
    return sum;
}

/** What the table says of a file as it is now. */
static al_sum found_sum(al_sums *sums, const char *path)
{
    struct stat st;
    al_sum sum = {0, 0};
    allot_error err;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(al_sums_find(sums, path, &st, &sum, &err), ALLOT_OK);
    return sum;
}

static void same(al_sum a, al_sum b)
{
    assert_true(a.low == b.low && a.high == b.high);
}

/** Many files, more than the table begins with; then one that changed, one that is gone. */
static void test_many(void **state)
{
    (void)state;
    enum { COUNT = 300 };
    al_sums *sums = al_sums_create();
    struct stat st;
    al_sum sum;
    allot_error err;
    for (int round = 0; round < 2; round++)
        for (int k = 0; k < COUNT; k++) {
            const char *path = round == 0 ? file_of(k, (size_t)k) : NULL;
            char again[PATH_MAX];
            (void)snprintf(again, sizeof again, "%s/%d", folder, k);
            path = path != NULL ? path : again;
            same(found_sum(sums, path), true_sum(path));
        }
    const char *path = file_of(7, 1000);
    same(found_sum(sums, path), true_sum(path));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(unlink(path), 0);
    st.st_size = 999; /* as if it had been another one when it was looked at */
    assert_int_equal(al_sums_find(sums, path, &st, &sum, &err), ALLOT_EIO);
    assert_non_null(strstr(err.text, path));
    al_sums_destroy(sums);
}

/** It is not read again while it is the same: nobody would notice what is behind its back. */
static void test_once(void **state)
{
    (void)state;
    al_sums *sums = al_sums_create();
    struct stat st;
    al_sum first, second = {0, 0};
    allot_error err;
    const char *path = file_of(1, 5000);
    assert_int_equal(stat(path, &st), 0);
    first = found_sum(sums, path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(al_sums_find(sums, path, &st, &second, &err), ALLOT_OK);
    same(first, second);
    al_sums_destroy(sums);
}

static void test_ahead(void **state)
{
    (void)state;
    for (int k = 0; k < 20; k++) {
        al_sums *sums = al_sums_create();
        al_buffer paths = {.at = NULL};
        const char *missing = "/nowhere/at all", *path = file_of(2, 6000000);
        (void)al_buffer_append(&paths, folder, strlen(folder) + 1); /* a folder is nobody's sum */
        (void)al_buffer_append(&paths, missing, strlen(missing) + 1);
        (void)al_buffer_append(&paths, path, strlen(path) + 1);
        al_sums_begin(sums, (al_bytes){paths.at, paths.nbytes});
        al_buffer_fini(&paths);
        if (k % 4 == 1)
            al_sums_stop(sums);
        if (k % 4 == 2)
            (void)usleep(500);
        if (k % 4 != 3) /* ended in the middle */
            same(found_sum(sums, path), true_sum(path));
        al_sums_destroy(sums);
    }
    al_sums_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_many), cmocka_unit_test(test_once),
                                       cmocka_unit_test(test_ahead)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
