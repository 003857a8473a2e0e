/* test_memory_group.c - control groups for tasks with a limit, in a folder that looks like a kernel's.
 *
 * mkdir() and rmdir() are replaced: in the kernel's folders a group comes with its files, and goes with them
 * unless somebody is in it. What a real kernel makes of all this is shown by tests/vm.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "engine/crew.h"

static char root[64], home[128], us[24];
static const char *omitted; /* a file that groups do not come with */
static al_memory_groups groups;

static const char *const files[][2] = {{"cgroup.procs", ""},
                                       {"cgroup.type", "domain\n"},
                                       {"cgroup.events", "populated 0\nfrozen 0\n"},
                                       {"cgroup.controllers", "memory\n"},
                                       {"cgroup.subtree_control", ""},
                                       {"memory.current", "0\n"},
                                       {"memory.max", "max\n"},
                                       {"memory.swap.max", "max\n"},
                                       {"memory.oom.group", "0\n"},
                                       {"memory.events", "max 7\noom 9\noom_kill 3\noom_group_kill 5\n"}};
#define NFILES (sizeof files / sizeof files[0])

static void put(const char *folder, const char *name, const char *text)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static bool is_there(const char *folder, const char *name)
{
    char path[PATH_MAX];
    assert_true((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) < sizeof path);
    return access(path, F_OK) == 0;
}

static void assert_holds(const char *folder, const char *name, const char *expected)
{
    char path[PATH_MAX], text[256] = "";
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    (void)fclose(file);
    assert_string_equal(text, expected);
}

int __real_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode);
int __real_rmdir(const char *path);
int __wrap_rmdir(const char *path);

int __wrap_mkdir(const char *path, mode_t mode)
{
    int result = __real_mkdir(path, mode);
    for (size_t k = 0; k < NFILES && result == 0 && strncmp(path, home, strlen(home)) == 0; k++)
        if (omitted == NULL || strcmp(files[k][0], omitted) != 0)
            put(path, files[k][0], files[k][1]);
    return result;
}

int __wrap_rmdir(const char *path)
{
    char name[PATH_MAX], text[64] = "";
    (void)snprintf(name, sizeof name, "%s/cgroup.events", path);
    FILE *file = fopen(name, "r");
    if (file != NULL) {
        text[fread(text, 1, sizeof text - 1, file)] = '\0';
        (void)fclose(file);
    }
    if (strstr(text, "populated 1") != NULL) {
        errno = EBUSY;
        return -1;
    }
    for (size_t k = 0; k < NFILES; k++) {
        (void)snprintf(name, sizeof name, "%s/%s", path, files[k][0]);
        (void)unlink(name);
    }
    return __real_rmdir(path);
}

static void make_folders(const char *path)
{
    char part[PATH_MAX];
    for (const char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
        (void)snprintf(part, sizeof part, "%.*s", slash != NULL ? (int)(slash - path) : PATH_MAX - 1, path);
        (void)__real_mkdir(part, 0755);
        if (slash == NULL)
            return;
    }
}

/** We are alone in /me, which is delegated to us. */
static int begin(void **state)
{
    (void)state;
    char proc[128];
    omitted = NULL;
    home[0] = '\0';
    (void)snprintf(root, sizeof root, "/tmp/allot-groups-XXXXXX");
    if (mkdtemp(root) == NULL)
        return -1;
    (void)snprintf(us, sizeof us, "%d", (int)getpid());
    (void)snprintf(proc, sizeof proc, "%s/proc/self", root);
    make_folders(proc);
    put(proc, "cgroup", "4:cpu:/elsewhere\n0::/me\n");
    put(proc, "mountinfo", "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n");
    (void)snprintf(home, sizeof home, "%s/sys/fs/cgroup/me", root);
    make_folders(home);
    for (size_t k = 0; k < NFILES; k++)
        put(home, files[k][0], files[k][1]);
    put(home, "cgroup.controllers", "cpu memory pids\n");
    char procs[32];
    (void)snprintf(procs, sizeof procs, "%s\n", us);
    put(home, "cgroup.procs", procs);
    return 0;
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st, (void)kind, (void)where;
    return remove(path);
}

