/* setup.c - see setup.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/setup.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/fail.h"
#include "md/couple/freedom.h"
#include "md/match.h"

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
    if (mdp->comm_groups.n > 1)
        return "comm-grps: the motion of the whole system alone can be taken out so far";
    if (mdp->compressed_groups.n > 1 ||
        (mdp->compressed_groups.n == 1 && strcasecmp(mdp->compressed_groups.at[0], "System") != 0))
        return "compressed-x-grps: frames have all atoms (System) so far";
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

static void set_mesh(const al_mdp *mdp, const al_box *box, al_field_opts *field)
{
    double vectors[3][3];
    al_box_vectors(box, vectors);
    field->order = (int)mdp->pme_order;
    for (int d = 0; d < 3; d++) {
        const double *v = vectors[d];
        double length = sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
        field->mesh[d] =
            mdp->fourier_n[d] > 0 ? (int)mdp->fourier_n[d] : al_pme_points(length, mdp->fourier_spacing);
    }
}

/* ---- groups ---------------------------------------------------------------------------------------------
 */

/** Mark the atoms of a group. @param key  that names it, for the sentence
 * @param mark  for each of its atoms; false: it is in another one, too */
static allot_err mark_group(const al_setup_files *files, const char *key, const char *name,
                            bool (*mark)(void *arg, uint64_t atom), void *arg, allot_error *err)
{
    uint64_t *atoms, n, k = 0;
    allot_error found;
    allot_err code = al_index_find(files->index, name, files->topology->natoms, &atoms, &n, &found);
    if (code != ALLOT_OK)
        return al_fail(err, code, 0, "%s: %s: %s", files->mdp_name, key, found.text);
    while (k < n && mark(arg, atoms[k]))
        k++;
    if (k < n)
        code = al_fail(err, ALLOT_ERANGE, 0, "%s: %s: atom %llu is in %s and in a group before it",
                       files->mdp_name, key, (unsigned long long)atoms[k] + 1, name);
    free(atoms);
    return code;
}

/** Atoms that get a number, each one. */
typedef struct numbering {
    uint8_t *of;
    uint8_t number, none;
} numbering;

static bool number_atom(void *arg, uint64_t atom)
{
    const numbering *n = arg;
    bool is_first = n->of[atom] == n->none;
    n->of[atom] = n->number;
    return is_first;
}

enum { NO_GROUP = 255 };

