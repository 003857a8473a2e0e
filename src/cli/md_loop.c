/* md_loop.c - see md_loop.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/md_loop.h"

#include <inttypes.h>
#include <math.h>

#include "base/clock.h"
#include "base/fail.h"
#include "cli/md_ranks.h"
#include "cli/md_report.h"
#include "cli/md_tune.h"

/** Whether this rank wants to stop. */
static bool is_stopped(const al_simulation *s)
{
    return *s->stop != 0 || (s->options.has_timeout && al_clock_ns() >= s->md.opts.deadline_ns);
}

/** The energy of all is kept but for what steps of finite length cost: little, compared with what atoms have
 * to move by. When it changes by half of that between two looks, what follows is no simulation. The same on
 * all ranks. */
static allot_err check_jump(const al_simulation *s, const al_thermo *before, allot_error *err)
{
    const al_thermo *now = &s->latest;
    double jump = fabs(now->conserved - before->conserved);
    if (jump <= 0.5 * fmax(now->kinetic, before->kinetic) + 1e-4 * fabs(now->potential))
        return ALLOT_OK;
    return al_fail(err, ALLOT_ERANGE, 0,
                   "step %" PRIu64 ": the total energy jumped from %.6g an atom at step %" PRIu64
                   " to %.6g, by more than half of the kinetic energy: the system blew up; a shorter --dt "
                   "may help, or atoms "
                   "that are less close to each other at first",
                   now->step, before->conserved / (double)now->natoms, before->step,
                   now->conserved / (double)now->natoms);
}

/** All time that steps have taken so far. */
static uint64_t spent_ns(const al_md *md)
{
    uint64_t sum = 0;
    for (int phase = 0; phase < AL_MD_NPHASES; phase++)
        sum += md->phase_ns[phase];
    return sum;
}

/** What is due at the step that it is at is written. */
static allot_err write_due(al_simulation *s, bool is_wanted, allot_error *err)
{
    uint64_t begin_ns = al_clock_ns(), spent = spent_ns(&s->md);
    allot_err code = ALLOT_OK;
    if (is_wanted && s->comm->rank == 0 && !al_md_report_line(stdout, &s->latest, s->options.json))
        return al_fail(err, ALLOT_EIO, 0, "standard output cannot be written");
    if (is_wanted && s->comm->rank == 0)
        code = al_md_log_step(&s->log, &s->latest, err);
    if (code == ALLOT_OK)
        code = al_md_output_step(&s->output, &s->md, &s->latest, err);
    s->output_ns += al_clock_ns() - begin_ns - (spent_ns(&s->md) - spent); /* a renewal is no output */
    return code;
}

/** What is due at the step that it is at. */
static allot_err tell(al_simulation *s, bool is_first, allot_error *err)
{
    const al_md_options *o = &s->options;
    bool is_wanted = is_first || (o->told_every > 0 && s->md.step % o->told_every == 0) ||
                     s->md.step == o->nsteps || is_stopped(s);
    const al_thermo before = s->latest;
    al_md_thermo(&s->md, &s->latest);
    if (is_first)
        s->first = s->latest;
    allot_err code = is_first ? ALLOT_OK : check_jump(s, &before, err);
    if (code != ALLOT_OK)
        return code;
    s->told_temperature = s->latest.temperature;
    s->told_drift = s->latest.conserved / s->first.conserved - 1;
    return write_due(s, is_wanted, err);
}

/** Another split of electrostatics, if that is faster. Step 0 is told of with the one that is asked for; what
 * energies are compared with is then that of the other. A run that goes on has the one that it had. */
static allot_err tune(al_simulation *s, allot_error *err)
{
    const al_md_options *o = &s->options;
    al_md_tuning tuning;
    if (o->tune != AL_MD_TUNE_AUTO || s->md.field.pme == NULL || s->from.natoms > 0 ||
        s->md.step >= o->nsteps)
        return ALLOT_OK;
    allot_err code = al_md_tune(&s->md, (double)(o->nsteps - s->md.step), &tuning, err);
    if (code != ALLOT_OK)
        return code;
    al_md_thermo(&s->md, &s->latest);
    if (tuning.plan.split > 0)
        s->first = s->latest;
    if (s->comm->rank == 0)
        al_md_log_tuning(&s->log, &tuning, &s->latest, s->md.opts.units);
    if (s->comm->rank == 0 && o->explain)
        al_md_tune_tell(stderr, &tuning, s->md.opts.units, "pme       ");
    return ALLOT_OK;
}

static allot_err go_on(al_simulation *s, allot_error *err)
{
    const al_md_options *o = &s->options;
    allot_err code = tell(s, true, err);
    if (code == ALLOT_OK)
        code = tune(s, err);
    bool is_asked = code == ALLOT_OK && al_md_ranks_any(s->comm, *s->stop != 0);
    while (code == ALLOT_OK && !is_asked && !s->timed_out && s->md.step < o->nsteps) {
        code = al_md_advance(&s->md, al_md_output_wait(o, s->md.step), err);
        if (code == ALLOT_OK)
            code = tell(s, false, err);
        if (code != ALLOT_OK)
            break; /* perhaps here alone: see md_main.c */
        s->timed_out = al_md_ranks_any(s->comm, *s->stop == 0 && is_stopped(s));
        is_asked = al_md_ranks_any(s->comm, *s->stop != 0);
    }
    if (code == ALLOT_OK)
        code = al_md_output_end(&s->output, &s->md, s->md.step >= o->nsteps, err);
    return code;
}

/** A step of a minimisation: whatever is due, and at its end all. */
static allot_err tell_minimum(void *arg, const al_minimum *now, allot_error *err)
{
    al_simulation *s = arg;
    al_md_options *o = &s->options;
    bool is_over = now->end != AL_MINIMUM_GOES_ON,
         is_due = o->told_every > 0 && now->step % o->told_every == 0;
    s->told_potential = now->thermo.potential;
    s->told_fmax = now->fmax;
    s->latest = now->thermo;
    if (is_over)
        o->nsteps = now->step; /* there are no more */
    allot_err code = ALLOT_OK;
    if (s->comm->rank == 0 && (now->step == 0 || is_due || is_over)) {
        if (!al_md_minimum_line(stdout, now, o->json))
            return al_fail(err, ALLOT_EIO, 0, "standard output cannot be written");
        code = al_md_log_minimum(&s->log, now, err);
    }
    return code == ALLOT_OK ? al_md_output_step(&s->output, &s->md, &s->latest, err) : code;
}

static allot_err go_down(al_simulation *s, allot_error *err)
{
    const al_md_options *o = &s->options;
    const al_minimise_opts opts = {.method = o->minimiser == AL_MD_LBFGS ? AL_LBFGS : AL_STEEPEST_DESCENT,
                                   .tolerance = o->tolerance_force,
                                   .step = o->first_length,
                                   .nsteps = o->nsteps,
                                   .ncorrections = (uint32_t)o->ncorrections,
                                   .tell = tell_minimum,
                                   .arg = s};
    allot_err code = al_minimise(&s->md, &opts, &s->minimum, err);
    s->timed_out = code == ALLOT_OK && s->minimum.end == AL_MINIMUM_STOPPED && *s->stop == 0;
    return code == ALLOT_OK ? al_md_output_minimum(&s->output, &s->md, err) : code;
}

allot_err al_md_loop(al_simulation *s, allot_error *err)
{
    return s->options.minimiser != AL_MD_STEPS ? go_down(s, err) : go_on(s, err);
}
