/* farm.c - see farm.h: the loop.
 *
 * One thread does everything but committing and printing, which the store's thread does beside it: it waits
 * in epoll for signals (SIGCHLD among them), for the store, for the input and for tasks' pipes, then asks the
 * scheduler what is to be done. Nothing in it blocks, so that a stuck reader of our output or a slow disk
 * never keeps a timeout or Ctrl-C from being heard.
 *
 * Invariant: a task is reaped only while the store has room for its result; one that ended meanwhile stays a
 * zombie.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "farm/farm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "farm/farm_parts.h"

/* What an event of epoll is about, where it is no slot. */
#define ABOUT_SIGNALS (UINT64_MAX - 1)
#define ABOUT_STORE (UINT64_MAX - 2)
#define ABOUT_INPUT (UINT64_MAX - 3)

#define NEVENTS 64
#define LOOK_NS UINT64_C(1000000000)   /* between two looks at load and memory */
#define BEATEN_NS UINT64_C(1000000000) /* for copies that nobody waits for, at the end */

extern char **environ;

/* ---- create and destroy ---------------------------------------------------------------------------------
 */

/** Our variables, those of the user's that are not overridden, and five that each task gets, which come
 * first: leftover.c looks for the run's there. */
static bool make_env(al_farm *farm)
{
    const char *folder = al_store_folder(farm->opts.store);
    size_t count = 0, n = 0, length = strlen(folder);
    while (environ[count] != NULL)
        count++;
    farm->envp = calloc(count + farm->opts.nenv + AL_FARM_TOLD + 1, sizeof *farm->envp);
    if (farm->envp == NULL)
        return false;
    for (size_t k = 0; k < AL_FARM_TOLD; k++) {
        farm->env_texts[k] = calloc(1, 48 + (k == 0 ? length : 0)); /* "": no task was started here yet */
        if (farm->env_texts[k] == NULL)
            return false;
        farm->envp[n++] = farm->env_texts[k];
    }
    (void)snprintf(farm->env_texts[0], 48 + length, "ALLOT_RUN=%s", folder);
    for (uint32_t k = 0; k < farm->opts.nenv; k++)
        farm->envp[n++] = farm->opts.env[k];
    for (size_t k = 0; k < count; k++) {
        size_t nbytes = strcspn(environ[k], "=") + 1;
        bool is_ours = strncmp("ALLOT_RUN=", environ[k], nbytes) == 0;
        for (uint32_t given = 0; given < farm->opts.nenv && !is_ours; given++)
            is_ours = strncmp(farm->opts.env[given], environ[k], nbytes) == 0;
        if (!is_ours)
            farm->envp[n++] = environ[k];
    }
    return true;
}

/** Whether there is a terminal that tasks could read from, write to, or be stopped by. */
static bool has_terminal(void)
{
    int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0)
        (void)close(fd);
    return fd >= 0;
}

static int add_to_epoll(const al_farm *farm, int fd, uint64_t about)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = about};
    return epoll_ctl(farm->epoll, EPOLL_CTL_ADD, fd, &event);
}

static bool open_descriptors(al_farm *farm)
{
    static const int heard[] = {SIGCHLD, SIGINT, SIGTERM, SIGHUP};
    sigset_t set;
    (void)sigemptyset(&set);
    for (size_t k = 0; k < sizeof heard / sizeof heard[0]; k++)
        (void)sigaddset(&set, heard[k]);
    if (farm->opts.drain_ns > 0)
        (void)sigaddset(&set, SIGUSR1);
    farm->has_old_mask = pthread_sigmask(SIG_BLOCK, &set, &farm->old_mask) == 0;
    farm->epoll = epoll_create1(EPOLL_CLOEXEC);
    farm->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    farm->null = open("/dev/null", O_RDWR | O_CLOEXEC);
    return farm->epoll >= 0 && farm->signals >= 0 && farm->null >= 0 &&
           add_to_epoll(farm, farm->signals, ABOUT_SIGNALS) == 0 &&
           add_to_epoll(farm, al_store_fd(farm->opts.store), ABOUT_STORE) == 0;
}

