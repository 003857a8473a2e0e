/* md_log.c - see md_log.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/md_log.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fail.h"
#include "cli/md_minimum.h"
#include "cli/md_report.h"

/** What molecules feel. */
static void write_field(const al_md_log *log, const al_md_options *o, const al_md *md)
{
    const al_pair_params *p = &md->opts.pairs;
    const int *n = md->opts.field.mesh;
    (void)fprintf(log->out, "pairs     of %s, as %s says: Lennard-Jones to %.9g, electrostatics to %.9g",
                  o->topology, o->parameters, p->lj_cutoff, p->coulomb_cutoff);
    if (p->coulomb == AL_PAIR_EWALD)
        (void)fprintf(log->out, " and a mesh of %d x %d x %d (order %d, beta %.9g%s)", n[0], n[1], n[2],
                      md->opts.field.order, p->beta, md->opts.split.cutoff > 0 ? ", by --tune-pme" : "");
    (void)fprintf(log->out, "; listed within %.9g, pruned to %.9g\nfreedom   %.9g degrees\n",
                  md->opts.space.reach, md->opts.space.near, md->opts.freedom);
}

static void write_head(const al_md_log *log, const al_md_options *o, const al_md *md)
{
    char host[256] = "", when[64] = "";
    static const char *const modifiers[] = {"", ", shifted", ", the force switched off",
                                            ", the potential switched off"};
    time_t now = time(NULL);
    struct tm local;
    const al_space_opts *space = &md->opts.space;
    (void)gethostname(host, sizeof host - 1);
    if (localtime_r(&now, &local) != NULL)
        (void)strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S %z", &local);
    (void)fprintf(log->out, "allot md, on %s, %s: from step %" PRIu64 " to %" PRIu64 "\n\n", host, when,
                  (uint64_t)md->step, o->nsteps);
    (void)fprintf(log->out,
                  "system    %" PRIu64 " atoms%s%s; box %.9g x %.9g x %.9g, tilted by %.9g, %.9g, %.9g\n",
                  md->natoms, o->conf != NULL ? " of " : "", o->conf != NULL ? o->conf : "", space->box[0],
                  space->box[1], space->box[2], space->tilt[0], space->tilt[1], space->tilt[2]);
    if (md->opts.field.topology != NULL)
        write_field(log, o, md);
    else
        (void)fprintf(log->out,
                      "pairs     sigma %.9g, epsilon %.9g, mass %.9g; cut off at %.9g%s; listed within %.9g, "
                      "pruned to %.9g\n",
                      o->sigma, o->epsilon, o->mass, o->cutoff, modifiers[o->modifier], space->reach,
                      space->near);
    if (o->minimiser != AL_MD_STEPS)
        (void)fprintf(
            log->out, "steps     of %s, the first one of %.9g, until the largest force is below %.9g\n",
            o->minimiser == AL_MD_LBFGS ? "L-BFGS" : "steepest descent", o->first_length, o->tolerance_force);
    else
        (void)fprintf(log->out,
                      "steps     of %.9g, %s; the whole is kept still every %" PRIu64
                      " steps (0: never); seed %" PRIu64 "\n",
                      o->dt, md->opts.integrator == AL_LEAP_FROG ? "leap-frog" : "velocity Verlet",
                      o->still_every, o->seed);
    (void)fprintf(
        log->out,
        "computed  in %s precision by %s, on %d ranks in a grid of %d x %d x %d, %u threads each\n\n",
        space->is_double ? "double" : "single", space->is_double ? "ref" : space->kernels->name,
        space->comm->size, space->grid[0], space->grid[1], space->grid[2], space->nthreads);
    if (o->minimiser != AL_MD_STEPS)
        al_md_minimum_head(log->out, md->opts.units, false);
    else
        al_md_report_head(log->out, md->opts.units, false);
}

