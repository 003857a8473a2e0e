/* map_engine.c - see map_engine.h.
 *
 * An engine is left out for good when it cannot help: another kind of machine or processor, chunks that fail
 * there and not here, too many failed attempts to reach it. The work goes on whatever happens to it, so it is
 * said once why, and no more.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "cli/map_engine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/option.h"
#include "engine/bootstrap.h"
#include "engine/task.h"
#include "map/expr.h"
#include "plan/prefetch.h"

#define WINDOW (UINT64_C(32) << 20)   /* bytes that an engine may send ahead */
#define LOST_NS UINT64_C(30000000000) /* of silence */
#define RETRY_NS UINT64_C(1000000000) /* before the second try, doubled each time */
#define TRIES 4u
#define SLOTS_MOST 4096u
#define PLACES_A_SLOT 8u        /* chunks at work and on their way */
#define SPOILT_MOST 3u          /* chunks that fail there and not here */
#define BYTES_TO_MEASURE 65536u /* less tells nothing about the wire */

void al_map_engine_init(al_map_engine *engine, const al_engine_spec *spec, al_engine_common *common)
{
    memset(engine, 0, sizeof *engine);
    engine->spec = spec;
    engine->common = common;
    engine->sender.fd = -1;
}

static void say(const al_map_engine *engine, const char *text)
{
    if (!engine->common->is_quiet)
        al_complain("map", "engine %s: %s", engine->spec->name, text);
}

/* ---- places ---------------------------------------------------------------------------------------------
 */

static al_engine_place *place_of(al_map_engine *engine, uint64_t task)
{
    for (uint32_t k = 0; k < engine->nplaces && task != 0; k++)
        if (engine->places[k].task == task)
            return &engine->places[k];
    return NULL;
}

static void free_place(al_map_engine *engine, al_engine_place *place)
{
    al_buffer_fini(&place->results);
    *place = (al_engine_place){.task = 0};
    engine->nused--;
}

/** All chunks go back. */
static uint32_t return_all(al_map_engine *engine)
{
    uint32_t count = 0;
    for (uint32_t k = 0; k < engine->nplaces; k++) {
        al_engine_place *place = &engine->places[k];
        if (place->task == 0)
            continue;
        al_share_return(engine->common->share, place->piece, false);
        free_place(engine, place);
        count++;
    }
    return count;
}

static void disconnect(al_map_engine *engine)
{
    uint64_t nsent = 0, nreceived = 0;
    if (engine->link != NULL) {
        int pid = al_link_pid(engine->link);
        (void)al_buffer_append(&engine->common->ending, &pid, sizeof pid);
        al_link_traffic(engine->link, &nsent, &nreceived);
    }
    engine->nsent += nsent;
    engine->nreceived += nreceived;
    al_link_close(engine->link);
    al_sender_fini(&engine->sender);
    engine->link = NULL;
    engine->is_up = engine->has_program = false;
}

void al_map_engine_fini(al_map_engine *engine)
{
    (void)return_all(engine);
    disconnect(engine);
    free(engine->places);
    engine->places = NULL;
    engine->nplaces = 0;
}

/** It is of no use for this map. */
static void give_up(al_map_engine *engine, const char *why)
{
    (void)snprintf(engine->why, sizeof engine->why, "%s", why);
    engine->nlost += return_all(engine);
    disconnect(engine);
    engine->is_given_up = true;
    say(engine, why);
}

static void fail(al_map_engine *engine, const char *why, uint64_t now_ns)
{
    char text[600];
    uint32_t count = return_all(engine);
    bool is_first = engine->nfailures == 0 || engine->is_up;
    disconnect(engine);
    engine->nlost += count;
    engine->nfailures++;
    engine->is_given_up = engine->nfailures >= TRIES;
    engine->due_ns = now_ns + (RETRY_NS << engine->nfailures) / 2;
    (void)snprintf(engine->why, sizeof engine->why, "%s", why);
    if (count > 0)
        (void)snprintf(text, sizeof text, "%.400s; what it had is done elsewhere", why);
    else
        (void)snprintf(text, sizeof text, "%.400s; the work goes on without it", why);
    if (is_first)
        say(engine, text);
}

/* ---- bringing up ----------------------------------------------------------------------------------------
 */

static const char *own_machine(void)
{
    static struct utsname name;
    return name.machine[0] != '\0' || uname(&name) == 0 ? name.machine : "";
}

/** Whether its kind of machine is ours, if that is known. */
static bool is_our_kind(const al_map_engine *engine)
{
    const char *machine = al_link_machine(engine->link);
    return machine[0] == '\0' || strcmp(machine, own_machine()) == 0;
}

