/* farm_engine.c - engines elsewhere: brought up, given tasks, heard, lost and tried again. See farm_parts.h.
 *
 * An engine is connecting, up, or waiting to be tried again; or given up. A task that is given to one has a
 * place here until its result came, or until the engine is lost: then one that ran counts as lost with it,
 * and one that waited there goes back as if nothing had been.
 *
 * Invariant: a message is taken from a link only while the store has room for a result, so that what an
 * engine sends waits in its pipe, as a zombie waits here.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "engine/bootstrap.h"
#include "farm/farm_parts.h"
#include "plan/prefetch.h"

#define ABOUT_ENGINES (UINT64_C(1) << 32) /* and the engine's number */
#define WINDOW (UINT64_C(32) << 20)       /* bytes that an engine may send ahead */
#define RETRY_NS UINT64_C(1000000000)     /* before the second try to reach one, doubled each time, */
#define RETRY_MOST_NS UINT64_C(60000000000)
#define TRIES_FIRST 3u                  /* of one that was never up, */
#define TRIES_AGAIN 8u                  /* and of one that was */
#define STEADY_NS UINT64_C(30000000000) /* up for so long, earlier failures are forgotten */
#define PLACES_MOST 1024u               /* tasks at one engine */
#define IDLE_NS UINT64_C(5000000000)    /* a lent engine without work is given back */
#define SAVE_NS UINT64_C(2000000000)

/* ---- bringing up ----------------------------------------------------------------------------------------
 */

uint32_t al_farm_engines_places(const al_farm_opts *opts)
{
    uint32_t room = AL_SLOTS_MAX - opts->nslots;
    uint32_t each = opts->nengines > 0 ? room / opts->nengines : 0;
    return opts->nengines * (each < PLACES_MOST ? each : PLACES_MOST);
}

static const char *cwd_of(const al_farm *farm, char path[PATH_MAX])
{
    if (farm->opts.cwd != NULL)
        return farm->opts.cwd;
    return getcwd(path, PATH_MAX) != NULL ? path : "/";
}

