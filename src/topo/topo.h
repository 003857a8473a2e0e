/* topo.h - the processors this process may use.
 *
 * al_cpus_* and al_memory_* need no library and take tens of microseconds: the affinity mask and the cgroup's
 * CPU quota (v1 and v2, the tightest of the process's cgroup and its ancestors). al_topo_* asks hwloc for
 * caches and NUMA nodes, takes milliseconds, and is for `allot machine` and for pinned pools.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_TOPO_TOPO_H
#define AL_TOPO_TOPO_H

#include <stdint.h>

#include <allot/error.h>

/** Processors in the affinity mask of the calling thread, at least 1. */
uint32_t al_cpus_allowed(void);

/** Fill cpus[0 .. result) with the system numbers of the allowed processors, ascending, max at most. */
uint32_t al_cpus_list(uint32_t max, int *cpus);

/** The CPU quota in processors (1.5 = one and a half), or 0 when there is none. Reads the cgroup files
 * under root ("" = the machine's own /proc and /sys; tests give a folder with recorded ones). */
double al_cpus_quota(const char *root);

/** Processors worth a thread: nallowed, and no more than the quota (0: none) rounded up. At least 1. */
uint32_t al_cpus_worth(uint32_t nallowed, double quota);

/** al_cpus_worth() of this process. */
uint32_t al_cpus_usable(void);

/** The bytes of memory that this process's cgroup allows, 0 when it sets no limit. root as above. */
uint64_t al_memory_limit(const char *root);

typedef struct al_topo_cache {
    uint32_t level;      /* 1, 2, 3 (data or unified) */
    uint32_t count;      /* how many of them */
    uint64_t nbytes;     /* size of one */
    uint32_t line_bytes; /* 0: unknown */
} al_topo_cache;

typedef struct al_topo {
    char model[128];                             /* processor's name, "" when unknown */
    uint32_t npackages, ncores, nthreads, nnuma; /* of the whole machine; 0: unknown */
    uint64_t memory_bytes;                       /* 0: unknown */
    uint32_t nallowed;                           /* al_cpus_allowed() */
    double quota;                                /* al_cpus_quota("") */
    uint32_t ncaches; /* rows below, smallest level first; equal caches share a row */
    al_topo_cache caches[8];
} al_topo;

/** Ask hwloc. @return ALLOT_OK; ALLOT_EIO when the topology cannot be read: topo then holds nallowed and
 * quota, the rest is 0 */
allot_err al_topo_read(al_topo *topo, allot_error *err);

/** Fill cpus[0 .. n) with the system numbers of n allowed processors in the order in which threads are
 * best bound to them: distinct cores before their hardware threads, fast cores before slow ones (where
 * the processor has several kinds), then near before far. With fewer than n of them the list starts again.
 * @return ALLOT_OK; ALLOT_EIO or ALLOT_ENOMEM, when cpus holds the allowed ones in the system's order */
allot_err al_topo_order(uint32_t n, int *cpus, allot_error *err);

#endif
