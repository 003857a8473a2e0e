/* ensemble.c - see ensemble.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/couple/ensemble.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

bool al_ensemble_has_friction(const al_ensemble *ensemble)
{
    return ensemble->opts.couple != NULL && ensemble->opts.couple->frictions != NULL;
}

static uint32_t ngroups_of(const al_ensemble *ensemble)
{
    return ensemble->opts.couple != NULL ? ensemble->opts.couple->ngroups : 0;
}

/* ---- what there is --------------------------------------------------------------------------------------
 */

allot_err al_ensemble_open(al_ensemble *ensemble, const al_ensemble_opts *opts, allot_error *err)
{
    *ensemble = (al_ensemble){.opts = *opts};
    size_t n = ngroups_of(ensemble) + 1;
    ensemble->turns = calloc(n, sizeof *ensemble->turns);
    ensemble->halves = calloc(n, sizeof *ensemble->halves);
    bool good = ensemble->turns != NULL && ensemble->halves != NULL;
    if (good && opts->couple != NULL)
        good = al_couple_state_init(opts->couple, &ensemble->state) &&
               al_couple_state_init(opts->couple, &ensemble->shown);
    return good ? ALLOT_OK : al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
}

void al_ensemble_close(al_ensemble *ensemble)
{
    al_couple_state_fini(&ensemble->state);
    al_couple_state_fini(&ensemble->shown);
    free(ensemble->turns);
    free(ensemble->halves);
    free(ensemble->group);
    *ensemble = (al_ensemble){.room = 0};
}

bool al_ensemble_place(al_ensemble *ensemble, const al_space *space)
{
    size_t n = (size_t)space->nhome_blocks * AL_BLOCK;
    if (ensemble->opts.group == NULL)
        return true;
    if (n > ensemble->room || ensemble->group == NULL) {
        free(ensemble->group);
        ensemble->room = n + n / 4 + 1;
        ensemble->group = malloc(ensemble->room);
    }
    for (size_t k = 0; k < n && ensemble->group != NULL; k++)
        ensemble->group[k] = space->id[k] != AL_NO_ATOM ? ensemble->opts.group[space->id[k]] : 0;
    return ensemble->group != NULL;
}

uint32_t al_ensemble_nkept(const al_ensemble *ensemble)
{
    return ensemble->opts.couple != NULL ? al_couple_nkept(ensemble->opts.couple) + 1 : 0;
}

void al_ensemble_keep(const al_ensemble *ensemble, double *kept)
{
    const al_couple *couple = ensemble->opts.couple;
    if (couple == NULL)
        return;
    al_couple_keep(couple, &ensemble->state, kept);
    kept[al_couple_nkept(couple)] = ensemble->given;
}

void al_ensemble_recall(al_ensemble *ensemble, const double *kept)
{
    const al_couple *couple = ensemble->opts.couple;
    if (couple == NULL)
        return;
    al_couple_recall(couple, kept, &ensemble->state);
    al_couple_recall(couple, kept, &ensemble->shown);
    ensemble->given = kept[al_couple_nkept(couple)];
}

/* ---- velocities -----------------------------------------------------------------------------------------
 */

/** Kinetic energies of the groups, over all ranks. */
static void find_halves(al_ensemble *ensemble, const al_space *space)
{
    uint32_t n = ngroups_of(ensemble);
    memset(ensemble->halves, 0, n * sizeof *ensemble->halves);
    for (size_t place = 0; place < (size_t)space->nhome_blocks * AL_BLOCK; place++) {
        double v2 = 0;
        for (unsigned d = 0; d < 3; d++)
            v2 += space->v[al_block_at(place, d)] * space->v[al_block_at(place, d)];
        ensemble->halves[ensemble->group != NULL ? ensemble->group[place] : 0] += space->mass[place] * v2 / 2;
    }
    space->opts.comm->sum(space->opts.comm, ensemble->halves, n);
}

