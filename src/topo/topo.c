/* topo.c - cores, caches and memory, as hwloc knows them. The only file that includes hwloc.h.
 *
 * hwloc reads some thousand files of /sys on a large machine, so it is asked only when somebody wants to see
 * the machine (`allot machine`) or binds threads, and then without the parts that nobody here uses
 * (distances, memory attributes).
 *
 * The whole machine is described, also what this process may not use; the processors it may use come from
 * the affinity mask (cpus.c), never from hwloc, so that an order for binding names only processors to which
 * the system will bind, whatever topology hwloc was told to pretend (HWLOC_XMLFILE, HWLOC_SYNTHETIC).
 *
 * Invariants: a topology is destroyed before the function that loaded it returns.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "topo/topo.h"

#include <errno.h>
#include <hwloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

static unsigned long load_flags(void)
{
    unsigned long flags = HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED;
#if HWLOC_API_VERSION >= 0x00020800
    flags |= HWLOC_TOPOLOGY_FLAG_NO_DISTANCES | HWLOC_TOPOLOGY_FLAG_NO_MEMATTRS;
#endif
    return flags;
}

static allot_err load(hwloc_topology_t *topology, allot_error *err)
{
    errno = 0;
    if (hwloc_topology_init(topology) != 0)
        return al_fail(err, ALLOT_EIO, errno, "processor topology: hwloc cannot start");
    if (hwloc_topology_set_flags(*topology, load_flags()) == 0 && hwloc_topology_load(*topology) == 0)
        return ALLOT_OK;
    int reason = errno;
    hwloc_topology_destroy(*topology);
    return al_fail(err, ALLOT_EIO, reason, "processor topology: hwloc cannot read it");
}

static uint32_t count_type(hwloc_topology_t topology, hwloc_obj_type_t type)
{
    int n = hwloc_get_nbobjs_by_type(topology, type);
    return n > 0 ? (uint32_t)n : 0; /* -1: at several depths, which these types never are */
}

/** The name that the first package (or, on some systems, the machine) has, without blanks around it. */
static void read_model(hwloc_topology_t topology, char *model, size_t nbytes)
{
    hwloc_obj_t package = hwloc_get_obj_by_type(topology, HWLOC_OBJ_PACKAGE, 0);
    const char *name = package != NULL ? hwloc_obj_get_info_by_name(package, "CPUModel") : NULL;
    if (name == NULL)
        name = hwloc_obj_get_info_by_name(hwloc_get_root_obj(topology), "CPUModel");
    if (name == NULL)
        return;
    name += strspn(name, " ");
    (void)snprintf(model, nbytes, "%s", name);
    for (size_t length = strlen(model); length > 0 && model[length - 1] == ' '; length--)
        model[length - 1] = '\0';
}

/** Count one cache in the row of its like. A machine with more kinds than rows loses the outermost. */
static void add_cache(al_topo *topo, uint32_t level, const struct hwloc_cache_attr_s *cache)
{
    const uint32_t max = sizeof topo->caches / sizeof topo->caches[0];
    uint32_t row = 0;
    while (row < topo->ncaches &&
           (topo->caches[row].level != level || topo->caches[row].nbytes != cache->size))
        row++;
    if (row == max)
        return;
    if (row == topo->ncaches)
        topo->caches[topo->ncaches++] =
            (al_topo_cache){.level = level, .nbytes = cache->size, .line_bytes = cache->linesize};
    topo->caches[row].count++;
}

static void read_caches(hwloc_topology_t topology, al_topo *topo)
{
    static const hwloc_obj_type_t levels[] = {HWLOC_OBJ_L1CACHE, HWLOC_OBJ_L2CACHE, HWLOC_OBJ_L3CACHE,
                                              HWLOC_OBJ_L4CACHE, HWLOC_OBJ_L5CACHE};
    for (uint32_t at = 0; at < sizeof levels / sizeof levels[0]; at++) {
        hwloc_obj_t cache = NULL;
        while ((cache = hwloc_get_next_obj_by_type(topology, levels[at], cache)) != NULL)
            add_cache(topo, at + 1, &cache->attr->cache);
    }
}

allot_err al_topo_read(al_topo *topo, allot_error *err)
{
    *topo = (al_topo){.nallowed = al_cpus_allowed(), .quota = al_cpus_quota("")};
    hwloc_topology_t topology;
    allot_err code = load(&topology, err);
    if (code != ALLOT_OK)
        return code;
    read_model(topology, topo->model, sizeof topo->model);
    topo->npackages = count_type(topology, HWLOC_OBJ_PACKAGE);
    topo->ncores = count_type(topology, HWLOC_OBJ_CORE);
    topo->nthreads = count_type(topology, HWLOC_OBJ_PU);
    topo->nnuma = count_type(topology, HWLOC_OBJ_NUMANODE);
    topo->memory_bytes = hwloc_get_root_obj(topology)->total_memory;
    read_caches(topology, topo);
    hwloc_topology_destroy(topology);
    return ALLOT_OK;
}

