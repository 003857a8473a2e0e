/* cgroup.h - the limits that control groups set, of either version.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_TOPO_CGROUP_H
#define AL_TOPO_CGROUP_H

#include "base/cgroup.h"

/** The limit set in one cgroup's folder; 0: none, or one that cannot be understood. */
typedef double al_cgroup_read_fn(al_cgroup_version version, const char *folder);

/** The tightest limit of a controller ("cpu", "memory") on this process: limit_of() is called for its cgroup
 * and all above that can be seen, in both versions. @param root  "", or a folder that holds a recorded /proc
 * and /sys
 * @return 0 when there is none */
double al_cgroup_tightest(const char *root, const char *controller, al_cgroup_read_fn *limit_of);

/** The value of a text that is one whole decimal number above 0; 0 for anything else. */
double al_cgroup_positive(const char *text);

#endif