static void copy_state(const al_couple *couple, const al_couple_state *from, al_couple_state *to)
{
    al_bath_state *baths = to->baths;
    memcpy(baths, from->baths, couple->ngroups * sizeof *baths);
    *to = *from;
    to->baths = baths;
}

static bool is_nothing(const al_turn *turn)
{
    static const al_turn nothing = {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}, 1};
    for (int n = 0; n < 9; n++)
        if (turn->a[n / 3][n % 3] != nothing.a[n / 3][n % 3])
            return false;
    return turn->b == nothing.b;
}

static bool is_wanted_by_any(const al_ensemble *ensemble)
{
    uint32_t n = ngroups_of(ensemble);
    for (uint32_t g = 0; g < (n > 0 ? n : 1); g++)
        if (!is_nothing(&ensemble->turns[g]))
            return true;
    return false;
}

void al_ensemble_look(al_ensemble *ensemble)
{
    copy_state(ensemble->opts.couple, &ensemble->state, &ensemble->shown);
}

bool al_ensemble_begin(al_ensemble *ensemble, const al_space *space, uint64_t step, bool is_kept,
                       const double box[3][3])
{
    const al_couple *couple = ensemble->opts.couple;
    if (couple == NULL)
        return false;
    if (al_couple_wants_halves(couple, step))
        find_halves(ensemble, space);
    al_ensemble_look(ensemble);
    al_couple_begin(couple, step, ensemble->halves, box, &ensemble->shown, ensemble->turns);
    if (is_kept)
        copy_state(couple, &ensemble->shown, &ensemble->state);
    ensemble->has_begun = ensemble->has_begun || is_kept;
    return is_wanted_by_any(ensemble);
}

bool al_ensemble_finish(al_ensemble *ensemble, const al_space *space, uint64_t step)
{
    const al_couple *couple = ensemble->opts.couple;
    if (!ensemble->has_begun || !al_couple_is_to_finish(couple, step))
        return false;
    find_halves(ensemble, space);
    al_couple_finish(couple, ensemble->halves, &ensemble->state, ensemble->turns);
    al_ensemble_look(ensemble);
    return is_wanted_by_any(ensemble);
}

/** A kick of all home atoms. */
typedef struct kicking {
    const al_ensemble *ensemble;
    al_space *space;
    double dt;
} kicking;

static int kick_blocks(uint64_t begin, uint64_t end, void *arg)
{
    const kicking *job = arg;
    const al_ensemble *ensemble = job->ensemble;
    al_space *space = job->space;
    for (size_t place = begin * AL_BLOCK; place < end * AL_BLOCK; place++) {
        const al_turn *turn = &ensemble->turns[ensemble->group != NULL ? ensemble->group[place] : 0];
        double v[3], by = turn->b * job->dt * space->inverse_mass[place];
        for (unsigned d = 0; d < 3; d++)
            v[d] = space->v[al_block_at(place, d)];
        for (unsigned d = 0; d < 3; d++) {
            size_t at = al_block_at(place, d);
            double after = by != 0 ? by * al_space_real(space, space->fr, at) : 0;
            for (unsigned e = 0; e <= d; e++)
                after += turn->a[d][e] * v[e];
            space->v[at] = after;
        }
    }
    return 0;
}

void al_ensemble_kick(const al_ensemble *ensemble, al_space *space, double dt)
{
    kicking job = {ensemble, space, dt};
    (void)!allot_for(space->opts.pool, space->nhome_blocks, kick_blocks, &job, NULL, NULL);
}

/* ---- friction -------------------------------------------------------------------------------------------
 */

enum { SHARES = 64 }; /* as many however many threads there are: sums have the same bits */

typedef struct rubbing {
    al_langevin langevin;
    al_space *space;
    double given[SHARES];
} rubbing;