static bool open_crew(al_farm *farm)
{
    const al_farm_opts *opts = &farm->opts;
    const al_crew_opts crew = {.nslots = opts->nslots,
                               .epoll = farm->epoll,
                               .is_live = opts->is_live,
                               .linger_ns = opts->linger_ns,
                               .kill_after_ns = opts->kill_after_ns,
                               .arg = farm,
                               .has_room = al_farm_has_room,
                               .ended = al_farm_child_ended,
                               .wrote = al_farm_wrote,
                               .path_of = al_farm_path_of,
                               .over_memory = al_farm_over_memory};
    return al_crew_init(&farm->crew, &crew);
}

allot_err al_farm_create(const al_farm_opts *opts, al_farm **made, allot_error *err)
{
    al_sched_counts counts;
    al_farm *farm = calloc(1, sizeof *farm);
    if (farm == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    farm->opts = *opts;
    farm->epoll = farm->signals = farm->null = farm->input_fd = -1;
    farm->input_ended = opts->inputs == NULL;
    farm->is_input_ready = true;
    al_sched_count(opts->sched, &counts);
    farm->nknown = counts.ntasks; /* not what is on disk by now: what was given a moment ago is news to it */
    farm->has_terminal = has_terminal();
    farm->nplaces = opts->nslots + al_farm_engines_places(opts);
    farm->places = calloc(farm->nplaces + 1, sizeof *farm->places);
    if (farm->places == NULL || !make_env(farm)) {
        al_farm_destroy(farm);
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    }
    for (uint32_t slot = 0; slot <= farm->nplaces; slot++)
        farm->places[slot].farm = farm;
    if (!open_descriptors(farm)) {
        int fault = errno;
        al_farm_destroy(farm);
        return al_fail(err, ALLOT_EIO, fault, "the system gives no more descriptors (ulimit -n)");
    }
    allot_err code = ALLOT_OK;
    if (!open_crew(farm))
        code = al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    if (code == ALLOT_OK)
        code = al_farm_engines_open(farm, err);
    if (code != ALLOT_OK) {
        al_farm_destroy(farm);
        return code;
    }
    /* Who leaves a task's session by forking twice becomes our child, not init's: we can end it. */
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    *made = farm;
    return ALLOT_OK;
}

void al_farm_destroy(al_farm *farm)
{
    if (farm == NULL)
        return;
    al_farm_engines_close(farm);
    free(farm->engines);
    al_crew_fini(&farm->crew);
    for (uint32_t slot = 0; farm->places != NULL && slot <= farm->nplaces; slot++) {
        al_place *place = &farm->places[slot];
        for (int k = 0; k < 2; k++) {
            al_buffer_fini(&place->lines[k]);
            al_buffer_fini(&place->made);
            al_held_fini(&place->held);
            if (place->own != NULL) {
                al_capture_close(&place->own[k]);
                al_buffer_fini(&place->own[k].text);
            }
        }
        free(place->own);
    }
    const int descriptors[] = {farm->epoll, farm->signals, farm->null, farm->input_fd};
    for (size_t k = 0; k < sizeof descriptors / sizeof descriptors[0]; k++)
        if (descriptors[k] >= 0)
            (void)close(descriptors[k]);
    if (farm->has_old_mask)
        (void)pthread_sigmask(SIG_SETMASK, &farm->old_mask, NULL);
    for (size_t k = 0; k < AL_FARM_TOLD; k++)
        free(farm->env_texts[k]);
    free(farm->envp);
    free(farm->places);
    al_buffer_fini(&farm->argv);
    al_buffer_fini(&farm->pointers);
    free(farm);
}

/* ---- stopping -------------------------------------------------------------------------------------------
 */

void al_farm_say(const al_farm *farm, const char *text)
{
    if (farm->opts.say != NULL)
        farm->opts.say(farm->opts.say_arg, text);
}

void al_farm_interrupt(al_farm *farm, int signal)
{
    farm->facts.signal = signal;
    farm->ninterrupts++;
    al_sched_stop(farm->opts.sched);
    if (farm->ninterrupts == 1 && signal == SIGUSR1) {
        farm->drained_ns = al_clock_ns() + farm->opts.drain_ns;
        al_farm_say(farm, "the job's time is nearly up: nothing more is started");
        al_farm_recall(farm);
        return;
    }
    if (farm->ninterrupts == 1 && signal == SIGINT) {
        char text[200];
        (void)snprintf(text, sizeof text,
                       "interrupted: nothing more is started; waiting for %u running task%s, "
                       "Ctrl-C again ends them",
                       farm->nlive, farm->nlive == 1 ? "" : "s");
        if (farm->nlive > 0)
            al_farm_say(farm, text);
        al_farm_recall(farm);
        return;
    }
    al_sched_kill_running(farm->opts.sched, al_clock_ns());
}

/** What did not end in the time that USR1 left is ended. @return when to look again */
static uint64_t drain(al_farm *farm, uint64_t now_ns)
{
    if (farm->drained_ns == 0)
        return UINT64_MAX;
    if (now_ns < farm->drained_ns)
        return farm->drained_ns;
    farm->drained_ns = 0;
    al_sched_kill_running(farm->opts.sched, now_ns);
    return UINT64_MAX;
}

/** The run cannot go on: what runs is ended. */
static void break_off(al_farm *farm, const allot_error *err)
{
    if (farm->is_broken)
        return;
    farm->is_broken = true;
    farm->fault = *err;
    al_sched_stop(farm->opts.sched);
    al_sched_kill_running(farm->opts.sched, al_clock_ns());
}

static void hear_signals(al_farm *farm)
{
    struct signalfd_siginfo info[8];
    ssize_t n = read(farm->signals, info, sizeof info);
    for (size_t k = 0; n > 0 && k < (size_t)n / sizeof info[0]; k++)
        if (info[k].ssi_signo != SIGCHLD)
            al_farm_interrupt(farm, (int)info[k].ssi_signo);
}

/** A task that needs more than there is: said early, and the end of the run once nothing else is left to do.
 */
static void look_for_unfit(al_farm *farm, uint64_t now_ns)
{
    al_sched_counts counts;
    allot_error err;
    if (farm->nlive > 0 && (farm->said_unfit || now_ns < farm->looked_at_ns + LOOK_NS))
        return;
    farm->looked_at_ns = now_ns;
    al_sched_count(farm->opts.sched, &counts);
    const char *why = al_farm_engines_fault(farm);
    if (why != NULL && !farm->is_broken) {
        (void)al_fail(&err, ALLOT_EIO, 0, "no engine is left to work: %.300s", why);
        break_off(farm, &err);
        return;
    }
    al_task_id task = counts.nready > 0 ? al_sched_find_unfit(farm->opts.sched) : 0;
    if (task == 0 || al_farm_engines_pending(farm))
        return;
    (void)al_fail(
        &err, ALLOT_ERANGE, 0,
        "task %llu asks for more processors, memory or tokens than there are: it cannot be run here",
        (unsigned long long)task);
    if (!farm->said_unfit && farm->nlive > 0)
        al_farm_say(farm, err.text);
    farm->said_unfit = true;
    bool all_in = farm->facts.is_input_read && counts.ndelayed == 0;
    if (farm->nlive == 0 && all_in && al_sched_wake_at(farm->opts.sched) == UINT64_MAX)
        break_off(farm, &err);
}

/* ---- load and memory ------------------------------------------------------------------------------------
 */

static double load_now(void)
{
    double load = 0;
    return getloadavg(&load, 1) == 1 ? load : 0;
}

static uint64_t memory_free(void)
{
    unsigned long long kb = 0;
    char line[128];
    FILE *file = fopen("/proc/meminfo", "re");
    if (file == NULL)
        return UINT64_MAX;
    while (fgets(line, sizeof line, file) != NULL && sscanf(line, "MemAvailable: %llu kB", &kb) != 1)
        ;
    (void)fclose(file);
    return kb != 0 ? (uint64_t)kb * 1024 : UINT64_MAX;
}

/** Hold back starts while the machine is too busy, or results wait to be taken. */
static void hold_back(al_farm *farm, uint64_t now_ns)
{
    const al_farm_opts *opts = &farm->opts;
    bool looks = opts->load_most > 0 || opts->memfree_bytes > 0;
    if (looks && now_ns >= farm->held_at_ns + LOOK_NS) {
        farm->held_at_ns = now_ns;
        farm->is_held = (opts->load_most > 0 && load_now() > opts->load_most) ||
                        (opts->memfree_bytes > 0 && memory_free() < opts->memfree_bytes);
    }
    al_sched_hold(opts->sched, farm->is_held || !al_store_has_room(opts->store));
}

/* ---- the loop -------------------------------------------------------------------------------------------
 */

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void end_task(al_farm *farm, const al_action *action)
{
    uint32_t slot = farm->engines[action->engine].first_slot + action->slot - 1;
    if (farm->engines[action->engine].spec != NULL)
        al_farm_engine_kill(farm, slot, action->hard);
    else
        al_crew_kill(&farm->crew, slot, action->hard);
}

static void act(al_farm *farm)
{
    al_action action;
    for (;;) {
        uint64_t now_ns = al_clock_ns();
        hold_back(farm, now_ns);
        al_sched_next(farm->opts.sched, now_ns, &action);
        if (action.kind == AL_ACTION_NONE)
            return;
        if (action.kind == AL_ACTION_START)
            al_farm_start(farm, &action, now_ns);
        else if (action.kind == AL_ACTION_KILL)
            end_task(farm, &action);
        else
            al_farm_note(farm, &action);
    }
}

static void show_status(al_farm *farm, uint64_t now_ns)
{
    char line[512] = "";
    if (farm->opts.status == NULL || now_ns < farm->status_at_ns)
        return;
    farm->status_at_ns = now_ns + farm->opts.status_every_ms * UINT64_C(1000000);
    farm->opts.status(farm->opts.status_arg, line, sizeof line);
    if (line[0] != '\0')
        al_print_status(farm->opts.print, line);
}

/** How long epoll may wait, in ms; -1: until something happens. */
static int patience_ms(al_farm *farm, uint64_t due_ns)
{
    uint64_t now_ns = al_clock_ns();
    due_ns = least(due_ns, al_sched_wake_at(farm->opts.sched));
    due_ns = least(due_ns, farm->asked_at_ns + UINT64_C(500000000));
    if (farm->opts.status != NULL)
        due_ns = least(due_ns, farm->status_at_ns);
    if (farm->is_held)
        due_ns = least(due_ns, farm->held_at_ns + LOOK_NS);
    if (farm->over_ns != 0)
        due_ns = least(due_ns, farm->over_ns + BEATEN_NS);
    if (!farm->input_ended && farm->is_input_ready && farm->ninterrupts == 0 && !farm->is_broken)
        due_ns = al_farm_has_enough(farm) ? least(due_ns, now_ns + 2000000) : now_ns;
    if (due_ns <= now_ns)
        return 0;
    uint64_t ms = (due_ns - now_ns + 999999) / 1000000;
    return ms < 60000 ? (int)ms : 60000;
}

static void hear_store(al_farm *farm)
{
    if (al_store_check(farm->opts.store, &farm->fault) != ALLOT_OK)
        break_off(farm, &farm->fault);
}

static void wait_for_events(al_farm *farm, int ms)
{
    struct epoll_event events[NEVENTS];
    int n = epoll_wait(farm->epoll, events, NEVENTS, ms);
    for (int k = 0; k < n; k++) {
        uint64_t about = events[k].data.u64;
        if (about == ABOUT_SIGNALS)
            hear_signals(farm);
        else if (about == ABOUT_INPUT)
            farm->is_input_ready = true;
        else if (about == ABOUT_STORE)
            hear_store(farm);
        else if (!al_farm_engine_event(farm, about, events[k].events))
            al_crew_hear(&farm->crew, (uint32_t)about);
    }
}

static void watch_input(al_farm *farm)
{
    int fd = farm->opts.inputs != NULL ? al_inputs_fd(farm->opts.inputs) : -1;
    farm->input_fd = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : -1;
    farm->input_watched = farm->input_fd >= 0 && add_to_epoll(farm, farm->input_fd, ABOUT_INPUT) == 0;
    farm->is_input_ready = !farm->input_watched;
}

/** An input that is not being waited for would wake us for ever: closing it is not enough to be rid of it,
 * since standard input is the same open file. */
static void mind_input(al_farm *farm)
{
    if (farm->input_watched && (farm->input_ended || farm->ninterrupts > 0 || farm->is_broken)) {
        (void)epoll_ctl(farm->epoll, EPOLL_CTL_DEL, farm->input_fd, NULL);
        farm->input_watched = farm->is_input_ready = false;
    }
}

/** Whether nothing runs, or nothing but copies that are no longer wanted, elsewhere, which do not end: their
 * engine may be frozen. What is still there when the connection is closed ends with that. */
static bool is_done_with(al_farm *farm)
{
    bool is_over = al_sched_is_over(farm->opts.sched);
    if (farm->nlive == 0 || !is_over) {
        farm->over_ns = 0;
        return is_over;
    }
    for (uint32_t slot = 1; slot <= farm->opts.nslots; slot++)
        if (farm->places[slot].task != 0)
            return false;
    if (farm->over_ns == 0)
        farm->over_ns = al_clock_ns();
    return al_clock_ns() >= farm->over_ns + BEATEN_NS;
}

static bool is_over(al_farm *farm)
{
    bool all_in = farm->facts.is_input_read || farm->is_broken || farm->ninterrupts > 0 ||
                  al_sched_is_halted(farm->opts.sched);
    return all_in && is_done_with(farm);
}

/** Whether somebody asked for more, the moment before the end. */
static bool is_asked_at_last(al_farm *farm)
{
    allot_error err;
    farm->asked_at_ns = 0;
    if (farm->is_broken)
        return false;
    if (al_farm_take_requests(farm, al_clock_ns(), &err) != ALLOT_OK)
        break_off(farm, &err);
    return !is_over(farm);
}

allot_err al_farm_run(al_farm *farm, allot_error *err)
{
    allot_err code;
    farm->facts.begin_ns =
        al_clock_ns(); /* and what was asked for before is looked at now: asked_at_ns is 0 */
    farm->status_at_ns = farm->facts.begin_ns + UINT64_C(2000000000);
    watch_input(farm);
    for (;;) {
        uint64_t now_ns = al_clock_ns();
        al_crew_reap(&farm->crew, now_ns);
        uint64_t due_ns = al_farm_engines_step(farm, now_ns);
        code = al_farm_take_in(farm, err);
        if (code == ALLOT_OK)
            code = al_farm_take_requests(farm, now_ns, err);
        if (code != ALLOT_OK && !farm->is_broken)
            break_off(farm, err);
        mind_input(farm);
        if (al_print_is_gone(farm->opts.print) && farm->ninterrupts == 0) {
            al_farm_interrupt(farm, SIGPIPE);
        }
        due_ns = least(due_ns, al_crew_weigh(&farm->crew, now_ns));
        due_ns = least(due_ns, drain(farm, now_ns));
        act(farm);
        due_ns = least(due_ns, al_farm_engines_step(farm, al_clock_ns()));
        look_for_unfit(farm, now_ns);
        if (is_over(farm) && !is_asked_at_last(farm))
            break;
        due_ns = least(due_ns, al_crew_grow_up(&farm->crew, al_clock_ns()));
        due_ns = least(due_ns, al_crew_linger(&farm->crew, al_clock_ns()));
        show_status(farm, al_clock_ns());
        wait_for_events(farm, patience_ms(farm, due_ns));
    }
    al_farm_engines_save(farm, al_clock_ns());
    al_farm_engines_close(farm);
    al_crew_end_strays();
    code = farm->fault.code;
    if (code == ALLOT_OK)
        code = al_store_sync(farm->opts.store, &farm->fault);
    farm->facts.end_ns = al_clock_ns();
    al_print_status(farm->opts.print, "");
    if (code != ALLOT_OK && err != NULL)
        *err = farm->fault;
    return code;
}

void al_farm_facts_of(const al_farm *farm, al_farm_facts *facts)
{
    *facts = farm->facts;
    uint64_t now_ns = al_clock_ns(), nended = facts->nattempts - farm->nlive;
    double mean_s = facts->nattempts > farm->nlive ? facts->busy_s / (double)nended : 0;
    for (uint32_t slot = 1; slot <= farm->nplaces; slot++) {
        if (farm->places[slot].task == 0 || farm->places[slot].start_ns == UINT64_MAX)
            continue;
        double elapsed_s = (double)(now_ns - farm->places[slot].start_ns) * 1e-9;
        facts->running_s += elapsed_s;
        facts->expected_s += mean_s - elapsed_s > 0.1 * mean_s ? mean_s - elapsed_s : 0.1 * mean_s;
    }
    facts->ntotal =
        farm->input_ended ? al_store_ntasks(farm->opts.store) : al_inputs_total(farm->opts.inputs);
}
