/* setup.c - see setup.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/setup.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "md/match.h"
#include "md/setup_groups.h"

double al_setup_cutoff(const al_mdp *mdp)
{
    return fmax(mdp->rcoulomb, mdp->rvdw);
}

/** What is read, and not done yet: the first that would be wanted. @return NULL: nothing */
static const char *missing(const al_setup_files *files)
{
    const al_mdp *mdp = files->mdp;
    const al_topology *t = files->topology;
    if (mdp->integrator == AL_INTEGRATE_LBFGS && al_rigid_freedom(t) > 0)
        return "integrator = l-bfgs: it keeps no lengths, of constraints or rigid waters: take steep, or "
               "constraints = none and define = -DFLEXIBLE";
    if (al_topology_nterms(t, AL_TERM_RESTRAINT) > 0 && files->reference == NULL)
        return "the topology has position restraints: where do they hold the atoms? Name a structure with "
               "-r FILE";
    return NULL;
}

static void set_lennard_jones(const al_mdp *mdp, const al_topology *t, al_pair_params *pairs)
{
    static const al_pair_lj forms[] = {[AL_MODIFIER_NONE] = AL_PAIR_LJ_CUT,
                                       [AL_MODIFIER_SHIFT] = AL_PAIR_LJ_CUT,
                                       [AL_MODIFIER_FORCE_SWITCH] = AL_PAIR_LJ_FORCE_SWITCH,
                                       [AL_MODIFIER_POTENTIAL_SWITCH] = AL_PAIR_LJ_POTENTIAL_SWITCH};
    pairs->lj = forms[mdp->vdw_modifier];
    pairs->is_shifted = mdp->vdw_modifier == AL_MODIFIER_SHIFT;
    pairs->lj_cutoff = mdp->rvdw;
    pairs->switch_from = mdp->rvdw_switch;
    pairs->types = t->has_special_pairs                   ? AL_PAIR_MATRIX
                   : t->combination == AL_COMBINE_LORENTZ ? AL_PAIR_LORENTZ
                                                          : AL_PAIR_GEOMETRIC;
    pairs->ntypes = t->ntypes;
    pairs->c6s = t->c6;
    pairs->c12s = t->c12;
}

static void set_coulomb(const al_mdp *mdp, al_pair_params *pairs)
{
    double rc = mdp->rcoulomb;
    bool is_shifted = mdp->coulomb_modifier == AL_MODIFIER_SHIFT;
    pairs->coulomb_cutoff = rc;
    pairs->coulomb = mdp->coulomb == AL_COULOMB_PME ? AL_PAIR_EWALD : AL_PAIR_REACTION_FIELD;
    switch (mdp->coulomb) {
    case AL_COULOMB_PME:
        pairs->beta = al_pme_beta(rc, mdp->ewald_rtol);
        pairs->ewald_shift = is_shifted ? erfc(pairs->beta * rc) / rc : 0;
        break;
    case AL_COULOMB_REACTION_FIELD:
        al_pair_set_reaction_field(pairs, mdp->epsilon_rf / mdp->epsilon_r);
        break;
    default: /* a field of nothing */
        pairs->rf_k = 0;
        pairs->rf_c = is_shifted ? 1 / rc : 0;
    }
}

void al_setup_split(const al_mdp *mdp, const al_box *box, al_split *split)
{
    double vectors[3][3];
    al_box_vectors(box, vectors);
    *split = (al_split){.cutoff = mdp->coulomb == AL_COULOMB_PME ? mdp->rcoulomb : 0};
    for (int d = 0; d < 3 && split->cutoff > 0; d++) {
        const double *v = vectors[d];
        double length = sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
        split->mesh[d] =
            mdp->fourier_n[d] > 0 ? (int)mdp->fourier_n[d] : al_pme_points(length, mdp->fourier_spacing);
    }
}

static void set_mesh(const al_mdp *mdp, const al_box *box, al_field_opts *field)
{
    al_split split;
    al_setup_split(mdp, box, &split);
    field->order = (int)mdp->pme_order;
    memcpy(field->mesh, split.mesh, sizeof field->mesh);
}

