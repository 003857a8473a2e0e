/* parm_terms.c - bonds, angles and dihedrals of an AMBER topology, and the 1-4 pairs that dihedrals bring.
 *
 * Energies are k (x - x0)^2, so that k is half of what al_topology has, and k (1 + cos(n phi - phase)). Atoms
 * are numbered by 3 from 0, as places in an array of coordinates. Of a dihedral a negative third atom says
 * that its ends are no 1-4 pair (they are one already, or in a ring), a negative fourth that it is an
 * improper, whose ends are none either. A pair has its dihedral's two divisors, of charges and of
 * Lennard-Jones; 0 says that there is no such part.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/read/parm_reader.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "md/grow.h"

#define PI 3.14159265358979323846
/** Phases are 3.141594 where half a turn is meant, and that is what AMBER takes them for. */
#define PHASE_DIGITS 1e-3

allot_err al_parm_add_params(al_parm_reader *r, const double *values, uint32_t n, uint32_t *at)
{
    al_topology *t = &r->top;
    if (!al_grow(&t->params, &r->params_room, t->nparams + n, sizeof *t->params))
        return al_columns_no_memory(&r->file.c);
    *at = t->nparams;
    memcpy(t->params + t->nparams, values, n * sizeof *values);
    t->nparams += n;
    return ALLOT_OK;
}

allot_err al_parm_add_term(al_parm_reader *r, al_term_kind kind, const uint32_t *atoms, uint32_t params)
{
    al_molecule *m = &r->all;
    al_term term = {.params = params};
    if (!al_grow(&m->terms[kind], &r->room[kind], m->nterms[kind] + 1, sizeof *m->terms[kind]))
        return al_columns_no_memory(&r->file.c);
    memcpy(term.atom, atoms, al_term_infos[kind].natoms * sizeof *atoms);
    m->terms[kind][m->nterms[kind]++] = term;
    return ALLOT_OK;
}

allot_err al_parm_check_atoms(al_parm_reader *r, const char *section, uint64_t k, const uint32_t *atoms,
                              uint32_t natoms)
{
    for (uint32_t a = 0; a < natoms; a++)
        for (uint32_t b = 0; b < a; b++)
            if (atoms[a] == atoms[b])
                return al_parm_fault(&r->file, section, k + a, "atom %u stands twice in this term",
                                     atoms[a] + 1);
    return ALLOT_OK;
}

/** Atoms of a term, by 3 from 0. The sign says something else. */
static allot_err read_atoms(al_parm_reader *r, const char *section, uint64_t k, const int32_t *values,
                            uint32_t natoms, uint32_t *atoms)
{
    for (uint32_t a = 0; a < natoms; a++) {
        uint32_t at = (uint32_t)abs(values[a]);
        if (at % 3 != 0 || at / 3 >= r->all.natoms || (values[a] < 0 && a < 2))
            return al_parm_fault(&r->file, section, k + a,
                                 "%d is none of the %u atoms: a multiple of 3 is needed, 0 for the first",
                                 (int)values[a], r->all.natoms);
        atoms[a] = at / 3;
    }
    return al_parm_check_atoms(r, section, k, atoms, natoms);
}

/* ---- bonds and angles ---------------------------------------------------------------------------------- */

/** Numbers of each type, in the order in which terms have them. @param[out] at  [n], in params[]; free() */
static allot_err read_harmonic(al_parm_reader *r, const char *k_name, const char *x_name, double k_unit,
                               double x_unit, uint64_t n, uint32_t **at)
{
    double *k = NULL, *x = NULL;
    allot_err code = al_parm_numbers(&r->file, k_name, n, &k);
    if (code == ALLOT_OK)
        code = al_parm_numbers(&r->file, x_name, n, &x);
    *at = calloc((size_t)n + 1, sizeof **at);
    if (code == ALLOT_OK && *at == NULL)
        code = al_columns_no_memory(&r->file.c);
    for (uint64_t j = 0; j < n && code == ALLOT_OK; j++) {
        const double values[2] = {x[j] * x_unit, 2 * k[j] * k_unit};
        code = al_parm_add_params(r, values, 2, &(*at)[j]);
    }
    free(k);
    free(x);
    return code;
}

/** What is constrained by constraints = h-bonds: the bonds that AMBER lists as those with hydrogen, of which
 * it is the lighter atom. */
static void mark_hydrogen(al_molecule *m, const uint32_t *atoms)
{
    al_molecule_atom *a = &m->atoms[atoms[0]], *b = &m->atoms[atoms[1]];
    a->is_hydrogen = a->is_hydrogen || (a->mass > 0 && a->mass <= b->mass);
    b->is_hydrogen = b->is_hydrogen || (b->mass > 0 && b->mass <= a->mass);
}

