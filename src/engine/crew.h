/* crew.h - the processes of tasks on this machine, from their start to their end: for a controller's own
 * engine and for an agent.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_ENGINE_CREW_H
#define AL_ENGINE_CREW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "engine/capture.h"
#include "engine/memory_group.h"
#include "engine/spawn.h"
#include "engine/task.h"

typedef struct al_crew_opts {
    uint32_t nslots;        /**< processes at a time */
    int epoll;              /**< where outputs are watched: an event's data.u64 is the slot */
    bool is_live;           /**< output is wanted as it comes: wrote() */
    uint64_t linger_ns;     /**< how long processes that a task left behind may hold on to its output */
    uint64_t kill_after_ns; /**< between TERM and KILL for these */
    void *arg;              /**< of the functions below */
    /** Whether another end can be taken at present; one that cannot stays a zombie. NULL: always. */
    bool (*has_room)(void *arg);
    /** A task is over: al_crew_of(slot)->result has its end, its outputs are at their ends. The slot is free
     * once this returns. */
    void (*ended)(void *arg, uint32_t slot);
    /** is_live: a piece of what a task wrote. */
    void (*wrote)(void *arg, uint32_t slot, bool is_err, const char *at, size_t nbytes);
    /** Where output goes that is long; NULL: it all goes to wrote(). */
    void (*path_of)(void *arg, uint32_t slot, bool is_err, char *path, size_t nbytes);
    /** A task takes more memory than it may. */
    void (*over_memory)(void *arg, uint32_t slot);
} al_crew_opts;

typedef struct al_crew al_crew;

/** A task's process. */
typedef struct al_child {
    al_crew *crew;
    uint32_t slot;
    bool is_used;
    pid_t pid; /**< 0: it could not be started */
    uint64_t start_ns;
    uint64_t linger_until_ns; /**< it ended, but its output is held; 0: it runs */
    uint64_t mem_bytes;       /**< it may take; 0: any */
    al_result result;       /**< cause, exit_status, signal, times and memory are filled at its end; the rest
                               is the caller's */
    al_capture captures[2]; /**< standard output, standard error */
    /* crew*.c's own */
    bool is_watched, is_young, is_over_memory;
    bool is_grouped; /* the kernel sees to its memory */
    uint32_t nsignals, next_young, previous_young;
    uint64_t seen_kb;
} al_child;

struct al_crew {
    al_crew_opts opts;
    al_child *children; /* [nslots + 1], index = slot */
    uint32_t nlive, nlingering, nlimited, first_young, last_young;
    uint64_t weighed_at_ns, noom;
    al_memory_groups groups;
    bool has_groups; /* they were asked for: the first task with a limit does it */
};

/** @return false: out of memory; al_crew_fini() all the same */
bool al_crew_init(al_crew *crew, const al_crew_opts *opts);
/** Closes outputs, removes control groups; processes that run are nobody's from then on. */
void al_crew_fini(al_crew *crew);

/** Start a task in a free slot; spawn->out_fd, err_fd and group_fd are filled in here. What al_spawn_start()
 * says comes back; the slot is in use then, also when it failed: see al_crew_fail().
 * @param mem_bytes  it may take; 0: any
 * @param script     what executes a file that the system cannot, as a script without #!; NULL: nothing does
 * @return 0, or errno; *failed says of what: the program's name, or what else could not be done */
int al_crew_start(al_crew *crew, uint32_t slot, al_spawn *spawn, uint64_t mem_bytes, const char *script,
                  const char **failed);
/** A task whose start failed, or was not tried: it ends (now), with text on its standard error. */
void al_crew_fail(al_crew *crew, uint32_t slot, int fault, const char *text);
/** A task that says it succeeded did not make a file that it declared: it has failed, and its standard error
 * says of what. */
void al_result_lacks(al_result *result, al_capture *err_out, const char *name);
/** End the group of a task: TERM, or KILL. */
void al_crew_kill(al_crew *crew, uint32_t slot, bool hard);

/** See who ended. */
void al_crew_reap(al_crew *crew, uint64_t now_ns);
/** An output of the task in a slot became readable. */
void al_crew_hear(al_crew *crew, uint32_t slot);
/** Deal with tasks that ended but whose output others hold. @return when next; UINT64_MAX: no matter */
uint64_t al_crew_linger(al_crew *crew, uint64_t now_ns);
/** Watch the outputs of tasks that have lived for a while. @return when the next is due; UINT64_MAX: none */
uint64_t al_crew_grow_up(al_crew *crew, uint64_t now_ns);
/** Look for those that take more memory than they may. @return when next; UINT64_MAX: none has a limit */
uint64_t al_crew_weigh(al_crew *crew, uint64_t now_ns);
/** Whether the kernel has ended processes for want of memory since this was last asked. */
bool al_crew_kernel_killed(al_crew *crew);
/** What tasks left running, and took out of their groups, is ended: all children of ours that are left. */
void al_crew_end_strays(void);

#endif
