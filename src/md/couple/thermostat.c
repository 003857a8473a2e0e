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
    double temperature = 2 * kinetic / (bath->freedom * opts->boltzmann), before = state->rate[0];
    state->rate[0] += period_of(opts) * (temperature - bath->temperature) / mass_of(bath);
    state->xi[0] += period_of(opts) * (before + state->rate[0]) / 2;
    return (al_bath_kick){.lambda = 1, .drag = period_of(opts) * state->rate[0] / 2};
}

/** What turns a chain's links: the first by the energy of the atoms, each other by that of the one before. */
typedef struct chain {
    double atoms;  /* twice their energy, over that of a degree of freedom */
    double wanted; /* their degrees of freedom */
    double mass;   /* of a link, over that energy; the first has `wanted` times as much */
    double *rate;
} chain;

static double pull_on(const chain *c, uint32_t link)
{
    if (link == 0)
        return (c->atoms / c->wanted - 1) / c->mass;
    double by = link == 1 ? c->wanted : 1;
    return by * c->rate[link - 1] * c->rate[link - 1] - 1 / c->mass;
}

/** A link's rate, half of a step later, and held by the next link's. */
static void turn_link(const chain *c, uint32_t link, uint32_t nlinks, double dt)
{
    double slower = link + 1 < nlinks ? exp(-dt / 8 * c->rate[link + 1]) : 1;
    c->rate[link] = slower * (slower * c->rate[link] + dt / 4 * pull_on(c, link));
}

double al_thermostat_chain(const al_thermostat_opts *opts, uint32_t group, double kinetic,
                           al_bath_state *state)
{
    enum { TIMES = 5, WEIGHTS = 5 };
    const double outer = 1 / (4 - cbrt(4)), weights[WEIGHTS] = {outer, outer, 1 - 4 * outer, outer, outer};
    const al_bath *bath = &opts->baths[group];
    double lambda = 1;
    if (!is_coupled(opts, bath))
        return lambda;
    chain c = {.atoms = 2 * kinetic / (opts->boltzmann * bath->temperature),
               .wanted = bath->freedom,
               .mass = mass_of(bath) / bath->temperature,
               .rate = state->rate};
    for (int n = 0; n < TIMES * WEIGHTS; n++) {
        double dt = period_of(opts) * weights[n % WEIGHTS] / TIMES;
        for (uint32_t link = opts->nlinks; link-- > 0;)
            turn_link(&c, link, opts->nlinks, dt);
        double slower = exp(-dt / 2 * state->rate[0]);
        lambda *= slower;
        c.atoms *= slower * slower;
        for (uint32_t link = 0; link < opts->nlinks; link++)
            state->xi[link] += dt / 2 * state->rate[link];
        for (uint32_t link = 0; link < opts->nlinks; link++)
            turn_link(&c, link, opts->nlinks, dt);
    }
    return lambda;
}

bool al_thermostat_is_to_finish(const al_thermostat_opts *opts, uint64_t step)
{
    return opts->is_verlet && opts->kind == AL_THERMOSTAT_NOSE_HOOVER &&
           step % opts->every == 1 % opts->every;
}

al_bath_kick al_thermostat_couple(const al_thermostat_opts *opts, uint64_t step, uint32_t group,
                                  double kinetic, al_bath_state *state)
{
    static const al_bath_kick nothing = {.lambda = 1, .drag = 0};
    const al_bath *bath = &opts->baths[group];
    if (!is_coupled(opts, bath))
        return nothing;
    if (opts->kind == AL_THERMOSTAT_NOSE_HOOVER)
        return opts->is_verlet
                   ? (al_bath_kick){.lambda = al_thermostat_chain(opts, group, kinetic, state), .drag = 0}
                   : drag(opts, bath, kinetic, state);
    if (!(kinetic > 0)) /* nothing to multiply */
        return nothing;
    double lambda = opts->kind == AL_THERMOSTAT_BERENDSEN
                        ? berendsen(opts, bath, kinetic)
                        : sqrt(resample(opts, bath, group, step, kinetic) / kinetic);
    state->taken -= (lambda * lambda - 1) * kinetic;
    return (al_bath_kick){.lambda = lambda, .drag = 0};
}

static double chain_energy(const al_thermostat_opts *opts, const al_bath *bath, const al_bath_state *state)
{
    double sum = 0;
    for (uint32_t link = 0; link < opts->nlinks; link++)
        sum += (link == 0 ? bath->freedom : 1) * (mass_of(bath) * state->rate[link] * state->rate[link] / 2 +
                                                  bath->temperature * state->xi[link]);
    return opts->boltzmann * sum;
}

double al_thermostat_energy(const al_thermostat_opts *opts, const al_bath_state *states)
{
    double energy = 0;
    for (uint32_t k = 0; k < opts->nbaths; k++) {
        const al_bath *bath = &opts->baths[k];
        const al_bath_state *state = &states[k];
        if (!is_coupled(opts, bath))
            continue;
        energy += opts->kind == AL_THERMOSTAT_NOSE_HOOVER ? chain_energy(opts, bath, state) : state->taken;
    }
    return energy;
}
