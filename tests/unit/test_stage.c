/* test_stage.c - files from an engine that is not to be trusted: whatever it names, nothing is written but
 * what the task declared; what is not whole or not what its sum says gets no name.
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
#include <sys/stat.h>
#include <unistd.h>

#include "engine/file_transfer.h"
#include "farm/stage.h"
#include "plan/prefetch.h"

static char folder[] = "/tmp/test-stage-XXXXXX";
static char outside[PATH_MAX];

static al_bytes text(const char *at)
{
    return (al_bytes){at, strlen(at)};
}

static int make_folders(void **state)
{
    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(outside, sizeof outside, "%s/outside", folder);
    *state = NULL;
    return mkdir(outside, 0700);
}

static int remove_folders(void **state)
{
    (void)state;
    al_folder_remove(folder);
    return 0;
}

static bool is_there(const char *name)
{
    char path[PATH_MAX];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return lstat(path, &st) == 0;
}

/** Receive a file of the first declared name. said: what its sum is said to be; NULL: what it is */
static allot_err receive_held(al_stage *stage, const char *made, const char *below, const char *content,
                              size_t told, const al_sum *said, al_held *held)
{
    allot_error err;
    al_bytes names = {made, strlen(made) + 1};
    al_file_head head = {
        .task = 1, .type = AL_FILE_REGULAR, .mode = 0600, .nbytes = told, .path = text(below)};
    allot_err code = al_stage_file(stage, &head, names, held, &err);
    if (code != ALLOT_OK)
        return code;
    al_file_data data = {.nbytes = (uint32_t)strlen(content), .bytes = text(content)};
    assert_int_equal(al_stage_data(stage, &data, &err), ALLOT_OK);
    char path[] = "/tmp/test-stage-sum-XXXXXX";
    int fd = mkstemp(path);
    al_file_tail tail = {.fault = text("")};
    assert_int_equal(write(fd, content, strlen(content)), strlen(content));
    assert_int_equal(al_file_sum(fd, NULL, &tail.sum), 0);
    (void)close(fd);
    (void)unlink(path);
    if (said != NULL)
        tail.sum = *said;
    return al_stage_file_end(stage, &tail, &err);
}

static allot_err receive(al_stage *stage, const char *made, const char *below, const char *content,
                         size_t told, const al_sum *said)
{
    return receive_held(stage, made, below, content, told, said, NULL);
}

/** Whether what a shell says of our folder is so. */
static bool is_so(const char *test)
{
    char command[PATH_MAX + 200];
    (void)snprintf(command, sizeof command, "cd %s && %s", folder, test);
    return system(command) == 0;
}

/** A task runs on two engines: what either makes has no name until one is the one. */
static void test_held(void **state)
{
    (void)state;
    allot_error err;
    al_stage *one = al_stage_create(folder, NULL), *two = al_stage_create(folder, NULL);
    al_held first = {.files = NULL}, second = {.files = NULL};
    const al_sum wrong = {1, 2};
    assert_int_equal(receive_held(one, "result", "", "first", 5, NULL, &first), ALLOT_OK);
    assert_int_equal(receive_held(two, "result", "", "second", 6, NULL, &second), ALLOT_OK);
    assert_int_equal(receive_held(two, "folder", "in/it", "second", 6, NULL, &second), ALLOT_OK);
    assert_int_equal(receive_held(one, "folder", "in/it", "first", 5, NULL, &first), ALLOT_OK);
    assert_int_equal(receive_held(two, "broken", "", "second", 6, &wrong, &second), ALLOT_EIO);
    al_file_head link = {.type = AL_FILE_LINK, .path = text("in/link"), .target = text("it")};
    assert_int_equal(al_stage_file(two, &link, (al_bytes){"folder", 7}, &second, &err), ALLOT_OK);
    assert_false(is_there("result") || is_there("folder/in/it") || is_there("folder/in/link"));
    assert_int_equal(al_held_name(&second, folder, &err), ALLOT_OK);
    al_held_drop(&first, folder);
    assert_true(is_so("test $(cat result folder/in/it folder/in/link) = secondsecondsecond"));
    assert_true(is_so("test -L folder/in/link && ! test -e broken && ! ls -AR | grep -q part"));
    /* One that has not come to its end, and a link that leads out. */
    al_file_head head = {.type = AL_FILE_REGULAR, .nbytes = 5, .path = text("")};
    assert_int_equal(al_stage_file(one, &head, (al_bytes){"half", 5}, &first, &err), ALLOT_OK);
    assert_int_equal(al_held_name(&first, folder, &err), ALLOT_OK);
    link.target = text("../../outside");
    assert_int_equal(al_stage_file(two, &link, (al_bytes){"folder", 7}, &second, &err), ALLOT_OK);
    assert_int_equal(receive_held(two, "late", "", "second", 6, NULL, &second), ALLOT_OK);
    assert_int_equal(al_held_name(&second, folder, &err), ALLOT_EIO);
    assert_true(is_so("test $(readlink folder/in/link) = it && ! test -e half && ! test -e late"));
    al_stage_destroy(one);
    al_stage_destroy(two);
    assert_true(is_so("! ls -AR | grep -q part"));
    al_held_fini(&first);
    al_held_fini(&second);
}

