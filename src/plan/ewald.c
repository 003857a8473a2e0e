/* ewald.c - see ewald.h.
 *
 * A split that was not measured is forecast from the next finer one that was. At first the forecast is kinder
 * than it will be: all of the mesh's time goes with its points, and of the pairs' time half with the ball
 * that they are found in. So a split that is not even promised to be faster need not be tried, and where none
 * is, nothing is. Once another one was measured, it says which shares these really are.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "plan/ewald.h"

#include <math.h>
#include <stdio.h>

/** Shares of times that go with sizes: at first, and at most. */
#define PAIRS_SHARE 0.5
#define MESH_SHARE 1.0
#define SHARE_MOST 2.0
/** A search must save so many times what it takes. */
#define PAYS 2

static double npoints(const al_ewald_split *split)
{
    return (double)split->mesh[0] * split->mesh[1] * split->mesh[2];
}

/** Volume of the ball that pairs are looked for in, in any unit. */
static double ball(const al_ewald_job *job, const al_ewald_split *split)
{
    double reach = split->cutoff + job->margin;
    return reach * reach * reach;
}

static double total_ns(const al_ewald_split *split)
{
    return split->pairs_ns + split->mesh_ns;
}

/** The next finer split that was measured: the first was. */
static const al_ewald_split *measured_below(const al_ewald_job *job, uint32_t k)
{
    while (k > 0 && !job->splits[--k].is_measured)
        ;
    return &job->splits[k];
}

/** The measured one that is nearest to it. @return the first: no other was measured */
static const al_ewald_split *measured_near(const al_ewald_job *job, uint32_t k)
{
    for (uint32_t by = 1; by < job->nsplits; by++) {
        if (k > by && job->splits[k - by].is_measured)
            return &job->splits[k - by];
        if (k + by < job->nsplits && job->splits[k + by].is_measured)
            return &job->splits[k + by];
    }
    return job->splits;
}

/** What share of a time goes with a size, by what both were times as much elsewhere. */
static double share_of(double time_by, double size_by, double at_first)
{
    return fabs(size_by - 1) < 1e-6 ? at_first : fmin(fmax((time_by - 1) / (size_by - 1), 0), SHARE_MOST);
}

static double forecast_ns(const al_ewald_job *job, uint32_t k)
{
    const al_ewald_split *first = job->splits, *from = measured_below(job, k), *near = measured_near(job, k),
                         *to = &job->splits[k];
    double pairs = PAIRS_SHARE, mesh = MESH_SHARE;
    if (near != first) {
        pairs = share_of(near->pairs_ns / first->pairs_ns, ball(job, near) / ball(job, first), PAIRS_SHARE);
        mesh = share_of(near->mesh_ns / first->mesh_ns, npoints(near) / npoints(first), MESH_SHARE);
    }
    double of_pairs = from->pairs_ns * (1 + pairs * (ball(job, to) / ball(job, from) - 1));
    double of_mesh = from->mesh_ns * (1 + mesh * (npoints(to) / npoints(from) - 1));
    return of_pairs + fmax(of_mesh, 0);
}

/** The fastest of those that were measured. */
static uint32_t fastest(const al_ewald_job *job)
{
    uint32_t best = 0;
    for (uint32_t k = 1; k < job->nsplits; k++)
        if (job->splits[k].is_measured && total_ns(&job->splits[k]) < total_ns(&job->splits[best]))
            best = k;
    return best;
}

/** Of those that were not measured, the one that promises most. @return nsplits: none promises enough */
static uint32_t most_promising(const al_ewald_job *job, double *ns)
{
    uint32_t found = job->nsplits;
    *ns = total_ns(&job->splits[fastest(job)]) * (1 - AL_EWALD_WORTH);
    for (uint32_t k = 1; k < job->nsplits; k++) {
        double forecast = job->splits[k].is_measured ? HUGE_VAL : forecast_ns(job, k);
        if (forecast <= *ns) {
            *ns = forecast;
            found = k;
        }
    }
    return found;
}

/** Whether trying it is less than what it may save in all steps. */
static bool pays(const al_ewald_job *job, double forecast)
{
    return (total_ns(&job->splits[fastest(job)]) - forecast) * job->nsteps > PAYS * job->splits[0].trial_ns;
}

uint32_t al_ewald_next(const al_ewald_job *job)
{
    double forecast;
    if (job->nsplits < 2 || job->nsteps < AL_EWALD_STEPS_LEAST)
        return job->nsplits;
    if (!job->splits[0].is_measured)
        return 0;
    uint32_t k = most_promising(job, &forecast);
    return k < job->nsplits && pays(job, forecast) ? k : job->nsplits;
}

void al_ewald_choose(const al_ewald_job *job, al_ewald_plan *plan)
{
    double forecast;
    uint32_t best = fastest(job), ntried = 0;
    for (uint32_t k = 1; k < job->nsplits; k++)
        ntried += job->splits[k].is_measured;
    bool is_worth = total_ns(&job->splits[best]) <= (1 - AL_EWALD_WORTH) * total_ns(&job->splits[0]);
    bool is_short = !job->splits[0].is_measured ||
                    (ntried == 0 && most_promising(job, &forecast) < job->nsplits && !pays(job, forecast));
    *plan = (al_ewald_plan){.split = ntried > 0 && is_worth ? best : 0,
                            .reason = ntried > 0 && is_worth ? AL_EWALD_FASTER
                                      : ntried > 0           ? AL_EWALD_SLOWER
                                      : is_short             ? AL_EWALD_SHORT
                                                             : AL_EWALD_BEST};
    if (job->nsplits < 2)
        plan->reason = AL_EWALD_ALONE;
}

/* ---- words ----------------------------------------------------------------------------------------------
 */

static const char *reason_text(al_ewald_reason reason)
{
    static const char *const texts[] = {
#define AL_EWALD_TEXT(name, text) text,
        AL_EWALD_REASONS(AL_EWALD_TEXT)
#undef AL_EWALD_TEXT
    };
    return texts[reason];
}

int al_ewald_explain(const al_ewald_job *job, const al_ewald_plan *plan, const char *prefix, char *text,
                     size_t nbytes)
{
    const al_ewald_split *taken = &job->splits[plan->split];
    int length = snprintf(text, nbytes, "%selectrostatics to %.9g and a mesh of %d x %d x %d, %s: %s\n",
                          prefix, taken->cutoff, taken->mesh[0], taken->mesh[1], taken->mesh[2],
                          plan->split == 0 ? "as asked for" : "instead of what was asked for",
                          reason_text(plan->reason));
    for (uint32_t k = 0; k < job->nsplits; k++) {
        const al_ewald_split *split = &job->splits[k];
        size_t at = (size_t)length < nbytes ? (size_t)length : nbytes;
        if (split->is_measured)
            length += snprintf(text + at, nbytes - at,
                               "%s  %d x %d x %d to %.9g: pairs and lists %.4g ms, mesh %.4g ms a step\n",
                               prefix, split->mesh[0], split->mesh[1], split->mesh[2], split->cutoff,
                               split->pairs_ns / 1e6, split->mesh_ns / 1e6);
    }
    return length;
}
