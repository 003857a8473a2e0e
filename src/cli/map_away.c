/* map_away.c - see map_away.h.
 *
 * The work begins here, at once, and is measured. Engines are not even called while what is left would be
 * done before one had come up. From then on each chunk is a decision of the planner's (plan/ship.h), with
 * what was measured since: so a map that does not pay for the way stays at home, and the report says why.
 *
 * One thread holds all connections. It never holds up the threads that compute, and they never wait for it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/map_away.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "cli/option.h"

#define TICK_NS UINT64_C(10000000)
#define IDLE_TICK_NS UINT64_C(50000000)
#define CALL_NS 5e8       /* a login, and the program sent */
#define CALL_LENT_NS 1e10 /* a batch system gives when it likes */
#define END_NS UINT64_C(1000000000)

/* ---- what is known --------------------------------------------------------------------------------------
 */

/** An item's cost here: measured, or told by how far the part at work has come. */
static double item_ns_of(const al_map_stream *stream)
{
    double known_ns = (double)atomic_load(&stream->item_ps) * 1e-3;
    uint64_t now = atomic_load(&stream->nitems_now), done, total, begin_ns = atomic_load(&stream->part_ns);
    if (known_ns > 0 || now == 0)
        return known_ns;
    allot_control_progress(stream->control, &done, &total);
    double took_ns = (double)(al_clock_ns() - begin_ns), share = total > 0 ? (double)done / (double)total : 0;
    double nthreads = now < stream->nthreads ? (double)now : (double)stream->nthreads;
    return share > 0 ? took_ns * nthreads / (share * (double)now) : took_ns;
}

/** Items that nobody has begun; where the end is not known, as many as were seen, or as the bytes tell. */
static double nleft_of(const al_away *away)
{
    const al_map_stream *stream = away->stream;
    double nfree = (double)al_share_nfree(away->common.share);
    double nloaded = (double)atomic_load(&stream->nloaded);
    if (stream->nitems_total != UINT64_MAX)
        return (double)stream->nitems_total - nloaded + nfree;
    double nread = (double)atomic_load(&stream->nbytes_read), nbytes = (double)stream->nbytes_total;
    bool is_told = stream->nbytes_total != UINT64_MAX && nread > 0;
    return nfree + (is_told ? nloaded * (nbytes - nread) / nread : nloaded);
}

/** Bytes of an item and its result; leaves are small at the beginning of a stream. */
static double item_nbytes_of(const al_away *away)
{
    const al_share *share = away->common.share;
    uint64_t at = atomic_load(&away->stream->nloaded), leaf = al_leaf_of(at);
    double nitems = share->folds ? (double)(al_leaf_begin(leaf + 1) - al_leaf_begin(leaf)) : 1;
    bool has_items = false; /* ranges of whole numbers are told, not sent */
    for (size_t k = 0; k < away->stream->ninputs; k++)
        has_items = has_items || away->stream->inputs[k].kind != AL_INPUT_RANGE;
    return (has_items ? (double)share->in_nbytes : 0) + (double)share->result_nbytes / nitems;
}

static al_ship_work work_of(const al_away *away)
{
    return (al_ship_work){.item_ns = away->common.item_ns,
                          .nleft = nleft_of(away),
                          .nthreads = away->stream->nthreads,
                          .nslots = atomic_load(away->nslots),
                          .item_nbytes = item_nbytes_of(away)};
}

/* ---- the program ----------------------------------------------------------------------------------------
 */

static bool make_program(al_away *away)
{
    al_expr_program program;
    allot_error err;
    allot_err code = al_expr_program_make(away->spec, &program, &err);
    int fault = code == ALLOT_OK ? al_file_sum(program.fd, NULL, &away->common.sum) : 0;
    if (code == ALLOT_OK && fault == 0) {
        away->common.program = program.fd;
        away->common.program_nbytes = program.nbytes;
        away->compile_ns = program.compile_ns;
        away->from_cache = program.from_cache;
        return true;
    }
    if (program.fd >= 0)
        (void)close(program.fd);
    if (code == ALLOT_ECOMPILE)
        (void)snprintf(away->fault, sizeof away->fault,
                       "EXPR cannot be compiled as a static program (is the C library's libc.a there? "
                       "apt-get install libc6-dev, dnf install glibc-static): %.200s",
                       err.text);
    else
        (void)snprintf(away->fault, sizeof away->fault, "EXPR cannot be compiled for engines: %.300s",
                       code != ALLOT_OK ? err.text : "out of memory");
    return false;
}

