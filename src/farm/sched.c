/* sched.c - see sched.h: tasks come in, actions go out.
 *
 * Rooms: sched_queue.c has tasks and the order of those that are ready, sched_engine.c where they run,
 * sched_graph.c who waits for whom, sched_time.c deadlines and delays, sched_end.c what becomes of those that
 * ended, sched_twice.c those that run on two engines at a time. This file ties them together: al_sched_next()
 * asks each in turn.
 *
 * Invariant: whatever can be done at a time is given out by al_sched_next() at that time, and
 * al_sched_wake_at() is no later than the next time at which there will be more.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "farm/sched.h"

#include <stdlib.h>
#include <string.h>

#include "farm/sched_parts.h"

#define KINDS_MOST 65535u

al_sched *al_sched_create(const al_sched_opts *opts)
{
    al_sched *sched = calloc(1, sizeof *sched);
    if (sched == NULL)
        return NULL;
    sched->opts = *opts;
    sched->random = opts->seed;
    sched->nfreed = 1;
    sched->first_stuck = sched->last_stuck = sched->oldest = sched->newest = AL_NONE;
    sched->reserved_engine = sched->reserved_class = AL_NONE;
    return sched;
}

void al_sched_destroy(al_sched *sched)
{
    if (sched == NULL)
        return;
    for (size_t k = 0; k < sched->npages; k++) {
        free(sched->pages[k]->kinds);
        free(sched->pages[k]);
    }
    for (uint32_t k = 0; k < sched->nclasses; k++) {
        free(sched->classes[k].fresh.at);
        free(sched->classes[k].returned.at);
    }
    for (uint32_t k = 0; k < sched->nengines; k++)
        free(sched->engines[k].taken);
    al_sched_map_fini(&sched->many_attempts);
    al_sched_map_fini(&sched->grown);
    al_sched_map_fini(&sched->lost);
    al_sched_map_fini(&sched->uncounted);
    al_sched_map_fini(&sched->by_task);
    void *const memory[] = {sched->pages,
                            sched->classes,
                            sched->candidates.at,
                            sched->engines,
                            sched->open,
                            sched->roomy,
                            sched->running,
                            sched->free_running,
                            sched->timers.at,
                            sched->delayed.at,
                            sched->kills,
                            sched->verdicts,
                            sched->waits_for,
                            sched->dependents,
                            sched->edges,
                            sched->bins,
                            sched};
    for (size_t k = 0; k < sizeof memory / sizeof memory[0]; k++)
        free(memory[k]);
}

/* ---- tasks come in ---------------------------------------------------------------------------------------
 */

static bool same_kind(const al_task_kind *a, const al_task_kind *b)
{
    return a->need.cpus_milli == b->need.cpus_milli && a->need.gpus == b->need.gpus &&
           a->need.mem_bytes == b->need.mem_bytes && memcmp(a->tokens, b->tokens, sizeof a->tokens) == 0 &&
           a->timeout_ns == b->timeout_ns && a->retries == b->retries && a->priority == b->priority;
}

allot_err al_sched_kind(al_sched *sched, const al_task_kind *kind, uint32_t *number)
{
    for (uint32_t k = sched->nclasses; k-- > 0;) /* the latest are the likeliest */
        if (same_kind(&sched->classes[k].kind, kind)) {
            *number = k;
            return ALLOT_OK;
        }
    if (sched->nclasses == KINDS_MOST)
        return ALLOT_ERANGE;
    if ((sched->nclasses & (sched->nclasses - 1)) == 0) { /* room is the next power of two */
        uint32_t room = sched->nclasses > 0 ? 2 * sched->nclasses : 1;
        al_class *classes = realloc(sched->classes, room * sizeof *classes);
        if (classes == NULL)
            return ALLOT_ENOMEM;
        sched->classes = classes;
    }
    *number = sched->nclasses;
    sched->classes[sched->nclasses++] =
        (al_class){.kind = *kind, .hint = AL_NONE, .prev_stuck = AL_NONE, .next_stuck = AL_NONE};
    return ALLOT_OK;
}