static int end(void **state)
{
    (void)state;
    home[0] = '\0';
    return nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/** Of the run's group, or one in it. */
static const char *ours(const char *name)
{
    static char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/allot-%s%s%s", home, us, name[0] != '\0' ? "/" : "", name);
    return path;
}

static void steps_aside_and_comes_back(void **state)
{
    (void)state;
    assert_true(al_memory_groups_open(&groups, root, 4));
    assert_holds(ours("self"), "cgroup.procs", us);
    assert_holds(home, "cgroup.subtree_control", "+memory");
    assert_holds(ours(""), "cgroup.subtree_control", "+memory");
    put(home, "cgroup.procs", "");
    al_memory_groups_close(&groups);
    assert_holds(home, "cgroup.procs", us);
    assert_holds(home, "cgroup.subtree_control", "-memory");
    assert_false(is_there(ours(""), "."));
    al_memory_groups_close(&groups); /* nothing is left to be done */
}

static void needs_not_step_aside_at_the_top(void **state)
{
    (void)state;
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/cgroup.type", home);
    assert_int_equal(unlink(path), 0);
    put(home, "cgroup.procs", "1\n2\n77\n");
    put(home, "cgroup.subtree_control", "cpu memory\n");
    assert_true(al_memory_groups_open(&groups, root, 4));
    assert_false(is_there(ours("self"), "."));
    assert_holds(home, "cgroup.subtree_control", "cpu memory\n");
    al_memory_groups_close(&groups);
    assert_holds(home, "cgroup.subtree_control", "cpu memory\n"); /* it was not ours to take back */
    assert_holds(home, "cgroup.procs", "1\n2\n77\n");
}

/** Nothing can be had, and nothing was changed. */
static void assert_refused(void)
{
    assert_false(al_memory_groups_open(&groups, root, 4));
    assert_int_equal(al_memory_groups_enter(&groups, 1, 1 << 20), -1);
    assert_false(is_there(ours(""), "."));
    if (is_there(home, "cgroup.subtree_control"))
        assert_holds(home, "cgroup.subtree_control", "");
    al_memory_groups_close(&groups);
}

static void leaves_alone_what_is_not_ours(void **state)
{
    (void)state;
    char procs[64];
    (void)snprintf(procs, sizeof procs, "%s\n1\n", us);
    put(home, "cgroup.procs", procs); /* somebody else is there */
    assert_refused();
    put(home, "cgroup.procs", "1\n"); /* nobody but somebody else: it is not where we are */
    assert_refused();
    put(home, "cgroup.procs", "0\n"); /* somebody of another name space */
    assert_refused();
    (void)snprintf(procs, sizeof procs, "%s\n", us);
    put(home, "cgroup.procs", procs);
    put(home, "cgroup.type", "threaded\n");
    assert_refused();
    put(home, "cgroup.type", "domain\n");
    put(home, "cgroup.controllers", "cpu hugememory memoryless\n");
    assert_refused();
    put(home, "cgroup.controllers", "");
    assert_refused();
    put(home, "cgroup.controllers", "memory\n");
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/cgroup.subtree_control", home); /* it may not be written */
    assert_int_equal(unlink(path), 0);
    assert_refused();
}

static void does_without_version_2(void **state)
{
    (void)state;
    char proc[128];
    (void)snprintf(proc, sizeof proc, "%s/proc/self", root);
    put(proc, "mountinfo", "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup cgroup rw,memory\n");
    assert_refused();
    put(proc, "mountinfo", "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n");
    put(proc, "cgroup", "3:memory:/me\n");
    assert_refused();
}

static void undoes_what_it_began(void **state)
{
    (void)state;
    omitted = "cgroup.subtree_control"; /* the run's group cannot hand the controller on */
    assert_false(al_memory_groups_open(&groups, root, 4));
    assert_holds(home, "cgroup.subtree_control", "-memory");
    assert_holds(home, "cgroup.procs", us);
    assert_false(is_there(ours(""), "."));
    assert_int_equal(al_memory_groups_enter(&groups, 1, 1 << 20), -1);
}

static void limits_a_task(void **state)
{
    (void)state;
    struct stat by_fd, by_path;
    assert_true(al_memory_groups_open(&groups, root, 4));
    int fd = al_memory_groups_enter(&groups, 2, 41943040);
    assert_true(fd >= 0 && fstat(fd, &by_fd) == 0 && stat(ours("2.0"), &by_path) == 0);
    assert_true(by_fd.st_ino == by_path.st_ino);
    assert_holds(ours("2.0"), "memory.max", "41943040");
    assert_holds(ours("2.0"), "memory.swap.max", "0");
    assert_holds(ours("2.0"), "memory.oom.group", "1");
    put(ours("2.0"), "memory.max", "");
    assert_int_equal(al_memory_groups_enter(&groups, 2, 41943040), fd); /* it has that limit already */
    assert_holds(ours("2.0"), "memory.max", "");
    assert_int_equal(al_memory_groups_enter(&groups, 2, 1000000), fd);
    assert_holds(ours("2.0"), "memory.max", "1000000");
    assert_true(al_memory_groups_enter(&groups, 4, 1000000) >= 0);
    assert_true(is_there(ours("4.0"), "."));
    groups.is_off = true;
    assert_int_equal(al_memory_groups_enter(&groups, 2, 1000000), -1);
    al_memory_groups_close(&groups);
    assert_false(is_there(ours(""), "."));
}

static void works_without_swap(void **state)
{
    (void)state;
    omitted = "memory.swap.max";
    assert_true(al_memory_groups_open(&groups, root, 4));
    assert_true(al_memory_groups_enter(&groups, 1, 1 << 20) >= 0);
    al_memory_groups_close(&groups);
}

/** A group that cannot be limited, or that would end tasks by halves, is none. */
static void needs_its_files(void **state)
{
    (void)state;
    assert_true(al_memory_groups_open(&groups, root, 4));
    omitted = "memory.oom.group";
    assert_int_equal(al_memory_groups_enter(&groups, 1, 1 << 20), -1);
    omitted = "memory.max";
    assert_int_equal(al_memory_groups_enter(&groups, 2, 1 << 20), -1);
    al_memory_groups_close(&groups);
}

static void makes_a_group_anew_where_something_is_left(void **state)
{
    (void)state;
    assert_true(al_memory_groups_open(&groups, root, 4));
    assert_true(al_memory_groups_enter(&groups, 1, 1600) >= 0);
    put(ours("1.0"), "memory.current", "100\n");
    assert_true(al_memory_groups_enter(&groups, 1, 1600) >= 0);
    assert_false(is_there(ours("1.1"), "."));
    put(ours("1.0"), "memory.current", "101\n");
    assert_true(al_memory_groups_enter(&groups, 1, 1600) >= 0);
    assert_false(is_there(ours("1.0"), "."));
    assert_holds(ours("1.1"), "memory.max", "1600");
    put(ours("1.1"), "cgroup.events", "populated 1\nfrozen 0\n"); /* a process lives on */
    assert_true(al_memory_groups_enter(&groups, 1, 1600) >= 0);
    assert_true(is_there(ours("1.1"), "."));
    assert_holds(ours("1.2"), "memory.max", "1600");
    al_memory_groups_close(&groups);
    assert_true(is_there(ours("1.1"), ".")); /* for whoever comes next */
    assert_false(is_there(ours("1.2"), "."));
    put(ours("1.1"), "cgroup.events", "populated 0\nfrozen 0\n");
    put(home, "cgroup.subtree_control", "memory\n");
    char procs[32];
    (void)snprintf(procs, sizeof procs, "%s\n", us);
    put(home, "cgroup.procs", procs);
    assert_true(al_memory_groups_open(&groups, root, 4));
    assert_false(is_there(ours("1.1"), "."));
    al_memory_groups_close(&groups);
}

static void knows_whom_the_kernel_ended(void **state)
{
    (void)state;
    assert_true(al_memory_groups_open(&groups, root, 4));
    assert_true(al_memory_groups_enter(&groups, 1, 1 << 20) >= 0);
    assert_false(al_memory_groups_killed(&groups, 1)); /* 3 were ended before */
    put(ours("1.0"), "memory.events", "max 8\noom 10\noom_kill 3\noom_group_kill 6\n");
    assert_false(al_memory_groups_killed(&groups, 1));
    put(ours("1.0"), "memory.events", "max 8\noom 10\noom_kill 5\noom_group_kill 6\n");
    assert_true(al_memory_groups_killed(&groups, 1));
    assert_true(al_memory_groups_enter(&groups, 1, 1 << 20) >= 0);
    assert_false(al_memory_groups_killed(&groups, 1)); /* that was the one before */
    put(ours("1.0"), "memory.events", "oom_kill\n");
    assert_false(al_memory_groups_killed(&groups, 1));
    put(ours("1.0"), "memory.events", "");
    assert_false(al_memory_groups_killed(&groups, 1));
    al_memory_groups_close(&groups);
}

static void removes_what_killed_controllers_left(void **state)
{
    (void)state;
    char path[PATH_MAX];
    static const char *const names[] = {"allot-1",     "allot-1/self", "allot-1/3.0", "allot-2",
                                        "allot-2/1.0", "allot-3",      "allot-3/1.0", "other"};
    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
        (void)snprintf(path, sizeof path, "%s/%s", home, names[k]);
        assert_int_equal(__wrap_mkdir(path, 0755), 0);
    }
    (void)snprintf(path, sizeof path, "%s/allot-2", home);
    int alive = open(path, O_RDONLY | O_DIRECTORY);
    assert_int_equal(flock(alive, LOCK_EX), 0);
    (void)snprintf(path, sizeof path, "%s/allot-3/1.0", home);
    put(path, "cgroup.events", "populated 1\n");
    assert_true(al_memory_groups_open(&groups, root, 4));
    assert_false(is_there(home, "allot-1"));
    assert_true(is_there(home, "allot-2/1.0"));
    assert_true(is_there(home, "allot-3/1.0"));
    assert_true(is_there(home, "other"));
    al_memory_groups_close(&groups);
    (void)close(alive);
}

