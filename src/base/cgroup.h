/* cgroup.h - which control groups this process is in, of either version.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_BASE_CGROUP_H
#define AL_BASE_CGROUP_H

#include <stdbool.h>
#include <stddef.h>

typedef enum al_cgroup_version {
    AL_CGROUP_V1,
    AL_CGROUP_V2, /* a machine may have both mounted */
    AL_CGROUP_NVERSIONS,
} al_cgroup_version;

/** A group's folder, which may be changed; the first `top` bytes of it are where the hierarchy is mounted. */
typedef void al_cgroup_found_fn(void *arg, al_cgroup_version version, char *folder, size_t top);

/** The groups of a controller ("cpu", "memory") that this process is in: found() is called for each mount
 * that shows it. @param root  "", or a folder that holds a recorded /proc and /sys */
void al_cgroup_find(const char *root, const char *controller, al_cgroup_found_fn *found, void *arg);

/** What folder/name holds, cut at nbytes - 1. @return false when it is not there, or empty */
bool al_cgroup_text(const char *folder, const char *name, char *text, size_t nbytes);
/** Its first line, without its end. */
bool al_cgroup_line(const char *folder, const char *name, char *line, size_t nbytes);

/** Whether word is one of those in list, which stand with one character between them. */
bool al_cgroup_has_word(const char *list, char between, const char *word);

#endif