allot_err al_sched_add(al_sched *sched, uint64_t n, uint32_t kind, bool blocked)
{
    al_task_id first = sched->counts.ntasks + 1;
    if (!al_page_add(sched, n, kind, blocked ? AL_TASK_BLOCKED : AL_TASK_READY))
        return ALLOT_ENOMEM;
    if (blocked && !al_graph_make_room(sched))
        return ALLOT_ENOMEM;
    if (!blocked && n > 0)
        al_queue_push(sched, first, n, true);
    sched->is_input_ended = false;
    return sched->is_out_of_memory ? ALLOT_ENOMEM : ALLOT_OK;
}

allot_err al_sched_restore(al_sched *sched, al_task_id task, al_task_state state, uint32_t attempts,
                           uint64_t wall_us)
{
    al_task_state now = al_task_state_of(sched, task);
    al_task_set_attempts(sched, task, attempts);
    if (al_task_is_final(state) && !al_task_is_final(now)) {
        al_task_set_state(sched, task, state);
        al_graph_settle(sched, task, state);
        if (state == AL_TASK_DONE && !al_time_measure(sched, wall_us))
            sched->is_out_of_memory = true;
    }
    return sched->is_out_of_memory ? ALLOT_ENOMEM : ALLOT_OK;
}

void al_sched_input_ended(al_sched *sched)
{
    sched->is_input_ended = true;
}

void al_sched_hold(al_sched *sched, bool hold)
{
    sched->is_held = hold;
}

/* ---- actions ---------------------------------------------------------------------------------------------
 */

static bool next_kill(al_sched *sched, uint64_t now_ns, al_action *action)
{
    while (sched->nkills > 0) {
        al_running *running = &sched->running[sched->kills[--sched->nkills]];
        if (running->task == 0 || (!running->is_soft_due && !running->is_hard_due))
            continue; /* it ended meanwhile */
        *action = (al_action){.kind = AL_ACTION_KILL,
                              .task = running->task,
                              .attempt = running->attempt,
                              .engine = running->engine,
                              .slot = running->slot,
                              .hard = running->is_hard_due,
                              .cause = running->why};
        if (running->is_soft_due) {
            running->hard_ns = now_ns + sched->opts.kill_after_ns;
            if (!al_heap_push(&sched->timers, running->hard_ns, running->task))
                sched->is_out_of_memory = true;
        }
        running->is_soft_due = running->is_hard_due = false;
        return true;
    }
    return false;
}

static bool next_verdict(al_sched *sched, al_action *action)
{
    al_end_cancel_more(sched);
    if (sched->nverdicts == 0)
        return false;
    al_verdict verdict = sched->verdicts[sched->first_verdict];
    sched->first_verdict = (sched->first_verdict + 1) & (sched->room_verdicts - 1);
    sched->nverdicts--;
    *action = (al_action){.kind = AL_ACTION_FINAL,
                          .task = verdict.task,
                          .attempt = al_task_attempts_of(sched, verdict.task),
                          .state = verdict.state,
                          .cause = verdict.cause};
    if (!verdict.is_settled)
        al_graph_settle(sched, verdict.task, verdict.state);
    return true;
}

/** Those whose time to be tried again has come. */
static void wake_delayed(al_sched *sched, uint64_t now_ns)
{
    while (sched->delayed.count > 0 && sched->delayed.at[0].key <= now_ns) {
        al_task_id task = al_heap_pop(&sched->delayed).what;
        if (al_task_state_of(sched, task) != AL_TASK_DELAYED)
            continue;
        al_task_set_state(sched, task, AL_TASK_READY);
        al_queue_push(sched, task, 1, false);
    }
}

/** A place in the table of those that run; AL_NONE: out of memory. */
static uint32_t new_running(al_sched *sched)
{
    if (sched->nfree_running > 0)
        return sched->free_running[--sched->nfree_running];
    if (sched->nrunning == sched->room_running) {
        uint32_t room = sched->room_running > 0 ? 2 * sched->room_running : 16;
        al_running *running = realloc(sched->running, room * sizeof *running);
        if (running == NULL)
            return AL_NONE;
        sched->running = running;
        uint32_t *spare = realloc(sched->free_running, room * sizeof *spare);
        if (spare == NULL)
            return AL_NONE;
        sched->free_running = spare;
        sched->room_running = room;
    }
    return sched->nrunning;
}