/** A group of our name that somebody else works in: of another name space, where numbers are others. */
static void keeps_off_a_group_of_its_name(void **state)
{
    (void)state;
    assert_int_equal(__wrap_mkdir(ours(""), 0755), 0);
    int alive = open(ours(""), O_RDONLY | O_DIRECTORY);
    assert_int_equal(flock(alive, LOCK_EX), 0);
    assert_int_equal(__wrap_mkdir(ours("1.0"), 0755), 0);
    assert_false(al_memory_groups_open(&groups, root, 4));
    assert_true(is_there(ours("1.0"), "."));
    (void)close(alive);
}

static al_result last_end;
static uint32_t nended;

static void note_end(void *arg, uint32_t slot)
{
    const al_crew *crew = arg;
    last_end = crew->children[slot].result;
    nended++;
}

/** Run a program with a limit of memory, to its end. */
static void run_limited(al_crew *crew, const char *path)
{
    const char *failed;
    char *argv[3] = {(char *)(uintptr_t)path, NULL, NULL}, *envp[1] = {NULL};
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    al_spawn spawn = {.path = path, .argv = argv, .envp = envp, .in_fd = null};
    uint32_t before = nended;
    int fault = al_crew_start(crew, 1, &spawn, 1 << 30, "/bin/sh", &failed);
    if (fault != 0)
        al_crew_fail(crew, 1, fault, failed);
    for (int tries = 0; nended == before && tries < 1000; tries++) {
        (void)usleep(10000);
        al_crew_reap(crew, al_clock_ns());
    }
    assert_int_equal(nended, before + 1);
    (void)close(null);
}