allot_err al_md_log_open(al_md_log *log, const char *path, const al_md_options *options, const al_md *md,
                         allot_error *err)
{
    *log = (al_md_log){.out = fopen(path, options->resumes ? "a" : "w"),
                       .path = strdup(path),
                       .dt = options->dt,
                       .is_whole = options->topology != NULL,
                       .is_coupled = md->opts.ensemble.couple != NULL};
    if (log->out == NULL)
        return al_fail(err, ALLOT_EIO, errno, "%s cannot be written", path);
    if (log->path == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    write_head(log, options, md);
    return ALLOT_OK;
}

/** What was written is in the file. */
static allot_err settle(const al_md_log *log, allot_error *err)
{
    errno = 0;
    return fflush(log->out) == 0 && ferror(log->out) == 0
               ? ALLOT_OK
               : al_fail(err, ALLOT_EIO, errno, "%s cannot be written", log->path);
}

static void count(al_md_log *log, const al_thermo *t)
{
    double n = t->per, time = (double)t->step * log->dt;
    const double values[AL_MD_LOG_TERMS] = {t->temperature, t->potential / n, t->kinetic / n,
                                            t->conserved / n, t->pressure};
    for (int k = 0; k < AL_MD_LOG_TERMS; k++)
        al_statistics_add(&log->terms[k], time, values[k]);
}

void al_md_log_tuning(al_md_log *log, const al_md_tuning *tuning, const al_thermo *now, const al_units *units)
{
    if (tuning->plan.split > 0) {
        memset(log->terms, 0, sizeof log->terms);
        count(log, now);
    }
    if (log->out != NULL && tuning->plan.reason != AL_EWALD_SHORT)
        al_md_tune_tell(log->out, tuning, units, "pme       ");
}

allot_err al_md_log_step(al_md_log *log, const al_thermo *t, allot_error *err)
{
    count(log, t);
    if (log->out == NULL)
        return ALLOT_OK;
    (void)al_md_report_line(log->out, t, false);
    return settle(log, err);
}

allot_err al_md_log_minimum(al_md_log *log, const al_minimum *now, allot_error *err)
{
    if (log->out == NULL)
        return ALLOT_OK;
    (void)al_md_minimum_line(log->out, now, false);
    return settle(log, err);
}

void al_md_log_averages(const al_md_log *log, FILE *out, const al_units *units, double natoms)
{
    const char *const names[AL_MD_LOG_TERMS] = {"temperature", "potential", "kinetic",
                                                log->is_coupled ? "conserved" : "total", "pressure"};
    const char *const of[AL_MD_LOG_TERMS] = {units->temperature, units->energy, units->energy, units->energy,
                                             units->pressure};
    const al_statistics *total = &log->terms[3];
    if (total->n < 2)
        return;
    (void)fprintf(out, "\n%-12s %16s %14s %16s   of %" PRIu64 " values%s\n", "", "mean", "fluctuation",
                  "drift a time", total->n, log->is_whole ? "" : "; energies an atom");
    for (int k = 0; k < AL_MD_LOG_TERMS; k++)
        (void)fprintf(out, "%-12s %16.9g %14.5g %16.5g   %s\n", names[k], log->terms[k].mean_y,
                      al_statistics_rms(&log->terms[k]), al_statistics_slope(&log->terms[k]), of[k]);
    double slope = al_statistics_slope(total);
    (void)fprintf(out,
                  "the %s energy drifts by %.3g of itself in 1000 steps, and strays from that line by "
                  "%.3g of itself (%.0f "
                  "atoms)\n",
                  names[3], slope * 1000 * log->dt / fabs(total->mean_y),
                  al_statistics_rms_about_line(total) / fabs(total->mean_y), natoms);
}

allot_err al_md_log_close(al_md_log *log, allot_error *err)
{
    allot_err code = ALLOT_OK;
    if (log->out != NULL) {
        code = settle(log, err);
        if (fclose(log->out) != 0 && code == ALLOT_OK)
            code = al_fail(err, ALLOT_EIO, errno, "%s cannot be written", log->path);
    }
    free(log->path);
    *log = (al_md_log){.out = NULL};
    return code;
}