allot_err al_farm_engines_open(al_farm *farm, allot_error *err)
{
    const al_farm_opts *opts = &farm->opts;
    char path[PATH_MAX];
    uint32_t nplaces = opts->nengines > 0 ? al_farm_engines_places(opts) / opts->nengines : 0;
    if (opts->nengines > 0 && nplaces < 2)
        return al_fail(err, ALLOT_ERANGE, 0, "%u engines are too many", opts->nengines);
    farm->nengines = opts->nengines + 1;
    farm->engines = calloc(farm->nengines, sizeof *farm->engines);
    farm->token = calloc(1, sizeof *farm->token);
    if (farm->engines == NULL || farm->token == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    farm->engines[0] = (al_farm_engine){.first_slot = 1, .nplaces = opts->nslots, .is_up = true};
    for (uint32_t k = 0; k < opts->nengines; k++) {
        al_farm_engine *engine = &farm->engines[k + 1];
        *engine = (al_farm_engine){.spec = &opts->engines[k],
                                   .id = opts->engine_ids[k],
                                   .first_slot = 1 + opts->nslots + k * nplaces,
                                   .nplaces = nplaces,
                                   .watched = {-1, -1, -1},
                                   .stage = al_stage_create(cwd_of(farm, path))};
        if (engine->stage == NULL)
            return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
        engine->is_resting = engine->spec->launcher->is_lent;
    }
    if (opts->nengines > 0)
        al_token_create(farm->token, cwd_of(farm, path));
    return ALLOT_OK;
}

void al_farm_engines_close(al_farm *farm)
{
    for (uint32_t k = 1; k < farm->nengines && farm->engines != NULL; k++) {
        al_link_close(farm->engines[k].link);
        farm->engines[k].link = NULL;
        al_stage_destroy(farm->engines[k].stage);
        farm->engines[k].stage = NULL;
    }
    if (farm->token != NULL)
        al_token_remove(farm->token);
    free(farm->token);
    free(farm->engines);
    farm->token = NULL;
    farm->engines = NULL;
    farm->nengines = 0;
}

bool al_farm_engines_pending(const al_farm *farm)
{
    for (uint32_t k = 1; k < farm->nengines; k++)
        if (!farm->engines[k].is_up && !farm->engines[k].is_given_up)
            return true;
    return false;
}

static void engine_say(const al_farm *farm, const al_farm_engine *engine, const char *text)
{
    char line[900];
    (void)snprintf(line, sizeof line, "engine %s: %s", engine->spec->name, text);
    al_farm_say(farm, line);
}

/** One attempt failed. */
static void note_failure(al_farm *farm, al_farm_engine *engine, const char *why, uint64_t now_ns)
{
    char text[700];
    uint64_t wait_ns = RETRY_NS << (engine->nfailures < 6 ? engine->nfailures : 6);
    engine->nfailures++;
    (void)snprintf(engine->why, sizeof engine->why, "%s", why);
    engine->is_given_up = engine->nfailures >= (engine->was_up ? TRIES_AGAIN : TRIES_FIRST);
    wait_ns = wait_ns < RETRY_MOST_NS ? wait_ns : RETRY_MOST_NS;
    engine->due_ns = now_ns + wait_ns;
    if (engine->is_given_up)
        (void)snprintf(text, sizeof text, "%s; given up after %u tries", why, engine->nfailures);
    else
        (void)snprintf(text, sizeof text, "%s; trying again in %.0f s", why, (double)wait_ns * 1e-9);
    engine_say(farm, engine, text);
}

/** What the agent is to know, texts borrowed from the farm. */
static al_hello hello_of(const al_farm *farm, const al_farm_engine *engine, const char *cwd, char boot[64])
{
    const al_farm_opts *opts = &farm->opts;
    struct stat st = {.st_dev = 0};
    (void)stat(cwd, &st);
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, boot, 64) : 0;
    if (fd >= 0)
        (void)close(fd);
    bool apart = strstr(engine->spec->target, "apart=1") != NULL && engine->spec->launcher == &al_launch_fake;
    uint32_t nslots = engine->spec->nslots > 0 ? engine->spec->nslots : opts->engine_jobs;
    return (al_hello){.version = AL_FRAME_VERSION,
                      .run = {opts->launch.run, strlen(opts->launch.run)},
                      .cwd = {cwd, apart ? 0 : strlen(cwd)},
                      .boot = {boot, n > 0 ? (size_t)n : 0},
                      .device = (uint64_t)st.st_dev,
                      .inode = (uint64_t)st.st_ino,
                      .token_path = {farm->token->path, strlen(farm->token->path)},
                      .token = {farm->token->text, strlen(farm->token->text)},
                      .nslots = nslots,
                      .lost_ms = (uint32_t)(opts->lost_ns / 1000000),
                      .linger_ms = (uint32_t)(opts->linger_ns / 1000000),
                      .kill_after_ms = (uint32_t)(opts->kill_after_ns / 1000000),
                      .nice = (uint32_t)opts->nice,
                      .window = WINDOW,
                      .is_live = opts->is_live};
}

static void connect_to(al_farm *farm, al_farm_engine *engine, uint64_t now_ns)
{
    static char boot[64], cwd[PATH_MAX]; /* for as long as links borrow them */
    al_buffer argv = {.at = NULL};
    uint32_t argc = 0;
    allot_error err;
    const al_launcher *launcher = engine->spec->launcher;
    if (cwd[0] == '\0')
        (void)snprintf(cwd, sizeof cwd, "%s", cwd_of(farm, (char[PATH_MAX]){0}));
    allot_err code =
        launcher->command(engine->spec, &farm->opts.launch, al_bootstrap_script, &argv, &argc, &err);
    char **words = code == ALLOT_OK ? calloc(argc + 2, sizeof *words) : NULL;
    char *at = argv.at;
    for (uint32_t k = 0; words != NULL && k < argc; k++, at += strlen(at) + 1)
        words[k] = at;
    if (words != NULL) {
        al_link_opts opts = {.argv = words,
                             .hello = hello_of(farm, engine, cwd, boot),
                             .lost_ns = farm->opts.lost_ns,
                             .start_ns = launcher->start_ns,
                             .new_session = farm->has_terminal,
                             .replaces_agent = engine->has_bad_agent};
        code = al_link_open(&opts, &engine->link, &err);
    }
    if (code != ALLOT_OK || words == NULL)
        note_failure(farm, engine, code != ALLOT_OK ? err.text : "out of memory", now_ns);
    engine->is_touched = true;
    engine->is_losing = false;
    free(words);
    al_buffer_fini(&argv);
}

