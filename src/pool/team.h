/* team.h - some engines and the board in shared memory at which they get their work.
 *
 * Rooms: seat.c is who has which items, team.c makes and buries engines, watch.c is the caller during a call,
 * with orders.c and ends.c (caller.h), engine.c is what runs in the engine, procs.c decides which team a call
 * gets.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_POOL_TEAM_H
#define AL_POOL_TEAM_H

#include <poll.h>
#include <sched.h>
#include <sys/types.h>

#include <allot/engines.h>
#include <allot/map.h>

#include "pool/seat.h"

enum { AL_CALL_FOR, AL_CALL_MAP, AL_CALL_ENGINE };

/** What engines are to call, and with what. */
typedef struct al_call {
    int kind;
    union {
        allot_for_fn each;
        allot_map_fn map;
        allot_engine_fn engine;
    } fn;
    void *arg;
    const char *in;
    char *out;
    size_t in_nbytes, out_nbytes;
    uint64_t chunk_items; /* 0: measured */
    bool pinned;          /* item k is engine k's */
    bool go_on;           /* items that fail are noted, and the others done */
    allot_fault *faults;  /* [AL_FAULTS_MAX] shared; with go_on */
} al_call;

/** Of items that fail more than this are not listed: the call ends. */
#define AL_FAULTS_MAX ((uint64_t)1 << 20)

typedef struct al_board {
    al_call call; /* written while all seats are idle */
    uint32_t nseats;
    bool once; /* engines are for this call */
    al_cut cut;
    AL_LINE_ALIGNED _Atomic uint64_t limit;    /* items from here on need not be done */
    _Atomic uint64_t nfaults;                  /* places taken in call.faults */
    _Atomic uint32_t stop;                     /* leave everything */
    AL_LINE_ALIGNED _Atomic uint32_t nreports; /* times an engine was done with a call; wraps */
    _Atomic uint32_t caller_asleep;            /* to be woken by wake_fd when nobody works any more */
    al_seat seats[];
} al_board;

/** An engine's process, as the caller knows it. */
typedef struct al_process {
    pid_t pid;            /* 0: there is none */
    bool killed;          /* by us, because of the call that began at: */
    uint64_t killed_call; /* called_at; 0: for no item's sake */
    uint64_t lost; /* an item that was in hand alone when somebody else killed the engine; UINT64_MAX: none */
    cpu_set_t allowed; /* the processors it may use */
} al_process;

/** The named variables of a pool's engines, in shared memory: variables.c. */
typedef struct al_variables al_variables;

typedef struct al_team {
    al_board *board;
    uint32_t nseats;
    cpu_set_t allowed;     /* processors that the thread which made the team may use; empty: not known */
    uint32_t nprocessors;  /* that this process may use */
    int wake_fd;           /* an eventfd */
    al_process *processes; /* [nseats] */
    struct pollfd *polled; /* [nseats + 1]: the processes', and wake_fd */
    const al_variables *variables;
    uint64_t ncalls; /* also the number of the latest */
} al_team;

/** What the caller asks of a call. */
typedef struct al_team_task {
    al_call call;
    uint64_t n;
    uint32_t max_engines; /* 0: all */
    uint32_t only;        /* with n = 1: the engine that is to do it, or ALLOT_ENGINES_ANY */
    uint64_t start, deadline;
    uint64_t item_ticks_max; /* 0: none */
    allot_control *control;
    uint64_t scale, nitems; /* what an item counts for in control's progress, and the most that is told */
} al_team_task;

typedef struct al_team_result {
    bool failed; /* the lowest item that did: */
    allot_fault fault;
    uint32_t engine; /* of that */
    bool canceled, timed_out;
    bool gave_up; /* too many engines ended, or too many items failed */
    uint64_t ndeaths, nfaults;
    uint64_t nitems, nchunks, nsteals, nwakes, busy_ticks;
    uint32_t nengines;
} al_team_result;

/** A board and room for nseats engines, none of which is there yet. @return NULL with err filled */
al_team *al_team_create(uint32_t nseats, const al_variables *variables, bool once, allot_error *err);
/** Fork an engine into a seat that has none and is idle: it waits for orders. @return 0 or errno */
int al_team_fork(al_team *team, uint32_t seat);
/** Kill the engine in a seat if there is one; al_team_bury() is due. */
void al_team_kill(al_team *team, uint32_t seat);
/** Wait for the end of an engine that has ended or is about to. @return its wait status; -1: somebody else
 * was told it, or nobody */
int al_team_bury(al_team *team, uint32_t seat);
/** Kill and bury all engines and free everything. NULL is allowed. In a forked child: free only. */
void al_team_destroy(al_team *team, bool is_child);

/** Do a task. All engines that are still there afterwards are idle.
 * @return ALLOT_OK with *result; ALLOT_ENOMEM: no engine could be had */
allot_err al_team_run(al_team *team, const al_team_task *task, al_team_result *result, allot_error *err);

/** The engine's side, from fork to end. */
_Noreturn void al_engine_main(const al_team *team, uint32_t seat, pid_t caller);

/** The engine that this process is, or ALLOT_ENGINE_NONE; and the variables it has. */
extern uint32_t al_engine_self;
extern const al_variables *al_engine_variables;

/** Note an item that failed in call.faults. */
void al_board_note_fault(al_board *board, uint64_t index, allot_fault_kind kind, int value);
/** Items from index on need not be done. */
void al_board_lower_limit(al_board *board, uint64_t index);

#endif
