/* md_tune.c - see md_tune.h.
 *
 * Times are the clock's, of the slowest rank: what a step must wait for counts, whoever makes it wait. Of
 * several rounds the least counts for each part, as whatever else a machine does makes the others longer. No
 * step is taken; so what follows depends on what was taken in the end, and on nothing that was tried.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/md_tune.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "md/split.h"

enum { ROUNDS = 4 };

/** A barostat may make the box smaller, by that much of its edges before it has no room for cut-offs. */
#define BOX_SHARE 0.8

/** The longest cut-off of pairs that the box and its cut leave room for. */
static double most_cutoff(const al_md *md)
{
    const al_space *space = &md->space;
    double most = HUGE_VAL, buffer = md->opts.space.reach - al_md_cutoff(md);
    for (int d = 0; d < 3; d++) {
        double thick = BOX_SHARE * space->lattice.thick[d] * space->opts.box[d];
        most = fmin(most, thick);
        if (space->opts.grid[d] > 1) /* a domain is a third of that at least: al_domains_job's least */
            most = fmin(most, 3 * thick / space->opts.grid[d]);
    }
    return most - buffer;
}

/** For how many steps a list holds, if the fastest atom goes straight on. Collective. */
static double list_steps(const al_md *md)
{
    const al_space *space = &md->space;
    double most = 0;
    for (size_t place = 0; place < (size_t)space->nhome_blocks * AL_BLOCK; place++) {
        double v2 = 0;
        for (unsigned d = 0; d < 3; d++)
            v2 += space->v[al_block_at(place, d)] * space->v[al_block_at(place, d)];
        most = fmax(most, v2);
    }
    space->opts.comm->greatest(space->opts.comm, &most, 1);
    double way = sqrt(most) * md->opts.dt, half = (md->opts.space.reach - al_md_cutoff(md)) / 2;
    return way > 0 ? fmax(half / way, 1) : HUGE_VAL;
}

/** What some phases have taken. */
static double spent(const al_md *md, const al_md_phase *phases, int n)
{
    double sum = 0;
    for (int k = 0; k < n; k++)
        sum += (double)md->phase_ns[phases[k]];
    return sum;
}

/** With the split that it has; better of what was found before. Collective. @param steps  that a list holds
 * for */
static allot_err measure(al_md *md, double steps, al_ewald_split *split, allot_error *err)
{
    static const al_md_phase listing[] = {AL_MD_LIST, AL_MD_MIGRATE, AL_MD_HALO},
                             pairs[] = {AL_MD_FORCE, AL_MD_HALO}, mesh[] = {AL_MD_MESH};
    double found[2 + 2 * ROUNDS], before = spent(md, listing, 3);
    uint64_t begin_ns = al_clock_ns();
    allot_err code = al_md_renew(md, err);
    found[0] = spent(md, listing, 3) - before;
    for (int k = 0; k < ROUNDS && code == ALLOT_OK; k++) {
        double of_pairs = spent(md, pairs, 2), of_mesh = spent(md, mesh, 1);
        code = al_md_repeat(md, err);
        found[2 + 2 * k] = spent(md, pairs, 2) - of_pairs;
        found[3 + 2 * k] = spent(md, mesh, 1) - of_mesh;
    }
    if (code != ALLOT_OK)
        return code;
    found[1] = (double)(al_clock_ns() - begin_ns);
    md->opts.space.comm->greatest(md->opts.space.comm, found, 2 + 2 * ROUNDS);
    double least[2] = {found[2], found[3]};
    for (int k = 1; k < ROUNDS; k++) {
        least[0] = fmin(least[0], found[2 + 2 * k]);
        least[1] = fmin(least[1], found[3 + 2 * k]);
    }
    least[0] += found[0] / steps;
    split->trial_ns = found[1];
    split->pairs_ns = split->is_measured ? fmin(split->pairs_ns, least[0]) : least[0];
    split->mesh_ns = split->is_measured ? fmin(split->mesh_ns, least[1]) : least[1];
    split->is_measured = true;
    return ALLOT_OK;
}

static al_split split_of(const al_ewald_split *split)
{
    return (al_split){.mesh = {split->mesh[0], split->mesh[1], split->mesh[2]}, .cutoff = split->cutoff};
}