/** How many tasks may wait there, by what is known of tasks and of the way. */
static void set_queue(al_farm *farm, uint32_t number)
{
    al_farm_engine *engine = &farm->engines[number];
    bool asks_slot = farm->opts.command != NULL && al_template_uses_slot(farm->opts.command);
    uint32_t most = engine->nplaces - engine->nslots;
    double task_ns = al_sched_median_ns(farm->opts.sched);
    uint32_t nqueue =
        asks_slot ? 0 : al_plan_prefetch((double)al_link_rtt_ns(engine->link), task_ns, engine->nslots);
    engine->nqueue = nqueue < most ? nqueue : most;
    al_sched_engine_queue(farm->opts.sched, number, engine->nqueue);
}

static void come_up(al_farm *farm, uint32_t number, const al_welcome *welcome)
{
    al_farm_engine *engine = &farm->engines[number];
    const al_farm_opts *opts = &farm->opts;
    uint32_t half = engine->nplaces / 2 > 0 ? engine->nplaces / 2 : 1;
    engine->is_up = engine->was_up = true;
    engine->up_ns = engine->busy_ns = al_clock_ns();
    engine->shares = welcome->shares != 0;
    engine->ncpus = welcome->ncpus;
    engine->mem_bytes = welcome->mem_bytes;
    engine->nslots = welcome->nslots < half ? welcome->nslots : half;
    if (engine->nslots == 0)
        engine->nslots = 1;
    (void)snprintf(engine->host, sizeof engine->host, "%.*s",
                   (int)(welcome->host.nbytes < 255 ? welcome->host.nbytes : 255), welcome->host.at);
    al_stage_begin(engine->stage, welcome->cached);
    al_need has = {.cpus_milli = engine->nslots * 1000, .mem_bytes = engine->mem_bytes};
    if (opts->cpus_milli > has.cpus_milli)
        has.cpus_milli = opts->cpus_milli; /* one at a time there is always room for */
    uint64_t many = opts->cpus_milli > 0 ? has.cpus_milli / opts->cpus_milli : half;
    al_sched_engine_back(opts->sched, number, &has, many < half ? (uint32_t)many : half, true);
    set_queue(farm, number);
}

/* ---- losing ---------------------------------------------------------------------------------------------
 */

/** Its tasks one after the other, as the store has room. @return whether all are dealt with */
static bool let_go_of_tasks(al_farm *farm, const al_farm_engine *engine, uint64_t now_ns)
{
    for (uint32_t k = 0; k < engine->nplaces; k++) {
        uint32_t slot = engine->first_slot + k;
        al_place *place = &farm->places[slot];
        if (place->task == 0)
            continue;
        if (place->start_ns == UINT64_MAX) {
            al_farm_return(farm, slot);
            continue;
        }
        if (!al_farm_has_room(farm))
            return false;
        place->result.cause = AL_CAUSE_LOST;
        place->result.wall_us = (now_ns - place->start_ns) / 1000;
        al_farm_finish(farm, slot, now_ns);
    }
    return true;
}

static void unwatch(al_farm *farm, al_farm_engine *engine)
{
    const int fds[] = {engine->watched.out, engine->watched.err, engine->watched.in};
    for (size_t k = 0; k < sizeof fds / sizeof fds[0]; k++)
        if (fds[k] >= 0)
            (void)epoll_ctl(farm->epoll, EPOLL_CTL_DEL, fds[k], NULL);
    engine->watched = (al_link_fds){-1, -1, -1};
}