/** The system takes these folders for no groups: tasks run all the same, and no group is tried again. */
static void runs_tasks_where_the_kernel_refuses(void **state)
{
    (void)state;
    al_crew crew;
    al_crew_opts opts = {.nslots = 2, .epoll = epoll_create1(EPOLL_CLOEXEC), .arg = &crew, .ended = note_end};
    assert_true(al_crew_init(&crew, &opts));
    assert_true(al_memory_groups_open(&crew.groups, root, 2));
    crew.has_groups = true;
    run_limited(&crew, "/nowhere/no-such-program");
    assert_int_equal(last_end.cause, AL_CAUSE_NOT_STARTED);
    assert_int_equal(last_end.exit_status, ENOENT);
    assert_true(crew.groups.is_off); /* these groups did not take it, whatever became of it */
    crew.groups.is_off = false;
    run_limited(&crew, "/bin/true");
    assert_true(last_end.cause == AL_CAUSE_EXIT && last_end.exit_status == 0);
    assert_true(crew.groups.is_off);
    run_limited(&crew, "/bin/false");
    assert_true(last_end.cause == AL_CAUSE_EXIT && last_end.exit_status == 1);
    al_crew_fini(&crew);
    assert_false(is_there(ours(""), "."));
    (void)close(opts.epoll);
}

int main(void)
{
#define GROUP_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {GROUP_TEST(steps_aside_and_comes_back),
                                       GROUP_TEST(needs_not_step_aside_at_the_top),
                                       GROUP_TEST(leaves_alone_what_is_not_ours),
                                       GROUP_TEST(does_without_version_2),
                                       GROUP_TEST(undoes_what_it_began),
                                       GROUP_TEST(limits_a_task),
                                       GROUP_TEST(works_without_swap),
                                       GROUP_TEST(needs_its_files),
                                       GROUP_TEST(knows_whom_the_kernel_ended),
                                       GROUP_TEST(makes_a_group_anew_where_something_is_left),
                                       GROUP_TEST(keeps_off_a_group_of_its_name),
                                       GROUP_TEST(removes_what_killed_controllers_left),
                                       GROUP_TEST(runs_tasks_where_the_kernel_refuses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
