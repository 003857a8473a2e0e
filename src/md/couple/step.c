/* step.c - see step.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/couple/step.h"

#include <stdlib.h>
#include <string.h>

enum { TENSOR = 9 }; /* numbers */

/** Of a bath: each link's, and what was taken. */
static uint32_t nkept_of_bath(const al_couple *couple)
{
    return 2 * couple->thermostat.nlinks + 1;
}

static const double unit[3][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};

bool al_couple_state_init(const al_couple *couple, al_couple_state *state)
{
    *state = (al_couple_state){.baths = calloc(couple->ngroups + 1, sizeof(al_bath_state))};
    memcpy(state->mu, unit, sizeof unit);
    return state->baths != NULL;
}

void al_couple_state_fini(al_couple_state *state)
{
    free(state->baths);
    state->baths = NULL;
}

uint32_t al_couple_nkept(const al_couple *couple)
{
    return nkept_of_bath(couple) * couple->ngroups + 2 * TENSOR + 2;
}

void al_couple_keep(const al_couple *couple, const al_couple_state *state, double *kept)
{
    uint32_t nlinks = couple->thermostat.nlinks;
    for (uint32_t g = 0; g < couple->ngroups; g++, kept += nkept_of_bath(couple)) {
        memcpy(kept, state->baths[g].rate, nlinks * sizeof *kept);
        memcpy(kept + nlinks, state->baths[g].xi, nlinks * sizeof *kept);
        kept[2 * nlinks] = state->baths[g].taken;
    }
    memcpy(kept, state->barostat.velocity, TENSOR * sizeof(double));
    memcpy(kept + TENSOR, state->pressure, TENSOR * sizeof(double));
    kept[2 * TENSOR] = state->barostat.work;
    kept[2 * TENSOR + 1] = state->has_pressure;
}

void al_couple_recall(const al_couple *couple, const double *kept, al_couple_state *state)
{
    uint32_t nlinks = couple->thermostat.nlinks;
    for (uint32_t g = 0; g < couple->ngroups; g++, kept += nkept_of_bath(couple)) {
        memcpy(state->baths[g].rate, kept, nlinks * sizeof *kept);
        memcpy(state->baths[g].xi, kept + nlinks, nlinks * sizeof *kept);
        state->baths[g].taken = kept[2 * nlinks];
    }
    memcpy(state->barostat.velocity, kept, TENSOR * sizeof(double));
    memcpy(state->pressure, kept + TENSOR, TENSOR * sizeof(double));
    state->barostat.work = kept[2 * TENSOR];
    state->has_pressure = kept[2 * TENSOR + 1] != 0;
}

static bool pushes(const al_couple *couple)
{
    return couple->barostat.kind == AL_BAROSTAT_PARRINELLO_RAHMAN;
}

bool al_couple_wants_halves(const al_couple *couple, uint64_t step)
{
    return al_thermostat_is_due(&couple->thermostat, step);
}

bool al_couple_wants_pressure(const al_couple *couple, uint64_t step)
{
    return al_barostat_is_due(&couple->barostat, pushes(couple) ? step + 1 : step);
}

/** One over 1 + drag is all that forces and velocities have in common. */
static al_turn turn_of(const al_bath_kick *kick, double period, const double m[3][3])
{
    al_turn turn = {.b = 1 / (1 + kick->drag)};
    for (int d = 0; d < 3; d++)
        for (int e = 0; e <= d; e++)
            turn.a[d][e] = turn.b * ((d == e ? kick->lambda - kick->drag : 0) - period * m[d][e]);
    return turn;
}

bool al_couple_is_to_finish(const al_couple *couple, uint64_t step)
{
    return al_thermostat_is_to_finish(&couple->thermostat, step);
}

void al_couple_finish(const al_couple *couple, const double *kinetic, al_couple_state *state, al_turn *turns)
{
    static const double still[3][3] = {{0}};
    for (uint32_t g = 0; g < couple->ngroups; g++) {
        al_bath_kick kick = {.lambda =
                                 al_thermostat_chain(&couple->thermostat, g, kinetic[g], &state->baths[g])};
        turns[g] = turn_of(&kick, 0, still);
    }
}

void al_couple_begin(const al_couple *couple, uint64_t step, const double *halves, const double box[3][3],
                     al_couple_state *state, al_turn *turns)
{
    const al_barostat_opts *barostat = &couple->barostat;
    static const al_bath_kick nothing = {.lambda = 1, .drag = 0};
    double m[3][3] = {{0}}, period = barostat->every * barostat->dt;
    memcpy(state->mu, unit, sizeof unit);
    if (pushes(couple) && state->has_pressure && al_barostat_is_due(barostat, step))
        al_barostat_push(barostat, state->pressure, box, &state->barostat, m, state->mu);
    turns[0] = turn_of(&nothing, period, m);
    for (uint32_t g = 0; g < couple->ngroups; g++) {
        al_bath_kick kick = nothing;
        if (al_couple_wants_halves(couple, step))
            kick = al_thermostat_couple(&couple->thermostat, step, g, halves[g], &state->baths[g]);
        turns[g] = turn_of(&kick, period, m);
    }
}

bool al_couple_end(const al_couple *couple, uint64_t step, const double kinetic[3][3],
                   const double virial[3][3], const double pressure[3][3], const double box[3][3],
                   al_couple_state *state)
{
    if (al_couple_wants_pressure(couple, step)) {
        if (!pushes(couple))
            al_barostat_scale(&couple->barostat, step, kinetic, virial, pressure, box, &state->barostat,
                              state->mu);
        memcpy(state->pressure, pressure, sizeof state->pressure);
        state->has_pressure = true;
    }
    return memcmp(state->mu, unit, sizeof unit) != 0;
}

double al_couple_energy(const al_couple *couple, const al_couple_state *state, const double box[3][3])
{
    return al_thermostat_energy(&couple->thermostat, state->baths) +
           al_barostat_energy(&couple->barostat, &state->barostat, box);
}