/** The connection is gone. */
static void lose(al_farm *farm, uint32_t number, uint64_t now_ns)
{
    al_farm_engine *engine = &farm->engines[number];
    char why[700];
    (void)snprintf(why, sizeof why, "%s", al_link_why(engine->link));
    if (!engine->is_losing) {
        if (engine->is_up && now_ns > engine->up_ns + STEADY_NS)
            engine->nfailures = 0;
        uint32_t nwaiting, nthere = al_sched_engine_load(farm->opts.sched, number, &nwaiting);
        engine->is_losing = true;
        if (engine->is_up && nthere > 0)
            (void)snprintf(engine->why, sizeof engine->why, "; tasks that go elsewhere: %u", nthere);
        else
            engine->why[0] = '\0';
        engine->is_up = false;
        al_sched_engine_close(farm->opts.sched, number);
        unwatch(farm, engine);
    }
    if (!let_go_of_tasks(farm, engine, now_ns))
        return;
    (void)strncat(why, engine->why, sizeof why - strlen(why) - 1);
    engine->has_bad_agent = al_link_has_bad_agent(engine->link);
    al_link_close(engine->link);
    engine->link = NULL;
    engine->is_losing = false;
    note_failure(farm, engine, why, now_ns);
}

/** Give a lent engine back, for now. */
static void rest(al_farm *farm, uint32_t number)
{
    al_farm_engine *engine = &farm->engines[number];
    engine->is_up = false;
    engine->is_resting = true;
    al_sched_engine_close(farm->opts.sched, number);
    unwatch(farm, engine);
    al_link_close(engine->link);
    engine->link = NULL;
}

/* ---- hearing --------------------------------------------------------------------------------------------
 */

/** The place of a task at an engine; NULL: it is not there. */
static al_place *place_of(al_farm *farm, uint32_t number, uint64_t task, uint32_t *slot)
{
    uint32_t engine, own;
    if (task == 0 || !al_sched_where(farm->opts.sched, task, &engine, &own) || engine != number)
        return NULL;
    *slot = farm->engines[number].first_slot + own - 1;
    return &farm->places[*slot];
}

static void capture_path(void *arg, const al_capture *capture, char *path, size_t nbytes)
{
    const al_place *place = arg;
    al_farm_path_of(place->farm, place->result.slot, capture == &place->own[1], path, nbytes);
}

static void feed(al_farm *farm, al_place *place, bool is_err, al_bytes bytes)
{
    if (bytes.nbytes == 0)
        return;
    al_capture_feed(&place->own[is_err], bytes.at, bytes.nbytes, capture_path, place);
    if (farm->opts.is_live)
        al_farm_wrote(farm, place->result.slot, is_err, bytes.at, bytes.nbytes);
}

/** The time that an engine tells is taken, not the moment: its clock may be off by hours. */
static void note_started(al_farm *farm, al_place *place, uint64_t now_ns)
{
    if (place->start_ns != UINT64_MAX)
        return;
    place->start_ns = now_ns;
    place->result.start_us = al_farm_unix_us();
    al_sched_started(farm->opts.sched, place->task, now_ns);
}

static void note_result(al_farm *farm, uint32_t number, const al_task_end *end, uint64_t now_ns)
{
    uint32_t slot;
    al_place *place = place_of(farm, number, end->task, &slot);
    if (place == NULL)
        return;
    if (end->cause == AL_CAUSE_NONE) {
        al_farm_return(farm, slot);
        return;
    }
    note_started(farm, place, now_ns);
    feed(farm, place, false, end->out);
    feed(farm, place, true, end->err);
    al_result *result = &place->result;
    if (result->cause == AL_CAUSE_NONE) { /* or its files could not be kept */
        result->cause = (al_cause)end->cause;
        result->exit_status = (int32_t)end->exit_status;
        result->signal = (int32_t)end->signal;
    }
    result->wall_us = end->wall_us;
    result->user_us = end->user_us;
    result->sys_us = end->sys_us;
    result->mem_kb = end->mem_kb;
    al_farm_finish(farm, slot, now_ns);
    set_queue(farm, number);
}

/** Results that came, but cannot be kept: the task has failed. */
static void spoil(al_place *place, const char *text)
{
    char line[600];
    place->result.cause = AL_CAUSE_OUTPUT;
    place->result.exit_status = EIO;
    (void)snprintf(line, sizeof line, "allot farm: %s\n", text);
    al_capture_add(&place->own[1], line, strlen(line));
}

