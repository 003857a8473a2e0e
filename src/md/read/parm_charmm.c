/* parm_charmm.c - what a CHARMM force field has in an AMBER topology besides: Urey-Bradley terms, harmonic
 * impropers, and CMAP, which AMBER's own newer ones have, too. Atoms are numbered from 1 here.
 *
 * The file has a Urey-Bradley term by the two ends of an angle. Here it is a part of that angle, so that it
 * is no bond, which constraints would take hold of.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/read/parm_reader.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define PI 3.14159265358979323846
enum { SIDE_MOST = 60, GRIDS_MOST = 99 };

/** Atoms of a term, from 1, the first of them the k-th of its section. */
static allot_err read_atoms(al_parm_reader *r, const char *section, uint64_t k, const int32_t *values,
                            uint32_t natoms, uint32_t *atoms)
{
    allot_err code = ALLOT_OK;
    for (uint32_t a = 0; a < natoms && code == ALLOT_OK; a++)
        code = al_parm_index(r, section, k + a, values[a], r->all.natoms, &atoms[a]);
    return code == ALLOT_OK ? al_parm_check_atoms(r, section, k, atoms, natoms) : code;
}

/** Counts that have a section of their own. @param[out] counts  [n]; 0 where there is no such section */
static allot_err read_counts(al_parm_reader *r, const char *section, uint32_t n, uint64_t counts[2])
{
    int32_t *values = NULL;
    counts[0] = counts[1] = 0;
    if (al_parm_find(&r->file, section) == NULL)
        return ALLOT_OK;
    allot_err code = al_parm_integers(&r->file, section, n, &values);
    for (uint32_t k = 0; k < n && code == ALLOT_OK; k++) {
        counts[k] = (uint64_t)values[k];
        if (values[k] < 0)
            code = al_parm_fault(&r->file, section, k, "a count is not negative");
    }
    free(values);
    return code;
}

/* ---- Urey-Bradley -------------------------------------------------------------------------------------- */

/** An angle by its ends. */
typedef struct ends {
    uint32_t low, high, angle;
} ends;

static int by_ends(const void *x, const void *y)
{
    const ends *a = x, *b = y;
    if (a->low != b->low)
        return a->low < b->low ? -1 : 1;
    if (a->high != b->high)
        return a->high < b->high ? -1 : 1;
    return (a->angle > b->angle) - (a->angle < b->angle);
}

static ends ends_of(uint32_t a, uint32_t b, uint32_t angle)
{
    return (ends){.low = a < b ? a : b, .high = a < b ? b : a, .angle = angle};
}

/** The first angle that has not been taken yet between two atoms. @return UINT32_MAX: there is none */
static uint32_t find_angle(const ends *all, uint32_t n, uint32_t a, uint32_t b, const bool *is_taken)
{
    ends wanted = ends_of(a, b, 0);
    uint32_t begin = 0, end = n;
    while (begin < end) {
        uint32_t middle = begin + (end - begin) / 2;
        if (by_ends(&all[middle], &wanted) < 0)
            begin = middle + 1;
        else
            end = middle;
    }
    for (; begin < n && all[begin].low == wanted.low && all[begin].high == wanted.high; begin++)
        if (!is_taken[all[begin].angle])
            return all[begin].angle;
    return UINT32_MAX;
}

typedef struct urey {
    int32_t *rows; /* [3 n]: two atoms and a type */
    double *k, *length;
    ends *all; /* angles, sorted */
    bool *is_taken;
    uint64_t n, ntypes;
} urey;

static allot_err join(al_parm_reader *r, urey *u, uint64_t row)
{
    static const char section[] = "CHARMM_UREY_BRADLEY";
    al_molecule *m = &r->all;
    uint32_t atoms[2], type, at;
    allot_err code = read_atoms(r, section, 3 * row, u->rows + 3 * row, 2, atoms);
    if (code == ALLOT_OK)
        code = al_parm_index(r, section, 3 * row + 2, u->rows[3 * row + 2], u->ntypes, &type);
    if (code != ALLOT_OK)
        return code;
    uint32_t angle = find_angle(u->all, m->nterms[AL_TERM_ANGLE], atoms[0], atoms[1], u->is_taken);
    if (angle == UINT32_MAX)
        return al_parm_fault(&r->file, section, 3 * row, "there is no angle from atom %u to atom %u",
                             atoms[0] + 1, atoms[1] + 1);
    const al_term *found = &m->terms[AL_TERM_ANGLE][angle];
    const double *bend = r->top.params + found->params;
    const double values[4] = {bend[0], bend[1], u->length[type] / AL_PARM_NM,
                              2 * u->k[type] * AL_PARM_KCAL * AL_PARM_NM * AL_PARM_NM};
    u->is_taken[angle] = true;
    code = al_parm_add_params(r, values, 4, &at);
    return code == ALLOT_OK ? al_parm_add_term(r, AL_TERM_UREY, found->atom, at) : code;
}

