/* prop_cut.c - however a box is cut: each atom has one owner, halos are complete and no larger than they must
 * be, each pair within reach is listed once, forces are those of the whole. Ranks are threads.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/cut.h"
#include "support/ranks.h"

#define ROUNDS 600

static cut_case the_case;
static cut_report reports[RANKS_MOST];

static void check_one(al_comm *comm, void *arg)
{
    (void)arg;
    cut_check(&the_case, comm, &reports[comm->rank]);
}

static void require_whole(const al_checksum *expected, int size, int turn)
{
    al_checksum sum = {0};
    for (int rank = 0; rank < size; rank++) {
        sum.natoms += reports[rank].sums[turn].natoms;
        sum.atoms += reports[rank].sums[turn].atoms;
        sum.npairs += reports[rank].sums[turn].npairs;
        sum.pairs += reports[rank].sums[turn].pairs;
    }
    prop_require(sum.natoms == expected->natoms && sum.atoms == expected->atoms);
    prop_require(sum.npairs == expected->npairs);
    prop_require(sum.pairs == expected->pairs);
}

/** Check the_case on all its ranks. */
static void check_case(void)
{
    int size = the_case.grid[0] * the_case.grid[1] * the_case.grid[2];
    ranks_run(size, check_one, NULL);
    for (int rank = 0; rank < size; rank++)
        if (reports[rank].why[0] != '\0' && strcmp(reports[rank].why, "another rank") != 0)
            fail_msg("PROP_SEED=%llu: rank %d of %dx%dx%d, %u atoms, box %g %g %g, reach %g: %s",
                     (unsigned long long)prop_seed, rank, the_case.grid[0], the_case.grid[1],
                     the_case.grid[2], the_case.n, the_case.box[0], the_case.box[1], the_case.box[2],
                     the_case.reach, reports[rank].why);
    for (int turn = 0; turn < 3; turn++) {
        al_checksum expected;
        cut_expect(&the_case, turn, &expected);
        require_whole(&expected, size, turn);
    }
}

static void any_cut_is_whole(void **state)
{
    (void)state;
    for (uint64_t k = 0, rounds = prop_rounds(ROUNDS); k < rounds; k++) {
        prop_begin(k);
        cut_random(&the_case);
        check_case();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_cut_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
