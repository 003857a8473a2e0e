/* cgroup.h - the limits that control groups set, of either version.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_TOPO_CGROUP_H
#define AL_TOPO_CGROUP_H

#include <stdbool.h>
#include <stddef.h>

typedef enum al_cgroup_version {
    AL_CGROUP_V1,
    AL_CGROUP_V2, /* a machine may have both mounted */
    AL_CGROUP_NVERSIONS,
} al_cgroup_version;

/** The limit set in one cgroup's folder; 0: none, or one that cannot be understood. */
typedef double al_cgroup_read_fn(al_cgroup_version version, const char *folder);

/** The tightest limit of a controller ("cpu", "memory") on this process: limit_of() is called for its cgroup
 * and all above that can be seen, in both versions. @param root  "", or a folder that holds a recorded /proc
 * and /sys
 * @return 0 when there is none */
double al_cgroup_tightest(const char *root, const char *controller, al_cgroup_read_fn *limit_of);

/** The first line of folder/name, without its end, cut at nbytes - 1. @return false when there is none */
bool al_cgroup_line(const char *folder, const char *name, char *line, size_t nbytes);

/** The value of a text that is one whole decimal number above 0; 0 for anything else. */
double al_cgroup_positive(const char *text);

#endif