/** One of the two sections of bonds or angles. */
static allot_err read_list(al_parm_reader *r, const char *section, uint64_t n, al_term_kind kind,
                           const uint32_t *params, uint64_t ntypes, bool has_hydrogen)
{
    uint32_t natoms = al_term_infos[kind].natoms, width = natoms + 1;
    int32_t *values = NULL;
    allot_err code = al_parm_integers(&r->file, section, n * width, &values);
    for (uint64_t k = 0; k < n && code == ALLOT_OK; k++) {
        uint32_t atoms[AL_TERM_ATOMS], type;
        code = read_atoms(r, section, k * width, values + k * width, natoms, atoms);
        if (code == ALLOT_OK)
            code = al_parm_index(r, section, k * width + natoms, values[k * width + natoms], ntypes, &type);
        if (code == ALLOT_OK)
            code = al_parm_add_term(r, kind, atoms, params[type]);
        if (code == ALLOT_OK && has_hydrogen && kind == AL_TERM_BOND)
            mark_hydrogen(&r->all, atoms);
    }
    free(values);
    return code;
}

static allot_err read_bonds(al_parm_reader *r)
{
    const int64_t *p = r->pointers;
    uint64_t ntypes = (uint64_t)p[AL_PARM_NUMBND];
    uint32_t *at;
    allot_err code = read_harmonic(r, "BOND_FORCE_CONSTANT", "BOND_EQUIL_VALUE",
                                   AL_PARM_KCAL * AL_PARM_NM * AL_PARM_NM, 1 / AL_PARM_NM, ntypes, &at);
    if (code == ALLOT_OK)
        code = read_list(r, "BONDS_INC_HYDROGEN", (uint64_t)p[AL_PARM_NBONH], AL_TERM_BOND, at, ntypes, true);
    if (code == ALLOT_OK)
        code = read_list(r, "BONDS_WITHOUT_HYDROGEN", (uint64_t)p[AL_PARM_NBONA], AL_TERM_BOND, at, ntypes,
                         false);
    free(at);
    return code;
}

static allot_err read_angles(al_parm_reader *r)
{
    const int64_t *p = r->pointers;
    uint64_t ntypes = (uint64_t)p[AL_PARM_NUMANG];
    uint32_t *at;
    allot_err code =
        read_harmonic(r, "ANGLE_FORCE_CONSTANT", "ANGLE_EQUIL_VALUE", AL_PARM_KCAL, 1, ntypes, &at);
    if (code == ALLOT_OK)
        code =
            read_list(r, "ANGLES_INC_HYDROGEN", (uint64_t)p[AL_PARM_NTHETH], AL_TERM_ANGLE, at, ntypes, true);
    if (code == ALLOT_OK)
        code = read_list(r, "ANGLES_WITHOUT_HYDROGEN", (uint64_t)p[AL_PARM_NTHETA], AL_TERM_ANGLE, at, ntypes,
                         false);
    free(at);
    return code;
}

/* ---- dihedrals ----------------------------------------------------------------------------------------- */

typedef struct dihedrals {
    uint64_t ntypes;
    double *k, *n, *phase, *divides_charges, *divides_lj; /* [ntypes] */
    uint32_t *params;
    double *c6s, *c12s; /* of 1-4 pairs: CHARMM's; NULL: they have those of all pairs */
} dihedrals;

/** What divides 1-4 pairs: where the file does not say, what AMBER takes. */
static allot_err read_divisors(al_parm_reader *r, const char *section, double usual, uint64_t n,
                               double **values)
{
    if (al_parm_find(&r->file, section) != NULL)
        return al_parm_numbers(&r->file, section, n, values);
    *values = calloc((size_t)n + 1, sizeof **values);
    for (uint64_t k = 0; *values != NULL && k < n; k++)
        (*values)[k] = r->is_chamber ? 1 : usual;
    return *values != NULL ? ALLOT_OK : al_columns_no_memory(&r->file.c);
}

static double phase_of(double phase)
{
    return fabs(phase) < PHASE_DIGITS              ? 0
           : fabs(fabs(phase) - PI) < PHASE_DIGITS ? copysign(PI, phase)
                                                   : phase;
}

static allot_err set_types(al_parm_reader *r, dihedrals *d)
{
    allot_err code = ALLOT_OK;
    d->params = calloc((size_t)d->ntypes + 1, sizeof *d->params);
    if (d->params == NULL)
        return al_columns_no_memory(&r->file.c);
    for (uint64_t k = 0; k < d->ntypes && code == ALLOT_OK; k++) {
        double n = fabs(d->n[k]);
        const double values[3] = {phase_of(d->phase[k]), d->k[k] * AL_PARM_KCAL, rint(n)};
        if (fabs(n - rint(n)) > 1e-3 || n > 100)
            return al_parm_fault(&r->file, "DIHEDRAL_PERIODICITY", k,
                                 "a whole number is needed, and %g is not", d->n[k]);
        code = al_parm_add_params(r, values, 3, &d->params[k]);
    }
    return code;
}

