/* farm_parts.h - the inside of a farm. For farm*.c alone.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_FARM_FARM_PARTS_H
#define AL_FARM_FARM_PARTS_H

#include <limits.h>
#include <signal.h>
#include <sys/types.h>

#include "engine/crew.h"
#include "engine/link.h"
#include "farm/farm.h"
#include "farm/stage.h"
#include "farm/token.h"

enum { AL_FARM_TOLD = 5 }; /* variables that tell a task who it is */

/** A place where a task runs: here, or at an engine elsewhere. */
typedef struct al_place {
    al_task_id task; /* 0: free */
    uint32_t attempt;
    uint32_t engine;   /* of the scheduler's */
    uint64_t start_ns; /* UINT64_MAX: it waits at its engine */
    al_result result;
    al_capture *captures; /* [2]: standard output, standard error; the crew's, or own */

    al_capture *own;
    struct al_farm *farm;
    al_buffer lines[2]; /* is_live: the beginning of a line */
    al_buffer made;     /* elsewhere: files that it is to make, */
    al_held held;       /* and those that have come while the task ran twice */
} al_place;

/** An engine as the scheduler numbers them; the first is this process itself. */
typedef struct al_farm_engine {
    const al_engine_spec *spec; /* NULL: this process */
    uint32_t id;                /* in results; 0: this process */
    uint32_t first_slot, nplaces;
    uint64_t nended;           /* attempts */
    uint64_t nsent, nreceived; /* bytes, over connections that are closed */
    uint64_t receiving;        /* task whose file is coming */
    /* farm_engine.c's own */
    al_link *link;    /* NULL: not connected at present */
    bool is_resting;  /* lent, and not needed at present */
    uint64_t busy_ns; /* when it last had a task */
    bool is_up, is_given_up, is_losing, was_up, shares, is_touched, has_news, has_bad_agent;
    uint32_t nslots, nqueue, ncpus, nfailures;
    uint64_t mem_bytes;
    uint64_t up_ns;  /* since when */
    uint64_t due_ns; /* when it wants to be looked at: a heartbeat, or the next try */
    al_link_fds watched;
    char host[256], why[400];
    al_stage *stage;
} al_farm_engine;

struct al_farm {
    al_farm_opts opts;
    al_farm_engine *engines;
    uint32_t nengines;
    al_sums *sums;     /* of files that engines share; NULL: there are no engines */
    al_token *token;   /* by which engines see whether they share our folder; NULL: none */
    bool has_recalled; /* tasks that wait at engines */
    uint64_t saved_ns; /* when what is known of engines was last given to the store */
    int epoll, signals, null;
    al_crew crew; /* slots from 1 to its own number are here; those after it at engines elsewhere */
    int input_fd; /* that is watched: our own copy */
    sigset_t old_mask;
    bool has_old_mask;
    al_place *places; /* [nplaces + 1]; index = slot */
    uint32_t nplaces;
    uint32_t nlive, nwaiting; /* of those that live, at engines and not started */
    uint64_t over_ns;         /* since when nothing runs but copies that nobody waits for; 0: it is not so */
    bool said_unfit;
    uint64_t looked_at_ns; /* for tasks that fit nowhere */
    al_buffer argv, pointers;
    char **envp;
    char *env_texts[AL_FARM_TOLD]; /* all but the first are rewritten for each task */
    uint64_t nknown;               /* tasks that sched was told */
    bool input_ended, input_watched, is_input_ready;
    bool is_broken; /* nothing may be started any more */
    bool is_held;
    bool has_terminal; /* that tasks are to be kept from */
    int ninterrupts;
    uint64_t drained_ns; /* after USR1: when what still runs is ended; 0: no such thing */
    uint64_t held_at_ns; /* when load and memory were last looked at */
    uint64_t status_at_ns;
    uint64_t asked_at_ns; /* when requests of others were last looked for */
    al_farm_facts facts;
    allot_error fault;
};

/** A sentence for the user. */
void al_farm_say(const al_farm *farm, const char *text);

/* farm_task.c: one task, from its start to its result. */

