/* couple.c - see couple.h. What is not supported is refused here, not by the reader of the file: whether it
 * is depends on what several keys say.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/couple/couple.h"

#include <math.h>
#include <stdlib.h>

#include "base/fail.h"
#include "md/units.h"

enum { USUAL = 10 }; /* steps from one coupling to the next */

static allot_err refuse_with_verlet(const al_mdp *mdp, const char *name, allot_error *err)
{
    if (mdp->integrator != AL_INTEGRATE_VELOCITY_VERLET)
        return ALLOT_OK;
    if (mdp->thermostat == AL_THERMOSTAT_NOSE_HOOVER && mdp->nh_chain_length > AL_LINKS_MOST)
        return al_fail(err, ALLOT_EUNSUPPORTED, 0, "%s: nh-chain-length: at most %d", name, AL_LINKS_MOST);
    if (mdp->barostat == AL_BAROSTAT_PARRINELLO_RAHMAN)
        return al_fail(err, ALLOT_EUNSUPPORTED, 0,
                       "%s: pcoupl: parrinello-rahman is supported with integrator = md; with md-vv use "
                       "c-rescale",
                       name);
    return ALLOT_OK;
}

static bool has_friction(const al_mdp *mdp)
{
    return mdp->integrator == AL_INTEGRATE_LANGEVIN;
}

static bool is_dynamics(const al_mdp *mdp)
{
    return mdp->integrator <= AL_INTEGRATE_LANGEVIN;
}

/** nsttcouple or nstpcouple as written, or as grompp has it for the shortest time constant. */
static allot_err every_of(const char *name, const char *key, int64_t written, double dt, double tau,
                          uint32_t *every, allot_error *err)
{
    if (written == 0 || written > UINT32_MAX)
        return al_fail(err, ALLOT_ERANGE, 0, "%s: %s: a number of steps, or -1, is wanted", name, key);
    *every = written > 0 ? (uint32_t)written : USUAL * dt <= tau ? USUAL : 1;
    return ALLOT_OK;
}

/** What a check found, with the file and the key. */
static allot_err tell(allot_err code, const allot_error *found, const char *name, const char *key,
                      allot_error *err)
{
    return code == ALLOT_OK ? ALLOT_OK : al_fail(err, code, 0, "%s: %s: %s", name, key, found->text);
}

static allot_err find_thermostat(const al_mdp *mdp, const char *name, al_couple *couple, allot_error *err)
{
    double tau = HUGE_VAL;
    for (uint32_t g = 0; g < couple->ngroups; g++)
        if (couple->baths[g].tau > 0 && mdp->thermostat != AL_THERMOSTAT_V_RESCALE)
            tau = fmin(tau, couple->baths[g].tau);
    couple->thermostat.kind = is_dynamics(mdp) && !has_friction(mdp) ? mdp->thermostat : AL_THERMOSTAT_NONE;
    if (couple->thermostat.kind == AL_THERMOSTAT_NONE)
        return ALLOT_OK;
    allot_err code =
        every_of(name, "nsttcouple", mdp->nsttcouple, mdp->dt, tau, &couple->thermostat.every, err);
    allot_error found;
    return code != ALLOT_OK
               ? code
               : tell(al_thermostat_check(&couple->thermostat, &found), &found, name, "tcoupl", err);
}

static allot_err find_barostat(const al_mdp *mdp, const char *name, al_couple *couple, allot_error *err)
{
    al_barostat_opts *barostat = &couple->barostat;
    barostat->kind = is_dynamics(mdp) ? mdp->barostat : AL_BAROSTAT_NONE;
    if (barostat->kind == AL_BAROSTAT_NONE)
        return ALLOT_OK;
    if (barostat->kind == AL_BAROSTAT_C_RESCALE && couple->thermostat.kind == AL_THERMOSTAT_NONE &&
        !has_friction(mdp))
        return al_fail(err, ALLOT_EUNSUPPORTED, 0,
                       "%s: pcoupl: c-rescale takes its temperature from that which is held: tcoupl = "
                       "v-rescale, or integrator = sd",
                       name);
    barostat->coupling = mdp->coupling;
    barostat->tau = mdp->tau_p;
    barostat->thermal = couple->ngroups > 0 ? al_units_real.boltzmann * couple->baths[0].temperature : 0;
    al_barostat_spread(mdp->coupling, mdp->compressibility.at, barostat->compressibility);
    al_barostat_spread(mdp->coupling, mdp->ref_p.at, barostat->reference);
    allot_err code =
        every_of(name, "nstpcouple", mdp->nstpcouple, mdp->dt, mdp->tau_p, &barostat->every, err);
    allot_error found;
    return code != ALLOT_OK ? code : tell(al_barostat_check(barostat, &found), &found, name, "pcoupl", err);
}

/** Groups, and friction where there is some. Where nothing is coupled tau-t and ref-t need not be there. */
static bool find_groups(const al_mdp *mdp, const double *freedom, al_couple *couple)
{
    couple->ngroups = mdp->temperature_groups.n;
    couple->baths = calloc(couple->ngroups + 1, sizeof *couple->baths);
    if (has_friction(mdp))
        couple->frictions = calloc(couple->ngroups + 1, sizeof *couple->frictions);
    if (couple->baths == NULL || (has_friction(mdp) && couple->frictions == NULL))
        return false;
    for (uint32_t g = 0; g < couple->ngroups; g++) {
        al_bath *bath = &couple->baths[g];
        *bath = (al_bath){.freedom = freedom[g],
                          .temperature = g < mdp->ref_t.n ? mdp->ref_t.at[g] : 0,
                          .tau = g < mdp->tau_t.n ? mdp->tau_t.at[g] : -1};
        if (has_friction(mdp))
            couple->frictions[g] =
                al_friction_of(bath->tau, al_units_real.boltzmann * bath->temperature, mdp->dt);
    }
    return true;
}

allot_err al_couple_from_mdp(const al_mdp *mdp, const char *name, const double *freedom, uint64_t seed,
                             al_couple *couple, allot_error *err)
{
    allot_err code = refuse_with_verlet(mdp, name, err);
    bool is_verlet = mdp->integrator == AL_INTEGRATE_VELOCITY_VERLET;
    *couple = (al_couple){
        .thermostat = {.boltzmann = al_units_real.boltzmann,
                       .dt = mdp->dt,
                       .is_verlet = is_verlet,
                       .nlinks = is_verlet && mdp->thermostat == AL_THERMOSTAT_NOSE_HOOVER
                                     ? (uint32_t)mdp->nh_chain_length
                                     : 1,
                       .seed = seed},
        .barostat = {.dt = mdp->dt, .pressure_energy = al_units_real.pressure_energy, .seed = seed}};
    if (code != ALLOT_OK)
        return code;
    if (!find_groups(mdp, freedom, couple))
        code = al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    couple->thermostat.baths = couple->baths;
    couple->thermostat.nbaths = couple->ngroups;
    if (code == ALLOT_OK)
        code = find_thermostat(mdp, name, couple, err);
    if (code == ALLOT_OK)
        code = find_barostat(mdp, name, couple, err);
    if (code != ALLOT_OK)
        al_couple_fini(couple);
    return code;
}

void al_couple_fini(al_couple *couple)
{
    free(couple->baths);
    free(couple->frictions);
    *couple = (al_couple){.ngroups = 0};
}
