/* sched_engine.c - engines and what they have left. See sched_parts.h.
 *
 * Those that may have room are in a list; a class that fitted on none of them is put aside (stuck) and looked
 * at again when something that it could use comes free. So a start costs the same on one engine and on ten
 * thousand.
 *
 * A class that others pass by while it waits for much to come free at once would wait for ever: after enough
 * starts of others an engine is kept for it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "farm/sched_parts.h"

#define FEW 64u /* engines that may all be looked at for each task */

static bool is_open(const al_engine *engine)
{
    return engine->is_up && (engine->nslots == 0 || engine->nrunning - engine->nwaiting < engine->nslots);
}

static bool is_roomy(const al_engine *engine)
{
    return engine->is_up && engine->nwaiting < engine->nqueue;
}

/** Put a number into a list, or take it out. @param at  where it is; AL_NONE: not there */
static void note_in(al_sched *sched, uint32_t *list, uint32_t *count, bool wanted, uint32_t number,
                    bool roomy)
{
    uint32_t *at = roomy ? &sched->engines[number].roomy_at : &sched->engines[number].open_at;
    if (wanted && *at == AL_NONE) {
        *at = *count;
        list[(*count)++] = number;
    } else if (!wanted && *at != AL_NONE) {
        uint32_t last = list[--*count];
        list[*at] = last;
        *(roomy ? &sched->engines[last].roomy_at : &sched->engines[last].open_at) = *at;
        *at = AL_NONE;
    }
}

/** Keep the lists of engines that may have room, and of those where tasks may wait for it. */
static void note_open(al_sched *sched, uint32_t number)
{
    const al_engine *engine = &sched->engines[number];
    note_in(sched, sched->open, &sched->nopen, is_open(engine), number, false);
    note_in(sched, sched->roomy, &sched->nroomy, is_roomy(engine), number, true);
}

/* ---- what fits where ------------------------------------------------------------------------------------
 */

al_need al_need_of(const al_sched *sched, al_task_id task, const al_class *class)
{
    al_need need = class->kind.need;
    if (need.mem_bytes > 0)
        need.mem_bytes = al_sched_map_get(&sched->grown, task, need.mem_bytes);
    else if (sched->opts.guess_mem)
        need.mem_bytes = sched->most_mem_bytes;
    return need;
}

/** A guess at its memory must not keep a task from an engine that has nothing else to do. */
static bool fits(const al_engine *engine, const al_need *need, bool is_guess)
{
    if (!is_open(engine) || engine->has.cpus_milli - engine->used.cpus_milli < need->cpus_milli ||
        engine->has.gpus - engine->used.gpus < need->gpus)
        return false;
    if (need->mem_bytes == 0 || (is_guess && engine->nrunning == 0))
        return true;
    return engine->has.mem_bytes == 0 || (engine->used.mem_bytes <= engine->has.mem_bytes &&
                                          engine->has.mem_bytes - engine->used.mem_bytes >= need->mem_bytes);
}

static bool could_fit(const al_engine *engine, const al_need *need, bool is_guess)
{
    return engine->is_up && engine->has.cpus_milli >= need->cpus_milli && engine->has.gpus >= need->gpus &&
           (is_guess || engine->has.mem_bytes == 0 || engine->has.mem_bytes >= need->mem_bytes);
}

static bool has_tokens(const al_sched *sched, const al_task_kind *kind)
{
    for (int k = 0; k < AL_TOKENS_MAX; k++)
        if (kind->tokens[k] > 0 && sched->opts.tokens[k] - sched->tokens_used[k] < kind->tokens[k])
            return false;
    return true;
}

static bool is_guessed(const al_class *class)
{
    return class->kind.need.mem_bytes == 0;
}

static bool may_use(const al_sched *sched, uint32_t engine, uint32_t class)
{
    return engine != sched->reserved_engine || class == sched->reserved_class;
}