static void refuse_kind(al_map_engine *engine)
{
    char text[300];
    (void)snprintf(text, sizeof text,
                   "it is a machine of kind %.60s, and EXPR is compiled for %.60s here; it is left out (name "
                   "engines of one kind, or start allot on one of them)",
                   al_link_machine(engine->link), own_machine());
    give_up(engine, text);
}

static void connect_to(al_map_engine *engine, uint64_t now_ns)
{
    static char run[40]; /* for as long as links borrow it */
    const al_launcher *launcher = engine->spec->launcher;
    al_buffer argv = {.at = NULL};
    uint32_t argc = 0;
    allot_error err = {.text = "out of memory"};
    (void)snprintf(run, sizeof run, "map-%d", (int)getpid());
    allot_err code =
        launcher->command(engine->spec, &engine->common->launch, al_bootstrap_script, &argv, &argc, &err);
    char **words = code == ALLOT_OK ? calloc(argc + 2, sizeof *words) : NULL;
    const char *at = argv.at;
    for (uint32_t k = 0; words != NULL && k < argc; k++, at += strlen(at) + 1)
        words[k] = (char *)(uintptr_t)at;
    /* No folder is named: chunks run in folders of their own. */
    al_link_opts opts = {.argv = words,
                         .hello = {.version = AL_FRAME_VERSION,
                                   .run = {run, strlen(run)},
                                   .cwd = {"", 0},
                                   .boot = {"", 0},
                                   .token_path = {"", 0},
                                   .token = {"", 0},
                                   .nslots = engine->spec->nslots,
                                   .per_mille = 1000,
                                   .lost_ms = (uint32_t)(LOST_NS / 1000000),
                                   .linger_ms = 1000,
                                   .kill_after_ms = 1000,
                                   .window = WINDOW},
                         .lost_ns = LOST_NS,
                         .start_ns = launcher->start_ns,
                         .new_session = true,
                         .replaces_agent = engine->has_bad_agent};
    if (launcher->hello != NULL)
        launcher->hello(engine->spec, &opts.hello);
    if (words != NULL)
        code = al_link_open(&opts, &engine->link, &err);
    free(words);
    al_buffer_fini(&argv);
    if (engine->link == NULL)
        fail(engine, err.text, now_ns);
}

/** Whether its cache has the program. */
static bool has_program(const al_map_engine *engine, al_bytes cached)
{
    al_fields fields = {.rest = cached};
    while (fields.rest.nbytes >= 16) {
        uint64_t low = al_get_u64(&fields), high = al_get_u64(&fields);
        if (low == engine->common->sum.low && high == engine->common->sum.high)
            return true;
    }
    return false;
}

static void come_up(al_map_engine *engine, const al_welcome *welcome)
{
    if (!is_our_kind(engine)) {
        refuse_kind(engine);
        return;
    }
    engine->nslots = welcome->nslots < SLOTS_MOST ? welcome->nslots : SLOTS_MOST;
    engine->nslots += engine->nslots == 0;
    engine->nplaces = engine->nslots * PLACES_A_SLOT;
    free(engine->places);
    engine->places = calloc(engine->nplaces, sizeof *engine->places);
    if (engine->places == NULL) {
        engine->nplaces = 0;
        al_link_lose(engine->link, "out of memory");
        return;
    }
    engine->is_up = engine->was_up = true;
    engine->has_program = has_program(engine, welcome->cached);
    (void)snprintf(engine->host, sizeof engine->host, "%.*s",
                   (int)(welcome->host.nbytes < 255 ? welcome->host.nbytes : 255), welcome->host.at);
}

/** Send as much of the program as there is room for. */
static void send_program(al_map_engine *engine)
{
    const al_engine_common *common = engine->common;
    al_message message;
    char path[40];
    if (engine->has_program || common->program < 0)
        return;
    if (engine->sender.fd < 0) {
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d",
                       common->program); /* with an offset of its own */
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || !al_sender_begin(&engine->sender, fd, common->program_nbytes)) {
            al_link_lose(engine->link, "the program cannot be read");
            return;
        }
        message = (al_message){.kind = AL_MESSAGE_FILE,
                               .file = {.type = AL_FILE_REGULAR,
                                        .mode = 0700,
                                        .nbytes = common->program_nbytes,
                                        .sum = common->sum,
                                        .path = {"map", 3},
                                        .target = {"", 0}}};
        al_link_send(engine->link, &message);
    }
    while (engine->sender.fd >= 0 && al_link_room(engine->link) > 0) {
        al_link_send_piece(engine->link, &engine->sender);
        engine->has_program = engine->sender.fd < 0;
    }
}

