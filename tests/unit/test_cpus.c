/* test_cpus.c - processors allowed and cgroup quotas, from trees of files, good and broken.
 *
 * The argument is the folder of trees (tests/data/cgroup). sched_getaffinity() is replaced, because no
 * machine at hand has more processors than fit the first mask that cpus.c tries.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "topo/topo.h"

static const char *recorded;

/** What the replaced sched_getaffinity() pretends: 0 is the real one. */
static struct {
    size_t kernel_nbytes; /* a shorter mask gives EINVAL */
    int fail_errno;
    const int *cpus;
    size_t ncpus;
} fake;

int __real_sched_getaffinity(pid_t pid, size_t nbytes, cpu_set_t *mask);
int __wrap_sched_getaffinity(pid_t pid, size_t nbytes, cpu_set_t *mask);

int __wrap_sched_getaffinity(pid_t pid, size_t nbytes, cpu_set_t *mask)
{
    if (fake.kernel_nbytes == 0 && fake.fail_errno == 0)
        return __real_sched_getaffinity(pid, nbytes, mask);
    if (fake.fail_errno != 0 || nbytes < fake.kernel_nbytes) {
        errno = fake.fail_errno != 0 ? fake.fail_errno : EINVAL;
        return -1;
    }
    CPU_ZERO_S(nbytes, mask);
    for (size_t at = 0; at < fake.ncpus; at++)
        CPU_SET_S((size_t)fake.cpus[at], nbytes, mask);
    return 0;
}

static int restore_affinity(void **state)
{
    (void)state;
    memset(&fake, 0, sizeof fake);
    return 0;
}

static void counts_the_real_mask(void **state)
{
    (void)state;
    cpu_set_t mask;
    assert_int_equal(__real_sched_getaffinity(0, sizeof mask, &mask), 0);
    assert_int_equal(al_cpus_allowed(), CPU_COUNT(&mask));
    int cpus[CPU_SETSIZE];
    uint32_t n = al_cpus_list(CPU_SETSIZE, cpus);
    assert_int_equal(n, CPU_COUNT(&mask));
    for (uint32_t at = 0; at < n; at++)
        assert_true(CPU_ISSET((size_t)cpus[at], &mask));
}

