/* domains.c - see domains.h.
 *
 * All grids are tried: of at most n domains there are about n (log n)^2 / 2, and thin domains end the search
 * before that. Of those that are as good, but for rounding, the last one is taken, which cuts x before y and
 * z last: then the mesh's planes (md/fft.h) are mostly of the rank's own atoms, and columns of blocks along z
 * (md/zone.h) stay long and full.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "plan/domains.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

#define COPY_NBYTES 24 /* three floats there, three back */

/** Domains that fit into direction d. */
static int most_in(const al_domains_job *job, int d)
{
    double most = floor(job->box[d] / job->least * (1 + 1e-12));
    return most >= job->nranks ? job->nranks : most >= 1 ? (int)most : 1;
}

/** Volume within reach above a box of widths w[], without the box, in those of the three directions that
 * count; of a skewed box, in units of what a cuboid with its widths would have less. */
static double shell(const al_domains_job *job, const double w[3], const bool counts[3])
{
    double volume = 0, r = job->reach, inner = counts[0] && counts[1] && counts[2] ? r * r * r : 0;
    for (int d = 0; d < 3; d++) {
        int e = (d + 1) % 3, f = (d + 2) % 3;
        volume += counts[d] ? r * w[e] * w[f] : 0;
        volume += counts[e] && counts[f] ? r * r * w[d] * (job->edges[d] > 0 ? job->edges[d] : M_PI / 4) : 0;
    }
    return volume + inner * (job->corner > 0 ? job->corner : M_PI / 6);
}

/** As al_domains_of(), but what compares it with others. */
static void predict(const al_domains_job *job, const al_domains_costs *costs, const int grid[3],
                    al_domains_plan *plan)
{
    static const bool all[3] = {true, true, true};
    double w[3], volume = job->box[0] * job->box[1] * job->box[2];
    bool is_cut[3];
    int npulses = 0;
    for (int d = 0; d < 3; d++) {
        w[d] = job->box[d] / grid[d];
        is_cut[d] = grid[d] > 1;
        npulses += is_cut[d] ? (int)fmin(ceil(job->reach / w[d] * (1 - 1e-12)), 1e6) : 0;
    }
    double density = job->natoms / volume;
    *plan = (al_domains_plan){.grid = {grid[0], grid[1], grid[2]}, .nranks = grid[0] * grid[1] * grid[2]};
    plan->natoms = job->natoms / plan->nranks;
    plan->ncopies = density * shell(job, w, all);
    plan->nbytes = density * shell(job, w, is_cut) * COPY_NBYTES;
    plan->nmessages = 2 * npulses;
    plan->step_ns = plan->natoms * costs->atom_ns + plan->ncopies * costs->copy_ns +
                    plan->nbytes * costs->byte_ns + plan->nmessages * costs->message_ns +
                    ceil(log2(plan->nranks)) * costs->sum_ns;
}

/** What it is beside one rank. */
static void compare(const al_domains_job *job, const al_domains_costs *costs, al_domains_plan *plan)
{
    static const int one[3] = {1, 1, 1};
    al_domains_plan alone;
    predict(job, costs, one, &alone);
    plan->alone_ns = alone.step_ns;
    plan->efficiency = alone.step_ns / (plan->step_ns * plan->nranks);
}

void al_domains_of(const al_domains_job *job, const al_domains_costs *costs, const int grid[3],
                   al_domains_plan *plan)
{
    predict(job, costs, grid, plan);
    compare(job, costs, plan);
    plan->reason = AL_DOMAINS_ASKED;
}

void al_domains_choose(const al_domains_job *job, const al_domains_costs *costs, al_domains_plan *plan)
{
    double best = HUGE_VAL, all_ns = 0;
    int grid[3];
    for (grid[0] = 1; grid[0] <= most_in(job, 0); grid[0]++)
        for (grid[1] = 1; grid[1] <= most_in(job, 1) && grid[0] * grid[1] <= job->nranks; grid[1]++)
            for (grid[2] = 1; grid[2] <= most_in(job, 2) && grid[0] * grid[1] * grid[2] <= job->nranks;
                 grid[2]++) {
                al_domains_plan tried;
                predict(job, costs, grid, &tried);
                if (tried.nranks == job->nranks && (all_ns == 0 || tried.step_ns < all_ns))
                    all_ns = tried.step_ns;
                if (tried.step_ns > best * (1 + 1e-12))
                    continue;
                best = tried.step_ns;
                *plan = tried;
            }
    compare(job, costs, plan);
    plan->all_ns = all_ns;
    plan->reason = job->nranks == 1              ? AL_DOMAINS_ALONE
                   : plan->nranks == job->nranks ? AL_DOMAINS_ALL
                   : all_ns > 0                  ? AL_DOMAINS_SLOWER
                                                 : AL_DOMAINS_THIN;
}

/* ---- grids that were asked for --------------------------------------------------------------------------
 */

