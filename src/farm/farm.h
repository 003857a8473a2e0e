/* farm.h - a run being worked on: the loop that starts tasks, hears of their ends, and keeps all of it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_FARM_FARM_H
#define AL_FARM_FARM_H

#include <stdbool.h>
#include <stdint.h>

#include <allot/error.h>

#include "engine/launcher.h"
#include "farm/bundle.h"
#include "farm/inputs.h"
#include "farm/known.h"
#include "farm/print.h"
#include "farm/sched.h"
#include "farm/stage.h"
#include "farm/store.h"
#include "farm/tasks.h"
#include "farm/template.h"

typedef struct al_farm_opts {
    /* All borrowed until al_farm_destroy(). */
    al_store *store;
    al_sched *sched;
    al_print *print;
    al_inputs *inputs;          /**< NULL: all tasks are in the store and known to sched */
    bool is_bundling;           /**< how many arguments make a task is found out */
    al_known *known;            /**< NULL, or what of inputs is in the store already */
    const al_template *command; /**< NULL: tasks have specs */
    al_names *names;            /**< of specs; NULL: none so far */
    const al_task_kind *kind;   /**< what a spec that is added has where it says nothing */
    char **tokens;              /**< names of the run's tokens */
    uint32_t ntokens;
    const char *cwd; /**< NULL: as we are */
    const char *shell;
    al_shell_use use_shell;
    char **env; /**< NAME=VALUE that tasks get besides ours, or NULL */
    uint32_t nenv;
    int nice;
    bool is_live;                  /**< output is shown as it comes */
    bool is_raw;                   /**< the bytes as they come, not by lines (--ungroup) */
    uint32_t nslots;               /**< here; 0: tasks run elsewhere only */
    const al_engine_spec *engines; /**< elsewhere: in sched they are those after the first, in this order */
    const uint32_t *engine_ids;    /**< their numbers in results */
    uint32_t nengines;
    al_launch_opts launch;
    al_engine_jobs engine_jobs; /**< tasks at a time of an engine that says nothing */
    uint32_t cpus_milli;        /**< the least that a task takes */
    uint64_t lost_ns;           /**< silence after which an engine counts as lost */
    const al_stage_opts *stage; /**< files that go with tasks; NULL: none */
    uint32_t njobs;             /**< tasks at a time that were asked for */
    double load_most;           /**< start nothing while the load is above; 0: no matter */
    uint64_t memfree_bytes;     /**< start nothing while less memory is free; 0: no matter */
    uint64_t linger_ns;         /**< how long processes that a task left behind may hold on to its output */
    uint64_t kill_after_ns;     /**< between TERM and KILL */
    uint64_t drain_ns;          /**< after USR1 what runs may go on for so long; 0: USR1 is not heard */
    void (*status)(void *arg, char *line,
                   size_t nbytes); /**< writes the progress line; NULL: none is shown */
    void *status_arg;
    uint32_t status_every_ms;
    void (*say)(void *arg, const char *text); /**< a sentence for the user, at once; NULL: none */
    void *say_arg;
} al_farm_opts;

typedef struct al_farm al_farm;

/** @param[out] made  owned by caller. @return ALLOT_OK; ALLOT_ENOMEM; ALLOT_EIO: the system gives no
 * descriptors */
allot_err al_farm_create(const al_farm_opts *opts, al_farm **made, allot_error *err);
void al_farm_destroy(al_farm *farm);

/** Work until the run is over, or stopped. Signals are the loop's meanwhile: INT once, nothing more is
 * started; INT again, TERM or HUP: what runs is ended. USR1 (drain_ns): as INT, and a while later as INT
 * again.
 * @return ALLOT_OK, also when tasks failed; ALLOT_EIO: the run cannot be kept (what runs was ended), an input
 * cannot be read; ALLOT_ENOTFOUND: the program cannot be executed at all (no task was tried); ALLOT_ENOMEM */
allot_err al_farm_run(al_farm *farm, allot_error *err);

typedef struct al_farm_facts {
    int signal;         /**< that stopped the run; 0: none */
    bool is_input_read; /**< all tasks are known */
    bool lacks_input;   /**< the list was to be read again, and was empty */
    uint64_t ntotal;    /**< tasks there will be; UINT64_MAX: not known yet */
    uint64_t nnew;      /**< tasks that ended in this session */
    uint64_t nfailed;   /**< of these, not well */
    double busy_s;      /**< sum of the times of attempts that ended */
    double running_s;   /**< of those that run, so far; by al_farm_facts_of() */
    double expected_s;  /**< what they will take yet if they are as the mean; by al_farm_facts_of() */
    double user_s, sys_s, longest_s;
    uint64_t most_mem_kb;
    uint64_t nattempts, spawn_ns; /**< starts, and what they took us in all */
    uint64_t begin_ns, end_ns;
    uint32_t nrunning_most;
    al_bundle bundle; /**< is_bundling: what was measured */
} al_farm_facts;

void al_farm_facts_of(const al_farm *farm, al_farm_facts *facts);

/** An engine elsewhere, as it is at present. */
typedef struct al_farm_engine_facts {
    const char *name;  /**< borrowed until al_farm_destroy() */
    const char *state; /**< up, connecting, waits for work, lost, given up. Static text */
    bool was_up;
    uint32_t nslots, nwaiting_most; /**< tasks at a time, and such as may wait there besides */
    uint64_t nended;                /**< attempts */
} al_farm_engine_facts;

/** @param number  from 1. @return false: there is no such */
bool al_farm_engine_facts_of(const al_farm *farm, uint32_t number, al_farm_engine_facts *facts);

/** Have the loop stop as if by this signal; from its callbacks. */
void al_farm_interrupt(al_farm *farm, int signal);

#endif