/** How busy an engine is, for comparisons: tasks it runs a slot. */
static double business(const al_engine *engine)
{
    return (double)(engine->nrunning - engine->nwaiting) / (engine->nslots > 0 ? engine->nslots : 1);
}

/** Of a few engines the least busy. */
static uint32_t find_calmest(const al_sched *sched, uint32_t number, const al_need *need, bool guess)
{
    uint32_t best = AL_NONE;
    for (uint32_t k = 0; k < sched->nopen; k++) {
        const al_engine *engine = &sched->engines[sched->open[k]];
        if (may_use(sched, sched->open[k], number) && fits(engine, need, guess) &&
            (best == AL_NONE || business(engine) < business(&sched->engines[best])))
            best = sched->open[k];
    }
    return best;
}

/** An engine that has room now. */
static uint32_t find_room(al_sched *sched, uint32_t number, const al_need *need)
{
    al_class *class = &sched->classes[number];
    bool guess = is_guessed(class);
    if (!has_tokens(sched, &class->kind))
        return AL_NONE;
    if (sched->nengines > 1 && sched->nengines <= FEW)
        return find_calmest(sched, number, need, guess);
    if (class->hint != AL_NONE && may_use(sched, class->hint, number) &&
        fits(&sched->engines[class->hint], need, guess))
        return class->hint;
    if (class->hinted_at == sched->nfreed && sched->grown.count == 0)
        return AL_NONE; /* nothing else has come free since it fitted nowhere */
    for (uint32_t k = sched->nopen; k-- > 0;)
        if (may_use(sched, sched->open[k], number) && fits(&sched->engines[sched->open[k]], need, guess))
            return class->hint = sched->open[k];
    return AL_NONE;
}

/** An engine where a task may wait for room: tokens are not given to those who wait. */
static uint32_t find_queue(al_sched *sched, uint32_t number, const al_need *need)
{
    const al_class *class = &sched->classes[number];
    for (int k = 0; k < AL_TOKENS_MAX; k++)
        if (class->kind.tokens[k] > 0)
            return AL_NONE;
    for (uint32_t k = sched->nroomy; k-- > 0;)
        if (may_use(sched, sched->roomy[k], number) &&
            could_fit(&sched->engines[sched->roomy[k]], need, is_guessed(class)))
            return sched->roomy[k];
    return AL_NONE;
}

uint32_t al_engine_find(al_sched *sched, uint32_t number, const al_need *need, bool *waits)
{
    uint32_t engine = find_room(sched, number, need);
    *waits = false;
    if (engine == AL_NONE && sched->nroomy > 0) {
        engine = find_queue(sched, number, need);
        *waits = engine != AL_NONE;
    }
    return engine;
}

uint32_t al_engine_find_other(const al_sched *sched, const al_running *running, const al_need *need,
                              uint64_t most_us)
{
    const al_class *class = &sched->classes[running->kind];
    uint32_t best = AL_NONE, nfitting = 0;
    if (!has_tokens(sched, &class->kind))
        return AL_NONE;
    for (uint32_t k = sched->nopen; k-- > 0 && nfitting < FEW;) {
        const al_engine *engine = &sched->engines[sched->open[k]];
        if (sched->open[k] == running->engine || engine->wall_us > most_us ||
            !fits(engine, need, is_guessed(class)))
            continue;
        nfitting++;
        if (best == AL_NONE || business(engine) < business(&sched->engines[best]))
            best = sched->open[k];
    }
    return best;
}

/** An engine is no longer kept for a class: the others may have it. */
static void end_reservation(al_sched *sched)
{
    sched->reserved_engine = sched->reserved_class = AL_NONE;
    sched->wants_review = true;
}

/* ---- taking and giving back -----------------------------------------------------------------------------
 */

