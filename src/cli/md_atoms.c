/* md_atoms.c - see md_atoms.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/md_atoms.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "md/start.h"

/** All atoms, in the order of their ids, of a file or of a checkpoint: those whose leader is in the domain
 * are this rank's. */
static allot_err add_atoms(al_simulation *s, al_atom *atoms, uint64_t n, allot_error *err)
{
    al_space *space = &s->md.space;
    const al_groups *groups = &space->opts.groups;
    allot_err code = ALLOT_OK;
    if (groups->leader != NULL)
        al_groups_enter(groups, &space->domain, atoms, n);
    for (uint64_t k = 0; k < n && code == ALLOT_OK; k++) {
        al_atom atom = atoms[k];
        double lead[3];
        bool has_leader = groups->leader != NULL && groups->leader(groups->arg, k) != k;
        memcpy(lead, has_leader ? atoms[groups->leader(groups->arg, k)].x : atom.x, sizeof lead);
        bool is_here = al_space_claim(space, lead);
        if (groups->leader == NULL)
            memcpy(atom.x, lead, sizeof lead);
        if (is_here)
            code = al_space_add(space, &atom, 1, err);
    }
    return code;
}

static void draw_velocities(al_simulation *s)
{
    const al_md_options *o = &s->options;
    al_start_velocities(&s->md.space, o->natoms, al_md_units(o)->boltzmann * o->temperature, o->seed);
}

/** Atoms of the structure that was read. */
static allot_err add_structure(al_simulation *s, allot_error *err)
{
    const al_gro *gro = &s->files.gro;
    bool draws = s->files.has_mdp ? s->files.mdp.gen_vel : gro->v == NULL;
    al_atom *atoms = calloc(gro->natoms, sizeof *atoms);
    if (atoms == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    for (uint64_t k = 0; k < gro->natoms; k++) {
        atoms[k].id = k;
        memcpy(atoms[k].x, &gro->x[3 * k], sizeof atoms[k].x);
        if (gro->v != NULL && !draws)
            memcpy(atoms[k].v, &gro->v[3 * k], sizeof atoms[k].v);
    }
    allot_err code = add_atoms(s, atoms, gro->natoms, err);
    free(atoms);
    if (code == ALLOT_OK && draws)
        draw_velocities(s);
    return code;
}

allot_err al_md_atoms_add(al_simulation *s, const al_box *box, allot_error *err)
{
    const al_md_options *o = &s->options;
    if (s->from.natoms > 0)
        return add_atoms(s, s->from.atoms, s->from.natoms, err);
    if (o->conf != NULL)
        return add_structure(s, err);
    allot_err code = al_start_lattice(&s->md.space, o->natoms, box->edge[0], err);
    if (code == ALLOT_OK)
        draw_velocities(s);
    return code;
}
