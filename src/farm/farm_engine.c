/* farm_engine.c - engines elsewhere: brought up, lost and tried again. See farm_parts.h.
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
#define SPREAD 8u                    /* and up to twice as long: in so many steps */
#define TRIES_FIRST 3u               /* of one that was never up, */
#define TRIES_AGAIN 8u               /* and of one that was */
#define PLACES_MOST 1024u            /* tasks at one engine */
#define IDLE_NS UINT64_C(5000000000) /* a lent engine without work is given back */
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
    farm->sums = opts->nengines > 0 ? al_sums_create() : NULL;
    if (farm->engines == NULL || farm->token == NULL || (opts->nengines > 0 && farm->sums == NULL))
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    farm->engines[0] = (al_farm_engine){.first_slot = 1, .nplaces = opts->nslots, .is_up = true};
    for (uint32_t k = 0; k < opts->nengines; k++) {
        al_farm_engine *engine = &farm->engines[k + 1];
        *engine = (al_farm_engine){.spec = &opts->engines[k],
                                   .id = opts->engine_ids[k],
                                   .first_slot = 1 + opts->nslots + k * nplaces,
                                   .nplaces = nplaces,
                                   .watched = {-1, -1, -1},
                                   .stage = al_stage_create(cwd_of(farm, path), farm->sums)};
        if (engine->stage == NULL)
            return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
        engine->is_resting = engine->spec->launcher->is_lent;
    }
    if (opts->nengines > 0) {
        al_token_create(farm->token, cwd_of(farm, path));
        al_stage_sum_ahead(farm->sums, cwd_of(farm, path), opts->stage);
    }
    return ALLOT_OK;
}

void al_farm_engines_close(al_farm *farm)
{
    for (uint32_t slot = farm->opts.nslots + 1; slot <= farm->nplaces && farm->engines != NULL; slot++)
        if (farm->places[slot].task != 0) /* copies that nobody waited for */
            al_farm_drop_results(farm, &farm->places[slot]);
    for (uint32_t k = 1; k < farm->nengines && farm->engines != NULL; k++) {
        al_link_close(farm->engines[k].link);
        farm->engines[k].link = NULL;
        al_stage_destroy(farm->engines[k].stage);
        farm->engines[k].stage = NULL;
    }
    al_sums_destroy(farm->sums);
    farm->sums = NULL;
    if (farm->token != NULL)
        al_token_remove(farm->token);
    free(farm->token);
    farm->token = NULL;
}

bool al_farm_engines_pending(const al_farm *farm)
{
    for (uint32_t k = 1; k < farm->nengines; k++)
        if (!farm->engines[k].is_up && !farm->engines[k].is_given_up)
            return true;
    return false;
}

/** Close its connection; what went over it stays known. */
static void disconnect(al_farm_engine *engine)
{
    uint64_t nsent = 0, nreceived = 0;
    if (engine->link != NULL)
        al_link_traffic(engine->link, &nsent, &nreceived);
    engine->nsent += nsent;
    engine->nreceived += nreceived;
    al_link_close(engine->link);
    engine->link = NULL;
}

static void engine_say(const al_farm *farm, const al_farm_engine *engine, const char *text)
{
    char line[900];
    (void)snprintf(line, sizeof line, "engine %s: %s", engine->spec->name, text);
    al_farm_say(farm, line);
}

/** How long it is left alone after so many failures in a row, at least. */
static uint64_t wait_after(uint32_t nfailures)
{
    uint64_t wait_ns = nfailures > 0 ? RETRY_NS << (nfailures - 1 < 6 ? nfailures - 1 : 6) : 0;
    return wait_ns < RETRY_MOST_NS ? wait_ns : RETRY_MOST_NS;
}

/** One attempt failed. Those that failed together are not tried again together: it may be that a host lets in
 * only so many at a time. */
static void note_failure(al_farm *farm, al_farm_engine *engine, const char *why, bool is_final,
                         uint64_t now_ns)
{
    char text[700], tries[40] = "";
    uint64_t wait_ns = wait_after(++engine->nfailures);
    (void)snprintf(engine->why, sizeof engine->why, "%s", why);
    bool (*is_passing)(const char *) = engine->spec->launcher->is_passing;
    bool is_tried = engine->nfailures >= (engine->was_up ? TRIES_AGAIN : TRIES_FIRST);
    engine->is_given_up = is_final || (is_tried && (is_passing == NULL || !is_passing(why)));
    wait_ns += wait_ns / SPREAD * (engine->id % SPREAD);
    engine->due_ns = now_ns + wait_ns;
    if (engine->nfailures > 1)
        (void)snprintf(tries, sizeof tries, " after %u tries", engine->nfailures);
    if (engine->is_given_up)
        (void)snprintf(text, sizeof text, "%s; given up%s", why, tries);
    else
        (void)snprintf(text, sizeof text, "%s; trying again in %.3g s", why, (double)wait_ns * 1e-9);
    engine_say(farm, engine, text);
}

