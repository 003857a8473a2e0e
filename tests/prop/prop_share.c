/* prop_share.c - blocks shared out to this machine and to an engine that comes and goes: every unit is
 * computed, blocks come out in order, and what failed lowest is what is told.
 *
 * The engine is a thread that does what a program of an expression would, and loses some of it, brings it
 * late, or brings something else.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/map_share.h"
#include "support/prop.h"

#define ROUNDS 300
#define HELD_MOST 8

typedef struct setting {
    al_share share;
    al_map_input input;
    al_map_block blocks[AL_RING_NBLOCKS_MOST];
    bool has_items;
    uint64_t seed, fail_at; /* number of an item; UINT64_MAX: none */
    atomic_bool is_over;
} setting;

static uint64_t value_of(uint64_t item)
{
    return item * item + 7;
}

/** What an engine answers to a chunk: for each item its value, or for each leaf their sum. */
static uint64_t answer(const al_buffer *chunk, uint64_t *results)
{
    al_expr_chunk head;
    memcpy(&head, chunk->at, sizeof head);
    const char *at = chunk->at + sizeof head;
    uint64_t nresults = head.nleaves > 0 ? head.nleaves : head.count, item = head.first;
    const char *items = at + head.nleaves * sizeof(uint32_t);
    for (uint64_t k = 0; k < nresults; k++) {
        uint32_t count = 1;
        if (head.nleaves > 0)
            memcpy(&count, at + k * sizeof count, sizeof count);
        results[k] = 0;
        for (uint32_t n = 0; n < count; n++, item++) {
            uint64_t x = item;
            if (head.has_items != 0)
                memcpy(&x, items + (item - head.first) * sizeof x, sizeof x);
            results[k] += value_of(x);
        }
    }
    return nresults;
}

/** A chunk that is at the engine. */
typedef struct held_piece {
    al_share_piece *piece; /* NULL: none */
    al_buffer chunk;
} held_piece;

static void bring(setting *s, held_piece *held, uint64_t *results)
{
    if (held->piece == NULL)
        return;
    uint64_t n = answer(&held->chunk, results);
    (void)al_share_deliver(&s->share, held->piece, (const char *)results, n * sizeof *results);
    al_buffer_fini(&held->chunk);
    held->piece = NULL;
}

/** One chunk, or what came of one before. The random numbers here are its own. */
static void *be_engine(void *arg)
{
    setting *s = arg;
    static uint64_t results[1 << 17];
    unsigned seed = (unsigned)s->seed;
    held_piece held[HELD_MOST] = {{NULL, {.at = NULL}}}; /* given, and for long not brought back */
    while (!atomic_load(&s->is_over)) {
        al_buffer chunk = {.at = NULL};
        al_share_piece *piece = al_share_give(&s->share, 1 + (uint64_t)rand_r(&seed) % 3000, &chunk);
        if (piece == NULL) {
            (void)usleep(20); /* or it would hardly ever let go of the lock */
            continue;
        }
        al_expr_chunk head;
        memcpy(&head, chunk.at, sizeof head);
        bool crashes = s->fail_at >= head.first && s->fail_at < head.first + head.count;
        uint64_t n = answer(&chunk, results);
        held_piece *late = &held[rand_r(&seed) % HELD_MOST];
        switch (crashes ? 1 : rand_r(&seed) % 8) {
        case 0:
            al_share_return(&s->share, piece, false);
            break;
        case 1:
            al_share_return(&s->share, piece, true);
            break;
        case 2: /* more than was asked for: it is not taken */
            assert_false(
                al_share_deliver(&s->share, piece, (const char *)results, (n + 1) * sizeof *results));
            break;
        case 3:
        case 4: /* it is slow, and brings another that it had for long */
            bring(s, late, results);
            *late = (held_piece){piece, chunk};
            chunk = (al_buffer){.at = NULL};
            break;
        default:
            (void)al_share_deliver(&s->share, piece, (const char *)results, n * sizeof *results);
        }
        al_buffer_fini(&chunk);
    }
    for (int k = 0; k < HELD_MOST; k++)
        bring(s, &held[k], results);
    return NULL;
}