/** All splits that there can be. */
static void list_splits(const al_md *md, double nsteps, al_ewald_job *job)
{
    al_split splits[AL_EWALD_SPLITS_MOST], asked = {.cutoff = md->opts.pairs.coulomb_cutoff};
    memcpy(asked.mesh, md->opts.field.mesh, sizeof asked.mesh);
    double cluster = cbrt(AL_BLOCK / md->opts.space.density);
    *job = (al_ewald_job){.margin = md->opts.space.near - al_md_cutoff(md) + cluster / 2,
                          .nsteps = nsteps,
                          .nsplits = al_split_list(&asked, md->opts.field.order, most_cutoff(md), splits,
                                                   AL_EWALD_SPLITS_MOST)};
    for (uint32_t k = 0; k < job->nsplits; k++) {
        memcpy(job->splits[k].mesh, splits[k].mesh, sizeof splits[k].mesh);
        job->splits[k].cutoff = splits[k].cutoff;
    }
}

/** Whether some rank was asked to stop, or has no time left. Collective. */
static bool is_stopped(const al_md *md)
{
    bool is_late = md->opts.deadline_ns > 0 && al_clock_ns() >= md->opts.deadline_ns;
    double stops = is_late || (md->opts.stop != NULL && *md->opts.stop != 0);
    md->opts.space.comm->greatest(md->opts.space.comm, &stops, 1);
    return stops > 0;
}

/** A search. */
typedef struct search {
    al_md *md;
    const al_md_opts *asked;
    al_md_tuning *tuning;
    double list_steps;
    uint32_t at; /* the split that md has */
} search;

/** Go over to a split; al_md_renew() must follow. */
static allot_err go_to(search *s, uint32_t k, allot_error *err)
{
    const al_split split = split_of(&s->tuning->job.splits[k]);
    allot_err code = s->at == k ? ALLOT_OK : al_split_change(s->md, s->asked, &split, err);
    s->at = k;
    return code;
}

static allot_err try(search *s, uint32_t k, allot_error *err)
{
    allot_err code = go_to(s, k, err);
    return code == ALLOT_OK ? measure(s->md, s->list_steps, &s->tuning->job.splits[k], err) : code;
}

/** Go through the splits that are worth it, and choose. What would be another than is asked for must be
 * better twice: something else may have disturbed the first measurement of all. */
static allot_err look(search *s, allot_error *err)
{
    al_ewald_job *job = &s->tuning->job;
    al_ewald_plan *plan = &s->tuning->plan;
    allot_err code = ALLOT_OK;
    uint32_t k;
    while (code == ALLOT_OK && (k = al_ewald_next(job)) < job->nsplits && !is_stopped(s->md))
        code = try(s, k, err);
    al_ewald_choose(job, plan);
    if (code != ALLOT_OK || plan->split == 0 || is_stopped(s->md))
        return code;
    code = try(s, 0, err);
    if (code == ALLOT_OK)
        code = try(s, plan->split, err);
    al_ewald_choose(job, plan);
    return code;
}

allot_err al_md_tune(al_md *md, double nsteps, al_md_tuning *tuning, allot_error *err)
{
    const al_md_opts asked = md->opts;
    const uint64_t begin_ns = al_clock_ns(), nlists = md->nlists;
    uint64_t phase_ns[AL_MD_NPHASES];
    al_thermo before, after;
    search s = {.md = md, .asked = &asked, .tuning = tuning, .list_steps = list_steps(md)};
    *tuning = (al_md_tuning){.energy = 0};
    list_splits(md, nsteps, &tuning->job);
    memcpy(phase_ns, md->phase_ns, sizeof phase_ns);
    al_md_thermo(md, &before);
    md->opts.balance_every = 0; /* edges of domains stay where they are */
    allot_err code = look(&s, err);
    if (code == ALLOT_OK)
        code = go_to(&s, tuning->plan.split, err);
    if (code == ALLOT_OK && tuning->job.splits[0].is_measured)
        code = al_md_renew(md, err);
    if (code != ALLOT_OK)
        return code;
    al_md_thermo(md, &after);
    tuning->energy = after.potential - before.potential;
    memcpy(md->phase_ns, phase_ns, sizeof phase_ns); /* no step was taken */
    md->nlists = nlists;
    md->least_force_ns = UINT64_MAX;
    md->opts.balance_every = asked.balance_every;
    tuning->spent_ns = al_clock_ns() - begin_ns;
    return ALLOT_OK;
}

void al_md_tune_tell(FILE *out, const al_md_tuning *tuning, const al_units *units, const char *prefix)
{
    char text[4096];
    (void)al_ewald_explain(&tuning->job, &tuning->plan, prefix, text, sizeof text);
    (void)fputs(text, out);
    if (tuning->plan.split > 0)
        (void)fprintf(out, "%s  the same atoms have %.6g %s more than at step 0 above\n", prefix,
                      tuning->energy, units->energy);
    if (tuning->job.splits[0].is_measured)
        (void)fprintf(out, "%s  found out in %.3g s\n", prefix, (double)tuning->spent_ns * 1e-9);
}
