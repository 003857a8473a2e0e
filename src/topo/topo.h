/* topo.h - the processors this process may use.
 *
 * al_cpus_* needs no library and takes microseconds: the affinity mask and the cgroup's CPU quota (v1
 * and v2, the tightest of the process's cgroup and its ancestors). al_topo_* asks hwloc for caches and
 * NUMA nodes, takes milliseconds, and is for `allot machine` and for pinned pools.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_TOPO_TOPO_H
#define AL_TOPO_TOPO_H

#include <stdint.h>

#include <allot/error.h>

/** Processors in the affinity mask of the calling thread, at least 1. */
uint32_t al_cpus_allowed(void);

/** The CPU quota in processors (1.5 = one and a half), or 0 when there is none. Reads the cgroup files
 * under root ("" = the machine's own /proc and /sys; tests give a folder with recorded ones). */
double al_cpus_quota(const char *root);

/** Processors worth a thread: the allowed ones, and no more than the quota rounded up. At least 1. */
uint32_t al_cpus_usable(void);

typedef struct al_topo_cache {
    uint32_t level;      /* 1, 2, 3 (data or unified) */
    uint32_t count;      /* how many of them */
    uint64_t nbytes;     /* size of one */
    uint32_t line_bytes;
} al_topo_cache;

typedef struct al_topo {
    char model[128];     /* processor's name, "" when unknown */
    uint32_t npackages, ncores, nthreads, nnuma;
    uint32_t nallowed;   /* al_cpus_allowed() */
    double quota;        /* al_cpus_quota("") */
    uint64_t memory_bytes;
    uint32_t ncaches;
    al_topo_cache caches[8];
} al_topo;

/** Ask hwloc. @return ALLOT_OK; ALLOT_EIO when the topology cannot be read */
allot_err al_topo_read(al_topo *topo, allot_error *err);

/** Fill cpus[0 .. n) with the system numbers of n allowed processors in the order in which threads are
 * best bound to them: distinct cores before their hardware threads, near before far.
 * With fewer than n of them the list starts again. @return as al_topo_read() */
allot_err al_topo_order(uint32_t n, int *cpus, allot_error *err);

#endif