/** @return ALLOT_OK, or why the engine is not to be trusted */
static allot_err take_file(al_farm *farm, uint32_t number, const al_message *m, allot_error *err)
{
    al_farm_engine *engine = &farm->engines[number];
    uint32_t slot;
    allot_err code = ALLOT_OK;
    if (m->kind == AL_MESSAGE_FILE)
        engine->receiving = m->file.task;
    al_place *place = place_of(farm, number, engine->receiving, &slot);
    if (place == NULL || engine->shares)
        return al_fail(err, ALLOT_EFORMAT, 0, "it sent a file of a task that it does not have");
    if (m->kind == AL_MESSAGE_FILE)
        code = al_stage_file(engine->stage, &m->file, (al_bytes){place->made.at, place->made.nbytes}, err);
    else if (m->kind == AL_MESSAGE_DATA)
        al_stage_data(engine->stage, &m->data);
    else
        code = al_stage_file_end(engine->stage, &m->tail, err);
    if (code != ALLOT_EIO)
        return code;
    spoil(place, err->text);
    return ALLOT_OK;
}

/** @return ALLOT_OK, or why the engine is not to be trusted */
static allot_err hear(al_farm *farm, uint32_t number, const al_message *m, uint64_t now_ns, allot_error *err)
{
    uint32_t slot;
    al_place *place;
    switch (m->kind) {
    case AL_MESSAGE_WELCOME:
        come_up(farm, number, &m->welcome);
        return ALLOT_OK;
    case AL_MESSAGE_STARTED:
        if ((place = place_of(farm, number, m->started, &slot)) != NULL)
            note_started(farm, place, now_ns);
        return ALLOT_OK;
    case AL_MESSAGE_OUTPUT:
        if ((place = place_of(farm, number, m->piece.task, &slot)) != NULL)
            feed(farm, place, m->piece.is_err != 0, m->piece.bytes);
        return ALLOT_OK;
    case AL_MESSAGE_RESULT:
        note_result(farm, number, &m->end, now_ns);
        return ALLOT_OK;
    case AL_MESSAGE_FILE:
    case AL_MESSAGE_DATA:
    case AL_MESSAGE_FILE_END:
        return take_file(farm, number, m, err);
    default:
        return al_fail(err, ALLOT_EFORMAT, 0, "it sent a message that is not for us");
    }
}

/* ---- one engine's turn ----------------------------------------------------------------------------------
 */

static void watch_fd(const al_farm *farm, int fd, uint32_t events, uint64_t number, int *watched)
{
    struct epoll_event event = {.events = events, .data.u64 = ABOUT_ENGINES + number};
    if (fd >= 0 && *watched < 0 && epoll_ctl(farm->epoll, EPOLL_CTL_ADD, fd, &event) == 0)
        *watched = fd;
    else if (fd < 0)
        *watched = -1; /* closing took it out */
}

/** Its descriptors are watched, the writing one while it is full. */
static void watch(al_farm *farm, uint32_t number)
{
    al_farm_engine *engine = &farm->engines[number];
    al_link_fds fds = al_link_descriptors(engine->link);
    watch_fd(farm, fds.out, EPOLLIN, number, &engine->watched.out);
    watch_fd(farm, fds.err, EPOLLIN, number, &engine->watched.err);
    bool wanted = al_link_wants_write(engine->link);
    if (fds.in >= 0 && !wanted && engine->watched.in >= 0) {
        (void)epoll_ctl(farm->epoll, EPOLL_CTL_DEL, fds.in, NULL);
        engine->watched.in = -1;
    } else {
        watch_fd(farm, wanted || fds.in < 0 ? fds.in : -1, EPOLLOUT, number, &engine->watched.in);
    }
}

static void step(al_farm *farm, uint32_t number, uint64_t now_ns)
{
    al_farm_engine *engine = &farm->engines[number];
    al_message message;
    allot_error err;
    bool was_up = engine->is_up;
    engine->is_touched = false;
    engine->due_ns = al_link_step(engine->link, now_ns);
    while (!engine->is_losing && al_farm_has_room(farm) && al_link_next(engine->link, &message))
        if (hear(farm, number, &message, now_ns, &err) != ALLOT_OK)
            al_link_lose(engine->link, err.text);
    if (!al_farm_has_room(farm))
        engine->is_touched = true; /* more may be there */
    al_stage_pump(engine->stage, engine->link);
    if (al_link_is_gone(engine->link)) {
        lose(farm, number, now_ns);
        engine->is_touched = engine->link != NULL;
        return;
    }
    if (engine->is_up && !was_up)
        engine->due_ns = now_ns; /* its first heartbeat */
    al_link_flush(engine->link);
    if (al_stage_is_busy(engine->stage) && !al_link_wants_write(engine->link) &&
        al_link_room(engine->link) > 0)
        engine->is_touched = true; /* the pipe took all: there is more for it */
    watch(farm, number);
}