static void drop_taken(al_molecule *m, const bool *is_taken)
{
    uint32_t kept = 0;
    for (uint32_t k = 0; k < m->nterms[AL_TERM_ANGLE]; k++)
        if (!is_taken[k])
            m->terms[AL_TERM_ANGLE][kept++] = m->terms[AL_TERM_ANGLE][k];
    m->nterms[AL_TERM_ANGLE] = kept;
}

static allot_err join_all(al_parm_reader *r, urey *u)
{
    al_molecule *m = &r->all;
    uint32_t n = m->nterms[AL_TERM_ANGLE];
    allot_err code = ALLOT_OK;
    u->all = calloc((size_t)n + 1, sizeof *u->all);
    u->is_taken = calloc((size_t)n + 1, sizeof *u->is_taken);
    if (u->all == NULL || u->is_taken == NULL)
        return al_columns_no_memory(&r->file.c);
    for (uint32_t k = 0; k < n; k++)
        u->all[k] = ends_of(m->terms[AL_TERM_ANGLE][k].atom[0], m->terms[AL_TERM_ANGLE][k].atom[2], k);
    qsort(u->all, n, sizeof *u->all, by_ends);
    for (uint64_t row = 0; row < u->n && code == ALLOT_OK; row++)
        code = join(r, u, row);
    drop_taken(m, u->is_taken);
    return code;
}

static allot_err read_urey_bradley(al_parm_reader *r)
{
    uint64_t counts[2];
    allot_err code = read_counts(r, "CHARMM_UREY_BRADLEY_COUNT", 2, counts);
    urey u = {.n = counts[0], .ntypes = counts[1]};
    if (code == ALLOT_OK)
        code = al_parm_integers(&r->file, "CHARMM_UREY_BRADLEY", 3 * u.n, &u.rows);
    if (code == ALLOT_OK)
        code = al_parm_numbers(&r->file, "CHARMM_UREY_BRADLEY_FORCE_CONSTANT", u.ntypes, &u.k);
    if (code == ALLOT_OK)
        code = al_parm_numbers(&r->file, "CHARMM_UREY_BRADLEY_EQUIL_VALUE", u.ntypes, &u.length);
    if (code == ALLOT_OK)
        code = join_all(r, &u);
    free(u.rows);
    free(u.k);
    free(u.length);
    free(u.all);
    free(u.is_taken);
    return code;
}

/* ---- impropers ----------------------------------------------------------------------------------------- */

typedef struct impropers {
    int32_t *rows; /* [5 n]: four atoms and a type */
    double *k, *angle;
    uint64_t n, ntypes;
} impropers;

static allot_err add_improper(al_parm_reader *r, const impropers *i, uint64_t row)
{
    static const char section[] = "CHARMM_IMPROPERS";
    uint32_t atoms[4], type, at;
    allot_err code = read_atoms(r, section, 5 * row, i->rows + 5 * row, 4, atoms);
    if (code == ALLOT_OK)
        code = al_parm_index(r, section, 5 * row + 4, i->rows[5 * row + 4], i->ntypes, &type);
    if (code == ALLOT_OK && fabs(i->angle[type]) > 2 * PI)
        code = al_parm_fault(&r->file, "CHARMM_IMPROPER_PHASE", type,
                             "%g is more than a turn; radians are needed, not degrees", i->angle[type]);
    if (code != ALLOT_OK)
        return code;
    const double values[2] = {i->angle[type], 2 * i->k[type] * AL_PARM_KCAL};
    code = al_parm_add_params(r, values, 2, &at);
    return code == ALLOT_OK ? al_parm_add_term(r, AL_TERM_IMPROPER, atoms, at) : code;
}