static void test_whole(void **state)
{
    (void)state;
    al_stage *stage = al_stage_create(folder, NULL);
    assert_int_equal(receive(stage, "new/deep/file", "", "hello", 5, NULL), ALLOT_OK);
    assert_true(is_there("new/deep/file"));
    assert_int_equal(receive(stage, "tree", "a/b", "hello", 5, NULL), ALLOT_OK);
    assert_true(is_there("tree/a/b"));
    al_stage_destroy(stage);
}

static void test_not_whole(void **state)
{
    (void)state;
    const al_sum wrong = {1, 2};
    al_stage *stage = al_stage_create(folder, NULL);
    assert_int_equal(receive(stage, "short", "", "hello", 6, NULL), ALLOT_EIO);
    assert_int_equal(receive(stage, "long", "", "hello", 4, NULL), ALLOT_EIO);
    assert_int_equal(receive(stage, "sum", "", "hello", 5, &wrong), ALLOT_EIO);
    assert_false(is_there("short") || is_there("long") || is_there("sum"));
    char command[PATH_MAX + 40];
    (void)snprintf(command, sizeof command, "ls -A %s | grep -q part", folder); /* nor a part of it */
    assert_int_not_equal(system(command), 0);
    al_stage_destroy(stage);
}

static void test_hostile(void **state)
{
    (void)state;
    static const char *const names[] = {"../x", "/tmp/x", "a/../../x", "a//b", ".", ".."};
    allot_error err;
    al_stage *stage = al_stage_create(folder, NULL);
    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++)
        assert_int_equal(receive(stage, "tree", names[k], "evil", 4, NULL), ALLOT_EFORMAT);
    /* A name that the task did not declare. */
    al_file_head head = {.task = 1, .index = 1, .type = AL_FILE_REGULAR, .path = text("")};
    assert_int_equal(al_stage_file(stage, &head, (al_bytes){"tree", 5}, NULL, &err), ALLOT_EFORMAT);
    /* A link out, at once or in two steps, and a file through it. */
    static const char *const targets[] = {"/etc", "../outside", "../../x", "a/../../outside"};
    for (size_t k = 0; k < sizeof targets / sizeof targets[0]; k++) {
        head = (al_file_head){.type = AL_FILE_LINK, .path = text("link"), .target = text(targets[k])};
        assert_int_equal(al_stage_file(stage, &head, (al_bytes){"tree", 5}, NULL, &err), ALLOT_EFORMAT);
    }
    assert_int_equal(symlink(outside, strcat(strcpy((char[PATH_MAX]){0}, folder), "/tree/planted")), 0);
    (void)receive(stage, "tree", "planted/file", "evil", 4, NULL);
    assert_false(is_there("outside/file"));
    al_stage_destroy(stage);
}

static void test_prefetch(void **state)
{
    (void)state;
    assert_int_equal(al_plan_prefetch(1e8, 3.6e12, 4), 0);    /* hours: nothing waits */
    assert_in_range(al_plan_prefetch(1e8, 5e6, 2), 100, 400); /* milliseconds, far away: hundreds */
    assert_in_range(al_plan_prefetch(3e5, 1e7, 2), 1, 4);
    assert_int_equal(al_plan_prefetch(1e8, 0, 3), 3);             /* nothing is known yet */
    assert_in_range(al_plan_prefetch(1e10, 1e3, 64), 1000, 1000); /* there are bounds */
    assert_true(al_plan_prefetch(1e8, 1e9, 8) >= 1);              /* seconds: one or few */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_held), cmocka_unit_test(test_whole),
                                       cmocka_unit_test(test_not_whole), cmocka_unit_test(test_hostile),
                                       cmocka_unit_test(test_prefetch)};
    return cmocka_run_group_tests(tests, make_folders, remove_folders);
}
