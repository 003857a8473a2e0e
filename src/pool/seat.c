/* seat.c - see seat.h.
 *
 * What is stored for whoever comes after a death needs no fences: a process that died has stored all that its
 * program stored before. What other engines read is ordered by the compare-and-swaps on ranges and the lock.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "pool/seat.h"

#include <sched.h>

static inline uint64_t load(const _Atomic uint64_t *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

static inline void store(_Atomic uint64_t *word, uint64_t value)
{
    atomic_store_explicit(word, value, memory_order_relaxed);
}

/** The engine looks at this line all the time: what is zero already, and nearly all is, is left alone. */
static void zero(_Atomic uint64_t *word)
{
    if (load(word) != 0)
        store(word, 0);
}

void al_seat_clear(al_seat *seat)
{
    zero(&seat->range);
    zero(&seat->doing);
    zero(&seat->until);
    zero(&seat->redo_end);
}

void al_seat_count(al_seat *seat)
{
    uint64_t number = load(&seat->call);
    if (load(&seat->number) == number)
        return;
    store(&seat->nitems, 0);
    store(&seat->nchunks, 0);
    store(&seat->nsteals, 0);
    store(&seat->busy_ticks, 0);
    store(&seat->failed_index, UINT64_MAX);
    atomic_store_explicit(&seat->cpu, sched_getcpu(), memory_order_relaxed);
    seat->unit_ticks = 0.0;
    store(&seat->number, number);
}

bool al_seat_has_work(al_seat *seat)
{
    return al_range_left(load(&seat->range)) > 0 || load(&seat->redo_end) != 0;
}

bool al_seat_take(const al_cut *cut, al_seat *seat, uint32_t most)
{
    uint64_t range = load(&seat->range);
    for (;;) {
        uint32_t left = al_range_left(range), begin = al_range_begin(range);
        uint32_t end = begin + (left < most ? left : most);
        if (left == 0)
            return false;
        store(&seat->doing, al_range_pack(begin, end));
        store(&seat->at, al_cut_item(cut, begin));
        if (atomic_compare_exchange_weak_explicit(&seat->range, &range,
                                                  al_range_pack(end, al_range_end(range)),
                                                  memory_order_acq_rel, memory_order_relaxed))
            return true;
    }
}

void al_seat_taken_done(al_seat *seat)
{
    store(&seat->doing, 0);
}

void al_seat_drain(al_seat *seat)
{
    (void)atomic_exchange_explicit(&seat->range, 0, memory_order_acq_rel);
}

/** The seat with the most left but `id`; nseats when none has any. */
static uint32_t fullest(al_seat *seats, uint32_t nseats, uint32_t id, uint64_t *range)
{
    uint32_t best = nseats, best_left = 0;
    for (uint32_t s = 0; s < nseats; s++) {
        uint64_t seen = load(&seats[s].range);
        if (s != id && al_range_left(seen) > best_left) {
            best_left = al_range_left(seen);
            best = s;
            *range = seen;
        }
    }
    return best;
}

/** With the lock held. The victim may take from its front meanwhile. */
static bool take_half(al_cut *cut, al_seat *seats, uint32_t nseats, uint32_t id)
{
    uint64_t range = 0;
    uint32_t victim;
    while ((victim = fullest(seats, nseats, id, &range)) < nseats) {
        uint32_t begin = al_range_begin(range), end = al_range_end(range), from = end - (end - begin + 1) / 2;
        uint64_t taken = al_range_pack(from, end);
        atomic_store_explicit(&cut->victim, victim, memory_order_relaxed);
        store(&cut->taken, taken);
        if (!atomic_compare_exchange_strong_explicit(&seats[victim].range, &range, al_range_pack(begin, from),
                                                     memory_order_acq_rel, memory_order_relaxed))
            continue;
        atomic_store_explicit(&seats[id].range, taken, memory_order_release);
        return true;
    }
    return false;
}

static void unlock(al_cut *cut)
{
    store(&cut->taken, 0);
    atomic_store_explicit(&cut->thief, 0, memory_order_release);
}

bool al_seat_steal(al_cut *cut, al_seat *seats, uint32_t nseats, uint32_t id, bool *busy)
{
    uint64_t range;
    *busy = false;
    if (fullest(seats, nseats, id, &range) == nseats)
        return false;
    uint32_t nobody = 0;
    if (!atomic_compare_exchange_strong_explicit(&cut->thief, &nobody, id + 1, memory_order_acq_rel,
                                                 memory_order_relaxed)) {
        *busy = true;
        return false;
    }
    bool stole = take_half(cut, seats, nseats, id);
    unlock(cut);
    return stole;
}

/** A thief died with the lock: finish what it began, if it got as far as to take. */
static void finish_theft(al_cut *cut, al_seat *seats, uint32_t id)
{
    uint64_t taken = load(&cut->taken);
    if (taken != 0) {
        const al_seat *victim = &seats[atomic_load_explicit(&cut->victim, memory_order_relaxed)];
        if (al_range_end(load(&victim->range)) == al_range_begin(taken))
            store(&seats[id].range, taken);
    }
    unlock(cut);
}

al_seat_loss al_seat_recover(al_cut *cut, al_seat *seats, uint32_t id)
{
    al_seat *seat = &seats[id];
    if (atomic_load_explicit(&cut->thief, memory_order_acquire) == id + 1)
        finish_theft(cut, seats, id);
    uint64_t at = load(&seat->at), until = load(&seat->until), doing = load(&seat->doing);
    bool was_taken = doing != 0 && al_range_begin(load(&seat->range)) == al_range_end(doing);
    if (was_taken) {
        uint64_t end = al_cut_item(cut, al_range_end(doing));
        store(&seat->redo_end, at < end ? end : 0);
    }
    store(&seat->doing, 0);
    store(&seat->until, 0);
    bool in_hand = until > at && load(&seat->redo_end) != 0;
    return (al_seat_loss){.first = at, .end = in_hand ? until : at};
}
