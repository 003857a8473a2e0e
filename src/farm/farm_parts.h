/* farm_parts.h - the inside of a farm. For farm*.c alone.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_FARM_FARM_PARTS_H
#define AL_FARM_FARM_PARTS_H

#include <limits.h>
#include <signal.h>
#include <sys/types.h>

#include "farm/capture.h"
#include "farm/farm.h"

enum { AL_FARM_TOLD = 5 }; /* variables that tell a task who it is */

/** A place where a task runs. */
typedef struct al_place {
    al_task_id task; /* 0: free */
    pid_t pid;
    uint32_t attempt;
    bool is_watched;   /* its pipes are in the epoll set */
    uint32_t nsignals; /* sent to those who linger */
    uint64_t start_ns;
    uint64_t linger_until_ns; /* of a task that ended */
    uint64_t mem_bytes;       /* it may take; 0: any */
    uint64_t seen_kb;         /* the most that it was seen to take, all of its processes together */
    al_result result;
    al_capture captures[2]; /* standard output, standard error */
    struct al_farm *farm;
    al_buffer lines[2]; /* is_live: the beginning of a line */
    bool is_young;      /* in the list of those started lately, whose pipes are not watched yet */
    uint32_t next_young, previous_young; /* there; 0: none */
} al_place;

struct al_farm {
    al_farm_opts opts;
    int epoll, signals, null;
    int input_fd; /* that is watched: our own copy */
    sigset_t old_mask;
    bool has_old_mask;
    al_place *places; /* [nslots + 1]; index = slot */
    uint32_t nlingering, nlive;
    uint32_t nlimited;      /* of nlive, those with mem_bytes */
    uint64_t weighed_at_ns; /* when memory of tasks was last looked at */
    uint64_t noom;          /* processes that the kernel has ended for memory, as far as we know */
    bool said_unfit;
    uint64_t looked_at_ns; /* for tasks that fit nowhere */
    uint32_t first_young, last_young;
    al_buffer argv, pointers;
    char **envp;
    char *env_texts[AL_FARM_TOLD]; /* all but the first are rewritten for each task */
    uint64_t nknown;               /* tasks that sched was told */
    bool input_ended, input_watched, is_input_ready;
    bool is_broken; /* nothing may be started any more */
    bool is_held;
    bool has_terminal; /* that tasks are to be kept from */
    int ninterrupts;
    uint64_t held_at_ns; /* when load and memory were last looked at */
    uint64_t status_at_ns;
    uint64_t asked_at_ns; /* when requests of others were last looked for */
    al_farm_facts facts;
    allot_error fault;
};

/** A sentence for the user. */
void al_farm_say(const al_farm *farm, const char *text);

/* farm_task.c: one task's process, from its start to its result. */

/** Start the task of a START action. */
void al_farm_start(al_farm *farm, const al_action *action, uint64_t now_ns);
/** End the group of a task: TERM, or KILL. */
void al_farm_kill(al_farm *farm, uint32_t slot, bool hard);
/** See who ended. Takes no more than the store has room for. */
void al_farm_reap(al_farm *farm, uint64_t now_ns);
/** Read the outputs of the task in a slot. */
void al_farm_hear(al_farm *farm, uint32_t slot);
/** Deal with tasks that ended but whose output others hold. @return when next; UINT64_MAX: no matter */
uint64_t al_farm_linger(al_farm *farm, uint64_t now_ns);
/** Watch the pipes of tasks that have lived for a while. @return when the next is due; UINT64_MAX: none */
uint64_t al_farm_grow_up(al_farm *farm, uint64_t now_ns);
/** Give the store a result of a task that did not run. */
void al_farm_note(al_farm *farm, const al_action *action);

/* farm_memory.c: what tasks take. */

/** End those that take more than they may. @return when next; UINT64_MAX: no task has a limit */
uint64_t al_farm_weigh(al_farm *farm, uint64_t now_ns);
/** Whether the kernel has ended processes for want of memory since this was last asked. */
bool al_farm_kernel_killed(al_farm *farm);

/* farm_spec.c: tasks that are told by a spec. */

/** What a spec says beyond the command. */
typedef struct al_farm_own {
    al_spec spec;
    bool is_read;
    char **envp;        /* NULL: the farm's */
    char cwd[PATH_MAX]; /* "": the farm's */
    int in_fd;          /* -1: none */
} al_farm_own;

/** Read a spec: its command goes to farm->argv. @param[out] own  al_farm_own_fini(), whatever is returned */
allot_err al_farm_own_read(al_farm *farm, al_args text, al_farm_own *own, uint32_t *argc, allot_error *err);
void al_farm_own_fini(al_farm_own *own);
/** Whether the files that a task declared as its `out` are there. @param[out] missing  the first that is not
 */
bool al_farm_has_outputs(al_farm *farm, al_task_id task, char missing[PATH_MAX]);

/* farm_input.c: tasks on their way in. */

/** Whether so much of the list waits that no more should be read, for a while. */
bool al_farm_has_enough(const al_farm *farm);
/** A call of a bundle ended. */
void al_farm_measure_bundle(al_farm *farm, const al_result *result);
/** Read inputs and tell sched what is on disk. */
allot_err al_farm_take_in(al_farm *farm, allot_error *err);
/** What other processes asked for. */
allot_err al_farm_take_requests(al_farm *farm, uint64_t now_ns, allot_error *err);

#endif