static allot_err find_groups(al_setup *setup, const al_setup_files *files, allot_error *err)
{
    const al_words *names = &files->mdp->temperature_groups;
    uint64_t natoms = files->topology->natoms;
    allot_err code = ALLOT_OK;
    if (names->n == 0)
        return ALLOT_OK;
    if (names->n >= NO_GROUP)
        return al_fail(err, ALLOT_EUNSUPPORTED, 0, "%s: tc-grps: at most %d groups", files->mdp_name,
                       NO_GROUP - 1);
    setup->group = malloc(natoms);
    if (setup->group == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    memset(setup->group, NO_GROUP, natoms);
    for (uint32_t g = 0; g < names->n && code == ALLOT_OK; g++) {
        numbering number = {setup->group, (uint8_t)g, NO_GROUP};
        code = mark_group(files, "tc-grps", names->at[g], number_atom, &number, err);
    }
    const uint8_t *left = code == ALLOT_OK ? memchr(setup->group, NO_GROUP, natoms) : NULL;
    return left == NULL ? code
                        : al_fail(err, ALLOT_ERANGE, 0, "%s: tc-grps: atom %llu is in none of them",
                                  files->mdp_name, (unsigned long long)(left - setup->group) + 1);
}

static bool freeze_atom(void *arg, uint64_t atom)
{
    ((uint8_t *)arg)[atom] = 1;
    return true;
}

static allot_err find_frozen(al_setup *setup, const al_setup_files *files, allot_error *err)
{
    const al_mdp *mdp = files->mdp;
    allot_err code = ALLOT_OK;
    if (mdp->freeze_groups.n == 0)
        return ALLOT_OK;
    for (uint32_t k = 0; k < mdp->freeze_dimensions.n; k++)
        if ((mdp->freeze_dimensions.at[k][0] | 0x20) != 'y')
            return al_fail(err, ALLOT_EUNSUPPORTED, 0,
                           "%s: freezedim: atoms can be frozen along x, y and z together only, so far: Y Y Y",
                           files->mdp_name);
    setup->frozen = calloc(files->topology->natoms, 1);
    if (setup->frozen == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    for (uint32_t g = 0; g < mdp->freeze_groups.n && code == ALLOT_OK; g++)
        code = mark_group(files, "freezegrps", mdp->freeze_groups.at[g], freeze_atom, setup->frozen, err);
    return code;
}

/* ---- degrees of freedom ---------------------------------------------------------------------------------
 */

/** Twice what an atom has by itself. */
static uint8_t own_freedom(const al_setup *setup, const al_molecule_atom *atom, uint64_t id)
{
    return atom->mass > 0 && (setup->frozen == NULL || !setup->frozen[id]) ? 6 : 0;
}

/** What is left of it in a molecule whose first atom has this id. */
static void hold_molecule(const al_setup *setup, const al_molecule *molecule, uint64_t id, uint8_t *twice)
{
    for (uint32_t k = 0; k < molecule->natoms; k++)
        twice[k] = own_freedom(setup, &molecule->atoms[k], id + k);
    for (uint32_t k = 0; k < molecule->nterms[AL_TERM_CONSTRAINT]; k++) {
        const uint32_t *atom = molecule->terms[AL_TERM_CONSTRAINT][k].atom;
        al_freedom_hold(&twice[atom[0]], &twice[atom[1]]);
    }
    for (uint32_t k = 0; k < molecule->nterms[AL_TERM_SETTLE]; k++) {
        const uint32_t *atom = molecule->terms[AL_TERM_SETTLE][k].atom;
        al_freedom_hold(&twice[atom[0]], &twice[atom[1]]);
        al_freedom_hold(&twice[atom[1]], &twice[atom[2]]);
        al_freedom_hold(&twice[atom[2]], &twice[atom[0]]);
    }
}

/** Of each temperature group, or of the whole where there are none. @param[out] freedom  [1 or ngroups] */
static allot_err find_freedom(const al_setup *setup, const al_setup_files *files, double *freedom,
                              allot_error *err)
{
    const al_topology *t = files->topology;
    uint32_t ngroups = files->mdp->temperature_groups.n > 0 ? files->mdp->temperature_groups.n : 1, most = 0;
    for (uint32_t k = 0; k < t->nmolecules; k++)
        most = t->molecules[k].natoms > most ? t->molecules[k].natoms : most;
    uint8_t *twice = malloc(most + 1);
    al_freedom_part *parts = calloc(ngroups, sizeof *parts);
    const double removed = files->mdp->removes_drift ? 3 : 0;
    bool good = twice != NULL && parts != NULL;
    uint64_t id = 0;
    for (uint32_t r = 0; good && r < t->nrows; r++)
        for (uint64_t n = 0; n < t->rows[r].count; n++) {
            const al_molecule *molecule = &t->molecules[t->rows[r].molecule];
            hold_molecule(setup, molecule, id, twice);
            for (uint32_t k = 0; k < molecule->natoms; k++, id++) {
                al_freedom_part *part = &parts[setup->group != NULL ? setup->group[id] : 0];
                part->natoms += molecule->atoms[k].mass > 0;
                part->freedom += twice[k] / 2.0;
            }
        }
    if (good)
        al_freedom_share(parts, ngroups, 1, &removed, freedom);
    free(twice);
    free(parts);
    return good ? ALLOT_OK : al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
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
    allot_err code = freedom != NULL ? find_freedom(setup, files, freedom, err)
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
    opts->field = (al_field_opts){
        .topology = topology, .reference = &setup->reference, .coulomb = AL_TERM_COULOMB / mdp->epsilon_r};
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
    opts->units = &al_units_real;
    allot_err code = find_groups(setup, files, err);
    if (code == ALLOT_OK)
        code = find_frozen(setup, files, err);
    opts->field.frozen = setup->frozen;
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
    *setup = (al_setup){.group = NULL};
}
