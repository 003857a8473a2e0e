/* top_molecule.c - see top_molecule.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/read/top_molecule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "md/read/top_exclusions.h"
#include "md/read/top_term.h"
#include "md/read/top_types.h"

allot_err al_top_read_atom(al_top_reader *r)
{
    al_molecule *m = al_top_latest(r);
    char **w = r->words, *end;
    uint32_t nr, type_b;
    double charge_b, mass_b;
    al_molecule_atom a = {.mass = 0};
    if (r->nwords < 6 || !al_top_whole(w[0], &nr) || nr != m->natoms + 1)
        return al_top_fault(
            r, "an atom wants: its number, %u here, type, residue and its name, atom name, charge group",
            m->natoms + 1);
    allot_err code = al_top_type_number(r, w[1], &a.type);
    if (code != ALLOT_OK)
        return code;
    a.residue = (int32_t)strtol(w[2], &end, 10);
    if (end == w[2] || !al_top_fits(w[3]) || !al_top_fits(w[4]))
        return al_top_fault(r, "a residue is a number, and names have at most %d characters",
                            AL_TOPOLOGY_NAME);
    (void)snprintf(a.residue_name, sizeof a.residue_name, "%s", w[3]);
    (void)snprintf(a.name, sizeof a.name, "%s", w[4]);
    a.charge = r->types[a.type].charge;
    a.mass = r->types[a.type].mass;
    if ((r->nwords > 6 && !al_top_number(w[6], &a.charge)) ||
        (r->nwords > 7 && !al_top_number(w[7], &a.mass)) || a.mass < 0)
        return al_top_fault(r, "charge and mass are numbers, the mass not negative");
    if (r->nwords > 8) {
        code = al_top_type_number(r, w[8], &type_b);
        if (code != ALLOT_OK)
            return code;
        charge_b = r->types[type_b].charge;
        mass_b = r->types[type_b].mass;
        if ((r->nwords > 9 && !al_top_number(w[9], &charge_b)) ||
            (r->nwords > 10 && !al_top_number(w[10], &mass_b)) || r->nwords > 11 || type_b != a.type ||
            charge_b != a.charge || mass_b != a.mass)
            return al_top_fault(r, "a B state that differs (free energy) is not supported");
    }
    if (!AL_TOP_GROW(m->atoms, m->natoms) || !AL_TOP_GROW(r->roles, m->natoms))
        return al_top_no_memory(r);
    r->roles[m->natoms] = (al_top_role){.line = r->line};
    m->atoms[m->natoms++] = a;
    return ALLOT_OK;
}

static allot_err read_atom_number(al_top_reader *r, const char *word, uint32_t *atom)
{
    if (!al_top_whole(word, atom) || *atom < 1 || *atom > al_top_latest(r)->natoms)
        return al_top_fault(r, "%.40s is not an atom of %s: it has %u", word, al_top_latest(r)->name,
                            al_top_latest(r)->natoms);
    --*atom;
    return ALLOT_OK;
}

/** A virtual site and its atoms: sites are placed in any order, so none is made of another. */
static allot_err mark_site(al_top_reader *r, const uint32_t *atom, uint32_t natoms)
{
    for (uint32_t k = 0; k < natoms; k++) {
        al_top_role *mine = &r->roles[atom[k]];
        if (k == 0 && mine->is_site)
            return al_top_fault(r, "atom %u is a virtual site already", atom[k] + 1);
        if (k == 0 ? mine->makes_site : mine->is_site)
            return al_top_fault(
                r,
                "atom %u is a virtual site and another site is made of it, which is not supported: "
                "make each of atoms with mass",
                atom[k] + 1);
        mine->is_site = mine->is_site || k == 0;
        mine->makes_site = mine->makes_site || k > 0;
    }
    return ALLOT_OK;
}

/** An atom without mass is a virtual site, and a virtual site has none. */
static allot_err check_sites(al_top_reader *r, const al_molecule *m)
{
    for (uint32_t a = 0; a < m->natoms; a++) {
        if (r->roles[a].is_site == (m->atoms[a].mass == 0))
            continue;
        r->line = r->roles[a].line;
        return al_top_fault(r,
                            r->roles[a].is_site
                                ? "atom %u, %s, is a virtual site and has a mass, which must be 0"
                                : "atom %u, %s, has no mass, and no [ virtual_sites ] says where it is",
                            a + 1, m->atoms[a].name);
    }
    return ALLOT_OK;
}