/* ---- all of it ------------------------------------------------------------------------------------------
 */

static allot_err find_couple(al_setup *setup, const al_setup_files *files, al_md_opts *opts, allot_error *err)
{
    const al_mdp *mdp = files->mdp;
    uint32_t ngroups = mdp->temperature_groups.n > 0 ? mdp->temperature_groups.n : 1;
    double *freedom = calloc(ngroups, sizeof *freedom);
    bool is_coupled = !al_mdp_minimises(mdp) &&
                      (mdp->integrator == AL_INTEGRATE_LANGEVIN || mdp->thermostat != AL_THERMOSTAT_NONE ||
                       mdp->barostat != AL_BAROSTAT_NONE);
    allot_err code = freedom != NULL ? al_setup_freedom(setup, files, freedom, err)
                                     : al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    uint64_t seed = mdp->ld_seed >= 0 ? (uint64_t)mdp->ld_seed : files->seed;
    if (code == ALLOT_OK && is_coupled)
        code = al_couple_from_mdp(mdp, files->mdp_name, freedom, seed, &setup->couple, err);
    opts->ensemble = (al_ensemble_opts){.couple = is_coupled ? &setup->couple : NULL,
                                        .group = ngroups > 1 ? setup->group : NULL};
    opts->freedom = 0;
    for (uint32_t g = 0; g < ngroups && code == ALLOT_OK; g++)
        opts->freedom += freedom[g];
    free(freedom);
    return code;
}

allot_err al_setup_make(al_setup *setup, const al_setup_files *files, const al_box *box, al_md_opts *opts,
                        allot_error *err)
{
    const al_mdp *mdp = files->mdp;
    const al_topology *topology = files->topology;
    const char *what = missing(files);
    *setup = (al_setup){.group = NULL};
    if (what != NULL)
        return al_fail(err, ALLOT_EUNSUPPORTED, 0, "%s: %s", files->mdp_name, what);
    opts->pairs = (al_pair_params){.ntypes = 0};
    set_lennard_jones(mdp, topology, &opts->pairs);
    set_coulomb(mdp, &opts->pairs);
    opts->field = (al_field_opts){.topology = topology,
                                  .reference = &setup->reference,
                                  .coulomb = (topology->coulomb > 0 ? topology->coulomb : AL_TERM_COULOMB) /
                                             mdp->epsilon_r};
    if (mdp->coulomb == AL_COULOMB_PME)
        set_mesh(mdp, box, &opts->field);
    opts->has_dispersion = mdp->dispersion != AL_DISPERSION_NONE;
    opts->has_dispersion_pressure = mdp->dispersion == AL_DISPERSION_ENERGY_PRESSURE;
    opts->dt = mdp->dt;
    bool leaps = mdp->integrator == AL_INTEGRATE_LEAP_FROG || mdp->integrator == AL_INTEGRATE_LANGEVIN;
    opts->integrator = leaps ? AL_LEAP_FROG : AL_VELOCITY_VERLET;
    opts->still_every = mdp->removes_drift ? (uint64_t)mdp->nstcomm : 0;
    opts->is_minimised = al_mdp_minimises(mdp);
    opts->settles_start = !mdp->continuation;
    opts->begins_late = mdp->continuation && mdp->integrator == AL_INTEGRATE_VELOCITY_VERLET;
    opts->units = &al_units_real;
    allot_err code = al_setup_find_groups(setup, files, err);
    opts->field.frozen = setup->frozen;
    opts->still = setup->still;
    if (code == ALLOT_OK)
        code = find_couple(setup, files, opts, err);
    if (code == ALLOT_OK && al_topology_nterms(topology, AL_TERM_RESTRAINT) > 0)
        code = al_reference_init(&setup->reference, topology, files->reference, files->reference_name,
                                 (al_scaling)mdp->reference_scaling, err);
    return code;
}

void al_setup_fini(al_setup *setup)
{
    al_couple_fini(&setup->couple);
    al_reference_fini(&setup->reference);
    free(setup->group);
    free(setup->frozen);
    free(setup->still_group);
    free(setup->framed);
    *setup = (al_setup){.group = NULL};
}