/* ---- results --------------------------------------------------------------------------------------------
 */

static double mean_of(double known, double sample)
{
    return known > 0 ? 0.7 * known + 0.3 * sample : sample;
}

/** @param there_ns  computing it took */
static void measure(al_map_engine *engine, const al_engine_place *place, double wall_ns, double there_ns,
                    uint64_t now_ns)
{
    double item_ns = engine->common->item_ns, took_ns = (double)(now_ns - place->given_ns);
    if (item_ns > 0 && there_ns > 0)
        engine->pace = mean_of(engine->pace, there_ns / (double)place->nitems / item_ns);
    if (wall_ns > there_ns)
        engine->start_ns = mean_of(engine->start_ns, wall_ns - there_ns);
    double way_ns = took_ns - wall_ns - engine->rtt_ns;
    if (place->was_idle && place->nbytes >= BYTES_TO_MEASURE)
        engine->byte_ns = mean_of(engine->byte_ns, (way_ns > 0 ? way_ns : 0) / (double)place->nbytes + 0.1);
}

/** The time that computing took comes after the results. */
static void take_results(al_map_engine *engine, al_engine_place *place, const al_task_end *end,
                         uint64_t now_ns)
{
    al_engine_common *common = engine->common;
    uint64_t there_ns;
    (void)al_buffer_append(&place->results, end->out.at, end->out.nbytes);
    size_t nbytes = place->results.nbytes;
    bool has_time = nbytes >= sizeof there_ns;
    if (has_time) {
        nbytes -= sizeof there_ns;
        memcpy(&there_ns, place->results.at + nbytes, sizeof there_ns);
        measure(engine, place, (double)end->wall_us * 1e3, (double)there_ns, now_ns);
    }
    if (!al_share_deliver(common->share, place->piece, place->results.at, has_time ? nbytes : 0))
        return;
    engine->nchunks++;
    engine->nitems += place->nitems;
    atomic_fetch_add(common->ncomputed, place->nitems);
}

/** A chunk that the engine could not do. */
static void spoil(al_map_engine *engine, al_engine_place *place, const al_task_end *end)
{
    char text[300] = "";
    bool is_exit = end->cause == AL_CAUSE_EXIT;
    bool is_processor = is_exit && end->exit_status == AL_EXPR_EXIT_PROCESSOR;
    bool is_engine = is_processor || (!is_exit && end->cause != AL_CAUSE_SIGNAL);
    if (is_processor)
        (void)snprintf(
            text, sizeof text,
            "its processor lacks what ours has, and sin(), exp() and their like would differ in the "
            "last bits; it is left out");
    else if (is_engine)
        (void)snprintf(text, sizeof text, "it cannot run EXPR (%.*s); it is left out",
                       (int)(end->err.nbytes < 200 ? end->err.nbytes : 200), end->err.at);
    else if (++engine->nspoilt >= SPOILT_MOST)
        (void)snprintf(text, sizeof text, "chunks crash there and not here; it is left out");
    al_share_return(engine->common->share, place->piece, !is_engine);
    free_place(engine, place);
    for (char *at = text; (at = strchr(at, '\n')) != NULL;)
        *at = ' ';
    if (text[0] != '\0')
        give_up(engine, text);
}

static void note_result(al_map_engine *engine, const al_task_end *end, uint64_t now_ns)
{
    al_engine_place *place = place_of(engine, end->task);
    if (place == NULL)
        return;
    bool is_good = end->cause == AL_CAUSE_EXIT && end->exit_status == 0;
    if (!is_good && !place->is_recalled && end->cause != AL_CAUSE_NONE) {
        spoil(engine, place, end);
        return;
    }
    if (is_good)
        take_results(engine, place, end, now_ns);
    else
        al_share_return(engine->common->share, place->piece, false);
    free_place(engine, place);
}

static void note_output(al_map_engine *engine, const al_piece *piece)
{
    al_engine_place *place = place_of(engine, piece->task);
    if (place == NULL || piece->is_err != 0)
        return;
    if (place->results.nbytes + piece->bytes.nbytes > place->nbytes)
        al_link_lose(engine->link, "it sent more results than there are");
    else
        (void)al_buffer_append(&place->results, piece->bytes.at, piece->bytes.nbytes);
}

static void hear(al_map_engine *engine, const al_message *m, uint64_t now_ns)
{
    switch (m->kind) {
    case AL_MESSAGE_WELCOME:
        come_up(engine, &m->welcome);
        return;
    case AL_MESSAGE_STARTED:
        return;
    case AL_MESSAGE_OUTPUT:
        note_output(engine, &m->piece);
        return;
    case AL_MESSAGE_RESULT:
        note_result(engine, &m->end, now_ns);
        return;
    default:
        al_link_lose(engine->link, "it sent a message that is not for us");
    }
}