/** The lowest free slot, from 1; 0: out of memory. */
static uint32_t take_slot(al_engine *engine)
{
    for (uint32_t word = 0; word < engine->nwords; word++)
        if (engine->taken[word] != UINT64_MAX) {
            uint32_t bit = (uint32_t)__builtin_ctzll(~engine->taken[word]);
            engine->taken[word] |= UINT64_C(1) << bit;
            return 64 * word + bit + 1;
        }
    uint64_t *taken = realloc(engine->taken, (engine->nwords + 1) * sizeof *taken);
    if (taken == NULL)
        return 0;
    engine->taken = taken;
    taken[engine->nwords++] = 1;
    return 64 * (engine->nwords - 1) + 1;
}

/** A task takes what it needs of its engine, and of the run's tokens. */
static void reserve_need(al_sched *sched, al_running *running, const al_need *need)
{
    al_engine *engine = &sched->engines[running->engine];
    const al_class *class = &sched->classes[running->kind];
    running->reserved = *need;
    engine->used.cpus_milli += need->cpus_milli;
    engine->used.gpus += need->gpus;
    engine->used.mem_bytes += need->mem_bytes;
    for (int k = 0; k < AL_TOKENS_MAX; k++)
        sched->tokens_used[k] += class->kind.tokens[k];
}

static void join_queue(al_sched *sched, uint32_t number)
{
    al_running *running = &sched->running[number];
    al_engine *engine = &sched->engines[running->engine];
    running->before = engine->last_waiting;
    running->behind = AL_NONE;
    *(engine->last_waiting != AL_NONE ? &sched->running[engine->last_waiting].behind
                                      : &engine->first_waiting) = number;
    engine->last_waiting = number;
    engine->nwaiting++;
}

static void leave_queue(al_sched *sched, uint32_t number)
{
    al_running *running = &sched->running[number];
    al_engine *engine = &sched->engines[running->engine];
    *(running->before != AL_NONE ? &sched->running[running->before].behind : &engine->first_waiting) =
        running->behind;
    *(running->behind != AL_NONE ? &sched->running[running->behind].before : &engine->last_waiting) =
        running->before;
    engine->nwaiting--;
    running->is_waiting = false;
}

/** Those that wait at an engine take what has come free there. */
static void promote(al_sched *sched, uint32_t number)
{
    al_engine *engine = &sched->engines[number];
    while (engine->first_waiting != AL_NONE && is_open(engine)) {
        al_running *running = &sched->running[engine->first_waiting];
        const al_class *class = &sched->classes[running->kind];
        al_need need = al_need_of(sched, running->task, class);
        if (!fits(engine, &need, is_guessed(class)))
            return;
        leave_queue(sched, engine->first_waiting);
        reserve_need(sched, running, &need);
    }
}

bool al_engine_take(al_sched *sched, uint32_t number, const al_need *need)
{
    al_running *running = &sched->running[number];
    al_engine *engine = &sched->engines[running->engine];
    running->slot = take_slot(engine);
    if (running->slot == 0)
        return false;
    engine->nrunning++;
    if (running->is_waiting)
        join_queue(sched, number);
    else
        reserve_need(sched, running, need);
    note_open(sched, running->engine);
    if (sched->reserved_class == running->kind)
        end_reservation(sched);
    return true;
}

/** Look at those put aside: they may fit on this engine now, or have the tokens. */
static void reconsider(al_sched *sched, uint32_t number, bool tokens)
{
    for (uint32_t class = sched->first_stuck, next; class != AL_NONE; class = next) {
        al_class *c = &sched->classes[class];
        next = c->next_stuck;
        al_task_id task = al_queue_peek(sched, c);
        if (task == 0) {
            al_class_unstick(sched, class);
            continue;
        }
        al_need need = al_need_of(sched, task, c);
        const al_engine *engine = &sched->engines[number];
        if (tokens || (may_use(sched, number, class) &&
                       (fits(engine, &need, is_guessed(c)) ||
                        (is_roomy(engine) && could_fit(engine, &need, is_guessed(c)))))) {
            c->hint = number;
            c->hinted_at = tokens ? 0 : sched->nfreed;
            al_class_unstick(sched, class);
        }
    }
}

