/* test_lines.c - the parts of line engines that need no process: ends of records, chains, batches, and their
 * size.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lines/batch.h"
#include "lines/record.h"
#include "plan/batch.h"
#include "support/prop.h"

/** Ends of records as a plain search from left to right finds them. @return how many; the last one's place */
static uint64_t plain_ends(const char *text, size_t nbytes, const al_separator *separator, uint64_t most,
                           size_t *last)
{
    uint64_t count = 0;
    *last = 0;
    for (size_t k = 0; count < most && k + separator->nbytes <= nbytes;) {
        if (memcmp(text + k, separator->at, separator->nbytes) != 0) {
            k++;
            continue;
        }
        k += separator->nbytes;
        count++;
        *last = k;
    }
    return count;
}

static al_separator random_separator(void)
{
    al_separator separator = {.nbytes = 1 + prop_below(prop_chance(2) ? 1 : 5)};
    for (size_t k = 0; k < separator.nbytes; k++)
        separator.at[k] = (char)('a' + prop_below(2));
    return separator;
}

/** In pieces of any size, and up to any number of records, what is found is what a plain search finds. */
static void test_records(void **state)
{
    (void)state;
    static char text[40000];
    for (uint64_t k = 0; k < prop_rounds(3000); k++) {
        prop_begin(k);
        al_separator separator = random_separator();
        size_t nbytes = prop_size(prop_chance(20) ? 15 : 7), last, place = 0;
        uint64_t letters = 2 + prop_below(3), most = prop_chance(2) ? UINT64_MAX : prop_size(6), total = 0;
        for (size_t j = 0; j < nbytes; j++)
            text[j] = (char)('a' + prop_below(letters));
        uint64_t count = plain_ends(text, nbytes, &separator, most, &last);
        al_record_scan scan = {.ntail = 0};
        for (size_t at = 0; at < nbytes && total < most;) {
            size_t n = 1 + prop_size(14);
            n = n < nbytes - at ? n : nbytes - at;
            uint64_t nfound;
            size_t end = al_record_scan_piece(&scan, &separator, text + at, n, most - total, &nfound);
            prop_require((nfound > 0) == (end > 0));
            total += nfound;
            place = end > 0 ? at + end : place;
            at += n;
        }
        prop_require(total == count);
        prop_require(place == last);
    }
}

/** A chain of pieces of several blocks, moved, copied and cut, holds the bytes that a plain text would. */
static void test_chains(void **state)
{
    (void)state;
    for (uint64_t k = 0; k < prop_rounds(200); k++) {
        prop_begin(k);
        al_blocks blocks = {.free = NULL};
        al_chain from = {.spans = NULL}, to = {.spans = NULL}, copy = {.spans = NULL};
        char text[4000], found[4000];
        size_t nbytes = 0, nfound = 0;
        while (nbytes < 1000) {
            al_block *block = al_block_take(&blocks);
            assert_non_null(block);
            size_t n = 1 + prop_below(200), begin = prop_below(3);
            for (size_t j = 0; j < n; j++)
                text[nbytes + j] = block->at[begin + j] = (char)prop_u64();
            size_t first = prop_below(n + 1);
            assert_true(al_chain_add(&from, block, block->at + begin, first));
            assert_true(al_chain_add(&from, block, block->at + begin + first, n - first));
            al_block_let_go(block);
            nbytes += n;
        }
        size_t moved = prop_below(nbytes + 1), low = prop_below(moved + 1),
               high = low + prop_below(moved - low + 1);
        assert_true(al_chain_move(&from, moved, &to));
        assert_true(al_chain_copy(&to, low, high, &copy));
        prop_require(from.nbytes == nbytes - moved && to.nbytes == moved && copy.nbytes == high - low);
        al_chain_cut(&to, low);
        for (const al_chain *chain = &to;; chain = chain == &to ? &copy : &from) {
            struct iovec pieces[100];
            size_t npieces = al_chain_pieces(chain, 0, pieces, 100);
            for (size_t p = 0; p < npieces; nfound += pieces[p++].iov_len)
                memcpy(found + nfound, pieces[p].iov_base, pieces[p].iov_len);
            if (chain == &from)
                break;
        }
        prop_require(nfound == nbytes - (moved - high));
        prop_require(memcmp(found, text, high) == 0);
        prop_require(memcmp(found + high, text + moved, nbytes - moved) == 0);
        al_chain_fini(&from);
        al_chain_fini(&to);
        al_chain_fini(&copy);
        assert_int_equal(blocks.nheld, 0);
        al_blocks_fini(&blocks);
    }
}

/** A batch that is answered in part is split there; a part of an answer is dropped. */
static void test_split(void **state)
{
    (void)state;
    al_separator newline = {"\n", 1};
    al_blocks blocks = {.free = NULL};
    al_order order = {.head = NULL};
    al_block *block = al_block_take(&blocks);
    const char *items = "one\ntwo\nthree\n", *answers = "1\n2\n3";
    memcpy(block->at, items, 14);
    memcpy(block->at + 14, answers, 5);
    al_batch *batch = al_batch_new();
    batch->nitems = 3;
    batch->first = 7;
    assert_true(al_chain_add(&batch->items, block, block->at, 14));
    al_order_put(&order, batch, NULL);
    assert_int_equal(al_batch_answer(batch, &newline, block, block->at + 14, 5), 5);
    assert_int_equal(batch->nanswered, 2);
    assert_int_equal(batch->nwhole, 4);
    assert_int_equal(al_batch_place(batch, &newline, 2), 8);
    al_batch *rest = al_batch_split(batch, &newline, 2, &order);
    assert_true(al_batch_is_done(batch) && !al_batch_is_done(rest));
    assert_int_equal(batch->answers.nbytes, 4);
    assert_int_equal(rest->first, 9);
    assert_int_equal(rest->items.nbytes, 6);
    assert_ptr_equal(order.head, batch);
    assert_ptr_equal(order.last, rest);
    /* No more is taken than it lacks. */
    memcpy(block->at, "3\n4\n", 4);
    assert_int_equal(al_batch_answer(rest, &newline, block, block->at, 4), 2);
    assert_true(al_batch_is_done(rest));
    al_order_remove(&order, batch);
    al_order_remove(&order, rest);
    assert_null(order.head);
    al_batch_free(batch);
    al_batch_free(rest);
    al_block_let_go(block);
    assert_int_equal(blocks.nheld, 0);
    al_blocks_fini(&blocks);
}

static void test_batch_size(void **state)
{
    (void)state;
    assert_int_equal(al_plan_batch(0, 0, 0), 1);
    /* Used up at once: it grows, faster when it was used up much sooner than wanted. */
    assert_int_equal(al_plan_batch(8, 0, 1e5), 32);
    assert_int_equal(al_plan_batch(8, 1e6, 3e6), 16);
    /* Used up, but nobody looked in time: nothing says that it was large. */
    assert_int_equal(al_plan_batch(8, 0, 1e9), 16);
    /* About right. */
    assert_int_equal(al_plan_batch(1000, AL_BATCH_NS, 1.2 * AL_BATCH_NS), 1000);
    /* Known to be too large: as many as would last right. */
    assert_int_equal(al_plan_batch(1000, 10 * AL_BATCH_NS, 11 * AL_BATCH_NS), 100);
    assert_int_equal(al_plan_batch(2, 100 * AL_BATCH_NS, 100 * AL_BATCH_NS), 1);
    for (uint64_t n = 1, k = 0; k < 100; k++) {
        uint64_t next = al_plan_batch(n, 0, 0);
        assert_true(next >= n);
        n = next;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_chains),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_batch_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