void al_running_append(al_sched *sched, uint32_t number)
{
    sched->running[number].older = sched->newest;
    sched->running[number].newer = AL_NONE;
    *(sched->newest != AL_NONE ? &sched->running[sched->newest].newer : &sched->oldest) = number;
    sched->newest = number;
}

void al_running_remove(al_sched *sched, uint32_t number)
{
    uint32_t older = sched->running[number].older, newer = sched->running[number].newer;
    *(older != AL_NONE ? &sched->running[older].newer : &sched->oldest) = newer;
    *(newer != AL_NONE ? &sched->running[newer].older : &sched->newest) = older;
}

void al_sched_started(al_sched *sched, al_task_id task, uint32_t engine, uint64_t now_ns)
{
    uint32_t number = al_twice_at(sched, task, engine);
    if (number == AL_NONE || sched->running[number].is_begun)
        return;
    al_running_remove(sched, number); /* the list is in the order of starts */
    al_running_append(sched, number);
    sched->running[number].start_ns = now_ns;
    sched->late_at_ns = 0;
    al_time_start(sched, number);
}

bool al_running_start(al_sched *sched, al_task_id task, uint32_t twin, uint32_t engine, const al_need *need,
                      bool waits, uint64_t now_ns, al_action *action)
{
    uint32_t number = new_running(sched), class = al_task_kind_of(sched, task);
    uint32_t attempt = al_task_attempts_of(sched, task) + 1;
    if (number == AL_NONE || (twin == AL_NONE && !al_sched_map_set(&sched->by_task, task, number)))
        return false;
    const al_task_kind *kind = &sched->classes[class].kind;
    sched->running[number] = (al_running){.task = task,
                                          .engine = engine,
                                          .kind = class,
                                          .start_ns = now_ns,
                                          .timeout_ns = kind->timeout_ns,
                                          .attempt = attempt,
                                          .twin = AL_NONE,
                                          .is_waiting = waits};
    if (!al_engine_take(sched, number, need)) {
        if (twin == AL_NONE)
            al_sched_map_remove(&sched->by_task, task);
        sched->running[number].task = 0;
        sched->free_running[sched->nfree_running++] = number;
        return false;
    }
    al_running_append(sched, number);
    sched->nrunning++;
    sched->nstarts++;
    sched->late_at_ns = 0;
    al_task_set_attempts(sched, task, attempt);
    al_task_set_state(sched, task, AL_TASK_RUNNING);
    if (twin != AL_NONE)
        al_twice_join(sched, twin, number);
    if (!sched->engines[engine].tells_starts)
        al_time_start(sched, number);
    *action = (al_action){.kind = AL_ACTION_START,
                          .task = task,
                          .attempt = attempt,
                          .engine = engine,
                          .slot = sched->running[number].slot,
                          .cpus_milli = need->cpus_milli,
                          .gpus = need->gpus,
                          .mem_bytes = kind->need.mem_bytes > 0 ? need->mem_bytes : 0};
    return true;
}

static bool may_start(const al_sched *sched, uint64_t now_ns)
{
    return !sched->is_held && !sched->is_stopped && !sched->is_halted && now_ns >= sched->next_start_ns;
}

static bool next_start(al_sched *sched, uint64_t now_ns, al_action *action)
{
    if (sched->wants_review)
        al_engine_review(sched);
    while (sched->candidates.count > 0 && may_start(sched, now_ns)) {
        uint32_t number = (uint32_t)al_heap_pop(&sched->candidates).what;
        al_class *class = &sched->classes[number];
        class->is_candidate = false;
        al_task_id task = al_queue_peek(sched, class);
        if (task == 0)
            continue;
        al_need need = al_need_of(sched, task, class);
        bool waits;
        uint32_t engine = al_engine_find(sched, number, &need, &waits);
        if (engine == AL_NONE) {
            al_class_stick(sched, number);
            continue;
        }
        al_queue_drop(class);
        bool started = al_running_start(sched, task, AL_NONE, engine, &need, waits, now_ns, action);
        if (!started)
            al_queue_push(sched, task, 1, false);
        al_queue_offer(sched, number);
        sched->is_out_of_memory |= !started;
        return started;
    }
    return sched->opts.speculate > 0 && may_start(sched, now_ns) && al_twice_next(sched, now_ns, action);
}

