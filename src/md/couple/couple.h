/* couple.h - which thermostat, barostat and friction a run-parameter file asks for.
 *
 *     key                      goes to
 *     tcoupl                   thermostat.kind; with integrator sd nothing, as in GROMACS: friction holds
 * temperature tc-grps, tau-t, ref-t    baths; with sd the time of friction and its temperature nsttcouple
 * thermostat.every; -1: 10, but 1 where a tau-t is below 10 dt and tcoupl is not v-rescale nh-chain-length
 * thermostat.nlinks with md-vv; leap-frog has one, as in GROMACS pcoupl, pcoupltype       barostat.kind,
 * .coupling tau-p, nstpcouple        barostat.tau, .every; -1: 10, but 1 where tau-p is below 10 dt
 * compressibility, ref-p barostat.compressibility, .reference ld-seed                  both seeds, and
 * friction's
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_COUPLE_COUPLE_H
#define AL_MD_COUPLE_COUPLE_H

#include "md/couple/barostat.h"
#include "md/couple/langevin.h"
#include "md/couple/thermostat.h"

/** Owned by whoever made it, al_couple_fini(). Begin with zeros. */
typedef struct al_couple {
    uint32_t ngroups;       /**< temperature groups, as in tc-grps */
    al_bath *baths;         /**< [ngroups], also where nothing is coupled */
    al_friction *frictions; /**< [ngroups]; NULL but with integrator sd */
    al_thermostat_opts thermostat;
    al_barostat_opts barostat;
} al_couple;

/** @param name     of the file, for the sentence
 *  @param freedom  [as many as tc-grps has words] degrees of freedom: freedom.h
 *  @param seed     ld-seed, or one that was drawn where it is -1
 *  @return ALLOT_OK; ALLOT_EUNSUPPORTED: the key and what to write instead; ALLOT_ERANGE: a number that makes
 * no sense; ALLOT_ENOMEM */
allot_err al_couple_from_mdp(const al_mdp *mdp, const char *name, const double *freedom, uint64_t seed,
                             al_couple *couple, allot_error *err);
void al_couple_fini(al_couple *couple);

#endif