static int rub_shares(uint64_t begin, uint64_t end, void *arg)
{
    rubbing *job = arg;
    size_t n = job->space->nhome_blocks;
    for (uint64_t k = begin; k < end; k++)
        job->given[k] = al_langevin_rub(&job->langevin, n * k / SHARES, n * (k + 1) / SHARES, job->space->x,
                                        job->space->v);
    return 0;
}

void al_ensemble_rub(al_ensemble *ensemble, al_space *space, const uint8_t *frozen, uint64_t step,
                     double half, bool is_kept)
{
    rubbing job = {.langevin = {.frictions = ensemble->opts.couple->frictions,
                                .group = ensemble->group,
                                .id = space->id,
                                .inverse_mass = space->inverse_mass,
                                .frozen = frozen,
                                .noise = space->opts.kernels->noise,
                                .stride = space->mass_stride,
                                .seed = ensemble->opts.couple->thermostat.seed,
                                .step = step,
                                .half = half},
                   .space = space};
    double given = 0;
    (void)!allot_for(space->opts.pool, SHARES, rub_shares, &job, NULL, NULL);
    for (int k = 0; k < SHARES; k++)
        given += job.given[k];
    space->opts.comm->sum(space->opts.comm, &given, 1);
    if (is_kept)
        ensemble->given += given;
}

void al_ensemble_take(al_ensemble *ensemble, const al_space *space, double energy)
{
    space->opts.comm->sum(space->opts.comm, &energy, 1);
    ensemble->given -= energy;
}

/* ---- pressure -------------------------------------------------------------------------------------------
 */

bool al_ensemble_wants_pressure(const al_ensemble *ensemble, uint64_t step)
{
    return ensemble->opts.couple != NULL && al_couple_wants_pressure(ensemble->opts.couple, step);
}

bool al_ensemble_end(al_ensemble *ensemble, uint64_t step, bool is_kept, const double kinetic[3][3],
                     const double virial[3][3], const double box[3][3])
{
    const al_couple *couple = ensemble->opts.couple;
    double pressure[3][3] = {{0}};
    if (couple == NULL)
        return false;
    if (al_couple_wants_pressure(couple, step))
        al_barostat_pressure(&couple->barostat, kinetic, virial, box, pressure);
    bool is_moved = al_couple_end(couple, step, kinetic, virial, pressure, box, &ensemble->shown);
    if (is_kept)
        copy_state(couple, &ensemble->shown, &ensemble->state);
    return is_moved;
}

/** A box that changes, done to all home atoms. */
typedef struct moving {
    al_space *space;
    double mu[3][3], slower[3];
} moving;

static int move_blocks(uint64_t begin, uint64_t end, void *arg)
{
    const moving *job = arg;
    al_space *space = job->space;
    for (size_t place = begin * AL_BLOCK; place < end * AL_BLOCK; place++) {
        double x[3];
        if (!(space->inverse_mass[place] > 0))
            continue;
        for (unsigned d = 0; d < 3; d++)
            x[d] = space->x[al_block_at(place, d)];
        al_barostat_place(job->mu, x);
        for (unsigned d = 0; d < 3; d++) {
            size_t at = al_block_at(place, d);
            space->x[at] = x[d];
            space->v[at] *= job->slower[d];
        }
    }
    return 0;
}

void al_ensemble_move(const al_ensemble *ensemble, al_space *space)
{
    const double(*mu)[3] = ensemble->state.mu;
    moving job = {.space = space};
    memcpy(job.mu, mu, sizeof job.mu);
    for (int d = 0; d < 3; d++)
        job.slower[d] = al_couple_divides_velocities(ensemble->opts.couple) ? 1 / mu[d][d] : 1;
    (void)!allot_for(space->opts.pool, space->nhome_blocks, move_blocks, &job, NULL, NULL);
}

double al_ensemble_energy(const al_ensemble *ensemble, const double box[3][3])
{
    return al_couple_energy(ensemble->opts.couple, &ensemble->shown, box) - ensemble->given;
}