static allot_err read_types(al_parm_reader *r, dihedrals *d)
{
    const struct {
        const char *section;
        double **values;
    } numbers[] = {
        {"DIHEDRAL_FORCE_CONSTANT", &d->k}, {"DIHEDRAL_PERIODICITY", &d->n}, {"DIHEDRAL_PHASE", &d->phase}};
    allot_err code = ALLOT_OK;
    for (size_t k = 0; k < sizeof numbers / sizeof *numbers && code == ALLOT_OK; k++)
        code = al_parm_numbers(&r->file, numbers[k].section, d->ntypes, numbers[k].values);
    if (code == ALLOT_OK)
        code = read_divisors(r, "SCEE_SCALE_FACTOR", 1.2, d->ntypes, &d->divides_charges);
    if (code == ALLOT_OK)
        code = read_divisors(r, "SCNB_SCALE_FACTOR", 2.0, d->ntypes, &d->divides_lj);
    if (code == ALLOT_OK && al_parm_find(&r->file, "LENNARD_JONES_14_ACOEF") != NULL)
        code = al_parm_read_matrix(r, "LENNARD_JONES_14_ACOEF", "LENNARD_JONES_14_BCOEF", &d->c6s, &d->c12s);
    return code == ALLOT_OK ? set_types(r, d) : code;
}

static allot_err add_pair(al_parm_reader *r, const dihedrals *d, uint32_t type, uint32_t first, uint32_t last)
{
    const al_molecule_atom *a = &r->all.atoms[first], *b = &r->all.atoms[last];
    size_t both = (size_t)a->type * r->top.ntypes + b->type;
    double charges = d->divides_charges[type], lj = d->divides_lj[type];
    const double values[3] = {
        lj != 0 ? (d->c6s != NULL ? d->c6s : r->top.c6)[both] / lj : 0,
        lj != 0 ? (d->c12s != NULL ? d->c12s : r->top.c12)[both] / lj : 0,
        charges != 0 ? a->charge * b->charge / charges : 0,
    };
    const uint32_t atoms[2] = {first, last};
    uint32_t at;
    allot_err code = al_parm_add_params(r, values, 3, &at);
    return code == ALLOT_OK ? al_parm_add_term(r, AL_TERM_PAIR14, atoms, at) : code;
}

static allot_err read_dihedral_list(al_parm_reader *r, const char *section, uint64_t n, const dihedrals *d)
{
    enum { NATOMS = 4, WIDTH = NATOMS + 1 };
    int32_t *values = NULL;
    allot_err code = al_parm_integers(&r->file, section, n * WIDTH, &values);
    for (uint64_t k = 0; k < n && code == ALLOT_OK; k++) {
        const int32_t *row = values + k * WIDTH;
        bool is_improper = row[3] < 0, is_pair = row[2] >= 0 && !is_improper;
        uint32_t atoms[NATOMS], type;
        code = read_atoms(r, section, k * WIDTH, row, NATOMS, atoms);
        if (code == ALLOT_OK)
            code = al_parm_index(r, section, k * WIDTH + NATOMS, row[NATOMS], d->ntypes, &type);
        if (code == ALLOT_OK && d->k[type] != 0)
            code = al_parm_add_term(r, is_improper ? AL_TERM_IMPROPER_PERIODIC : AL_TERM_PROPER, atoms,
                                    d->params[type]);
        if (code == ALLOT_OK && is_pair)
            code = add_pair(r, d, type, atoms[0], atoms[3]);
    }
    free(values);
    return code;
}

static allot_err read_dihedrals(al_parm_reader *r)
{
    dihedrals d = {.ntypes = (uint64_t)r->pointers[AL_PARM_NPTRA]};
    allot_err code = read_types(r, &d);
    if (code == ALLOT_OK)
        code = read_dihedral_list(r, "DIHEDRALS_INC_HYDROGEN", (uint64_t)r->pointers[AL_PARM_NPHIH], &d);
    if (code == ALLOT_OK)
        code = read_dihedral_list(r, "DIHEDRALS_WITHOUT_HYDROGEN", (uint64_t)r->pointers[AL_PARM_NPHIA], &d);
    double *const all[] = {d.k, d.n, d.phase, d.divides_charges, d.divides_lj, d.c6s, d.c12s};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        free(all[k]);
    free(d.params);
    return code;
}

allot_err al_parm_read_terms(al_parm_reader *r)
{
    allot_err code = read_bonds(r);
    if (code == ALLOT_OK)
        code = read_angles(r);
    return code == ALLOT_OK ? read_dihedrals(r) : code;
}