bool al_farm_engine_event(al_farm *farm, uint64_t about)
{
    if (about < ABOUT_ENGINES || about >= ABOUT_ENGINES + farm->nengines)
        return false;
    farm->engines[about - ABOUT_ENGINES].is_touched = true;
    return true;
}

/** What is known of engines, for `allot engines`. */
static void save(al_farm *farm, uint64_t now_ns)
{
    for (uint32_t k = 1; k < farm->nengines; k++) {
        const al_farm_engine *e = &farm->engines[k];
        uint64_t nsent = 0, nreceived = 0;
        char key[40];
        uint32_t nwaiting, nthere = al_sched_engine_load(farm->opts.sched, k, &nwaiting);
        if (e->link != NULL)
            al_link_traffic(e->link, &nsent, &nreceived);
        json_t *facts = json_pack(
            "{s:s, s:s, s:s, s:s, s:i, s:i, s:I, s:f, s:I, s:I, s:I, s:i, s:i, s:b}", "name", e->spec->name,
            "launcher", e->spec->launcher->name, "host", e->host, "state",
            e->is_up          ? "up"
            : e->is_given_up  ? "given up"
            : e->link != NULL ? "connecting"
                              : "lost",
            "slots", (int)e->nslots, "cpus", (int)e->ncpus, "mem_bytes", (json_int_t)e->mem_bytes,
            "latency_ms", e->link != NULL ? (double)al_link_rtt_ns(e->link) * 1e-6 : 0.0, "attempts",
            (json_int_t)e->nended, "sent_bytes", (json_int_t)nsent, "received_bytes", (json_int_t)nreceived,
            "running", (int)(nthere - nwaiting), "waiting", (int)nwaiting, "shares_files", (int)e->shares);
        if (facts != NULL && e->why[0] != '\0')
            (void)json_object_set_new(facts, "why", json_string(e->why));
        char *text = facts != NULL ? json_dumps(facts, JSON_COMPACT) : NULL;
        (void)snprintf(key, sizeof key, "engine.%u.facts", e->id);
        if (text != NULL)
            (void)al_store_set(farm->opts.store, key, text, NULL);
        free(text);
        json_decref(facts);
    }
    farm->saved_ns = now_ns;
}

/** A lent engine is asked for while more tasks are ready than engines are on their way, one at a time; one
 * that has had nothing to do for a while, and will have nothing, goes back. @return when to look again */
static uint64_t lend(al_farm *farm, uint64_t now_ns)
{
    al_sched_counts counts;
    uint64_t ncoming = 0, due_ns = UINT64_MAX;
    al_sched_count(farm->opts.sched, &counts);
    for (uint32_t k = 1; k < farm->nengines; k++)
        ncoming += farm->engines[k].link != NULL && !farm->engines[k].is_up;
    for (uint32_t k = 1; k < farm->nengines; k++) {
        al_farm_engine *engine = &farm->engines[k];
        uint32_t nwaiting;
        if (!engine->spec->launcher->is_lent || engine->is_given_up)
            continue;
        if (engine->is_resting && counts.nready > ncoming) {
            engine->is_resting = false;
            engine->due_ns = 0;
            ncoming++;
        }
        if (!engine->is_up || counts.nready + counts.ndelayed + counts.nblocked > 0 ||
            !farm->facts.is_input_read || al_sched_engine_load(farm->opts.sched, k, &nwaiting) > 0)
            engine->busy_ns = now_ns;
        else if (now_ns >= engine->busy_ns + IDLE_NS)
            rest(farm, k);
        else if (engine->busy_ns + IDLE_NS < due_ns)
            due_ns = engine->busy_ns + IDLE_NS;
    }
    return due_ns;
}