/** Whether files are compressed on their way: what is measured says so, unless the user does. */
static al_packing_when packing_wanted(void)
{
    const char *given = getenv("ALLOT_ZSTD");
    if (!al_pack_is_here() || (given != NULL && strcmp(given, "never") == 0))
        return AL_PACKING_NEVER;
    return given != NULL && strcmp(given, "always") == 0 ? AL_PACKING_ALWAYS : AL_PACKING_PAYS;
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
    al_hello hello = {.version = AL_FRAME_VERSION,
                      .run = {opts->launch.run, strlen(opts->launch.run)},
                      .cwd = {cwd, strlen(cwd)},
                      .boot = {boot, n > 0 ? (size_t)n : 0},
                      .device = (uint64_t)st.st_dev,
                      .inode = (uint64_t)st.st_ino,
                      .token_path = {farm->token->path, strlen(farm->token->path)},
                      .token = {farm->token->text, strlen(farm->token->text)},
                      .nslots = engine->spec->nslots > 0 ? engine->spec->nslots : opts->engine_jobs.count,
                      .per_mille = opts->engine_jobs.per_mille,
                      .nmore = (uint32_t)opts->engine_jobs.nmore,
                      .lost_ms = (uint32_t)(opts->lost_ns / 1000000),
                      .linger_ms = (uint32_t)(opts->linger_ns / 1000000),
                      .kill_after_ms = (uint32_t)(opts->kill_after_ns / 1000000),
                      .nice = (uint32_t)opts->nice,
                      .window = WINDOW,
                      .is_live = opts->is_live,
                      .packing = (uint8_t)packing_wanted()};
    if (engine->spec->launcher->hello != NULL)
        engine->spec->launcher->hello(engine->spec, &hello);
    return hello;
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
    if (code != ALLOT_OK || words == NULL) /* a program of ours that is not there will not come */
        note_failure(farm, engine, code != ALLOT_OK ? err.text : "out of memory", code == ALLOT_ENOTFOUND,
                     now_ns);
    engine->is_touched = true;
    engine->is_losing = false;
    free(words);
    al_buffer_fini(&argv);
}

void al_farm_set_queue(al_farm *farm, uint32_t number)
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

void al_farm_come_up(al_farm *farm, uint32_t number, const al_welcome *welcome)
{
    al_farm_engine *engine = &farm->engines[number];
    const al_farm_opts *opts = &farm->opts;
    uint32_t half = engine->nplaces / 2 > 0 ? engine->nplaces / 2 : 1;
    engine->is_up = engine->was_up = true;
    engine->up_ns = engine->busy_ns = al_clock_ns();
    engine->shares = welcome->shares != 0;
    if (engine->shares)
        al_sums_stop(farm->sums); /* most likely the others do, too */
    engine->ncpus = welcome->ncpus;
    engine->mem_bytes = welcome->mem_bytes;
    engine->nslots = welcome->nslots < half ? welcome->nslots : half;
    if (engine->nslots == 0)
        engine->nslots = 1;
    (void)snprintf(engine->host, sizeof engine->host, "%.*s",
                   (int)(welcome->host.nbytes < 255 ? welcome->host.nbytes : 255), welcome->host.at);
    al_stage_begin(engine->stage, welcome->cached,
                   welcome->has_zstd != 0 ? packing_wanted() : AL_PACKING_NEVER);
    al_need has = {.cpus_milli = engine->nslots * 1000, .mem_bytes = engine->mem_bytes};
    if (opts->cpus_milli > has.cpus_milli)
        has.cpus_milli = opts->cpus_milli; /* one at a time there is always room for */
    uint64_t many = opts->cpus_milli > 0 ? has.cpus_milli / opts->cpus_milli : half;
    al_sched_engine_back(opts->sched, number, &has, many < half ? (uint32_t)many : half, true);
    al_farm_set_queue(farm, number);
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
        if (engine->is_up && now_ns > engine->up_ns + wait_after(engine->nfailures))
            engine->nfailures = 0; /* it worked for longer than it had to be waited for */
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
    disconnect(engine);
    engine->is_losing = false;
    note_failure(farm, engine, why, false, now_ns);
}

/** Give a lent engine back, for now. */
static void rest(al_farm *farm, uint32_t number)
{
    al_farm_engine *engine = &farm->engines[number];
    engine->is_up = false;
    engine->is_resting = true;
    al_sched_engine_close(farm->opts.sched, number);
    unwatch(farm, engine);
    disconnect(engine);
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
    /* Where files go out, most turns are for writing alone: nothing has come that could be read. */
    if (engine->has_news || !engine->is_up || now_ns >= engine->due_ns)
        engine->due_ns = al_link_step(engine->link, now_ns);
    engine->is_touched = engine->has_news = false;
    while (!engine->is_losing && al_farm_has_room(farm) && al_link_next(engine->link, &message))
        if (al_farm_hear(farm, number, &message, now_ns, &err) != ALLOT_OK)
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

bool al_farm_engine_event(al_farm *farm, uint64_t about, uint32_t events)
{
    if (about < ABOUT_ENGINES || about >= ABOUT_ENGINES + farm->nengines)
        return false;
    al_farm_engine *engine = &farm->engines[about - ABOUT_ENGINES];
    engine->is_touched = true;
    engine->has_news = engine->has_news || (events & ~(uint32_t)EPOLLOUT) != 0;
    return true;
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
        al_farm_engines_save(farm, now_ns);
    return due_ns;
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
