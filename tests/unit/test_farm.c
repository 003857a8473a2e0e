/* test_farm.c - what a farm makes of tasks that are on disk before it is there.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "farm/farm_parts.h"
#include "support/scratch.h"

/** The first task is read for its columns' names and may be committed before a farm is made, at any moment:
 * the scheduler is told of it all the same, and of those after it. `is_told`: as of a run that goes on. */
static void try_early_tasks(uint64_t nearly, bool is_told)
{
    static const al_task_kind kind;
    static const al_args args = {"x", 2};
    allot_error err;
    al_sched_counts counts;
    uint32_t number;
    al_farm_opts opts = {.nslots = 1};
    assert_int_equal(scratch_make(NULL), 0);
    assert_int_equal(al_store_create(scratch_path("run"), NULL, &opts.store, &err), ALLOT_OK);
    assert_non_null(opts.sched = al_sched_create(&(al_sched_opts){.halt_when = AL_HALT_NEVER}));
    assert_int_equal(al_sched_kind(opts.sched, &kind, &number), ALLOT_OK);
    for (uint64_t k = 0; k < nearly; k++)
        assert_int_equal(al_store_add(opts.store, args, NULL, &err), ALLOT_OK);
    assert_int_equal(al_store_sync(opts.store, &err), ALLOT_OK);
    if (is_told)
        assert_int_equal(al_sched_add(opts.sched, nearly, 0, false), ALLOT_OK);

    al_farm *farm;
    assert_int_equal(al_farm_create(&opts, &farm, &err), ALLOT_OK);
    assert_int_equal(al_store_add(opts.store, args, NULL, &err), ALLOT_OK);
    assert_int_equal(al_store_sync(opts.store, &err), ALLOT_OK);
    assert_int_equal(al_farm_take_in(farm, &err), ALLOT_OK);
    al_sched_count(opts.sched, &counts);
    assert_int_equal(counts.ntasks, nearly + 1);
    assert_true(farm->facts.is_input_read);
    al_farm_destroy(farm);
    al_sched_destroy(opts.sched);
    assert_int_equal(al_store_close(opts.store, &err), ALLOT_OK);
    assert_int_equal(scratch_remove(NULL), 0);
}

static void tasks_on_disk_before_the_farm_are_known(void **state)
{
    (void)state;
    for (uint64_t nearly = 0; nearly < 3; nearly++)
        try_early_tasks(nearly, false);
}

static void tasks_that_the_scheduler_knows_are_not_told_again(void **state)
{
    (void)state;
    try_early_tasks(2, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_on_disk_before_the_farm_are_known),
        cmocka_unit_test(tasks_that_the_scheduler_knows_are_not_told_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