static void follows_a_smaller_mask(void **state)
{
    (void)state;
    int first;
    assert_int_equal(al_cpus_list(1, &first), 1);
    cpu_set_t old, one;
    assert_int_equal(__real_sched_getaffinity(0, sizeof old, &old), 0);
    CPU_ZERO(&one);
    CPU_SET((size_t)first, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    uint32_t allowed = al_cpus_allowed(), usable = al_cpus_usable();
    assert_int_equal(sched_setaffinity(0, sizeof old, &old), 0);
    assert_int_equal(allowed, 1);
    assert_int_equal(usable, 1);
}

static void sees_more_than_1024(void **state)
{
    (void)state;
    static const int cpus[] = {0, 63, 1023, 1024, 5000, 8191};
    fake.kernel_nbytes = 8192 / 8;
    fake.cpus = cpus;
    fake.ncpus = 6;
    assert_int_equal(al_cpus_allowed(), 6);
    int list[8];
    assert_int_equal(al_cpus_list(8, list), 6);
    assert_memory_equal(list, cpus, sizeof cpus);
    assert_int_equal(al_cpus_list(4, list), 4);
    assert_memory_equal(list, cpus, 4 * sizeof cpus[0]);
}

static void a_silent_system_still_gives_one(void **state)
{
    (void)state;
    fake.fail_errno = ENOSYS;
    assert_int_equal(al_cpus_allowed(), (uint32_t)sysconf(_SC_NPROCESSORS_ONLN));
    int list[4] = {-1, -1, -1, -1};
    assert_true(al_cpus_list(4, list) >= 1);
    assert_int_equal(list[0], 0);
    fake.fail_errno = 0;
    fake.kernel_nbytes = SIZE_MAX; /* EINVAL whatever the size: must end */
    assert_true(al_cpus_allowed() >= 1);
}

static void quota_rounds_up(void **state)
{
    (void)state;
    assert_int_equal(al_cpus_worth(64, 0), 64);
    assert_int_equal(al_cpus_worth(64, -1), 64);
    assert_int_equal(al_cpus_worth(64, 1.5), 2);
    assert_int_equal(al_cpus_worth(64, 2.0), 2);
    assert_int_equal(al_cpus_worth(64, 0.01), 1);
    assert_int_equal(al_cpus_worth(2, 1e300), 2);
    assert_int_equal(al_cpus_worth(2, 2.5), 2);
    assert_int_equal(al_cpus_worth(0, 0), 1);
    assert_int_equal(al_cpus_worth(4, (double)NAN), 4);
}

static void recorded_trees(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double quota;
        uint64_t memory;
    } trees[] = {
        {"docker-v2", 1.5, 2147483648},
        {"kubernetes-v1", 2.5, 536870912},
        {"systemd-v2", 0.8, 8589934592},
        {"systemd-v1", 3, 0},
        {"both", 2, 0},
        {"hybrid-unlimited", 0, 0},
        {"malformed", 0, 0},
        {"host-paths-v1", 0.5, 0},
        {"foreign-mount", 4, 0},
        {"parent-namespace", 1.25, 0},
        {"odd-names", 0.6, 0},
        {"no-cgroup", 0, 0},
        {"not-mounted", 0, 0},
    };
    for (size_t at = 0; at < sizeof trees / sizeof trees[0]; at++) {
        char root[PATH_MAX];
        assert_true((size_t)snprintf(root, sizeof root, "%s/%s", recorded, trees[at].name) < sizeof root);
        assert_int_equal(access(root, R_OK), 0); /* a tree that is missing would pass for "no quota" */
        double quota = al_cpus_quota(root);
        if (quota != trees[at].quota)
            fail_msg("%s: quota %.17g, expected %.17g", trees[at].name, quota, trees[at].quota);
        uint64_t memory = al_memory_limit(root);
        if (memory != trees[at].memory)
            fail_msg("%s: memory %" PRIu64 ", expected %" PRIu64, trees[at].name, memory, trees[at].memory);
    }
    assert_true(al_memory_limit("/nowhere/at/all") == 0);
    assert_true(al_cpus_quota("/nowhere/at/all") == 0);
}

/* ---- trees made on the fly, to try one file in many wordings ---- */