allot_err al_top_read_term(al_top_reader *r, al_top_directive d)
{
    uint32_t given = d == AL_TOP_SETTLES || d == AL_TOP_RESTRAINTS  ? 1
                     : d == AL_TOP_ANGLES || d == AL_TOP_VSITES2    ? 3
                     : d == AL_TOP_CMAP                             ? 5
                     : d == AL_TOP_DIHEDRALS || d == AL_TOP_VSITES3 ? 4
                                                                    : 2;
    uint32_t atom[AL_TERM_ATOMS] = {0};
    double params[AL_TOP_PARAMS_MOST] = {0};
    const al_top_function *f;
    char one[] = "1"; /* the function that is meant where a line has atoms only */
    if (r->nwords == given)
        r->words[r->nwords++] = one;
    if (r->nwords < given)
        return al_top_fault(r, "[ %s ] wants %u atom%s and a function", r->section, given,
                            given > 1 ? "s" : "");
    allot_err code = al_top_find_function(r, d, r->words[given], false, &f);
    for (uint32_t k = 0; k < given && code == ALLOT_OK; k++) {
        code = read_atom_number(r, r->words[k], &atom[k]);
        for (uint32_t j = 0; j < k && code == ALLOT_OK; j++)
            if (atom[j] == atom[k] && d != AL_TOP_CMAP)
                code = al_top_fault(r, "atom %u stands twice", atom[k] + 1);
    }
    if (code != ALLOT_OK)
        return code;
    if (d == AL_TOP_SETTLES) {
        if (atom[0] + 2 >= al_top_latest(r)->natoms)
            return al_top_fault(r, "[ settles ] wants an oxygen with two hydrogens after it");
        atom[1] = atom[0] + 1;
        atom[2] = atom[0] + 2;
    }
    if (d == AL_TOP_BONDS ||
        (d == AL_TOP_CONSTRAINTS && f->number == 1)) /* for nrexcl settles are no bonds, as in grompp */
        code = al_top_add_edge(r, &r->bonded, &r->nbonded, atom[0], atom[1]);
    if (code != ALLOT_OK)
        return code;
    if (r->nwords == given + 1 && f->types != AL_TOP_NONE)
        return al_top_look_up(r, f, atom);
    code = al_top_read_params(r, f, given + 1, params);
    if (code == ALLOT_OK && (d == AL_TOP_VSITES2 || d == AL_TOP_VSITES3))
        code = mark_site(r, atom, given);
    return code == ALLOT_OK ? al_top_add_term(r, f, atom, params) : code;
}

allot_err al_top_read_exclusion(al_top_reader *r)
{
    uint32_t a, b;
    allot_err code = read_atom_number(r, r->words[0], &a);
    for (uint32_t k = 1; k < r->nwords && code == ALLOT_OK; k++) {
        code = read_atom_number(r, r->words[k], &b);
        if (code == ALLOT_OK && a != b)
            code = al_top_add_edge(r, &r->excluded, &r->nexcluded, a, b);
    }
    return code;
}

allot_err al_top_finish_molecule(al_top_reader *r)
{
    if (r->top.nmolecules == 0)
        return ALLOT_OK;
    al_molecule *m = al_top_latest(r);
    if (m->natoms == 0)
        return al_top_fault(r, "the molecule before, %s, has no atoms", m->name);
    allot_err code = check_sites(r, m);
    return code == ALLOT_OK ? al_top_exclude_all(r, m) : code;
}

allot_err al_top_read_molecule_type(al_top_reader *r)
{
    allot_err code = al_top_finish_molecule(r);
    if (code != ALLOT_OK)
        return code;
    if (r->nwords != 2 || !al_top_whole(r->words[1], &r->nrexcl) || r->nrexcl > AL_TOP_NREXCL_MOST)
        return al_top_fault(r, "[ moleculetype ] wants: a name, and nrexcl");
    for (uint32_t k = 0; k < r->top.nmolecules; k++)
        if (strcmp(r->top.molecules[k].name, r->words[0]) == 0)
            return al_top_fault(r, "a second [ moleculetype ] %.40s", r->words[0]);
    char *name = strdup(r->words[0]);
    if (name == NULL || !AL_TOP_GROW(r->top.molecules, r->top.nmolecules)) {
        free(name);
        return al_top_no_memory(r);
    }
    r->top.molecules[r->top.nmolecules++] = (al_molecule){.name = name};
    return ALLOT_OK;
}