void al_engine_give_back(al_sched *sched, uint32_t number)
{
    al_running *running = &sched->running[number];
    al_engine *engine = &sched->engines[running->engine];
    const al_class *class = &sched->classes[running->kind];
    bool tokens = false;
    engine->taken[(running->slot - 1) / 64] &= ~(UINT64_C(1) << (running->slot - 1) % 64);
    engine->nrunning--;
    if (running->is_waiting) {
        leave_queue(sched, number);
    } else {
        engine->used.cpus_milli -= running->reserved.cpus_milli;
        engine->used.gpus -= running->reserved.gpus;
        engine->used.mem_bytes -= running->reserved.mem_bytes;
        for (int k = 0; k < AL_TOKENS_MAX; k++) {
            sched->tokens_used[k] -= class->kind.tokens[k];
            tokens = tokens || class->kind.tokens[k] > 0;
        }
    }
    promote(sched, running->engine);
    note_open(sched, running->engine);
    sched->nfreed++;
    reconsider(sched, running->engine, tokens);
}

/* ---- those that fit nowhere ------------------------------------------------------------------------------
 */

/** Keep an engine for the class that was passed by longest, if that is too long: the one with most of it
 * free. */
static void reserve(al_sched *sched)
{
    uint32_t class = sched->first_stuck, best = AL_NONE;
    if (sched->reserved_engine != AL_NONE || class == AL_NONE ||
        sched->nstarts - sched->classes[class].stuck_since < 4 * (uint64_t)sched->nengines + 64)
        return;
    al_class *c = &sched->classes[class];
    al_task_id task = al_queue_peek(sched, c);
    al_need need = al_need_of(sched, task, c);
    if (task == 0 || !has_tokens(sched, &c->kind))
        return;
    for (uint32_t k = 0; k < sched->nengines; k++)
        if (could_fit(&sched->engines[k], &need, is_guessed(c)) &&
            (best == AL_NONE || sched->engines[k].nrunning < sched->engines[best].nrunning))
            best = k;
    sched->reserved_engine = best;
    sched->reserved_class = best != AL_NONE ? class : AL_NONE;
    if (best == AL_NONE)
        c->stuck_since = sched->nstarts; /* it fits on none at all: not again for every start */
}

void al_class_stick(al_sched *sched, uint32_t number)
{
    al_class *class = &sched->classes[number];
    class->is_stuck = true;
    class->stuck_since = sched->nstarts;
    class->prev_stuck = sched->last_stuck;
    class->next_stuck = AL_NONE;
    if (sched->last_stuck != AL_NONE)
        sched->classes[sched->last_stuck].next_stuck = number;
    else
        sched->first_stuck = number;
    sched->last_stuck = number;
    reserve(sched);
}

void al_class_unstick(al_sched *sched, uint32_t number)
{
    al_class *class = &sched->classes[number];
    uint32_t prev = class->prev_stuck, next = class->next_stuck;
    *(prev != AL_NONE ? &sched->classes[prev].next_stuck : &sched->first_stuck) = next;
    *(next != AL_NONE ? &sched->classes[next].prev_stuck : &sched->last_stuck) = prev;
    class->is_stuck = false;
    if (sched->reserved_class == number && al_queue_peek(sched, class) == 0)
        end_reservation(sched);
    al_queue_offer(sched, number);
}

void al_engine_review(al_sched *sched)
{
    sched->wants_review = false;
    sched->nfreed++;
    for (uint32_t class = sched->first_stuck, next; class != AL_NONE; class = next) {
        next = sched->classes[class].next_stuck;
        al_class_unstick(sched, class);
    }
}

/* ---- events ----------------------------------------------------------------------------------------------
 */