static void write_file(const char *root, const char *name, const char *text)
{
    char path[PATH_MAX];
    assert_true((size_t)snprintf(path, sizeof path, "%s/%s", root, name) < sizeof path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static void make_folders(const char *root, const char *const *names, size_t n)
{
    for (size_t at = 0; at < n; at++) {
        char path[PATH_MAX];
        (void)snprintf(path, sizeof path, "%s/%s", root, names[at]);
        assert_int_equal(mkdir(path, 0700), 0);
    }
}

static void remove_tree(const char *root, const char *const *files, size_t nfiles, const char *const *folders,
                        size_t nfolders)
{
    char path[PATH_MAX];
    for (size_t at = 0; at < nfiles; at++) {
        (void)snprintf(path, sizeof path, "%s/%s", root, files[at]);
        (void)unlink(path);
    }
    for (size_t at = nfolders; at-- > 0;) {
        (void)snprintf(path, sizeof path, "%s/%s", root, folders[at]);
        (void)rmdir(path);
    }
    assert_int_equal(rmdir(root), 0);
}

static const char *const folders[] = {"proc", "proc/self", "cg", "cg/a"};
static const char *const files[] = {"proc/self/cgroup", "proc/self/mountinfo", "cg/a/cpu.max", "cg/cpu.max"};
enum { NFOLDERS = 4, NFILES = 4 };

static double quota_of(const char *cgroup, const char *mountinfo, const char *own, const char *top)
{
    char root[] = "/tmp/test_cpus.XXXXXX";
    assert_non_null(mkdtemp(root));
    make_folders(root, folders, NFOLDERS);
    const char *const texts[NFILES] = {cgroup, mountinfo, own, top};
    for (size_t at = 0; at < NFILES; at++)
        if (texts[at] != NULL)
            write_file(root, files[at], texts[at]);
    double quota = al_cpus_quota(root);
    remove_tree(root, files, NFILES, folders, NFOLDERS);
    return quota;
}

#define MOUNT "28 22 0:26 / /cg rw - cgroup2 cgroup2 rw\n"

static void wordings_of_cpu_max(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double quota;
    } wordings[] = {
        {"150000 100000\n", 1.5},
        {"150000 100000", 1.5},
        {"max 100000\n", 0},
        {"100 1000000\n", 0.0001},
        {"9000000000000000 100000\n", 9e10},
        {"", 0},
        {"\n", 0},
        {"max\n", 0},
        {"100000\n", 0},
        {"100000 0\n", 0},
        {"-1 100000\n", 0},
        {"0 100000\n", 0},
        {"100000 -100000\n", 0},
        {"100000 abc\n", 0},
        {"1e5 100000\n", 0},
        {"99999999999999999999999999 100000\n", 0},
        {"100000 100000 100000\n", 0},
    };
    for (size_t at = 0; at < sizeof wordings / sizeof wordings[0]; at++) {
        double quota = quota_of("0::/a\n", MOUNT, wordings[at].text, NULL);
        if (quota != wordings[at].quota)
            fail_msg("'%s': quota %.17g, expected %.17g", wordings[at].text, quota, wordings[at].quota);
    }
}

static void tightest_counts(void **state)
{
    (void)state;
    assert_true(quota_of("0::/a\n", MOUNT, "300000 100000\n", "200000 100000\n") == 2);
    assert_true(quota_of("0::/a\n", MOUNT, "100000 100000\n", "200000 100000\n") == 1);
    assert_true(quota_of("0::/a\n", MOUNT, "max 100000\n", "200000 100000\n") == 2);
    assert_true(quota_of("0::/\n", MOUNT, "100000 100000\n", "200000 100000\n") == 2);
    assert_true(quota_of("0::/a", "28 22 0:26 / /cg rw - cgroup2 cgroup2 rw", NULL, "200000 100000\n") == 2);
}

static void long_paths_end_well(void **state)
{
    (void)state;
    char cgroup[3 * PATH_MAX], mountinfo[3 * PATH_MAX];
    char deep[2 * PATH_MAX];
    for (size_t at = 0; at + 2 < sizeof deep; at += 2)
        memcpy(deep + at, "/x", 3);
    (void)snprintf(cgroup, sizeof cgroup, "0::/a%s\n", deep);
    assert_true(quota_of(cgroup, MOUNT, "100000 100000\n", "200000 100000\n") == 0);
    (void)snprintf(mountinfo, sizeof mountinfo, "1 2 0:1 / /cg%s rw - cgroup2 none rw\n" MOUNT, deep);
    assert_true(quota_of("0::/a\n", mountinfo, "100000 100000\n", "200000 100000\n") == 1);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        (void)fprintf(stderr, "usage: test_cpus FOLDER  (the trees, tests/data/cgroup)\n");
        return 2;
    }
    recorded = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_the_real_mask),
        cmocka_unit_test(follows_a_smaller_mask),
        cmocka_unit_test_teardown(sees_more_than_1024, restore_affinity),
        cmocka_unit_test_teardown(a_silent_system_still_gives_one, restore_affinity),
        cmocka_unit_test(quota_rounds_up),
        cmocka_unit_test(recorded_trees),
        cmocka_unit_test(wordings_of_cpu_max),
        cmocka_unit_test(tightest_counts),
        cmocka_unit_test(long_paths_end_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