/* ---- deciding -------------------------------------------------------------------------------------------
 */

/** Whether it would pay to call engines now. */
static bool should_call(al_away *away)
{
    al_ship_work work = work_of(away);
    for (uint32_t k = 0; k < away->nengines; k++) {
        bool is_lent = away->specs[k].launcher->is_lent;
        al_ship_engine engine = {.ready_ns = is_lent ? CALL_LENT_NS : CALL_NS};
        al_ship_plan plan;
        al_plan_ship(&work, &engine, &plan);
        if (plan.reason != AL_SHIP_NOTHING || !away->was_asked) /* at the end there is nothing, as always */
            away->plan = plan;
        away->was_asked = true;
        if (plan.reason == AL_SHIP_PAYS)
            return true;
    }
    return false;
}

/** Give an engine chunks for as long as it has places and it pays. */
static void feed(al_away *away, al_map_engine *engine, uint64_t now_ns)
{
    while (al_map_engine_has_place(engine, away->plan.chunk_ns)) {
        al_ship_work work = work_of(away);
        al_ship_engine known = {.rtt_ns = engine->rtt_ns,
                                .byte_ns = engine->byte_ns,
                                .pace = engine->pace,
                                .start_ns = engine->start_ns};
        al_ship_plan plan;
        al_plan_ship(&work, &known, &plan);
        /* That nothing is left, or too little at the end of what was shared, says nothing about the work. */
        if (plan.reason == AL_SHIP_PAYS || plan.reason == AL_SHIP_BYTES ||
            (plan.reason != AL_SHIP_NOTHING && away->common.ntasks == 0))
            away->plan = plan;
        if (plan.nitems == 0)
            break;
        /* From now on there are blocks to give from. */
        atomic_store(&away->common.share->window, AL_RING_NBLOCKS_MOST - AL_RING_NBLOCKS);
        if (!al_map_engine_give(engine, plan.nitems, now_ns))
            break;
    }
    if (engine->link != NULL)
        al_link_flush(engine->link);
}

/* ---- the thread -----------------------------------------------------------------------------------------
 */

static uint32_t watch_link(const al_link *link, struct pollfd *fds)
{
    al_link_fds all = al_link_descriptors(link);
    fds[0] = (struct pollfd){.fd = all.out, .events = POLLIN};
    fds[1] = (struct pollfd){.fd = all.err, .events = POLLIN};
    fds[2] = (struct pollfd){.fd = al_link_wants_write(link) ? all.in : -1, .events = POLLOUT};
    return 3;
}

/** Wait for a descriptor, the end, or due_ns. */
static void wait_for(const al_away *away, struct pollfd *fds, uint64_t due_ns)
{
    uint32_t count = 0;
    fds[count++] = (struct pollfd){.fd = away->wake, .events = POLLIN};
    for (uint32_t k = 0; k < away->nengines; k++)
        if (away->engines[k].link != NULL)
            count += watch_link(away->engines[k].link, fds + count);
    uint64_t now_ns = al_clock_ns();
    uint64_t left_ms = due_ns > now_ns ? (due_ns - now_ns + 999999) / 1000000 : 0;
    (void)poll(fds, count, (int)(left_ms < 60000 ? left_ms : 60000));
}

