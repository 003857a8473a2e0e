/* parm_water.c - water in AMBER topologies, which is rigid there by what programs are told, not by the file.
 *
 * Water is an oxygen and two equal hydrogens at the same distance, and nothing else: their three bonds, or
 * two and an angle; and maybe a fourth point without mass that is bonded to the oxygen, which is on the
 * bisector at the length of that bond (TIP4P and its like, OPC). Whatever residue it is.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <stdlib.h>

#include "md/read/parm_reader.h"

#define OXYGEN_LEAST 10.0 /* u; sulphur has 32 */
#define OXYGEN_MOST 20.0

/** Atoms of a water, and what is between them: places in params[]; UINT32_MAX: nothing. */
typedef struct water {
    uint32_t oxygen, hydrogen[2], point;
    uint32_t arm[2], base, bisector, bend;
} water;

static bool find_atoms(const al_molecule *m, water *w)
{
    uint32_t noxygens = 0, nhydrogens = 0, npoints = 0;
    if (m->natoms < 3 || m->natoms > 4)
        return false;
    for (uint32_t a = 0; a < m->natoms; a++) {
        double mass = m->atoms[a].mass;
        if (mass == 0 && npoints++ == 0)
            w->point = a;
        else if (mass >= OXYGEN_LEAST && mass <= OXYGEN_MOST && noxygens++ == 0)
            w->oxygen = a;
        else if (m->atoms[a].is_hydrogen && nhydrogens < 2)
            w->hydrogen[nhydrogens++] = a;
    }
    return noxygens == 1 && nhydrogens == 2 && npoints == m->natoms - 3 &&
           m->atoms[w->hydrogen[0]].mass == m->atoms[w->hydrogen[1]].mass;
}

static bool are(const uint32_t *atom, uint32_t a, uint32_t b)
{
    return (atom[0] == a && atom[1] == b) || (atom[0] == b && atom[1] == a);
}

/** @return false: there is another bond, or one twice */
static bool find_bonds(const al_molecule *m, water *w)
{
    for (uint32_t k = 0; k < m->nterms[AL_TERM_BOND]; k++) {
        const al_term *bond = &m->terms[AL_TERM_BOND][k];
        uint32_t *which = are(bond->atom, w->oxygen, w->hydrogen[0])        ? &w->arm[0]
                          : are(bond->atom, w->oxygen, w->hydrogen[1])      ? &w->arm[1]
                          : are(bond->atom, w->hydrogen[0], w->hydrogen[1]) ? &w->base
                          : are(bond->atom, w->oxygen, w->point)            ? &w->bisector
                                                                            : NULL;
        if (which == NULL || *which != UINT32_MAX)
            return false;
        *which = bond->params;
    }
    return w->arm[0] != UINT32_MAX && w->arm[1] != UINT32_MAX &&
           (w->point == UINT32_MAX || w->bisector != UINT32_MAX);
}

/** Angles with the fourth point, which has no mass, do nothing. @return false: there are other terms */
static bool find_bend(const al_molecule *m, water *w)
{
    for (int kind = 0; kind < AL_TERM_NKINDS; kind++)
        for (uint32_t k = 0; k < m->nterms[kind]; k++) {
            const uint32_t *atom = m->terms[kind][k].atom;
            if (kind == AL_TERM_BOND)
                continue;
            if (kind != AL_TERM_ANGLE && kind != AL_TERM_UREY)
                return false;
            if (atom[0] == w->point || atom[1] == w->point || atom[2] == w->point)
                continue;
            if (atom[1] == w->oxygen)
                w->bend = m->terms[kind][k].params;
        }
    return true;
}

/** How far a water's atoms are from each other, where that is known. */
static bool find_shape(const al_parm_reader *r, const water *w, double lengths[2])
{
    const double *params = r->top.params;
    double arm = params[w->arm[0]];
    if (arm != params[w->arm[1]] || (w->base == UINT32_MAX && w->bend == UINT32_MAX))
        return false;
    lengths[0] = arm;
    lengths[1] = w->base != UINT32_MAX ? params[w->base] : 2 * arm * sin(params[w->bend] / 2);
    return lengths[1] > 0 && lengths[1] < 2 * arm;
}

