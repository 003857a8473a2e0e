/* test_md_report.c - the parts of a run's time over ranks: what was waited for the slowest is a part by
 * itself, and all parts still add up. Ranks are threads.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "cli/md_report.h"
#include "support/ranks.h"

enum { RANKS = 4 };

/** Of each rank, by hand: it all takes 1000. */
static const uint64_t force[RANKS] = {400, 700, 500, 400};

static void gather(al_comm *comm, void *arg)
{
    static _Thread_local al_md md;
    al_md_times *times = arg;
    uint64_t mine = force[comm->rank], sum = 700 - mine; /* who is done early waits */
    uint64_t waits_in_halo = sum < 250 ? sum : 250;
    md = (al_md){.opts = {.space = {.comm = comm}}};
    md.phase_ns[AL_MD_FORCE] = mine;
    md.phase_ns[AL_MD_LIST] = 60;
    md.phase_ns[AL_MD_PRUNE] = 20;
    md.phase_ns[AL_MD_MIGRATE] = 30;
    md.phase_ns[AL_MD_STEP] = 40;
    md.phase_ns[AL_MD_HALO] = 90 + waits_in_halo;
    md.phase_ns[AL_MD_SUM] = 10 + sum - waits_in_halo;
    al_md_report_gather(&md, comm->rank == 0 ? 80 : 40, &times[comm->rank]);
}

static double sum_of(const al_md_times *times)
{
    double sum = times->output_ns + times->imbalance_ns;
    for (int phase = 0; phase < AL_MD_NPHASES; phase++)
        sum += times->mean_ns[phase];
    return sum;
}

static void waiting_is_a_part(void **state)
{
    (void)state;
    static al_md_times times[RANKS];
    ranks_run(RANKS, gather, times);
    const al_md_times *t = &times[0];
    assert_true(t->mean_ns[AL_MD_FORCE] == 500 && t->worst_ns[AL_MD_FORCE] == 700);
    assert_true(t->imbalance_ns == 200);
    /* sums had 35 on average, copies 265: the first give all that they have */
    assert_true(t->mean_ns[AL_MD_SUM] == 0 && t->mean_ns[AL_MD_HALO] == 100);
    assert_true(t->output_ns == 50);
    assert_true(t->mean_ns[AL_MD_MIGRATE] == 30 && t->mean_ns[AL_MD_LIST] == 60);
    assert_true(sum_of(t) == 1000);
    for (int rank = 1; rank < RANKS; rank++)
        assert_memory_equal(&times[rank], t, sizeof *t);
}

static void nobody_waits_alone(void **state)
{
    (void)state;
    static al_md_times times[1];
    ranks_run(1, gather, times);
    assert_true(times[0].imbalance_ns == 0 && times[0].mean_ns[AL_MD_FORCE] == 400);
    assert_true(times[0].output_ns == 80 && times[0].mean_ns[AL_MD_HALO] == 340);
}

/** @return what is said of the efficiency of a run of 100 steps in 50 ms, 10 of which were for files */
static void said(const al_domains_plan *plan, bool is_json, char *text, size_t nbytes)
{
    static al_md md;
    static const al_units units = {.name = "x", .time = "", .energy = ""};
    const al_md_times times = {.output_ns = 10e6};
    const al_thermo first = {.step = 100, .natoms = 8}, latest = {.step = 200, .natoms = 8};
    md = (al_md){
        .natoms = 8,
        .opts = {.space = {.comm = al_comm_serial(), .nthreads = 3, .is_double = true}, .units = &units}};
    md.space.opts = md.opts.space;
    const al_md_end end = {
        .md = &md, .times = &times, .first = &first, .latest = &latest, .loop_ns = 50000000, .plan = plan};
    FILE *out = fmemopen(text, nbytes, "w");
    assert_non_null(out);
    if (is_json)
        al_md_report_json(out, &end);
    else
        al_md_report_end(out, &end, true);
    assert_int_equal(fclose(out), 0);
}

static void efficiency_is_compared(void **state)
{
    (void)state;
    static char text[4096];
    const al_domains_plan plan = {.nranks = 4, .step_ns = 0.3e6, .alone_ns = 0.9e6, .efficiency = 0.75};
    said(&plan, false, text, sizeof text);
    assert_non_null(
        strstr(text, "expected  an efficiency of 75 % on 4 x 3 threads, 0.3 ms a step; reached 56 %, 0.4 ms; "
                     "one rank alone would take 0.9 ms, by the costs\n"));
    said(&plan, true, text, sizeof text);
    assert_non_null(strstr(text,
                           "\"efficiency\":{\"expected\":0.75,\"reached\":0.5625,\"expected_step_ms\":0.3,"
                           "\"reached_step_ms\":0.4,\"alone_step_ms\":0.9}}\n"));
    said(NULL, false, text, sizeof text);
    assert_null(strstr(text, "expected"));
    said(NULL, true, text, sizeof text);
    assert_null(strstr(text, "efficiency"));
    assert_non_null(strstr(text, "\"output\":0.2,\"rest\":0.8}}\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waiting_is_a_part),
        cmocka_unit_test(nobody_waits_alone),
        cmocka_unit_test(efficiency_is_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