/** One look at all engines. @return when next */
static uint64_t look(al_away *away)
{
    uint64_t now_ns = al_clock_ns(), due_ns = now_ns + TICK_NS;
    uint32_t nslots = 0;
    away->common.item_ns = item_ns_of(away->stream);
    for (uint32_t k = 0; k < away->nengines; k++) {
        al_map_engine *engine = &away->engines[k];
        uint64_t next_ns = al_map_engine_step(engine, now_ns);
        due_ns = next_ns < due_ns ? next_ns : due_ns;
        nslots += engine->is_up ? engine->nslots : 0;
    }
    atomic_store(away->nslots, nslots);
    for (uint32_t k = 0; k < away->nengines; k++)
        feed(away, &away->engines[k], now_ns);
    return due_ns;
}

/** Connections' processes end with this thread, and at once: those that have something to clear up are given
 * the time. */
static void wait_for_ends(al_away *away)
{
    const int *pids = (const int *)(const void *)away->common.ending.at;
    size_t count = away->common.ending.nbytes / sizeof *pids;
    uint64_t due_ns = al_clock_ns() + END_NS;
    for (size_t k = 0; k < count; k++)
        while (waitpid(pids[k], NULL, WNOHANG) == 0 && al_clock_ns() < due_ns)
            (void)poll(NULL, 0, 2);
    al_buffer_fini(&away->common.ending);
}

static void *keep_away(void *arg)
{
    al_away *away = arg;
    sigset_t all;
    (void)sigfillset(&all); /* a child of ours must find no handler; what crashes is unblocked where it may */
    (void)pthread_sigmask(SIG_BLOCK, &all, NULL);
    struct pollfd *fds = calloc(away->nengines * 3 + 1, sizeof *fds);
    while (fds != NULL && !atomic_load(&away->is_ending) && !away->has_called) {
        wait_for(away, fds, al_clock_ns() + IDLE_TICK_NS);
        away->common.item_ns = item_ns_of(away->stream);
        away->has_called = !atomic_load(&away->is_ending) && should_call(away);
    }
    if (away->has_called && !atomic_load(&away->is_ending)) {
        (void)look(away); /* they come up while the program is compiled */
        if (!make_program(away))
            al_complain("map", "no engine takes part: %s; the work goes on here", away->fault);
    }
    while (fds != NULL && !atomic_load(&away->is_ending) && away->fault[0] == '\0')
        wait_for(away, fds, look(away));
    for (uint32_t k = 0; k < away->nengines; k++)
        al_map_engine_fini(&away->engines[k]);
    wait_for_ends(away);
    free(fds);
    return NULL;
}

allot_err al_away_start(al_away *away, al_map_stream *stream, allot_error *err)
{
    away->stream = stream;
    away->nslots = &stream->nslots_away;
    away->common = (al_engine_common){.share = &stream->share,
                                      .launch = {.run = "map", .ssh = away->ssh},
                                      .program = -1,
                                      .ncomputed = &stream->ncomputed,
                                      .is_quiet = away->is_quiet};
    away->engines = calloc(away->nengines, sizeof *away->engines);
    away->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (away->engines == NULL || away->wake < 0)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory for the engines");
    for (uint32_t k = 0; k < away->nengines; k++)
        al_map_engine_init(&away->engines[k], &away->specs[k], &away->common);
    int failed = pthread_create(&away->thread, NULL, keep_away, away);
    if (failed != 0)
        return al_fail(err, ALLOT_ENOMEM, failed, "a thread for the engines cannot be made");
    away->is_running = true;
    return ALLOT_OK;
}

void al_away_end(al_away *away)
{
    uint64_t one = 1;
    if (away == NULL || !away->is_running)
        return;
    atomic_store(&away->is_ending, true);
    if (write(away->wake, &one, sizeof one) < 0)
        errno = 0; /* it is awake already */
    (void)pthread_join(away->thread, NULL);
    (void)close(away->wake);
    if (away->common.program >= 0)
        (void)close(away->common.program);
    away->is_running = false;
}

uint64_t al_away_nitems(const al_away *away)
{
    uint64_t nitems = 0;
    for (uint32_t k = 0; away != NULL && away->engines != NULL && k < away->nengines; k++)
        nitems += away->engines[k].nitems;
    return nitems;
}