static bool is_water(const al_parm_reader *r, const al_molecule *m, water *w, double lengths[2])
{
    const uint32_t none = UINT32_MAX;
    *w = (water){none, {none, none}, none, {none, none}, none, none, none};
    return find_atoms(m, w) && find_bonds(m, w) && find_bend(m, w) && find_shape(r, w, lengths);
}

/** A molecule's only term of a kind. */
static allot_err set_term(al_parm_reader *r, al_molecule *m, al_term_kind kind, al_term term,
                          const double *values)
{
    al_term *made = malloc(sizeof *made);
    if (made == NULL)
        return al_columns_no_memory(&r->file.c);
    *made = term;
    m->terms[kind] = made;
    m->nterms[kind] = 1;
    return al_parm_add_params(r, values, al_term_infos[kind].nparams, &made->params);
}

/** Of a flexible one nothing is left either that takes hold of a point without mass. */
static void drop_terms(al_molecule *m, al_term_kind kind, uint32_t point)
{
    uint32_t kept = 0;
    for (uint32_t k = 0; k < m->nterms[kind] && point != UINT32_MAX; k++) {
        bool has = false;
        for (unsigned a = 0; a < al_term_infos[kind].natoms; a++)
            has = has || m->terms[kind][k].atom[a] == point;
        if (!has)
            m->terms[kind][kept++] = m->terms[kind][k];
    }
    if (point != UINT32_MAX)
        m->nterms[kind] = kept;
}

/** The fourth point: of a rigid water the same part of its arms always, which is what GROMACS has, too. */
static allot_err place_point(al_parm_reader *r, al_molecule *m, const water *w, const double lengths[2],
                             bool is_flexible)
{
    const al_term term = {.atom = {w->point, w->oxygen, w->hydrogen[0], w->hydrogen[1]}};
    double length = r->top.params[w->bisector],
           part = length / sqrt(4 * lengths[0] * lengths[0] - lengths[1] * lengths[1]);
    const double at_length[2] = {0.5, length}, at_part[2] = {part, part};
    return is_flexible ? set_term(r, m, AL_TERM_VSITE3FD, term, at_length)
                       : set_term(r, m, AL_TERM_VSITE3, term, at_part);
}

static allot_err make_water(al_parm_reader *r, al_molecule *m, const water *w, const double lengths[2],
                            bool is_flexible)
{
    allot_err code = ALLOT_OK;
    static const al_term_kind kinds[] = {AL_TERM_BOND, AL_TERM_ANGLE, AL_TERM_UREY};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        drop_terms(m, kinds[k], w->point);
        if (!is_flexible)
            m->nterms[kinds[k]] = 0;
    }
    if (!is_flexible) {
        const al_term term = {.atom = {w->oxygen, w->hydrogen[0], w->hydrogen[1]}};
        code = set_term(r, m, AL_TERM_SETTLE, term, lengths);
    }
    return code == ALLOT_OK && w->point != UINT32_MAX ? place_point(r, m, w, lengths, is_flexible) : code;
}

/** Of a molecule that is no such water: where its first atom without mass is, there is no place for it. */
static allot_err refuse_points(al_parm_reader *r, uint32_t molecule)
{
    const al_molecule *m = &r->top.molecules[molecule];
    uint32_t row = 0;
    while (r->top.rows[row].molecule != molecule)
        row++;
    for (uint32_t a = 0; a < m->natoms; a++)
        if (m->atoms[a].mass == 0)
            return al_parm_fault(&r->file, "MASS", r->top.rows[row].first_atom + a,
                                 "atom %s of %s has no mass: of extra points only the fourth of a water with "
                                 "equal bonds is supported",
                                 m->atoms[a].name, m->atoms[a].residue_name);
    return ALLOT_OK;
}

allot_err al_parm_find_waters(al_parm_reader *r, bool is_flexible, bool *was_bent)
{
    allot_err code = ALLOT_OK;
    *was_bent = false;
    for (uint32_t k = 0; k < r->top.nmolecules && code == ALLOT_OK; k++) {
        water w;
        double lengths[2];
        if (is_water(r, &r->top.molecules[k], &w, lengths)) {
            *was_bent = *was_bent || (w.base == UINT32_MAX && !is_flexible);
            code = make_water(r, &r->top.molecules[k], &w, lengths, is_flexible);
        } else {
            code = refuse_points(r, k);
        }
    }
    return code;
}