/* ---- giving ---------------------------------------------------------------------------------------------
 */

bool al_map_engine_has_place(const al_map_engine *engine, double chunk_ns)
{
    if (!engine->is_up || !engine->has_program || al_link_room(engine->link) == 0)
        return false;
    uint32_t nqueue = al_plan_prefetch(engine->rtt_ns, chunk_ns, engine->nslots);
    uint32_t most = engine->nslots + nqueue;
    return engine->nused < (most < engine->nplaces ? most : engine->nplaces);
}

bool al_map_engine_give(al_map_engine *engine, uint64_t nitems, uint64_t now_ns)
{
    al_engine_common *common = engine->common;
    al_buffer chunk = {.at = NULL}, cached = {.at = NULL};
    al_cached_input program = {.sum = common->sum, .mode = 0700, .path = {"map", 3}};
    al_share_piece *piece = al_share_give(common->share, nitems, &chunk);
    if (piece == NULL) {
        al_buffer_fini(&chunk);
        return false;
    }
    al_engine_place *place = engine->places;
    while (place->task != 0)
        place++;
    *place =
        (al_engine_place){.task = ++common->ntasks,
                          .piece = piece,
                          .nitems = piece->nitems,
                          .nbytes = chunk.nbytes + (piece->to - piece->from) * common->share->result_nbytes,
                          .given_ns = now_ns,
                          .was_idle = engine->nused < engine->nslots};
    engine->nused++;
    al_cached_input_encode(&cached, &program);
    al_message order = {.kind = AL_MESSAGE_TASK,
                        .order = {.task = place->task,
                                  .attempt = 1,
                                  .cpus_milli = 1000,
                                  .argc = 1,
                                  .argv = {"./map", 6},
                                  .env = {"", 0},
                                  .cwd = {"", 0},
                                  .has_stdin = 1,
                                  .in = {chunk.at, chunk.nbytes},
                                  .cached = {cached.at, cached.nbytes},
                                  .outputs = {"", 0}}};
    al_link_send(engine->link, &order);
    al_buffer_fini(&cached);
    al_buffer_fini(&chunk);
    return true;
}

/** Chunks that were done here meanwhile need not be done there. */
static void recall(al_map_engine *engine)
{
    for (uint32_t k = 0; k < engine->nplaces; k++) {
        al_engine_place *place = &engine->places[k];
        if (place->task == 0 || place->is_recalled || al_share_wants(engine->common->share, place->piece))
            continue;
        place->is_recalled = true;
        al_link_send(engine->link, &(al_message){.kind = AL_MESSAGE_KILL,
                                                 .kill = {.task = place->task, .hard = AL_KILL_HARD}});
    }
}

/* ---- its turn -------------------------------------------------------------------------------------------
 */

uint64_t al_map_engine_step(al_map_engine *engine, uint64_t now_ns)
{
    al_message message;
    bool was_up = engine->is_up;
    if (engine->is_given_up)
        return UINT64_MAX;
    if (engine->link == NULL && now_ns >= engine->due_ns)
        connect_to(engine, now_ns);
    if (engine->link == NULL)
        return engine->is_given_up ? UINT64_MAX : engine->due_ns;
    engine->due_ns = al_link_step(engine->link, now_ns);
    while (engine->link != NULL && al_link_next(engine->link, &message))
        hear(engine, &message, now_ns);
    if (engine->link == NULL) /* given up */
        return UINT64_MAX;
    if (al_link_is_gone(engine->link)) {
        char why[600];
        (void)snprintf(why, sizeof why, "%s", al_link_why(engine->link));
        engine->has_bad_agent = al_link_has_bad_agent(engine->link);
        if (is_our_kind(engine))
            fail(engine, why, now_ns);
        else
            refuse_kind(engine);
        return engine->is_given_up ? UINT64_MAX : engine->due_ns;
    }
    engine->rtt_ns = (double)al_link_rtt_ns(engine->link);
    if (engine->is_up) {
        send_program(engine);
        recall(engine);
    }
    al_link_flush(engine->link);
    bool has_more = engine->sender.fd >= 0 && al_link_room(engine->link) > 0; /* and the pipe took all: */
    bool is_ready = has_more && !al_link_wants_write(engine->link);
    return is_ready || engine->is_up != was_up ? now_ns : engine->due_ns; /* or its first heartbeat */
}
