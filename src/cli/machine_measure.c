/* machine_measure.c - the figures of `allot machine`, by doing each thing several times.
 *
 * Hand-over, wake-up and thread start are the pool's own measurements (allot_pool_costs()): what the planner
 * works with is what is shown. They are asked of several new pools, and, for wake-ups, after loops that were
 * long enough to wake somebody, each after a rest of the length in question.
 *
 * The order matters. Processes come first, while this one is small: forking one that holds the buffers of the
 * copy would measure those. The copy comes last, because it empties every cache.
 *
 * Invariant: a figure that could not be taken has no samples; nothing is filled in for it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <errno.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <allot/map.h>
#include <allot/pool.h>

#include "base/clock.h"
#include "base/fail.h"
#include "cli/machine.h"

#define PROCESSES 15
#define POOLS 5
#define REST_ROUNDS 12u
#define SETTLED_ROUND 4u /* the pool's averages have forgotten by then what they began with */
#define EMPTY_ROUNDS 21
#define EMPTY_CALLS 200

#define SHORT_REST_NS 200000u
#define LONG_REST_NS 20000000u

extern char **environ;

static void rest(uint64_t ns)
{
    struct timespec left = {.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
}

/** Wait for a child. @return whether it ended by itself with status 0; true also where the system takes
 * children away by itself (SIGCHLD is ignored), which is at their end too */
static bool reap(pid_t child)
{
    int status = 0;
    pid_t got;
    do
        got = waitpid(child, &status, 0);
    while (got < 0 && errno == EINTR);
    return got == child ? WIFEXITED(status) && WEXITSTATUS(status) == 0 : errno == ECHILD;
}

static bool fork_once(void)
{
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    return child > 0 && reap(child);
}

static bool spawn_once(void)
{
    pid_t child;
    char name[] = "true";
    char *argv[] = {name, NULL};
    return posix_spawnp(&child, name, NULL, NULL, argv, environ) == 0 && reap(child);
}

static al_figure measure_process(bool start_once(void))
{
    double samples[PROCESSES];
    uint32_t n = 0;
    for (int round = 0; round < PROCESSES; round++) {
        uint64_t start_ns = al_clock_ns();
        if (!start_once())
            break; /* no such program, or no more processes allowed */
        samples[n++] = (double)(al_clock_ns() - start_ns);
    }
    return al_machine_figure(samples, n);
}

/** What new pools find out about themselves. */
static allot_err measure_pools(al_machine *machine, allot_error *err)
{
    double clock[POOLS], handover[POOLS], spawn[POOLS], share[POOLS];
    uint32_t n = 0;
    for (int round = 0; round < POOLS; round++) {
        allot_pool *pool;
        allot_costs costs;
        allot_err code = allot_pool_create(&pool, NULL, err);
        if (code != ALLOT_OK)
            return code;
        code = allot_pool_costs(pool, &costs);
        allot_pool_destroy(pool);
        if (code != ALLOT_OK)
            return al_fail(err, code, 0, "the pool does not tell what it measured");
        clock[n] = costs.clock_ns;
        handover[n] = costs.handover_ns;
        share[n] = allot_plan_share_ns(&costs);
        spawn[n++] = costs.spawn_ns;
    }
    machine->figures[AL_MACHINE_clock_ns] = al_machine_figure(clock, n);
    if (machine->nthreads > 1) {
        machine->figures[AL_MACHINE_handover_ns] = al_machine_figure(handover, n);
        machine->figures[AL_MACHINE_thread_spawn_ns] = al_machine_figure(spawn, n);
        machine->figures[AL_MACHINE_break_even_awake_ns] = al_machine_figure(share, n);
    }
    return ALLOT_OK;
}

static int do_nothing(uint64_t begin, uint64_t end, void *arg)
{
    (void)begin;
    (void)end;
    (void)arg;
    return 0;
}

#define ITEM_NS 5000.0

/** Items of ITEM_NS each. */
static int be_busy(uint64_t begin, uint64_t end, void *arg)
{
    (void)arg;
    uint64_t start = al_ticks();
    uint64_t enough = al_ticks_from_ns(ITEM_NS * (double)(end - begin));
    while (al_ticks() - start < enough)
        continue;
    return 0;
}

/** One empty call is too short to be timed by itself while all is hot; calls counts how many to time. */
static double time_empty_calls(allot_pool *pool, uint32_t nthreads, uint32_t calls)
{
    uint64_t start = al_ticks();
    for (uint32_t call = 0; call < calls; call++)
        if (allot_for(pool, nthreads, do_nothing, NULL, NULL, NULL) != ALLOT_OK)
            return 0; /* do_nothing cannot fail */
    return al_ticks_to_ns(al_ticks() - start) / calls;
}

static void measure_empty_calls(al_machine *machine, allot_pool *pool)
{
    double samples[EMPTY_ROUNDS];
    for (int round = 0; round < EMPTY_ROUNDS; round++)
        samples[round] = time_empty_calls(pool, machine->nthreads, EMPTY_CALLS);
    machine->figures[AL_MACHINE_empty_call_ns] = al_machine_figure(samples, EMPTY_ROUNDS);
}

/** Where the results of measure_rest() go; AL_MACHINE_NFIGURES: nowhere. */
typedef struct rest_rows {
    al_machine_at call, latency, empty, break_even;
} rest_rows;

/** Run a loop that is long enough to wake somebody. @return whether it did */
static bool wake_somebody(allot_pool *pool, const allot_costs *costs)
{
    double work_ns = 4 * allot_plan_wake_ns(costs);
    double nitems = work_ns < 2e5 ? 2e5 / ITEM_NS : work_ns < 2e7 ? work_ns / ITEM_NS : 2e7 / ITEM_NS;
    allot_stats stats = {0};
    allot_map_opts opts = ALLOT_MAP_OPTS_INIT;
    opts.stats = &stats;
    return allot_for(pool, (uint64_t)nitems, be_busy, NULL, &opts, NULL) == ALLOT_OK && stats.nwakes > 0;
}

/** Rest, then see what an empty call takes and what a wake-up costs, over and over. */
static void measure_rest(al_machine *machine, allot_pool *pool, uint64_t rest_ns, rest_rows rows)
{
    double call[REST_ROUNDS], latency[REST_ROUNDS], empty[REST_ROUNDS], break_even[REST_ROUNDS];
    uint32_t nwakes = 0, n = 0;
    for (uint32_t round = 0; round < REST_ROUNDS; round++) {
        rest(rest_ns);
        empty[round] = time_empty_calls(pool, machine->nthreads, 1);
        allot_costs costs;
        if (machine->nthreads == 1 || allot_pool_costs(pool, &costs) != ALLOT_OK)
            continue; /* nobody to wake */
        if (nwakes >= SETTLED_ROUND) {
            call[n] = costs.wake_call_ns;
            latency[n] = costs.wake_latency_ns;
            break_even[n++] = allot_plan_wake_ns(&costs);
        }
        nwakes += wake_somebody(pool, &costs);
    }
    if (rows.empty != AL_MACHINE_NFIGURES)
        machine->figures[rows.empty] = al_machine_figure(empty, REST_ROUNDS);
    machine->figures[rows.call] = al_machine_figure(call, n);
    machine->figures[rows.latency] = al_machine_figure(latency, n);
    if (rows.break_even != AL_MACHINE_NFIGURES)
        machine->figures[rows.break_even] = al_machine_figure(break_even, n);
}

/** What one pool shows in use. */
static allot_err measure_calls(al_machine *machine, allot_error *err)
{
    allot_pool *pool;
    allot_costs costs;
    allot_err code = allot_pool_create(&pool, NULL, err);
    if (code != ALLOT_OK)
        return code;
    measure_empty_calls(machine, pool);
    if (machine->nthreads > 1 && allot_pool_costs(pool, &costs) == ALLOT_OK)
        measure_rest(machine, pool, SHORT_REST_NS + (uint64_t)allot_plan_spin_ns(&costs),
                     (rest_rows){AL_MACHINE_wake_call_after_200us_ns, AL_MACHINE_wake_latency_after_200us_ns,
                                 AL_MACHINE_NFIGURES, AL_MACHINE_NFIGURES});
    measure_rest(machine, pool, LONG_REST_NS,
                 (rest_rows){AL_MACHINE_wake_call_after_20ms_ns, AL_MACHINE_wake_latency_after_20ms_ns,
                             AL_MACHINE_empty_call_after_20ms_ns, AL_MACHINE_break_even_asleep_ns});
    allot_pool_destroy(pool);
    return ALLOT_OK;
}

uint64_t al_machine_copy_nbytes(const al_machine *machine)
{
    const uint64_t least = UINT64_C(64) << 20, most = UINT64_C(512) << 20;
    uint64_t memory = machine->topo.memory_bytes;
    if (memory == 0 || (machine->memory_limit_bytes > 0 && machine->memory_limit_bytes < memory))
        memory = machine->memory_limit_bytes;
    uint64_t caches = 0;
    for (uint32_t at = 0; at < machine->topo.ncaches; at++) {
        const al_topo_cache *cache = &machine->topo.caches[at];
        uint64_t level = cache->nbytes * cache->count;
        caches = level > caches ? level : caches;
    }
    uint64_t nbytes = caches > most / 4 ? most : caches * 4 > least ? caches * 4 : least;
    if (memory > 0 && nbytes > memory / 16) /* the buffer is there twice: an eighth of the memory */
        nbytes = memory / 16;
    return nbytes;
}

static void measure_copies(al_machine *machine)
{
    uint64_t nbytes = al_machine_copy_nbytes(machine);
    al_figure one = al_machine_measure_copy(nbytes, 1);
    machine->figures[AL_MACHINE_copy_bytes_per_s] = one;
    machine->figures[AL_MACHINE_copy_all_bytes_per_s] =
        machine->nthreads > 1 ? al_machine_measure_copy(nbytes, machine->nthreads) : one;
    machine->copy_nbytes = one.nsamples > 0 ? nbytes : 0;
}

allot_err al_machine_measure(al_machine *machine, allot_error *err)
{
    for (int at = 0; at < AL_MACHINE_NFIGURES; at++)
        machine->figures[at] = (al_figure){.nsamples = 0};
    machine->is_cached = false;
    machine->measured_unix_s = (int64_t)time(NULL);
    machine->figures[AL_MACHINE_process_fork_ns] = measure_process(fork_once);
    machine->figures[AL_MACHINE_process_spawn_ns] = measure_process(spawn_once);
    allot_err code = measure_pools(machine, err);
    if (code == ALLOT_OK)
        code = measure_calls(machine, err);
    measure_copies(machine);
    return code;
}