static allot_err read_impropers(al_parm_reader *r)
{
    uint64_t n[2], ntypes[2] = {0};
    allot_err code = read_counts(r, "CHARMM_NUM_IMPROPERS", 1, n);
    if (code == ALLOT_OK)
        code = read_counts(r, "CHARMM_NUM_IMPR_TYPES", 1, ntypes);
    impropers i = {.n = n[0], .ntypes = ntypes[0]};
    if (code == ALLOT_OK)
        code = al_parm_integers(&r->file, "CHARMM_IMPROPERS", 5 * i.n, &i.rows);
    if (code == ALLOT_OK)
        code = al_parm_numbers(&r->file, "CHARMM_IMPROPER_FORCE_CONSTANT", i.ntypes, &i.k);
    if (code == ALLOT_OK)
        code = al_parm_numbers(&r->file, "CHARMM_IMPROPER_PHASE", i.ntypes, &i.angle);
    for (uint64_t row = 0; row < i.n && code == ALLOT_OK; row++)
        code = add_improper(r, &i, row);
    free(i.rows);
    free(i.k);
    free(i.angle);
    return code;
}

/* ---- CMAP ---------------------------------------------------------------------------------------------- */

static allot_err read_grid(al_parm_reader *r, const char *prefix, uint32_t k, int32_t side)
{
    char section[AL_PARM_NAME + 1];
    (void)snprintf(section, sizeof section, "%sCMAP_PARAMETER_%02u", prefix, k + 1);
    uint64_t n = (uint64_t)side * (uint64_t)side;
    allot_err code = al_parm_numbers(&r->file, section, n, &r->top.cmaps[k]);
    for (uint64_t j = 0; j < n && code == ALLOT_OK; j++)
        r->top.cmaps[k][j] *= AL_PARM_KCAL;
    r->top.cmap_side[k] = (uint32_t)side;
    return code;
}

static allot_err read_grids(al_parm_reader *r, const char *prefix, uint64_t n)
{
    char section[AL_PARM_NAME + 1];
    int32_t *sides = NULL;
    (void)snprintf(section, sizeof section, "%sCMAP_RESOLUTION", prefix);
    allot_err code = al_parm_integers(&r->file, section, n, &sides);
    r->top.cmaps = calloc((size_t)n + 1, sizeof *r->top.cmaps);
    r->top.cmap_side = calloc((size_t)n + 1, sizeof *r->top.cmap_side);
    if (code == ALLOT_OK && (r->top.cmaps == NULL || r->top.cmap_side == NULL))
        code = al_columns_no_memory(&r->file.c);
    if (code == ALLOT_OK)
        r->top.ncmaps = (uint32_t)n;
    for (uint32_t k = 0; k < n && code == ALLOT_OK; k++)
        code = sides[k] >= 2 && sides[k] <= SIDE_MOST
                   ? read_grid(r, prefix, k, sides[k])
                   : al_parm_fault(&r->file, section, k, "a grid has 2 to %d points on a side", SIDE_MOST);
    free(sides);
    return code;
}

static allot_err read_cmaps(al_parm_reader *r, const char *prefix)
{
    enum { NATOMS = 5, WIDTH = NATOMS + 1 };
    char section[AL_PARM_NAME + 1];
    uint64_t counts[2];
    int32_t *rows = NULL;
    (void)snprintf(section, sizeof section, "%sCMAP_COUNT", prefix);
    allot_err code = read_counts(r, section, 2, counts);
    if (code != ALLOT_OK || counts[0] == 0)
        return code;
    if (counts[1] > GRIDS_MOST)
        return al_parm_fault(&r->file, section, 1, "there are at most %d grids", GRIDS_MOST);
    if (r->top.cmaps != NULL)
        return al_parm_refuse(&r->file, section, "CMAP stands here a second time");
    code = read_grids(r, prefix, counts[1]);
    (void)snprintf(section, sizeof section, "%sCMAP_INDEX", prefix);
    if (code == ALLOT_OK)
        code = al_parm_integers(&r->file, section, WIDTH * counts[0], &rows);
    for (uint64_t k = 0; k < counts[0] && code == ALLOT_OK; k++) {
        uint32_t atoms[NATOMS], type, at = 0;
        code = read_atoms(r, section, WIDTH * k, rows + WIDTH * k, NATOMS, atoms);
        if (code == ALLOT_OK)
            code = al_parm_index(r, section, WIDTH * k + NATOMS, rows[WIDTH * k + NATOMS], counts[1], &type);
        const double value = type;
        if (code == ALLOT_OK)
            code = al_parm_add_params(r, &value, 1, &at);
        if (code == ALLOT_OK)
            code = al_parm_add_term(r, AL_TERM_CMAP, atoms, at);
    }
    free(rows);
    return code;
}

allot_err al_parm_read_charmm(al_parm_reader *r)
{
    allot_err code = read_urey_bradley(r);
    if (code == ALLOT_OK)
        code = read_impropers(r);
    if (code == ALLOT_OK)
        code = read_cmaps(r, "CHARMM_");
    return code == ALLOT_OK ? read_cmaps(r, "") : code;
}
