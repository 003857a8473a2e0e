/* map_apply.c - running the expression over a range of items, and finding the item that failed.
 *
 * The fast way does the whole range in one call, so that the compiler's vectors count, under one guard. Only
 * when that call crashed, or ipow() raised its flag, are the items gone through one by one to find the lowest
 * that fails. That needs no bookkeeping on the way, and the items before it are done again to the same
 * results, an expression being a function of x and i.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/map_apply.h"

#include <signal.h>
#include <string.h>

#include <allot/map.h>

#include "base/attr.h"

#define ACC_NBYTES_MAX 256

typedef struct span {
    const al_apply *apply;
    uint64_t begin, count;
    void *out; /* results of a map */
    void *acc; /* accumulator of a fold; NULL: map */
} span;

static const void *items_at(const al_apply *apply, uint64_t item)
{
    return apply->items != NULL ? apply->items + item * apply->in_nbytes : NULL;
}

static void run_span(void *arg)
{
    const span *s = arg;
    const al_apply *apply = s->apply;
    const void *in = items_at(apply, s->begin);
    if (s->acc != NULL)
        apply->expr->fold(in, s->acc, apply->first + s->begin, s->count, apply->range);
    else
        apply->expr->map(in, s->out, apply->first + s->begin, s->count, apply->range);
}

static bool is_mapped_address(const al_map_input *input, uintptr_t address)
{
    uintptr_t low = (uintptr_t)input->map;
    return input->map != NULL && address >= low && address < low + input->map_nbytes;
}

static int crash_kind(const al_map_input *input, const al_crash *crash)
{
    return crash->signal == SIGBUS && is_mapped_address(input, crash->address)
               ? AL_ITEM_CUT_SHORT
               : AL_ITEM_CRASHED + crash->signal;
}

/** Read and clear this thread's overflow flag. */
static bool take_overflow(const al_apply *apply)
{
    bool *flag = apply->expr->overflowed();
    bool raised = *flag;
    *flag = false;
    return raised;
}

/** One span. @return 0, or AL_ITEM_* for something in it */
static int try_span(const span *s)
{
    al_crash crash;
    if (AL_UNLIKELY(al_guard_call(run_span, (void *)(uintptr_t)s, &crash) != 0))
        return crash_kind(s->apply->input, &crash);
    return AL_UNLIKELY(take_overflow(s->apply)) ? AL_ITEM_OVERFLOW : 0;
}

/** Go through a span that failed item by item; a fold begins anew, since what it had come to is spoilt.
 * @return the kind of the lowest failure; 0: none was found */
static int find_failure(const span *s, uint64_t *failed)
{
    _Alignas(16) unsigned char out[16], acc[ACC_NBYTES_MAX];
    memset(acc, 0, sizeof acc);
    for (uint64_t k = 0; k < s->count; k++) {
        span one = {.apply = s->apply,
                    .begin = s->begin + k,
                    .count = 1,
                    .out = out,
                    .acc = s->acc != NULL && s->apply->expr->acc_nbytes <= sizeof acc ? acc : NULL};
        int kind = try_span(&one);
        if (kind != 0) {
            *failed = s->begin + k;
            return kind;
        }
    }
    *failed = s->begin;
    return 0;
}

int al_apply_map(uint64_t begin, uint64_t end, void *arg)
{
    const al_apply *apply = arg;
    span s = {.apply = apply,
              .begin = begin,
              .count = end - begin,
              .out = apply->results + begin * apply->out_nbytes};
    int kind = try_span(&s);
    if (AL_LIKELY(kind == 0))
        return 0;
    uint64_t failed;
    int found = find_failure(&s, &failed);
    if (found != 0)
        return allot_fail_at(failed, found);
    /* An overflow that no single item has, computed and thrown away; a crash is one even if it comes once. */
    return kind == AL_ITEM_OVERFLOW ? 0 : allot_fail_at(begin, kind);
}

int al_apply_fold(const al_apply *apply, uint64_t begin, uint64_t end, void *acc, uint64_t *failed)
{
    span s = {.apply = apply, .begin = begin, .count = end - begin, .acc = acc};
    int kind = try_span(&s);
    if (AL_LIKELY(kind == 0))
        return 0;
    int found = find_failure(&s, failed);
    return found != 0 ? found : kind == AL_ITEM_OVERFLOW ? 0 : kind;
}

int al_apply_read(const al_map_input *input, void (*fn)(void *arg), void *arg)
{
    al_crash crash;
    if (AL_LIKELY(al_guard_call(fn, arg, &crash) == 0))
        return 0;
    return crash_kind(input, &crash);
}

void al_apply_describe(const al_apply *apply, uint64_t item, int kind, al_item_failure *failure)
{
    *failure = (al_item_failure){.kind = kind, .number = apply->first + item};
    if (kind == AL_ITEM_CUT_SHORT)
        return; /* there is no x any more */
    const void *in = items_at(apply, item);
    if (in != NULL)
        memcpy(failure->x, in, apply->in_nbytes);
    else
        al_range_fill(&apply->input->range, failure->number, 1, failure->x);
    _Alignas(16) unsigned char out[16], acc[ACC_NBYTES_MAX];
    memset(acc, 0, sizeof acc);
    bool folds = apply->expr->fold != NULL && apply->expr->acc_nbytes <= sizeof acc;
    span one = {.apply = apply, .begin = item, .count = 1, .out = out, .acc = folds ? acc : NULL};
    al_crash crash = {.signal = 0};
    int number = al_guard_call(run_span, &one, &crash);
    failure->crash = crash;
    failure->is_repeatable = number != 0 || kind == AL_ITEM_OVERFLOW;
    if (number == 0 && kind >= AL_ITEM_CRASHED)
        failure->crash.signal = kind - AL_ITEM_CRASHED;
    if (number == 0 && take_overflow(apply))
        failure->overflow_text = apply->expr->overflow_text();
}