allot_err al_sched_engine_add(al_sched *sched, uint32_t *number)
{
    size_t count = sched->nengines + 1;
    al_engine *engines = realloc(sched->engines, count * sizeof *engines);
    if (engines == NULL)
        return ALLOT_ENOMEM;
    sched->engines = engines;
    uint32_t **const lists[] = {&sched->open, &sched->roomy};
    for (int k = 0; k < 2; k++) {
        uint32_t *list = realloc(*lists[k], count * sizeof *list);
        if (list == NULL)
            return ALLOT_ENOMEM;
        *lists[k] = list;
    }
    *number = sched->nengines++;
    engines[*number] = (al_engine){
        .open_at = AL_NONE, .roomy_at = AL_NONE, .first_waiting = AL_NONE, .last_waiting = AL_NONE};
    return ALLOT_OK;
}

/** An engine has more room than before. */
static void note_more(al_sched *sched, uint32_t number)
{
    promote(sched, number);
    note_open(sched, number);
    sched->nfreed++;
    reconsider(sched, number, false);
}

void al_sched_engine_back(al_sched *sched, uint32_t number, const al_need *has, uint32_t nslots,
                          bool tells_starts)
{
    al_engine *engine = &sched->engines[number];
    engine->has = *has;
    engine->nslots = nslots;
    engine->tells_starts = tells_starts;
    engine->is_up = true;
    engine->wall_us = 0;
    note_more(sched, number);
}

allot_err al_sched_engine_up(al_sched *sched, const al_need *has, uint32_t nslots, uint32_t *number)
{
    allot_err code = al_sched_engine_add(sched, number);
    if (code == ALLOT_OK)
        al_sched_engine_back(sched, *number, has, nslots, false);
    return code;
}

void al_sched_engine_slots(al_sched *sched, uint32_t number, uint32_t nslots)
{
    sched->engines[number].nslots = nslots;
    note_more(sched, number);
}

void al_sched_engine_queue(al_sched *sched, uint32_t number, uint32_t nqueue)
{
    if (sched->engines[number].nqueue == nqueue)
        return;
    bool more = nqueue > sched->engines[number].nqueue;
    sched->engines[number].nqueue = nqueue;
    if (more)
        note_more(sched, number);
    else
        note_open(sched, number);
}

void al_sched_engine_close(al_sched *sched, uint32_t number)
{
    sched->engines[number].is_up = false;
    note_open(sched, number);
    if (sched->reserved_engine == number)
        end_reservation(sched);
}

void al_sched_engine_down(al_sched *sched, uint32_t number, uint64_t now_ns)
{
    al_sched_engine_close(sched, number);
    for (uint32_t k = sched->engines[number].first_waiting, next; k != AL_NONE; k = next) {
        next = sched->running[k].behind;
        al_end_returned(sched, k);
    }
    for (uint32_t k = sched->oldest, next; k != AL_NONE; k = next) {
        next = sched->running[k].newer;
        if (sched->running[k].engine != number)
            continue;
        al_result result = {.task = sched->running[k].task, .cause = AL_CAUSE_LOST};
        if (al_end_attempt(sched, k, &result, now_ns) && al_task_is_final(result.state))
            al_end_verdict(sched, result.task, result.state, result.cause);
    }
}

uint32_t al_sched_engine_load(const al_sched *sched, uint32_t number, uint32_t *nwaiting)
{
    *nwaiting = sched->engines[number].nwaiting;
    return sched->engines[number].nrunning;
}

al_task_id al_sched_find_unfit(al_sched *sched)
{
    for (uint32_t class = sched->first_stuck; class != AL_NONE; class = sched->classes[class].next_stuck) {
        al_class *c = &sched->classes[class];
        al_task_id task = al_queue_peek(sched, c);
        if (task == 0)
            continue;
        al_need need = al_need_of(sched, task, c);
        bool could = true;
        for (int k = 0; k < AL_TOKENS_MAX; k++)
            could = could && c->kind.tokens[k] <= sched->opts.tokens[k];
        bool any = false;
        for (uint32_t k = 0; k < sched->nengines && could && !any; k++)
            any = could_fit(&sched->engines[k], &need, is_guessed(c));
        if (!any)
            return task;
    }
    return 0;
}