/** A part done here, unless it comes meanwhile. @return false: the item that fails is in it */
static bool compute(setting *s, const al_share_part *part)
{
    const al_map_block *block = part->owner->block;
    for (uint64_t unit = part->from; unit < part->to; unit++) {
        uint64_t begin = unit, end = unit + 1, sum = 0;
        if (part->piece != NULL && unit == part->from + 1)
            (void)usleep((useconds_t)prop_below(300));
        if (part->piece != NULL && atomic_load(&part->piece->is_there))
            break;
        if (s->share.folds)
            al_fold_leaf_items(&part->owner->cut, block->first, unit, &begin, &end);
        for (uint64_t k = begin; k < end; k++) {
            if (block->first + k == s->fail_at) {
                al_item_failure failure = {.kind = AL_ITEM_OVERFLOW, .number = s->fail_at};
                al_share_fail(&s->share, part, unit, &failure);
                return false;
            }
            sum += value_of(block->first + k);
        }
        memcpy((char *)block->results.bytes + unit * s->share.stride, &sum, sizeof sum);
    }
    (void)al_share_done(&s->share, part);
    return true;
}

/** The oldest block, which is done: all results before a failure are there. @return false: it has one */
static bool check(setting *s, const al_share_block *owner)
{
    const al_map_block *block = owner->block;
    uint64_t good = owner->failed < owner->nunits ? owner->failed : owner->nunits;
    for (uint64_t unit = 0; unit < good; unit++) {
        uint64_t begin = unit, end = unit + 1, sum = 0, got;
        if (s->share.folds)
            al_fold_leaf_items(&owner->cut, block->first, unit, &begin, &end);
        for (uint64_t k = begin; k < end; k++)
            sum += value_of(block->first + k);
        memcpy(&got, (char *)block->results.bytes + unit * s->share.stride, sizeof got);
        prop_require(got == sum);
    }
    if (owner->failed != UINT64_MAX)
        prop_require(owner->failure.number == s->fail_at);
    return owner->failed == UINT64_MAX;
}

static void add_block(setting *s, uint64_t k, uint64_t *first)
{
    al_map_block *block = &s->blocks[k % AL_RING_NBLOCKS_MOST];
    block->input = &s->input;
    block->first = *first;
    block->nitems = 1 + prop_below(20000);
    (void)al_room_reserve(&block->results, block->nitems * s->share.stride);
    memset(block->results.bytes, 0, block->nitems * s->share.stride);
    block->items = NULL;
    if (s->has_items) {
        (void)al_room_reserve(&block->values, block->nitems * sizeof(uint64_t));
        for (uint64_t n = 0; n < block->nitems; n++)
            ((uint64_t *)block->values.bytes)[n] = *first + n;
        block->items = block->values.bytes;
    }
    al_share_add(&s->share, block, false);
    *first += block->nitems;
}

static void run_home(setting *s, uint64_t nblocks)
{
    uint64_t nadded = 0, nout = 0, first = 0;
    bool good = true;
    while (good && (nadded < nblocks || al_share_count(&s->share) > 0)) {
        al_share_part part;
        while (nadded < nblocks && al_share_count(&s->share) < AL_RING_NBLOCKS_MOST - 1)
            add_block(s, nadded++, &first);
        al_share_block *head = al_share_head(&s->share);
        if (head != NULL) {
            prop_require(head->block == &s->blocks[nout++ % AL_RING_NBLOCKS_MOST]);
            good = check(s, head);
            al_share_pop(&s->share);
            continue;
        }
        /* A wait is as long as the item's cost says, or shorter: there is no end to it otherwise. */
        if (al_share_take(&s->share, 1 + prop_below(5000), (double)prop_below(3000), 2, &part))
            (void)compute(s, &part);
    }
    prop_require(good == (s->fail_at == UINT64_MAX || s->fail_at >= first));
}

static void one_round(void)
{
    static setting s;
    pthread_t engine;
    memset(&s, 0, sizeof s);
    s.has_items = prop_chance(2);
    s.share.folds = prop_chance(2);
    s.share.in_nbytes = s.share.result_nbytes = sizeof(uint64_t);
    s.share.stride = s.share.folds ? 16 : sizeof(uint64_t);
    s.fail_at = prop_chance(3) ? prop_below(100000) : UINT64_MAX;
    s.seed = prop_u64();
    al_share_init(&s.share);
    assert_int_equal(pthread_create(&engine, NULL, be_engine, &s), 0);
    run_home(&s, 1 + prop_below(12));
    atomic_store(&s.is_over, true);
    assert_int_equal(pthread_join(engine, NULL), 0);
    al_share_fini(&s.share);
    for (int k = 0; k < AL_RING_NBLOCKS_MOST; k++) {
        al_room_free(&s.blocks[k].results);
        al_room_free(&s.blocks[k].values);
    }
}

static void test_shared_out(void **state)
{
    (void)state;
    for (uint64_t k = 0; k < prop_rounds(ROUNDS); k++) {
        prop_begin(k);
        one_round();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shared_out)};
    al_guard_install(NULL); /* items are read under its guard */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
