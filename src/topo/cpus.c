/* cpus.c - how many processors this process may use: its affinity mask and its cgroup's CPU quota.
 *
 * A container that is limited to 1.5 processors of a machine with 64 shows all 64 in its affinity mask;
 * a thread on each would be stopped by the scheduler most of the time, in the middle of a loop that others
 * wait for. So the quota counts as much as the mask. It is read from files, without any library, because
 * every default pool asks for it.
 *
 * Invariants: nothing here fails. What cannot be read or understood puts no limit.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "topo/topo.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "topo/cgroup.h"

/** No kernel has more processors than this; the size of the mask is not searched beyond. */
#define MAX_CPUS (1u << 20)

/** The calling thread's mask, to be freed with CPU_FREE(); NULL when the system does not tell. */
static cpu_set_t *read_mask(size_t *nbytes)
{
    for (size_t ncpus = 1024; ncpus <= MAX_CPUS; ncpus *= 2) {
        cpu_set_t *mask = CPU_ALLOC(ncpus);
        if (mask == NULL)
            return NULL;
        *nbytes = CPU_ALLOC_SIZE(ncpus);
        CPU_ZERO_S(*nbytes, mask);
        if (sched_getaffinity(0, *nbytes, mask) == 0)
            return mask;
        CPU_FREE(mask);
        if (errno != EINVAL) /* EINVAL: the kernel's own mask is longer */
            return NULL;
    }
    return NULL;
}

uint32_t al_cpus_allowed(void)
{
    size_t nbytes = 0;
    cpu_set_t *mask = read_mask(&nbytes);
    long n = mask != NULL ? CPU_COUNT_S(nbytes, mask) : sysconf(_SC_NPROCESSORS_ONLN);
    if (mask != NULL)
        CPU_FREE(mask);
    return n >= 1 && n <= (long)MAX_CPUS ? (uint32_t)n : 1;
}

uint32_t al_cpus_list(uint32_t max, int *cpus)
{
    size_t nbytes = 0;
    cpu_set_t *mask = read_mask(&nbytes);
    uint32_t n = 0;
    if (mask == NULL) {
        long online = sysconf(_SC_NPROCESSORS_ONLN);
        for (; n < max && (long)n < online; n++)
            cpus[n] = (int)n;
        return n;
    }
    for (size_t cpu = 0; cpu < nbytes * 8 && n < max; cpu++)
        if (CPU_ISSET_S(cpu, nbytes, mask))
            cpus[n++] = (int)cpu;
    CPU_FREE(mask);
    return n;
}

/** cpu.max: "QUOTA PERIOD", QUOTA may be "max". */
static double read_v2(const char *folder)
{
    char line[128];
    if (!al_cgroup_line(folder, "cpu.max", line, sizeof line))
        return 0;
    char *blank = strchr(line, ' ');
    if (blank == NULL)
        return 0;
    *blank = '\0';
    double quota = al_cgroup_positive(line), period = al_cgroup_positive(blank + 1);
    return period > 0 ? quota / period : 0;
}

/** cpu.cfs_quota_us (-1: none) over cpu.cfs_period_us. */
static double read_v1(const char *folder)
{
    char line[128];
    double quota =
        al_cgroup_line(folder, "cpu.cfs_quota_us", line, sizeof line) ? al_cgroup_positive(line) : 0;
    if (quota <= 0)
        return 0;
    double period =
        al_cgroup_line(folder, "cpu.cfs_period_us", line, sizeof line) ? al_cgroup_positive(line) : 0;
    return period > 0 ? quota / period : 0;
}

static double read_quota(al_cgroup_version version, const char *folder)
{
    return version == AL_CGROUP_V2 ? read_v2(folder) : read_v1(folder);
}

double al_cpus_quota(const char *root)
{
    return al_cgroup_tightest(root, "cpu", read_quota);
}

uint32_t al_cpus_worth(uint32_t nallowed, double quota)
{
    if (nallowed < 1)
        nallowed = 1;
    if (!(quota > 0) || quota >= (double)nallowed)
        return nallowed;
    uint32_t whole = (uint32_t)quota;
    return whole + ((double)whole < quota);
}

uint32_t al_cpus_usable(void)
{
    uint32_t nallowed = al_cpus_allowed();
    return nallowed > 1 ? al_cpus_worth(nallowed, al_cpus_quota("")) : nallowed;
}
