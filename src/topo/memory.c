/* memory.c - how much memory this process's cgroup allows: filling more would get it killed.
 *
 * Version 1 writes "no limit" as the largest multiple of a page that fits 63 bits, so whatever is over
 * 2^60 bytes counts as none.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "topo/topo.h"

#include "topo/cgroup.h"

#define NO_LIMIT_BYTES 0x1p60

static double read_limit(al_cgroup_version version, const char *folder)
{
    char line[128];
    const char *name = version == AL_CGROUP_V2 ? "memory.max" : "memory.limit_in_bytes";
    if (!al_cgroup_line(folder, name, line, sizeof line))
        return 0;
    double limit = al_cgroup_positive(line);
    return limit < NO_LIMIT_BYTES ? limit : 0;
}

uint64_t al_memory_limit(const char *root)
{
    return (uint64_t)al_cgroup_tightest(root, "memory", read_limit);
}
