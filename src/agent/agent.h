/* agent.h - the inside of allot-agent: an engine on another machine.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_AGENT_AGENT_H
#define AL_AGENT_AGENT_H

#include <limits.h>

#include "engine/crew.h"
#include "engine/file_transfer.h"
#include "engine/message.h"

typedef enum job_state {
    JOB_GATHERS, /* files for it came, its order did not */
    JOB_WAITS,   /* for room */
    JOB_RUNS,
    JOB_SENDS, /* it is over; what it made is being sent */
} job_state;

/** A file that a task made. */
typedef struct made_file {
    uint32_t index; /* of the declared outputs */
    al_file_type type;
    uint32_t mode;
    uint64_t nbytes;
    char *path, *target; /* path: where it is; owned */
    size_t below;        /* of path, where the part below the declared output begins */
} made_file;

/** A task that is here. */
typedef struct job {
    struct job *next; /* in the order in which they came, or ended */
    job_state state;
    uint64_t task;
    al_buffer bytes; /* the order's frame, from which it borrows */
    al_task_order order;
    bool has_folder;
    uint32_t slot;
    char *fault;            /* why it cannot be started; owned */
    bool was_killed;        /* the controller wanted its end */
    uint64_t hold_until_ns; /* its end is not told before */
    uint64_t dry_until_ns;  /* it is not run, but pretended to */
    /* JOB_SENDS */
    al_task_end end;
    al_buffer text; /* what end->out and err borrow from */
    int spools[2];  /* long outputs; -1: none, or sent */
    made_file *made;
    uint32_t nmade, at_made;
} job;

/** Locks in the cache's file of them. */
enum { AGENT_LOCKS = 16384 };

typedef struct agent {
    al_buffer read;
    al_outbox out;
    uint64_t heard_ns, credit;
    bool has_ended, is_ready; /* is_ready: the controller said hello */
    char *hello_text;         /* texts of hello; owned */
    al_hello hello;
    int epoll, signals, null;
    al_crew crew;
    uint32_t nslots, ncpus;
    uint64_t mem_bytes;
    uint64_t used_cpus_milli, used_mem; /* by what runs */
    bool shares;
    char cwd[PATH_MAX];         /* shares: the controller's */
    char cache[PATH_MAX];       /* files by their sums */
    char scratch[PATH_MAX / 2]; /* a folder for each task, and spools */
    int cache_fd, scratch_fd;
    uint8_t kept[AGENT_LOCKS / 8]; /* a bit for each lock that we hold */
    int keeps, takes;              /* of the cache's locks: ours, and to see whether there are any; or -1 */
    uint64_t cache_bytes;          /* when it was last looked at, and what was added since */
    uint64_t cache_look_at;        /* bytes at which it is looked at again */
    job *jobs, *last;              /* that gather, wait or run */
    job *sending, *last_sending;
    job *held; /* ended by a signal that may be meant for us as well */
    job **by_slot;
    al_receiver receiver;
    uint64_t receiving; /* task whose file that is; 0: the cache's */
    al_sum receiving_sum;
    al_sender sender;
} agent;

/* agent.c */

/** Give a message to the controller. */
void agent_send(agent *a, const al_message *message);
/** Give it the next piece of the file that is sent. @return false: the file could not be read to its end */
bool agent_send_piece(agent *a);
/** It cannot go on: says why, and ends. */
void agent_fault(agent *a, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));

/* jobs.c: tasks from their order to their end. */

job *agent_job(agent *a, uint64_t task, bool make);
void agent_order(agent *a, const al_bytes *frame);
void agent_kill(agent *a, const al_kill *kill);
/** Start what has room. */
void agent_start(agent *a);
/** A child of the crew has ended. */
void agent_ended(void *arg, uint32_t slot);
/** A job that ran has its end in j->end: its place is free, and it is sent. */
void agent_leave(agent *a, job *j);
/** Take a job out of the list of those that are here, and forget it with its folder. */
void agent_forget(agent *a, job *j);
/** The same of one that is in no list any more. */
void agent_destroy_job(agent *a, job *j);

/* dry.c: tasks that are not run, but pretended to be. */

/** Instead of starting it. It may have ended when this returns. */
void agent_pretend(agent *a, job *j);
/** The controller wants the end of one. */
void agent_stop_pretending(agent *a, job *j, bool hard);
/** Those whose time is over have succeeded. @return when the next; UINT64_MAX: there is none */
uint64_t agent_end_pretended(agent *a, uint64_t now_ns);

/* relay.c */

/** Be a slow way to a command: DELAY_NS, BYTES_PER_S (0: any), COMMAND ... @return the exit status */
int agent_relay(char **words, int nwords);

/* files.c: what comes for tasks, and where it is put. */

bool agent_open_folders(agent *a);
void agent_file(agent *a, const al_file_head *file);
void agent_file_end(agent *a, const al_file_tail *tail);
/** The folder of a job's own. @return false: j->fault says why not */
bool agent_need_folder(agent *a, job *j);
void agent_job_folder(const agent *a, uint64_t task, char path[PATH_MAX]);
/** folder/below, or only one where the other is empty. Too long a path becomes "": nothing is there. */
void agent_join(char path[PATH_MAX], const char *folder, al_bytes below);
/** Files of the cache that the order names. @return false: j->fault */
bool agent_place_inputs(agent *a, job *j);

/* cache.c: files by their sums. */

bool agent_cache_open(agent *a);
/** Sums of what the cache holds, appended; it stays there as long as we do. */
void agent_cache_list(agent *a, al_buffer *sums);
/** A file of so many bytes is coming: makes room for it, and keeps it from going again. */
void agent_cache_expect(agent *a, const al_sum *sum, uint64_t nbytes);
void agent_cache_name(const al_sum *sum, char name[40]);

/* outgoing.c: what tasks made, on its way to the controller. */

/** A job has ended: from now on it is sent. */
void agent_give(agent *a, job *j);
/** Send as much as may be sent. @return when there is more to be done; UINT64_MAX: no matter */
uint64_t agent_pump(agent *a, uint64_t now_ns);
/** What the declared outputs are. @return false: one is missing, and which */
bool agent_find_made(agent *a, job *j, char missing[PATH_MAX]);

#endif
