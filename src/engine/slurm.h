/* slurm.h - Slurm by its own commands: what launch_slurm.c and jobs that hold a whole run have in common.
 *
 * Its commands are asked with formats of their own choosing, never its library, whose interface changes with
 * each release. Every call here waits for a command to end, as long as that takes: seconds where slurmctld
 * is away.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_ENGINE_SLURM_H
#define AL_ENGINE_SLURM_H

#include <stdbool.h>
#include <stdint.h>

#include <allot/error.h>

#include "base/buffer.h"

/** Append the options that a target asks for ("slurm:nodes=4,time=2h,cpus=8"), all but nodes.
 * @param is_step  those that a step can have, not those of a job
 * @return whether processors are among them */
bool al_slurm_add_options(const char *target, bool is_step, al_buffer *argv, uint32_t *argc);
/** The time limit that a target asks for, in s; 0: it says nothing, or in a way that is Slurm's own. */
double al_slurm_limit_s(const char *target);
/** Whether a refusal of Slurm's is of this moment: its controller is away, or its queue is full. */
bool al_slurm_is_passing(const char *why);
/** Nodes of the allocation that we are in; 0: we are in none. */
uint32_t al_slurm_nodes_here(void);

/** Nodes that a target asks for; 0: it says nothing of them. */
uint32_t al_slurm_nodes_of(const char *target);

/** Room for a program on many processors, by salloc. */
typedef struct al_slurm_room {
    const char *name; /**< the job's */
    uint32_t ntasks;
    uint32_t ncpus;    /**< of a task, unless the target says it; 0: whole nodes */
    uint32_t notice_s; /**< what runs in it gets USR1 so long before its time is up */
    bool is_quiet;     /**< salloc says nothing of the queue */
} al_slurm_room;

/** Append salloc and its options, behind which a command is to come. */
void al_slurm_add_room(const char *target, const al_slurm_room *room, al_buffer *argv, uint32_t *argc);

/** A job that is to be. All borrowed. */
typedef struct al_slurm_order {
    const char *target; /**< of the engines: "slurm:nodes=4" */
    uint32_t nnodes;
    const char *name;         /**< the job's */
    const char *output;       /**< file for what it writes, appended to */
    uint32_t notice_s;        /**< it gets USR1 so long before its time is up; Slurm may be a minute early */
    char *const *batch_words; /**< the user's own options; ends in NULL, or NULL */
    const char *script;
} al_slurm_order;

enum { AL_SLURM_ID_BYTES = 40 };

/** Put a job into the queue. @param[out] id  its number
 * @return ALLOT_OK; ALLOT_EPERM: refused, in Slurm's own words; ALLOT_ENOTFOUND: there is no sbatch here;
 * ALLOT_EIO; ALLOT_ENOMEM */
allot_err al_slurm_submit(const al_slurm_order *order, char id[AL_SLURM_ID_BYTES], allot_error *err);

typedef enum al_slurm_state {
    AL_SLURM_QUEUED,
    AL_SLURM_RUNS,
    AL_SLURM_ENDED, /**< also: Slurm does not know it any more */
} al_slurm_state;

typedef struct al_slurm_job {
    al_slurm_state state;
    char word[32];    /**< Slurm's for it: "PENDING"; "": it does not know the job */
    char reason[100]; /**< why it is not running: "Priority" */
    char nodes[200];
} al_slurm_job;

/** How a job is. @return as al_slurm_submit(); ALLOT_EPERM: Slurm does not answer */
allot_err al_slurm_look(const char *id, al_slurm_job *job, allot_error *err);
/** End a job, also one that waits. One that is over is no failure. */
allot_err al_slurm_cancel(const char *id, allot_error *err);
/** Have a job begin again from the start, in the queue. A job that asks it for itself is ended soon after. */
allot_err al_slurm_requeue(const char *id, allot_error *err);

#endif