void al_sched_next(al_sched *sched, uint64_t now_ns, al_action *action)
{
    *action = (al_action){.kind = AL_ACTION_NONE};
    al_time_look(sched, now_ns);
    wake_delayed(sched, now_ns);
    if (!next_kill(sched, now_ns, action) && !next_verdict(sched, action) &&
        next_start(sched, now_ns, action))
        sched->next_start_ns = sched->opts.delay_ns > 0 ? now_ns + sched->opts.delay_ns : 0;
}

uint64_t al_sched_wake_at(const al_sched *sched)
{
    uint64_t due_ns = al_time_next(sched);
    if (sched->nkills > 0 || sched->nverdicts > 0 || sched->cancel_at != 0)
        return 0;
    bool starts = !sched->is_held && !sched->is_stopped && !sched->is_halted;
    if (starts && sched->delayed.count > 0 && sched->delayed.at[0].key < due_ns)
        due_ns = sched->delayed.at[0].key;
    uint64_t start_ns = sched->candidates.count > 0 || sched->wants_review ? 0
                        : starts                                           ? al_twice_wake_at(sched)
                                                                           : UINT64_MAX;
    if (start_ns < sched->next_start_ns)
        start_ns = sched->next_start_ns;
    return starts && start_ns < due_ns ? start_ns : due_ns;
}

/* ---- questions -------------------------------------------------------------------------------------------
 */

void al_sched_count(const al_sched *sched, al_sched_counts *counts)
{
    *counts = sched->counts;
}

al_task_state al_sched_state(const al_sched *sched, al_task_id task)
{
    return al_task_state_of(sched, task);
}

uint32_t al_sched_attempts(const al_sched *sched, al_task_id task)
{
    return al_task_attempts_of(sched, task);
}

bool al_sched_where(const al_sched *sched, al_task_id task, uint32_t engine, uint32_t *slot)
{
    uint32_t number = al_twice_at(sched, task, engine);
    if (number != AL_NONE)
        *slot = sched->running[number].slot;
    return number != AL_NONE;
}

bool al_sched_is_halted(const al_sched *sched)
{
    return sched->is_halted;
}

bool al_sched_is_over(const al_sched *sched)
{
    const al_sched_counts *c = &sched->counts;
    if (sched->nrunning > sched->nbeaten || sched->nverdicts > 0 || sched->cancel_at != 0)
        return false;
    return sched->is_stopped || sched->is_halted || c->nblocked + c->nready + c->ndelayed == 0;
}

size_t al_sched_nbytes(const al_sched *sched)
{
    size_t nbytes = sizeof *sched + sched->npages * (sizeof(al_page) + sizeof(al_page *));
    for (size_t k = 0; k < sched->npages; k++)
        nbytes += sched->pages[k]->kinds != NULL ? AL_PAGE_TASKS * sizeof(uint16_t) : 0;
    for (uint32_t k = 0; k < sched->nclasses; k++)
        nbytes += sizeof(al_class) +
                  (sched->classes[k].fresh.room + sched->classes[k].returned.room) * sizeof(al_span);
    for (uint32_t k = 0; k < sched->nengines; k++)
        nbytes += sizeof(al_engine) + 2 * sizeof(uint32_t) + sched->engines[k].nwords * sizeof(uint64_t);
    nbytes += sched->room_running * (sizeof(al_running) + sizeof(uint32_t));
    nbytes += (sched->many_attempts.room + sched->grown.room + sched->lost.room + sched->uncounted.room +
               sched->by_task.room) *
              2 * sizeof(uint64_t);
    nbytes += (sched->candidates.room + sched->timers.room + sched->delayed.room) * sizeof(al_due);
    nbytes += sched->room_verdicts * sizeof(al_verdict) + sched->room_kills * sizeof(uint32_t);
    nbytes += sched->room_graph * 2 * sizeof(uint32_t) + sched->room_edges * sizeof(al_edge);
    return nbytes + (sched->bins != NULL ? AL_MEDIAN_BINS * sizeof(uint32_t) : 0);
}
