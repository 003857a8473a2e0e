/* thermostat.c - see thermostat.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/couple/thermostat.h"

#include <math.h>

#include "base/fail.h"
#include "md/couple/random.h"

#define FOR_THERMOSTAT 0x62617468u /* tells this use of the seed apart */

static bool is_coupled(const al_thermostat_opts *opts, const al_bath *bath)
{
    if (opts->kind == AL_THERMOSTAT_NONE || !(bath->freedom > 0))
        return false;
    return bath->tau > 0 || (bath->tau == 0 && opts->kind == AL_THERMOSTAT_V_RESCALE);
}

static double period_of(const al_thermostat_opts *opts)
{
    return opts->every * opts->dt;
}

/** Nosé-Hoover's, of a degree of freedom, over Boltzmann's constant. */
static double mass_of(const al_bath *bath)
{
    return bath->tau * bath->tau * bath->temperature / (4 * M_PI * M_PI);
}

allot_err al_thermostat_check(const al_thermostat_opts *opts, allot_error *err)
{
    for (uint32_t k = 0; k < opts->nbaths && opts->kind != AL_THERMOSTAT_NONE; k++) {
        const al_bath *bath = &opts->baths[k];
        if (!isfinite(bath->tau) || !(bath->temperature >= 0) || !isfinite(bath->temperature))
            return al_fail(err, ALLOT_ERANGE, 0,
                           "temperature group %u: a time of %g and a temperature of %g cannot be held", k,
                           bath->tau, bath->temperature);
        if (!is_coupled(opts, bath))
            continue;
        if (opts->kind == AL_THERMOSTAT_V_RESCALE && bath->freedom < 1)
            return al_fail(err, ALLOT_ERANGE, 0,
                           "temperature group %u has %g degrees of freedom: v-rescale takes 1 at least; put "
                           "its atoms into another group, or give it a tau-t of -1",
                           k, bath->freedom);
        if (opts->kind == AL_THERMOSTAT_NOSE_HOOVER && !(bath->temperature > 0))
            return al_fail(
                err, ALLOT_ERANGE, 0,
                "temperature group %u: Nosé-Hoover takes a temperature above 0; give it a tau-t of "
                "-1, or use v-rescale",
                k);
    }
    return ALLOT_OK;
}

bool al_thermostat_is_due(const al_thermostat_opts *opts, uint64_t step)
{
    uint64_t later = opts->is_verlet ? 0 : opts->every - 1;
    return opts->kind != AL_THERMOSTAT_NONE && (step + later) % opts->every == 0;
}

/** @return what velocities are to be multiplied by */
static double berendsen(const al_thermostat_opts *opts, const al_bath *bath, double kinetic)
{
    double wanted = bath->freedom * opts->boltzmann * bath->temperature / 2;
    double square = 1 + period_of(opts) / bath->tau * (wanted / kinetic - 1);
    return fmin(fmax(sqrt(fmax(square, 0)), 0.8), 1.25);
}

/** @return the kinetic energy that it becomes */
static double resample(const al_thermostat_opts *opts, const al_bath *bath, uint32_t number, uint64_t step,
                       double kinetic)
{
    al_random random = {.seed = opts->seed, .use = FOR_THERMOSTAT, .of = number, .step = step};
    double kept = bath->tau > 0 ? exp(-period_of(opts) / bath->tau) : 0;
    double fresh = (1 - kept) * opts->boltzmann * bath->temperature / 2; /* a degree of freedom */
    double along = sqrt(kept * kinetic) + sqrt(fresh) * al_random_normal(&random);
    return along * along + fresh * al_random_squares(&random, bath->freedom - 1);
}

static al_bath_kick drag(const al_thermostat_opts *opts, const al_bath *bath, double kinetic,
                         al_bath_state *state)
{
    double temperature = 2 * kinetic / (bath->freedom * opts->boltzmann), before = state->rate;
    state->rate += period_of(opts) * (temperature - bath->temperature) / mass_of(bath);
    state->xi += period_of(opts) * (before + state->rate) / 2;
    return (al_bath_kick){.lambda = 1, .drag = period_of(opts) * state->rate / 2};
}

al_bath_kick al_thermostat_couple(const al_thermostat_opts *opts, uint64_t step, uint32_t group,
                                  double kinetic, al_bath_state *state)
{
    static const al_bath_kick nothing = {.lambda = 1, .drag = 0};
    const al_bath *bath = &opts->baths[group];
    if (!is_coupled(opts, bath))
        return nothing;
    if (opts->kind == AL_THERMOSTAT_NOSE_HOOVER)
        return drag(opts, bath, kinetic, state);
    if (!(kinetic > 0)) /* nothing to multiply */
        return nothing;
    double lambda = opts->kind == AL_THERMOSTAT_BERENDSEN
                        ? berendsen(opts, bath, kinetic)
                        : sqrt(resample(opts, bath, group, step, kinetic) / kinetic);
    state->taken -= (lambda * lambda - 1) * kinetic;
    return (al_bath_kick){.lambda = lambda, .drag = 0};
}

double al_thermostat_energy(const al_thermostat_opts *opts, const al_bath_state *states)
{
    double energy = 0;
    for (uint32_t k = 0; k < opts->nbaths; k++) {
        const al_bath *bath = &opts->baths[k];
        const al_bath_state *state = &states[k];
        if (!is_coupled(opts, bath))
            continue;
        if (opts->kind == AL_THERMOSTAT_NOSE_HOOVER)
            energy += bath->freedom * opts->boltzmann *
                      (mass_of(bath) * state->rate * state->rate / 2 + bath->temperature * state->xi);
        else
            energy += state->taken;
    }
    return energy;
}
