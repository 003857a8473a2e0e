/* test_compress.c - when files are compressed: by the plan, and by a line's packing, piece after piece.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "engine/cpu_share.h"
#include "engine/packing.h"
#include "plan/compress.h"

#define PIECE (256u << 10)

static bool pays(double line_rate, double pack_rate, double ratio, bool is_on, const char *wanted)
{
    const char *why = NULL;
    al_line_facts facts = {line_rate, pack_rate, ratio};
    bool found = al_plan_compress(&facts, is_on, &why);
    assert_non_null(why);
    if (wanted != NULL)
        assert_non_null(strstr(why, wanted));
    return found;
}

static void test_plan(void **state)
{
    (void)state;
    assert_true(pays(1e6, 4e8, 0.4, false, "slow"));          /* 10 Mbit/s, text */
    assert_true(pays(1.18e8, 4.5e8, 0.4, false, NULL));       /* 1 Gbit/s */
    assert_false(pays(3e8, 4.5e8, 0.3, false, "as fast as")); /* ssh within a machine */
    assert_false(pays(1.2e9, 2e9, 0.1, false, "fast"));       /* a pipe */
    assert_false(pays(0, 4e8, 0.1, false, "fast"));           /* it takes all that we have */
    assert_false(pays(1e6, 0, 0, false, "not tried"));
    assert_false(pays(1e6, 4e8, 1, false, "hardly")); /* what is packed already */
    assert_false(pays(1e6, 2e6, 0.4, false, "as fast as"));
    /* What goes on does not stop for a hair. */
    assert_false(pays(1e8, 2.5e8, 0.9, false, NULL));
    assert_true(pays(1e8, 2.5e8, 0.9, true, NULL));
    assert_false(pays(1e8, 1.9e8, 0.9, true, NULL));
    assert_false(pays(1e8, 2.5e8, 0.95, true, NULL));
    /* Nonsense is no reason. */
    assert_false(pays(1e6, 4e8, 0.0 / 0.0, false, NULL));
    assert_false(pays(-1, 4e8, 0.5, false, NULL));
}

static void test_never_and_always(void **state)
{
    (void)state;
    al_packing never = {.when = AL_PACKING_NEVER}, always = {.when = AL_PACKING_ALWAYS};
    assert_false(al_packing_wants(&never, PIECE, 1e5));
    assert_true(al_packing_wants(&always, 1, 0));
    al_packing_tried(&always, PIECE, 0, 1);
    assert_true(al_packing_wants(&always, PIECE, 1e12));
}

/** Pieces until it is tried; most of them at most. */
static int pieces_until_tried(al_packing *packing, double line_rate, int most)
{
    int count = 0;
    for (; count < most && !al_packing_wants(packing, PIECE, line_rate); count++)
        al_packing_passed(packing, PIECE);
    return count;
}

static void test_fast_line(void **state)
{
    (void)state;
    al_packing packing = {.when = AL_PACKING_PAYS};
    assert_int_equal(pieces_until_tried(&packing, 0, 1000), 1000); /* not even a sample */
    assert_int_equal(pieces_until_tried(&packing, 2e9, 1000), 1000);
}

static void test_slow_line(void **state)
{
    (void)state;
    al_packing packing = {.when = AL_PACKING_PAYS};
    assert_int_equal(pieces_until_tried(&packing, 1e7, 10), 0);
    al_packing_tried(&packing, PIECE, PIECE / 2, 1000000); /* 262 MB/s */
    assert_true(packing.is_on);
    for (int k = 0; k < 100; k++) {
        assert_true(al_packing_wants(&packing, PIECE, 1e7));
        al_packing_tried(&packing, PIECE, PIECE / 2, 1000000);
    }
    assert_false(al_packing_wants(&packing, 100, 1e7)); /* not worth it */
    /* The files are others now: it stops, and is tried again only after a while. */
    for (int k = 0; k < 10 && packing.is_on; k++)
        al_packing_tried(&packing, PIECE, 0, 1000000);
    assert_false(packing.is_on);
    assert_in_range(pieces_until_tried(&packing, 1e7, 1000), 16, 100);
    al_packing_tried(&packing, PIECE, 0, 1000000);
    assert_in_range(pieces_until_tried(&packing, 1e6, 1000), 1, 4); /* a slow line has time for it */
}

/** While pieces are packed the line may be idle: that says nothing of it, but it is looked at again. */
static void test_doubt(void **state)
{
    (void)state;
    al_packing packing = {.when = AL_PACKING_PAYS};
    int count = 0;
    assert_true(al_packing_wants(&packing, PIECE, 1e7));
    al_packing_tried(&packing, PIECE, PIECE / 3, 1000000);
    for (; al_packing_wants(&packing, PIECE, 0) && count < 20000; count++)
        al_packing_tried(&packing, PIECE, PIECE / 3, 1000000);
    assert_in_range(count, 100, 10000);
    assert_false(packing.is_on);
}

static void test_share(void **state)
{
    (void)state;
    al_cpu_share share = {.share = 0};
    double first = al_cpu_share_now(&share);
    assert_true(first > 0 && first <= 1);
    assert_true(al_cpu_share_now(&share) == first); /* it is not asked again at once */
    share.looked_ns = 0;
    for (volatile int k = 0; k < 1000000; k++)
        ;
    first = al_cpu_share_now(&share);
    assert_true(first > 0 && first <= 1);
    assert_true(share.ran_ns > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan),      cmocka_unit_test(test_never_and_always),
        cmocka_unit_test(test_fast_line), cmocka_unit_test(test_slow_line),
        cmocka_unit_test(test_doubt),     cmocka_unit_test(test_share)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