uint64_t al_farm_engines_step(al_farm *farm, uint64_t now_ns)
{
    bool is_ending = farm->ninterrupts > 0 || farm->is_broken;
    uint64_t due_ns = farm->nengines > 1 && !is_ending ? lend(farm, now_ns) : UINT64_MAX;
    for (uint32_t k = 1; k < farm->nengines; k++) {
        al_farm_engine *engine = &farm->engines[k];
        if (engine->is_resting)
            continue;
        if (engine->link == NULL && !engine->is_given_up && !is_ending && now_ns >= engine->due_ns)
            connect_to(farm, engine, now_ns);
        if (engine->link != NULL &&
            (engine->is_touched || now_ns >= engine->due_ns || al_stage_is_busy(engine->stage)))
            step(farm, k, now_ns);
        if (engine->is_given_up || (engine->link == NULL && is_ending))
            continue;
        if (engine->is_touched && al_farm_has_room(farm))
            return now_ns;
        due_ns = engine->due_ns < due_ns ? engine->due_ns : due_ns;
    }
    if (al_sched_is_halted(farm->opts.sched) && !farm->has_recalled)
        al_farm_recall(farm);
    if (farm->nengines > 1 && now_ns >= farm->saved_ns + SAVE_NS)
        save(farm, now_ns);
    return due_ns;
}

void al_farm_engines_save(al_farm *farm)
{
    if (farm->nengines > 1)
        save(farm, al_clock_ns());
}

const char *al_farm_engines_fault(const al_farm *farm)
{
    const char *why = NULL;
    if (farm->nengines <= 1 || farm->opts.nslots > 0)
        return NULL;
    for (uint32_t k = 1; k < farm->nengines; k++) {
        if (!farm->engines[k].is_given_up)
            return NULL;
        why = farm->engines[k].why;
    }
    return why;
}

/* ---- tasks ----------------------------------------------------------------------------------------------
 */

/** Where what comes of a task's output is kept. @return false: out of memory */
static bool open_captures(al_place *place)
{
    if (place->own == NULL)
        place->own = calloc(2, sizeof *place->own);
    for (int k = 0; k < 2 && place->own != NULL; k++) {
        al_buffer text = place->own[k].text;
        al_buffer_clear(&text);
        place->own[k] = (al_capture){.pipe = -1, .file = -1, .text = text};
    }
    place->captures = place->own;
    return place->own != NULL;
}

/** Variables that go along: who the task is, and what the user asked to be sent. */
static uint32_t put_env(al_farm *farm, const al_farm_own *own, al_task_id task, al_buffer *env)
{
    char text[64];
    uint32_t count = 3;
    (void)al_buffer_append(env, farm->env_texts[0], strlen(farm->env_texts[0]) + 1);
    (void)snprintf(text, sizeof text, "ALLOT_TASK=%llu", (unsigned long long)task);
    (void)al_buffer_append(env, text, strlen(text) + 1);
    (void)snprintf(text, sizeof text, "PARALLEL_SEQ=%llu", (unsigned long long)task);
    (void)al_buffer_append(env, text, strlen(text) + 1);
    for (uint32_t k = 0; own->is_read && k < own->spec.nenv; k++, count++)
        (void)al_buffer_append(env, own->spec.env[k], strlen(own->spec.env[k]) + 1);
    for (uint32_t k = 0; k < farm->opts.nenv; k++, count++)
        (void)al_buffer_append(env, farm->opts.env[k], strlen(farm->opts.env[k]) + 1);
    return count;
}

/** A task's files: those of all tasks, and those of its spec. */
static allot_err find_files(al_farm *farm, uint32_t slot, const al_farm_own *own, al_stage_files *files,
                            allot_error *err)
{
    al_place *place = &farm->places[slot];
    al_args args, text;
    allot_err code = al_store_task(farm->opts.store, place->task, &args, &text, err);
    if (code == ALLOT_OK)
        code = al_stage_files_of(farm->opts.stage, args, place->task, slot, files, err);
    for (uint32_t k = 0; code == ALLOT_OK && own->is_read && k < own->spec.nin; k++)
        (void)al_buffer_append(&files->shared, own->spec.in[k], strlen(own->spec.in[k]) + 1);
    for (uint32_t k = 0; code == ALLOT_OK && own->is_read && k < own->spec.nout; k++)
        (void)al_buffer_append(&files->made, own->spec.out[k], strlen(own->spec.out[k]) + 1);
    al_buffer_clear(&place->made);
    if (files->made.nbytes > 0)
        (void)al_buffer_append(&place->made, files->made.at, files->made.nbytes);
    return code;
}

