/* test_topo.c - what hwloc says of this machine and of invented ones, and the order for binding.
 *
 * Invented machines come through HWLOC_SYNTHETIC and HWLOC_XMLFILE; sched_getaffinity() is replaced so that
 * their processors count as allowed, and hwloc_topology_init() and _load() so that they can fail.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <cmocka.h>

#include "topo/topo.h"

static const char *two_kinds; /* an XML file of hwloc's */

static struct {
    const int *cpus; /* NULL: the real ones */
    size_t ncpus;
    bool init_fails, load_fails;
} fake;

struct hwloc_topology;
int __real_sched_getaffinity(pid_t pid, size_t nbytes, cpu_set_t *mask);
int __wrap_sched_getaffinity(pid_t pid, size_t nbytes, cpu_set_t *mask);
int __real_hwloc_topology_init(struct hwloc_topology **topology);
int __wrap_hwloc_topology_init(struct hwloc_topology **topology);
int __real_hwloc_topology_load(struct hwloc_topology *topology);
int __wrap_hwloc_topology_load(struct hwloc_topology *topology);

int __wrap_sched_getaffinity(pid_t pid, size_t nbytes, cpu_set_t *mask)
{
    if (fake.cpus == NULL)
        return __real_sched_getaffinity(pid, nbytes, mask);
    CPU_ZERO_S(nbytes, mask);
    for (size_t at = 0; at < fake.ncpus; at++)
        CPU_SET_S((size_t)fake.cpus[at], nbytes, mask);
    return 0;
}

int __wrap_hwloc_topology_init(struct hwloc_topology **topology)
{
    errno = ENOMEM;
    return fake.init_fails ? -1 : __real_hwloc_topology_init(topology);
}

int __wrap_hwloc_topology_load(struct hwloc_topology *topology)
{
    errno = EIO;
    return fake.load_fails ? -1 : __real_hwloc_topology_load(topology);
}

static int restore(void **state)
{
    (void)state;
    memset(&fake, 0, sizeof fake);
    (void)unsetenv("HWLOC_SYNTHETIC");
    (void)unsetenv("HWLOC_XMLFILE");
    return 0;
}

static void pretend(const char *machine, const int *cpus, size_t ncpus)
{
    assert_int_equal(setenv("HWLOC_SYNTHETIC", machine, 1), 0);
    fake.cpus = cpus;
    fake.ncpus = ncpus;
}

static void this_machine(void **state)
{
    (void)state;
    al_topo topo;
    allot_error err;
    memset(&topo, 0xff, sizeof topo);
    assert_int_equal(al_topo_read(&topo, &err), ALLOT_OK);
    assert_int_equal(topo.nallowed, al_cpus_allowed());
    assert_true(topo.quota == al_cpus_quota(""));
    assert_true(topo.nthreads >= topo.nallowed);
    assert_true(topo.ncores <= topo.nthreads);
    assert_true(topo.npackages <= topo.nthreads);
    assert_true(topo.nnuma >= 1);
    assert_true(topo.memory_bytes > 1 << 20);
    assert_true(topo.ncaches <= sizeof topo.caches / sizeof topo.caches[0]);
    assert_non_null(memchr(topo.model, '\0', sizeof topo.model));
    for (uint32_t at = 0; at < topo.ncaches; at++)
        assert_true(topo.caches[at].count >= 1 && topo.caches[at].level >= 1 && topo.caches[at].level <= 5);
}

static void invented_machine(void **state)
{
    (void)state;
    static const int cpus[] = {0, 1, 2};
    pretend("pack:2 [numa(memory=1073741824)] l3:1(size=33554432) l2:4(size=1048576) l1:1(size=49152) core:1 "
            "pu:2",
            cpus, 3);
    al_topo topo;
    assert_int_equal(al_topo_read(&topo, NULL), ALLOT_OK);
    assert_int_equal(topo.npackages, 2);
    assert_int_equal(topo.ncores, 8);
    assert_int_equal(topo.nthreads, 16);
    assert_int_equal(topo.nnuma, 2);
    assert_int_equal(topo.nallowed, 3);
    assert_true(topo.memory_bytes == 2u << 30);
    assert_int_equal(topo.ncaches, 3);
    static const struct {
        uint32_t level, count;
        uint64_t nbytes;
    } caches[] = {{1, 8, 49152}, {2, 8, 1048576}, {3, 2, 33554432}};
    for (size_t at = 0; at < 3; at++) {
        assert_int_equal(topo.caches[at].level, caches[at].level);
        assert_int_equal(topo.caches[at].count, caches[at].count);
        assert_true(topo.caches[at].nbytes == caches[at].nbytes);
    }
}

static void check_order(const int *expected, uint32_t n)
{
    int cpus[64];
    allot_error err;
    memset(cpus, 0xff, sizeof cpus);
    assert_int_equal(al_topo_order(n, cpus, &err), ALLOT_OK);
    for (uint32_t at = 0; at < n; at++)
        if (cpus[at] != expected[at])
            fail_msg("thread %u: processor %d, expected %d", at, cpus[at], expected[at]);
    assert_int_equal(cpus[n], -1); /* nothing beyond n is written */
}

/** Two packages of two cores of two hardware threads; system numbers as Linux deals them out. */
#define TWO_PACKAGES "pack:2 core:2 pu:2(indexes=0,4,1,5,2,6,3,7)"