bool al_domains_parse(const char *text, int grid[3])
{
    for (int d = 0; d < 3; d++) {
        char *end;
        long n = *text >= '1' && *text <= '9' ? strtol(text, &end, 10) : 0;
        if (n < 1 || n > AL_DOMAINS_RANKS_MOST || *end != (d < 2 ? 'x' : '\0'))
            return false;
        grid[d] = (int)n;
        text = end + 1;
    }
    return true;
}

/** The grid with the most domains, and of those the one with the least to send. */
static void find_largest(const al_domains_job *job, int largest[3])
{
    int grid[3], most = 0;
    double least = HUGE_VAL;
    const al_domains_costs costs = {.byte_ns = 1};
    for (grid[0] = 1; grid[0] <= most_in(job, 0); grid[0]++)
        for (grid[1] = 1; grid[1] <= most_in(job, 1) && grid[0] * grid[1] <= job->nranks; grid[1]++) {
            al_domains_plan tried;
            int room = job->nranks / (grid[0] * grid[1]);
            grid[2] = room < most_in(job, 2) ? room : most_in(job, 2);
            predict(job, &costs, grid, &tried);
            if (tried.nranks < most || (tried.nranks == most && tried.step_ns >= least))
                continue;
            most = tried.nranks;
            least = tried.step_ns;
            memcpy(largest, grid, sizeof grid);
        }
}

allot_err al_domains_check(const al_domains_job *job, const int grid[3], allot_error *err)
{
    int largest[3] = {1, 1, 1};
    double ndomains = (double)grid[0] * grid[1] * grid[2];
    find_largest(job, largest);
    if (ndomains > job->nranks)
        return al_fail(
            err, ALLOT_EINVAL, 0,
            "a grid of %dx%dx%d has %.0f domains, more than there are ranks (%d): the largest grid that is "
            "possible is %dx%dx%d",
            grid[0], grid[1], grid[2], ndomains, job->nranks, largest[0], largest[1], largest[2]);
    for (int d = 0; d < 3; d++)
        if (grid[d] > most_in(job, d))
            return al_fail(
                err, ALLOT_EINVAL, 0,
                "a grid of %dx%dx%d has domains that are %.4g thick in %c, and less than %.4g is too "
                "little: the largest grid that is possible is %dx%dx%d",
                grid[0], grid[1], grid[2], job->box[d] / grid[d], "xyz"[d], job -> least, largest[0],
                largest[1], largest[2]);
    return ALLOT_OK;
}

/* ---- words ----------------------------------------------------------------------------------------------
 */

static const char *reason_text(al_domains_reason reason)
{
    static const char *const texts[] = {
#define AL_DOMAINS_TEXT(name, text) text,
        AL_DOMAINS_REASONS(AL_DOMAINS_TEXT)
#undef AL_DOMAINS_TEXT
    };
    return texts[reason];
}

int al_domains_explain(const al_domains_job *job, const al_domains_plan *plan, char *text, size_t nbytes)
{
    char all[64] = "";
    if (plan->reason == AL_DOMAINS_SLOWER)
        (void)snprintf(all, sizeof all, " (%.4g ms a step)", plan->all_ns / 1e6);
    return snprintf(
        text, nbytes,
        "%dx%dx%d domains on %d of %d ranks, %s%s: each of %.4g x %.4g x %.4g with %.0f atoms and "
        "%.0f copies; %d messages and %.4g kB a step; %.4g ms a step, %.0f %% efficient",
        plan->grid[0], plan->grid[1], plan->grid[2], plan->nranks, job->nranks, reason_text(plan->reason),
        all, job->box[0] / plan->grid[0], job->box[1] / plan->grid[1], job->box[2] / plan->grid[2],
        plan->natoms, plan->ncopies, plan->nmessages, plan->nbytes / 1e3, plan->step_ns / 1e6,
        100 * plan->efficiency);
}

int al_domains_forecast(const al_domains_job *job, const al_domains_costs *costs, char *text, size_t nbytes)
{
    static const int counts[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000, 2000, 5000, 10000};
    int length = snprintf(text, nbytes, "ranks  used        grid  ms a step  times as fast  efficient\n");
    for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++) {
        al_domains_job offered = *job;
        al_domains_plan plan;
        char grid[48];
        size_t at = (size_t)length < nbytes ? (size_t)length : nbytes;
        offered.nranks = counts[k];
        al_domains_choose(&offered, costs, &plan);
        (void)snprintf(grid, sizeof grid, "%dx%dx%d", plan.grid[0], plan.grid[1], plan.grid[2]);
        length += snprintf(text + at, nbytes - at, "%5d %5d %11s  %9.4g  %13.4g  %7.0f %%\n", counts[k],
                           plan.nranks, grid, plan.step_ns / 1e6, plan.alone_ns / plan.step_ns,
                           100 * plan.alone_ns / plan.step_ns / counts[k]);
    }
    return length;
}
