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

static bool is_open(const al_engine *engine)
{
    return engine->is_up && (engine->nslots == 0 || engine->nrunning < engine->nslots);
}

/** Keep the list of engines that may have room. */
static void note_open(al_sched *sched, uint32_t number)
{
    al_engine *engine = &sched->engines[number];
    bool open = is_open(engine);
    if (open && engine->open_at == AL_NONE) {
        engine->open_at = sched->nopen;
        sched->open[sched->nopen++] = number;
    } else if (!open && engine->open_at != AL_NONE) {
        uint32_t last = sched->open[--sched->nopen];
        sched->open[engine->open_at] = last;
        sched->engines[last].open_at = engine->open_at;
        engine->open_at = AL_NONE;
    }
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

uint32_t al_engine_find(al_sched *sched, uint32_t number, const al_need *need)
{
    al_class *class = &sched->classes[number];
    bool guess = is_guessed(class);
    if (!has_tokens(sched, &class->kind))
        return AL_NONE;
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

uint32_t al_engine_take(al_sched *sched, uint32_t number, const al_need *need, const al_class *class)
{
    al_engine *engine = &sched->engines[number];
    uint32_t slot = take_slot(engine);
    if (slot == 0)
        return 0;
    engine->used.cpus_milli += need->cpus_milli;
    engine->used.gpus += need->gpus;
    engine->used.mem_bytes += need->mem_bytes;
    engine->nrunning++;
    for (int k = 0; k < AL_TOKENS_MAX; k++)
        sched->tokens_used[k] += class->kind.tokens[k];
    note_open(sched, number);
    if (sched->reserved_class != AL_NONE && class == &sched->classes[sched->reserved_class])
        end_reservation(sched);
    return slot;
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
        if (tokens ||
            (may_use(sched, number, class) && fits(&sched->engines[number], &need, is_guessed(c)))) {
            c->hint = number;
            c->hinted_at = tokens ? 0 : sched->nfreed;
            al_class_unstick(sched, class);
        }
    }
}

void al_engine_give_back(al_sched *sched, const al_running *running)
{
    al_engine *engine = &sched->engines[running->engine];
    const al_class *class = &sched->classes[running->kind];
    bool tokens = false;
    engine->used.cpus_milli -= running->reserved.cpus_milli;
    engine->used.gpus -= running->reserved.gpus;
    engine->used.mem_bytes -= running->reserved.mem_bytes;
    engine->nrunning--;
    engine->taken[(running->slot - 1) / 64] &= ~(UINT64_C(1) << (running->slot - 1) % 64);
    for (int k = 0; k < AL_TOKENS_MAX; k++) {
        sched->tokens_used[k] -= class->kind.tokens[k];
        tokens = tokens || class->kind.tokens[k] > 0;
    }
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

allot_err al_sched_engine_up(al_sched *sched, const al_need *has, uint32_t nslots, uint32_t *number)
{
    al_engine *engines = realloc(sched->engines, (sched->nengines + 1) * sizeof *engines);
    if (engines == NULL)
        return ALLOT_ENOMEM;
    sched->engines = engines;
    uint32_t *open = realloc(sched->open, (sched->nengines + 1) * sizeof *open);
    if (open == NULL)
        return ALLOT_ENOMEM;
    sched->open = open;
    *number = sched->nengines++;
    engines[*number] = (al_engine){.has = *has, .nslots = nslots, .open_at = AL_NONE, .is_up = true};
    note_open(sched, *number);
    sched->nfreed++;
    reconsider(sched, *number, false);
    return ALLOT_OK;
}

void al_sched_engine_slots(al_sched *sched, uint32_t number, uint32_t nslots)
{
    sched->engines[number].nslots = nslots;
    note_open(sched, number);
    sched->nfreed++;
    reconsider(sched, number, false);
}

void al_sched_engine_down(al_sched *sched, uint32_t number, uint64_t now_ns)
{
    sched->engines[number].is_up = false;
    note_open(sched, number);
    if (sched->reserved_engine == number)
        end_reservation(sched);
    for (uint32_t k = sched->oldest, next; k != AL_NONE; k = next) {
        next = sched->running[k].newer;
        if (sched->running[k].engine != number)
            continue;
        al_result result = {.task = sched->running[k].task, .cause = AL_CAUSE_LOST};
        al_sched_ended(sched, &result, now_ns);
        if (al_task_is_final(result.state))
            al_end_verdict(sched, result.task, result.state, result.cause);
    }
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