/** Start the task of a START action. */
void al_farm_start(al_farm *farm, const al_action *action, uint64_t now_ns);
/** One more runs: how many at a time is worth knowing. */
void al_farm_count_running(al_farm *farm);
/** The command of a task into farm->argv, and what else it has of its own (al_farm_own_fini() always). */
struct al_farm_own;
allot_err al_farm_render(al_farm *farm, al_task_id task, uint32_t slot, struct al_farm_own *own,
                         uint32_t *argc, allot_error *err);
int64_t al_farm_unix_us(void);
/** What the crew asks and tells; arg is the farm. */
bool al_farm_has_room(void *arg);
void al_farm_child_ended(void *arg, uint32_t slot);
void al_farm_wrote(void *arg, uint32_t slot, bool is_err, const char *at, size_t nbytes);
void al_farm_path_of(void *arg, uint32_t slot, bool is_err, char *path, size_t nbytes);
void al_farm_over_memory(void *arg, uint32_t slot);
/** The result of a place's task is complete: it goes to the scheduler and the store, and the place is free.
 */
void al_farm_finish(al_farm *farm, uint32_t slot, uint64_t now_ns);
/** What a place's task leaves is nobody's: its output so far and the files that came are removed. */
void al_farm_drop_results(al_farm *farm, al_place *place);
/** Whether a place's task has been decided by its other copy: what this one says is not taken. */
bool al_farm_is_beaten(const al_farm *farm, const al_place *place);
/** Give the store a result of a task that did not run. */
void al_farm_note(al_farm *farm, const al_action *action);

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
/** Whether the files that a place's task declared, in its spec or by --fetch, are there. @param[out] missing
 * the first that is not
 */
bool al_farm_has_outputs(al_farm *farm, const al_place *place, char missing[PATH_MAX]);

/* farm_engine.c: engines elsewhere. */

allot_err al_farm_engines_open(al_farm *farm, allot_error *err);
/** Ends their connections; what is known of them stays. */
void al_farm_engines_close(al_farm *farm);
/** Whether epoll's `about` is an engine's; it is looked at then. */
bool al_farm_engine_event(al_farm *farm, uint64_t about, uint32_t events);
/** Hear what came, send what waits, bring up who is down. @return when next; UINT64_MAX: no matter */
uint64_t al_farm_engines_step(al_farm *farm, uint64_t now_ns);
/** Tasks that may be at engines at a time, besides those here. */
uint32_t al_farm_engines_places(const al_farm_opts *opts);
/** Why no engine is left to work; NULL: there is one, or may be. */
const char *al_farm_engines_fault(const al_farm *farm);
/** Whether an engine may come up yet. */
bool al_farm_engines_pending(const al_farm *farm);
/** An agent has answered: its engine takes tasks from now on. */
void al_farm_come_up(al_farm *farm, uint32_t number, const al_welcome *welcome);
/** How many tasks may wait at an engine, by what is known of tasks and of the way. */
void al_farm_set_queue(al_farm *farm, uint32_t number);

/* farm_hear.c: what engines elsewhere say about their tasks. */

/** @return ALLOT_OK, or why the engine is not to be trusted */
allot_err al_farm_hear(al_farm *farm, uint32_t number, const al_message *m, uint64_t now_ns,
                       allot_error *err);
/** Results that came, but cannot be kept: the task has failed. */
void al_farm_spoil(al_place *place, const char *text);
/** A task that was given runs from now on. The time that an engine tells is taken, not the moment: its clock
 * may be off by hours. */
void al_farm_note_started(al_farm *farm, al_place *place, uint64_t now_ns);

/* farm_order.c: tasks given to engines elsewhere, and taken back. */

/** Give a place's task to its engine. */
void al_farm_order(al_farm *farm, uint32_t slot, const al_action *action);
/** End a task elsewhere. */
void al_farm_engine_kill(al_farm *farm, uint32_t slot, bool hard);
/** A task comes back from its engine as it was given. */
void al_farm_return(al_farm *farm, uint32_t slot);
/** What waits at engines is wanted back: nothing more is to start. */
void al_farm_recall(al_farm *farm);

/* farm_facts.c: what is known of engines elsewhere, for `allot engines`. */

/** Give it to the store. */
void al_farm_engines_save(al_farm *farm, uint64_t now_ns);

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