static allot_err give(al_farm *farm, uint32_t slot, const al_action *action, uint32_t argc,
                      const al_farm_own *own, allot_error *err)
{
    static al_buffer env;
    static al_stage_files files;
    al_farm_engine *engine = &farm->engines[action->engine];
    allot_err code = find_files(farm, slot, own, &files, err);
    if (code != ALLOT_OK)
        return code;
    al_buffer_clear(&env);
    const char *cwd = own->is_read && own->spec.cwd != NULL ? own->spec.cwd : "";
    al_task_order order = {.task = action->task,
                           .attempt = action->attempt,
                           .cpus_milli = action->cpus_milli,
                           .gpus = action->gpus,
                           .mem_bytes = action->mem_bytes,
                           .mem_most = action->mem_bytes,
                           .argc = argc,
                           .argv = {farm->argv.at, farm->argv.nbytes},
                           .nenv = put_env(farm, own, action->task, &env),
                           .cwd = {cwd, strlen(cwd)},
                           .has_stdin = own->is_read && own->spec.stdin_text != NULL};
    order.env = (al_bytes){env.at, env.nbytes};
    if (order.has_stdin)
        order.in = (al_bytes){own->spec.stdin_text, own->spec.stdin_nbytes};
    if (order.argv.nbytes + order.env.nbytes + order.in.nbytes > AL_FRAME_MOST_TASK / 2)
        return al_fail(err, ALLOT_ERANGE, 0, "the command and its standard input are too long to be sent");
    return al_stage_give(engine->stage, &order, engine->shares ? NULL : &files, err);
}

void al_farm_order(al_farm *farm, uint32_t slot, const al_action *action)
{
    al_place *place = &farm->places[slot];
    al_farm_engine *engine = &farm->engines[action->engine];
    al_farm_own own = {.in_fd = -1};
    uint32_t argc = 0;
    allot_error err = {.text = "out of memory"};
    place->start_ns = UINT64_MAX;
    farm->facts.nattempts++;
    engine->is_touched = true;
    bool good = open_captures(place) &&
                al_farm_render(farm, action->task, action->slot, &own, &argc, &err) == ALLOT_OK &&
                give(farm, slot, action, argc, &own, &err) == ALLOT_OK;
    al_farm_own_fini(&own);
    if (good || place->own == NULL)
        return;
    char text[700];
    (void)snprintf(text, sizeof text, "allot farm: %s\n", err.text);
    note_started(farm, place, al_clock_ns());
    al_capture_add(&place->own[1], text, strlen(text));
    place->result.cause = AL_CAUSE_NOT_STARTED;
    place->result.exit_status = ENOENT;
    al_farm_finish(farm, slot, al_clock_ns());
}

void al_farm_return(al_farm *farm, uint32_t slot)
{
    al_place *place = &farm->places[slot];
    al_store_started(farm->opts.store, slot, 0, 0, 0);
    al_sched_returned(farm->opts.sched, place->task);
    place->task = 0;
    farm->nlive--;
    farm->facts.nattempts--;
}

static void send_kill(al_farm *farm, uint32_t slot, uint8_t how)
{
    const al_place *place = &farm->places[slot];
    al_farm_engine *engine = &farm->engines[place->engine];
    if (engine->link == NULL || engine->is_losing)
        return;
    if (al_stage_take_back(engine->stage, place->task)) {
        al_farm_return(farm, slot);
        return;
    }
    al_link_send(engine->link,
                 &(al_message){.kind = AL_MESSAGE_KILL, .kill = {.task = place->task, .hard = how}});
    engine->is_touched = true;
}

void al_farm_engine_kill(al_farm *farm, uint32_t slot, bool hard)
{
    if (farm->places[slot].task != 0)
        send_kill(farm, slot, hard ? AL_KILL_HARD : AL_KILL_SOFT);
}

void al_farm_recall(al_farm *farm)
{
    farm->has_recalled = true;
    for (uint32_t slot = farm->opts.nslots + 1; slot <= farm->nplaces; slot++)
        if (farm->places[slot].task != 0 && farm->places[slot].start_ns == UINT64_MAX)
            send_kill(farm, slot, AL_KILL_IF_WAITING);
}
