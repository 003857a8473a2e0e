/* md_main.c - allot-md: the simulation itself, as `allot md` starts it.
 *
 * This file reads the command line and tells the story in order: begin, go on step by step, report. Signals
 * ask for an end after the step that is being done; a second one ends the program on the spot.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/md_check.h"
#include "cli/md_end.h"
#include "cli/md_input.h"
#include "cli/md_loop.h"
#include "cli/md_open.h"
#include "cli/md_options.h"
#include "cli/md_progress.h"
#include "cli/md_ranks.h"
#include "cli/md_report.h"
#include "cli/md_step.h"

#define NOT_SAVED UINT64_MAX

/* What help knows of: in this program, one. */
const al_command *const al_commands[] = {&al_command_md};
const size_t al_ncommands = 1;

static volatile sig_atomic_t stop; /* the signal that asked for an end */

static void ask_to_stop(int number)
{
    if (stop != 0 && number != SIGUSR1) /* launchers pass that on more than once */
        _exit(AL_EXIT_SIGNAL + number);
    if (stop == 0)
        stop = number;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = ask_to_stop, .sa_flags = SA_RESTART};
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGUSR1, &action, NULL); /* launchers end others in a hurry; Slurm's notice */
    (void)signal(SIGPIPE, SIG_IGN);
}

static int status_of(const al_simulation *s, allot_err code)
{
    if (code != ALLOT_OK)
        return code == ALLOT_EINVAL ? AL_EXIT_USAGE : AL_EXIT_FAILED;
    return stop != 0 ? AL_EXIT_SIGNAL + stop : s->timed_out ? AL_EXIT_TIMEOUT : AL_EXIT_OK;
}

/** Of what all ranks know the first one is heard; the others are ended by that, however busy the machine is.
 */
static void leave_it_to_the_first(const al_simulation *s, int status)
{
    const struct timespec a_while = {.tv_sec = 10};
    if (s->comm->rank > 0 && nanosleep(&a_while, NULL) != 0)
        _exit(status);
}

/** From the first step to the last that is done. Collective. */
static allot_err go(al_simulation *s, allot_error *err)
{
    if (s->comm->rank == 0)
        (s->options.minimiser != AL_MD_STEPS ? al_md_minimum_head : al_md_report_head)(
            stdout, al_md_units(&s->options), s->options.json);
    al_progress *progress = al_md_progress_start(s);
    s->start_ns = al_clock_ns();
    memset(s->md.phase_ns, 0, sizeof s->md.phase_ns); /* so far it has begun */
    allot_err code = al_md_loop(s, err);
    s->loop_ns = al_clock_ns() - s->start_ns;
    al_progress_stop(progress);
    return code;
}

/** It failed, perhaps on this rank alone: what there was is saved, and everybody is told and ended. */
static void fail(al_simulation *s, allot_err code, const allot_error *err, uint64_t saved)
{
    char why[1024];
    (void)snprintf(why, sizeof why, "%s", err->text);
    if (code == ALLOT_ERANGE && s->md.astray.moved > 0) {
        al_md_end_add_astray(s, why, sizeof why);
        leave_it_to_the_first(s, status_of(s, code));
    }
    if (saved != NOT_SAVED)
        al_complain("md", "what there was at step %llu is in %s/checkpoint", (unsigned long long)saved,
                    s->options.output);
    if (s->comm->size > 1) /* the others may know nothing of it */
        s->comm->fail(s->comm, status_of(s, code), why);
    al_complain("md", "%s", why);
}

static int simulate(al_simulation *s)
{
    allot_error err;
    uint64_t saved = NOT_SAVED;
    allot_err code = al_md_input_read(s, &err);
    if (code == ALLOT_OK)
        code = al_simulation_open(s, &err);
    if (code == ALLOT_OK && !s->is_idle)
        code = go(s, &err);
    if (code != ALLOT_OK && !al_md_output_save(&s->output, &saved))
        saved = NOT_SAVED;
    allot_err closed = al_md_output_close(&s->output, code == ALLOT_OK ? &err : NULL);
    code = code == ALLOT_OK ? closed : code;
    bool is_first = s->comm->rank == 0 && !s->is_idle;
    if (code != ALLOT_OK)
        fail(s, code, &err, saved);
    else if (!s->is_idle)
        code = al_md_end_tell(s, is_first);
    if (code == ALLOT_OK && s->options.output != NULL && s->md.step < s->options.nsteps && is_first)
        al_complain("md", "ended at step %llu of %llu; the same command with --resume goes on",
                    (unsigned long long)s->md.step, (unsigned long long)s->options.nsteps);
    al_simulation_close(s);
    return status_of(s, code);
}

/** As many steps as take a third of a second: an al_md_speed_fn. */
static allot_err try_speed(void *arg, double *ns_per_day, allot_error *err)
{
    al_simulation *s = arg;
    uint64_t nsteps = 1, spent = 0;
    s->options.quiet = true; /* what there is to say of files has been said */
    s->options.output = NULL;
    s->comm = al_md_ranks_open();
    s->nranks = s->comm->size;
    allot_err code = al_md_input_read(s, err);
    if (code == ALLOT_OK)
        code = al_simulation_open(s, err);
    while (code == ALLOT_OK && !s->is_idle && spent < UINT64_C(300000000)) {
        uint64_t begin = al_clock_ns();
        code = al_md_advance(&s->md, nsteps, err);
        spent = al_clock_ns() - begin;
        *ns_per_day = (double)nsteps * s->options.dt * 1e-3 / ((double)spent * 1e-9) * 86400;
        nsteps *= 2;
    }
    al_simulation_close(s);
    s->comm->close(s->comm);
    return code;
}

/** Starting ranks is what `allot md` does, not this program: whoever started it by itself is told. */
static bool is_started_as_asked(const al_md_options *options, const al_comm *comm)
{
    int nranks = comm->size;
    const char *what = options->dry_run                                             ? "--dry-run"
                       : options->on != NULL && !al_md_step_is_rank()               ? "--on"
                       : options->nranks > 1 && options->nranks != (uint64_t)nranks ? "--ranks"
                                                                                    : NULL;
    if (what != NULL && comm->rank == 0)
        al_complain("md", "%s: this program starts no ranks, and there %s %d: use `allot md`", what,
                    nranks == 1 ? "is" : "are", nranks);
    return what == NULL;
}

int al_md_run(int argc, char **argv)
{
    static al_simulation s;
    int noperands, status;
    s.options = al_md_options_default();
    s.stop = &stop;
    if (!al_option_parse(&al_command_md, argc, argv, &s.options, &noperands, &status))
        return status;
    if (!al_md_options_check(&s.options, noperands))
        return AL_EXIT_USAGE;
    if (s.options.checks)
        return al_md_check(&s.options, try_speed, &s);
    catch_signals();
    uint32_t ntasks = al_md_step_ntasks();
    s.comm = al_md_ranks_open();
    s.nranks = s.comm->size;
    bool is_lost = ntasks > 1 && s.nranks == 1 && s.options.nranks != 1;
    if (is_lost)
        al_md_step_complain(ntasks);
    status = is_lost || !is_started_as_asked(&s.options, s.comm) ? AL_EXIT_USAGE : simulate(&s);
    s.comm->close(s.comm);
    if (fflush(stdout) != 0 && status == AL_EXIT_OK)
        status = AL_EXIT_FAILED;
    return status;
}

int main(int argc, char **argv)
{
    return al_md_run(argc, argv);
}