static void cores_before_hardware_threads(void **state)
{
    (void)state;
    static const int all[] = {0, 1, 2, 3, 4, 5, 6, 7};
    static const int expected[] = {0, 1, 2, 3, 4, 5, 6, 7};
    pretend(TWO_PACKAGES, all, 8);
    check_order(expected, 8);
    static const int adjacent[] = {0, 2, 4, 6, 1, 3, 5, 7};
    pretend("pack:2 core:2 pu:2", all, 8); /* 0 and 1 share a core */
    check_order(adjacent, 8);
    check_order(adjacent, 3);
}

static void near_before_far(void **state)
{
    (void)state;
    static const int all[] = {0, 1, 2, 3};
    static const int expected[] = {0, 2, 1, 3};
    pretend("pack:2 core:2 pu:1(indexes=0,2,1,3)", all, 4);
    check_order(expected, 4);
}

static void only_what_is_allowed(void **state)
{
    (void)state;
    static const int allowed[] = {1, 3, 5, 6};
    /* 1 and 5 share a core, 6 is the second thread of a core whose first (2) is not allowed */
    static const int expected[] = {1, 6, 3, 5};
    pretend(TWO_PACKAGES, allowed, 4);
    check_order(expected, 4);
}

static void starts_again_when_there_are_too_few(void **state)
{
    (void)state;
    static const int allowed[] = {2, 7};
    static const int expected[] = {2, 7, 2, 7, 2};
    pretend(TWO_PACKAGES, allowed, 2);
    check_order(expected, 5);
    check_order(expected, 1);
    check_order(expected, 0);
}

static void processors_that_hwloc_does_not_know_come_last(void **state)
{
    (void)state;
    static const int allowed[] = {4, 9, 40};
    pretend(TWO_PACKAGES, allowed, 3);
    check_order(allowed, 3);
}

static void every_level_has_a_row(void **state)
{
    (void)state;
    al_topo topo;
    pretend("l5:1(size=9000) l4:1 l3:2 l2:2 l1:1 core:1 pu:1", NULL, 0);
    assert_int_equal(al_topo_read(&topo, NULL), ALLOT_OK);
    assert_int_equal(topo.ncaches, 5);
    assert_int_equal(topo.caches[4].level, 5);
    assert_int_equal(topo.caches[4].nbytes, 9000);
}

static void two_kinds_of_core(void **state)
{
    (void)state;
    static const int all[] = {0, 1, 2, 3, 4, 5};
    static const int expected[] = {2, 4, 0, 1, 3, 5};
    assert_int_equal(setenv("HWLOC_XMLFILE", two_kinds, 1), 0);
    fake.cpus = all;
    fake.ncpus = 6;
    al_topo topo;
    assert_int_equal(al_topo_read(&topo, NULL), ALLOT_OK);
    assert_string_equal(topo.model, "Two Kinds of Core");
    assert_int_equal(topo.ncores, 4);
    assert_int_equal(topo.ncaches, 2);
    assert_int_equal(topo.caches[0].nbytes, 32768);
    assert_int_equal(topo.caches[0].line_bytes, 64);
    assert_int_equal(topo.caches[1].nbytes, 49152);
    assert_int_equal(topo.caches[1].count, 2);
    check_order(expected, 6);
}

static void hwloc_that_fails(bool init)
{
    static const int allowed[] = {3, 1};
    allot_error err = {0};
    al_topo topo;
    memset(&topo, 0xff, sizeof topo);
    fake.cpus = allowed;
    fake.ncpus = 2;
    fake.init_fails = init;
    fake.load_fails = !init;
    assert_int_equal(al_topo_read(&topo, &err), ALLOT_EIO);
    assert_int_equal(err.os_errno, init ? ENOMEM : EIO);
    assert_non_null(strstr(err.text, "processor topology"));
    assert_int_equal(topo.nallowed, 2);
    assert_int_equal(topo.ncores, 0);
    assert_int_equal(topo.ncaches, 0);
    int cpus[3] = {-1, -1, -1};
    assert_int_equal(al_topo_order(3, cpus, &err), ALLOT_EIO);
    assert_int_equal(cpus[0], 1);
    assert_int_equal(cpus[1], 3);
    assert_int_equal(cpus[2], 1);
}

static void hwloc_cannot_load(void **state)
{
    (void)state;
    hwloc_that_fails(false);
}

static void hwloc_cannot_start(void **state)
{
    (void)state;
    hwloc_that_fails(true);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        (void)fprintf(stderr, "usage: test_topo FILE  (tests/data/topo/two-kinds.xml)\n");
        return 2;
    }
    two_kinds = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(this_machine),
        cmocka_unit_test_teardown(invented_machine, restore),
        cmocka_unit_test_teardown(cores_before_hardware_threads, restore),
        cmocka_unit_test_teardown(near_before_far, restore),
        cmocka_unit_test_teardown(only_what_is_allowed, restore),
        cmocka_unit_test_teardown(starts_again_when_there_are_too_few, restore),
        cmocka_unit_test_teardown(processors_that_hwloc_does_not_know_come_last, restore),
        cmocka_unit_test_teardown(every_level_has_a_row, restore),
        cmocka_unit_test_teardown(two_kinds_of_core, restore),
        cmocka_unit_test_teardown(hwloc_cannot_load, restore),
        cmocka_unit_test_teardown(hwloc_cannot_start, restore),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