/** Where an allowed processor comes in the order; all smaller first. */
typedef struct place {
    unsigned sibling; /* allowed hardware threads of the same core that come before it */
    int kind;         /* 0 = the fastest kind of core */
    unsigned logical; /* hwloc's depth-first number: neighbours share caches and memory */
    int cpu;
} place;

static int compare_places(const void *a, const void *b)
{
    const place *left = (const place *)a, *right = (const place *)b;
    if (left->sibling != right->sibling)
        return left->sibling < right->sibling ? -1 : 1;
    if (left->kind != right->kind)
        return left->kind < right->kind ? -1 : 1;
    if (left->logical != right->logical)
        return left->logical < right->logical ? -1 : 1;
    return (left->cpu > right->cpu) - (left->cpu < right->cpu);
}

/** 0 for the fastest kind, and where hwloc cannot tell. */
static int kind_of(hwloc_topology_t topology, hwloc_const_cpuset_t cpuset)
{
#if HWLOC_API_VERSION >= 0x00020400
    int nkinds = hwloc_cpukinds_get_nr(topology, 0);
    int kind = hwloc_cpukinds_get_by_cpuset(topology, cpuset, 0);
    int efficiency = -1;
    if (nkinds <= 1 || kind < 0 ||
        hwloc_cpukinds_get_info(topology, (unsigned)kind, NULL, &efficiency, NULL, NULL, 0) != 0)
        return 0;
    return efficiency < 0 ? 0 : nkinds - 1 - efficiency;
#else
    (void)topology;
    (void)cpuset;
    return 0;
#endif
}

/** Rank each place among the allowed hardware threads of its core. Places come sorted by logical number,
 * so those of one core are neighbours. */
static void rank_siblings(hwloc_topology_t topology, place *places, uint32_t n)
{
    hwloc_obj_t before = NULL;
    for (uint32_t at = 0; at < n; at++) {
        hwloc_obj_t pu = hwloc_get_pu_obj_by_os_index(topology, (unsigned)places[at].cpu);
        hwloc_obj_t core = pu != NULL ? hwloc_get_ancestor_obj_by_type(topology, HWLOC_OBJ_CORE, pu) : NULL;
        places[at].sibling = core != NULL && core == before ? places[at - 1].sibling + 1 : 0;
        before = core;
    }
}

static void sort_places(hwloc_topology_t topology, place *places, uint32_t n)
{
    for (uint32_t at = 0; at < n; at++) {
        hwloc_obj_t pu = hwloc_get_pu_obj_by_os_index(topology, (unsigned)places[at].cpu);
        places[at].logical = pu != NULL ? pu->logical_index : UINT32_MAX; /* unknown to hwloc: last */
    }
    qsort(places, n, sizeof *places, compare_places);
    rank_siblings(topology, places, n);
    for (uint32_t at = 0; at < n; at++) {
        hwloc_obj_t pu = hwloc_get_pu_obj_by_os_index(topology, (unsigned)places[at].cpu);
        places[at].kind = pu != NULL ? kind_of(topology, pu->cpuset) : 0;
    }
    qsort(places, n, sizeof *places, compare_places);
}

/** The order of the allowed processors, in place. */
static allot_err order(int *allowed, uint32_t nallowed, allot_error *err)
{
    place *places = calloc(nallowed, sizeof *places);
    if (places == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "processor topology: no memory for %u processors", nallowed);
    hwloc_topology_t topology;
    allot_err code = load(&topology, err);
    if (code == ALLOT_OK) {
        for (uint32_t at = 0; at < nallowed; at++)
            places[at].cpu = allowed[at];
        sort_places(topology, places, nallowed);
        for (uint32_t at = 0; at < nallowed; at++)
            allowed[at] = places[at].cpu;
        hwloc_topology_destroy(topology);
    }
    free(places);
    return code;
}

/** cpus[have .. n) = cpus[0 .. have) over and over. */
static void repeat(int *cpus, uint32_t have, uint32_t n)
{
    for (uint32_t at = have; at < n; at++)
        cpus[at] = have > 0 ? cpus[at % have] : 0;
}

allot_err al_topo_order(uint32_t n, int *cpus, allot_error *err)
{
    repeat(cpus, al_cpus_list(n, cpus), n);
    uint32_t nallowed = al_cpus_allowed();
    int *allowed = calloc(nallowed, sizeof *allowed);
    if (allowed == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "processor topology: no memory for %u processors", nallowed);
    nallowed = al_cpus_list(nallowed, allowed);
    allot_err code = nallowed > 0 ? order(allowed, nallowed, err) : ALLOT_OK;
    if (code == ALLOT_OK) {
        nallowed = nallowed < n ? nallowed : n;
        memcpy(cpus, allowed, nallowed * sizeof *cpus);
        repeat(cpus, nallowed, n);
    }
    free(allowed);
    return code;
}
