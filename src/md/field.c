/* field.c - see field.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/field.h"

#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "md/match.h"

static double mass_of(const void *arg, uint64_t id)
{
    const al_field *field = arg;
    uint32_t row, atom;
    double mass = al_topology_atom(field->opts.topology, id, &row, &atom)->mass;
    return field->opts.frozen != NULL && field->opts.frozen[id] == AL_FREEZE_ALL ? 0 : mass;
}

void al_field_rest(const al_field *field, al_space *space)
{
    for (size_t place = 0; place < (size_t)space->nhome_blocks * AL_BLOCK; place++)
        for (unsigned d = 0; d < 3; d++)
            if (!(space->inverse_mass[place] > 0))
                space->v[al_block_at(place, d)] = 0;
    al_freeze_rest(&field->freeze, space, space->v);
}

static bool place(void *arg, al_space *space)
{
    al_field *field = arg;
    const al_locals *locals = &field->atoms.locals;
    return al_atoms_place(&field->atoms, space) && al_bound_find(&field->bound, space, locals) &&
           al_rigid_find(&field->rigid, space, locals) && al_vsites_find(&field->vsites, space, locals) &&
           al_freeze_place(&field->freeze, space);
}

static void sum_charges(al_field *field)
{
    const al_topology *t = field->opts.topology;
    for (uint32_t r = 0; r < t->nrows; r++) {
        const al_molecule *molecule = &t->molecules[t->rows[r].molecule];
        double q2 = 0;
        for (uint32_t k = 0; k < molecule->natoms; k++)
            q2 += molecule->atoms[k].charge * molecule->atoms[k].charge;
        field->charge2 += field->opts.coulomb * q2 * (double)t->rows[r].count;
    }
    field->charge = sqrt(field->opts.coulomb) * al_topology_charge(t);
}

allot_err al_field_open(al_field *field, const al_field_opts *opts, const al_pair_params *params,
                        al_space_opts *space, allot_error *err)
{
    const al_topology *topology = opts->topology;
    *field = (al_field){
        .opts = *opts,
        .params = params,
        .atoms = {.topology = topology, .params = params, .charge_by = sqrt(opts->coulomb)},
        .mean_c6 = al_topology_mean_c6(topology),
    };
    sum_charges(field);
    al_freeze_open(&field->freeze, opts->frozen, topology->natoms);
    allot_err code = al_held_find(&field->held, topology, err);
    if (code == ALLOT_OK)
        code = al_bound_open(&field->bound, topology, opts->reference, opts->coulomb, space->nthreads, err);
    if (code == ALLOT_OK)
        code =
            al_rigid_open(&field->rigid, topology, &field->held, opts->frozen, &space->kernels->settle, err);
    if (code == ALLOT_OK)
        code = al_vsites_open(&field->vsites, topology, &field->held, err);
    space->groups = al_held_groups(&field->held);
    space->masses = (al_masses){.of = mass_of, .arg = field};
    space->placed = place;
    space->placed_arg = field;
    return code;
}

allot_err al_field_open_mesh(al_field *field, const al_space *space, allot_error *err)
{
    const al_field_opts *o = &field->opts;
    if (field->params->coulomb != AL_PAIR_EWALD)
        return ALLOT_OK;
    const al_pme_opts opts = {.comm = space->opts.comm,
                              .pool = space->opts.pool,
                              .nthreads = space->opts.nthreads,
                              .kernels = space->opts.kernels->mesh,
                              .n = {o->mesh[0], o->mesh[1], o->mesh[2]},
                              .order = o->order,
                              .is_double = space->opts.is_double,
                              .beta = field->params->beta,
                              .coulomb = 1}; /* charges are such */
    allot_err code = al_pme_open(&field->pme, &opts, err);
    if (code == ALLOT_OK)
        al_field_resize(field, space);
    return code;
}

allot_err al_field_set_mesh(al_field *field, const int mesh[3], const al_space *space, allot_error *err)
{
    al_pme_close(field->pme);
    field->pme = NULL;
    memcpy(field->opts.mesh, mesh, sizeof field->opts.mesh);
    return al_field_open_mesh(field, space, err);
}

void al_field_resize(al_field *field, const al_space *space)
{
    double box[3][3];
    al_space_box(space, box);
    if (field->pme != NULL)
        al_pme_set_box(field->pme, box);
}

void al_field_close(al_field *field)
{
    if (!al_field_is_open(field))
        return;
    al_pme_close(field->pme);
    al_rigid_close(&field->rigid);
    al_vsites_close(&field->vsites);
    al_freeze_close(&field->freeze);
    al_bound_close(&field->bound);
    al_atoms_fini(&field->atoms);
    al_held_fini(&field->held);
    *field = (al_field){.pme = NULL};
}

allot_err al_field_settle(al_field *field, const al_space *space, double margin, allot_error *err)
{
    allot_err code = al_bound_check(&field->bound, space->opts.comm, space->opts.reach, err);
    double margins[3];
    for (int d = 0; d < 3; d++)
        margins[d] = (space->atoms.radius + margin) / space->lattice.thick[d];
    if (code == ALLOT_OK && field->pme != NULL)
        code = al_pme_place(field->pme, &space->domain, margins, err);
    return code;
}

allot_err al_field_begin_mesh(al_field *field, const al_space *space, bool is_summed, allot_error *err)
{
    return field->pme == NULL
               ? ALLOT_OK
               : al_pme_begin(field->pme, space->nhome_blocks, space->x, field->atoms.charge, is_summed, err);
}

void al_field_advance_mesh(al_field *field)
{
    if (field->pme != NULL)
        al_pme_advance(field->pme);
}

void al_field_go_on(al_field *field)
{
    if (field->pme != NULL)
        al_pme_go_on(field->pme);
}

void al_field_end_mesh(al_field *field, al_space *space)
{
    if (field->pme != NULL)
        al_pme_end(field->pme, space->fr, &field->mesh);
}

void al_field_energies(const al_field *field, const al_pair_sums *pairs, al_energies *energies)
{
    *energies = (al_energies){.lj = pairs->lj, .coulomb = pairs->coulomb, .mesh = field->mesh.energy};
    al_bound_sum(&field->bound, &energies->terms);
}

void al_field_add_constant(const al_field *field, double volume, al_energies *energies, double *virial)
{
    const al_pair_params *p = field->params;
    if (p->coulomb == AL_PAIR_REACTION_FIELD)
        energies->coulomb -= p->rf_c * field->charge2 / 2;
    if (p->coulomb != AL_PAIR_EWALD)
        return;
    double background = -M_PI * field->charge * field->charge / (2 * volume * p->beta * p->beta);
    energies->coulomb -= p->beta / sqrt(M_PI) * field->charge2;
    energies->mesh += background;
    *virial += 3 * background; /* it goes with one over the volume */
}

double al_energies_sum(const al_energies *e)
{
    double sum = e->lj + e->coulomb + e->tail + e->mesh;
    for (int kind = 0; kind < AL_TERM_NKINDS; kind++)
        sum += e->terms.of[kind];
    return sum;
}
