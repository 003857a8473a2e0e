/* memory_group.h - control groups (version 2) that keep tasks within their memory, where we may make them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_ENGINE_MEMORY_GROUP_H
#define AL_ENGINE_MEMORY_GROUP_H

#include <stdbool.h>
#include <stdint.h>

/** What the name of a group of ours is at most. */
enum { AL_GROUP_PATH_MOST = 4096 - 64 };

/** The group that a slot's tasks run in, one after the other. */
typedef struct al_memory_group {
    int fd; /**< its folder; -1: none */
    uint32_t generation;
    uint64_t limit;   /**< that is set */
    uint64_t nkilled; /**< processes that the kernel had ended there when the task began */
} al_memory_group;

typedef struct al_memory_groups {
    char home[AL_GROUP_PATH_MOST]; /**< the group that we were in at first; "": there are no groups to be had
                                    */
    int run_fd;                    /**< the run's group, locked; -1 */
    bool is_off;                   /**< nobody else is to enter */
    bool has_enabled;              /**< the memory controller at home */
    bool has_moved;                /**< ourselves, out of the way */
    al_memory_group *groups;       /**< [nslots + 1]; index = slot */
    uint32_t nslots;
} al_memory_groups;

/** Make the run's group. What controllers that were killed have left is removed.
 * @param root  "", or a folder that holds a recorded /proc and /sys
 * @return whether there is one; al_memory_groups_close() either way */
bool al_memory_groups_open(al_memory_groups *groups, const char *root, uint32_t nslots);
/** Remove all groups in which nothing is left, and go home. */
void al_memory_groups_close(al_memory_groups *groups);

/** A group for the next task of a slot, that holds at most so much.
 * @return its folder, borrowed until the slot's next task; -1: it cannot be had */
int al_memory_groups_enter(al_memory_groups *groups, uint32_t slot, uint64_t mem_bytes);
/** Whether the kernel has ended processes of the slot's task for want of memory. */
bool al_memory_groups_killed(al_memory_groups *groups, uint32_t slot);

#endif
