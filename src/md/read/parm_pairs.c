/* parm_pairs.c - what atoms of an AMBER topology do to each other that are not bonded: Lennard-Jones of every
 * two types, and who is excluded.
 *
 * The file has a coefficient for each two types, whatever rule made them. Where all are what Lorentz's and
 * Berthelot's rule makes of the types' own, to the digits that a file has, the pairs are computed by the
 * rule, which is faster; where some are not, as with NBFIX, from the table.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/read/parm_reader.h"

#include <math.h>
#include <stdlib.h>

/** Twice what nine digits leave of a coefficient, and what they leave of those that the rule is fed with. */
#define SAME 2e-7

typedef struct matrix {
    int32_t *index;  /* [ntypes^2] */
    double *a, *b;   /* [ntypes (ntypes + 1) / 2] */
    double *ha, *hb; /* [nhbonds]: of 10-12 potentials */
    uint64_t n, nhbonds;
} matrix;

/** Two types of a 10-12 potential have no Lennard-Jones; the potential is supported if it is 0. */
static allot_err check_hbond(al_parm_reader *r, const matrix *m, uint64_t k, uint64_t which)
{
    if (which >= m->nhbonds)
        return al_parm_fault(&r->file, "NONBONDED_PARM_INDEX", k,
                             "there is no 10-12 potential of this number");
    bool has_a = m->ha[which] != 0;
    if (has_a || m->hb[which] != 0)
        return al_parm_fault(&r->file, has_a ? "HBOND_ACOEF" : "HBOND_BCOEF", which,
                             "a 10-12 potential of hydrogen bonds is not supported");
    return ALLOT_OK;
}

static allot_err fill(al_parm_reader *r, const matrix *m, const char *repulsion, double *c6s, double *c12s)
{
    const double nm6 = pow(AL_PARM_NM, -6);
    for (uint64_t k = 0; k < (uint64_t)r->top.ntypes * r->top.ntypes; k++) {
        int64_t index = m->index[k];
        if (index < 0) {
            allot_err code = check_hbond(r, m, k, (uint64_t)(-index - 1));
            if (code != ALLOT_OK)
                return code;
            continue;
        }
        if (index == 0 || (uint64_t)index > m->n)
            return al_parm_fault(&r->file, "NONBONDED_PARM_INDEX", k, "there is no number %lld of %s",
                                 (long long)index, repulsion);
        c6s[k] = m->b[index - 1] * AL_PARM_KCAL * nm6;
        c12s[k] = m->a[index - 1] * AL_PARM_KCAL * nm6 * nm6;
    }
    return ALLOT_OK;
}

allot_err al_parm_read_matrix(al_parm_reader *r, const char *repulsion, const char *attraction, double **c6s,
                              double **c12s)
{
    uint64_t ntypes = r->top.ntypes;
    matrix m = {.n = ntypes * (ntypes + 1) / 2, .nhbonds = (uint64_t)r->pointers[AL_PARM_NPHB]};
    *c6s = *c12s = NULL;
    allot_err code = al_parm_integers(&r->file, "NONBONDED_PARM_INDEX", ntypes * ntypes, &m.index);
    if (code == ALLOT_OK)
        code = al_parm_numbers(&r->file, repulsion, m.n, &m.a);
    if (code == ALLOT_OK)
        code = al_parm_numbers(&r->file, attraction, m.n, &m.b);
    if (code == ALLOT_OK)
        code = al_parm_numbers(&r->file, "HBOND_ACOEF", m.nhbonds, &m.ha);
    if (code == ALLOT_OK)
        code = al_parm_numbers(&r->file, "HBOND_BCOEF", m.nhbonds, &m.hb);
    if (code == ALLOT_OK) {
        *c6s = calloc(ntypes * ntypes, sizeof **c6s);
        *c12s = calloc(ntypes * ntypes, sizeof **c12s);
        code = *c6s != NULL && *c12s != NULL ? fill(r, &m, repulsion, *c6s, *c12s)
                                             : al_columns_no_memory(&r->file.c);
    }
    free(m.index);
    free(m.a);
    free(m.b);
    free(m.ha);
    free(m.hb);
    return code;
}

static bool is_near(double a, double b)
{
    return fabs(a - b) <= SAME * fmax(fabs(a), fabs(b));
}

/** Sigma and epsilon of each type, and whether they tell of all pairs. */
static bool follows_rule(al_topology *t)
{
    size_t n = t->ntypes;
    bool follows = true;
    for (size_t a = 0; a < n; a++) {
        double c6 = t->c6[a * n + a], c12 = t->c12[a * n + a];
        bool has = c6 > 0 && c12 > 0;
        t->types[a].sigma = has ? pow(c12 / c6, 1.0 / 6) : 0;
        t->types[a].epsilon = has ? c6 * c6 / (4 * c12) : 0;
        follows = follows && (has || (c6 == 0 && c12 == 0));
    }
    for (size_t a = 0; a < n && follows; a++)
        for (size_t b = 0; b < n && follows; b++) {
            const al_atom_type *s = &t->types[a], *u = &t->types[b];
            double s6 = pow((s->sigma + u->sigma) / 2, 6), four = 4 * sqrt(s->epsilon * u->epsilon);
            follows = is_near(t->c6[a * n + b], four * s6) && is_near(t->c12[a * n + b], four * s6 * s6);
        }
    return follows;
}

allot_err al_parm_read_types(al_parm_reader *r)
{
    al_topology *t = &r->top;
    allot_err code = al_parm_read_matrix(r, "LENNARD_JONES_ACOEF", "LENNARD_JONES_BCOEF", &t->c6, &t->c12);
    if (code != ALLOT_OK)
        return code;
    t->types = calloc(t->ntypes, sizeof *t->types);
    if (t->types == NULL)
        return al_columns_no_memory(&r->file.c);
    for (uint64_t a = 0; a < t->ntypes; a++)
        for (uint64_t b = 0; b < a; b++)
            if (t->c6[a * t->ntypes + b] != t->c6[b * t->ntypes + a] ||
                t->c12[a * t->ntypes + b] != t->c12[b * t->ntypes + a])
                return al_parm_fault(&r->file, "NONBONDED_PARM_INDEX", a * t->ntypes + b,
                                     "two types have one Lennard-Jones potential, whichever comes first");
    t->combination = AL_COMBINE_LORENTZ;
    t->has_special_pairs = !follows_rule(t);
    return ALLOT_OK;
}

/* ---- exclusions ---------------------------------------------------------------------------------------- */

/** Pairs as they come: the atom, and the place of the other in the list. An atom without any has one 0. */
typedef struct listed {
    const int32_t *counts, *list;
    uint32_t natoms;
} listed;

/** Both ways, twice: to count, and to keep. @param next  [natoms]: where each atom's next one goes */
static void spread(const listed *l, uint32_t *next, uint32_t *excluded)
{
    for (uint32_t a = 0, k = 0; a < l->natoms; a++)
        for (int32_t n = 0; n < l->counts[a]; n++, k++) {
            if (l->list[k] == 0)
                continue;
            uint32_t b = (uint32_t)l->list[k] - 1;
            if (excluded != NULL) {
                excluded[next[a]] = b;
                excluded[next[b]] = a;
            }
            next[a]++;
            next[b]++;
        }
}

static int by_number(const void *x, const void *y)
{
    const uint32_t *a = x, *b = y;
    return (*a > *b) - (*a < *b);
}

/** In order, and none twice. */
static void tidy(al_molecule *m)
{
    uint32_t kept = 0;
    for (uint32_t a = 0; a < m->natoms; a++) {
        uint32_t begin = m->excluded_first[a], end = m->excluded_first[a + 1];
        qsort(m->excluded + begin, end - begin, sizeof *m->excluded, by_number);
        m->excluded_first[a] = kept;
        for (uint32_t k = begin; k < end; k++)
            if (k == begin || m->excluded[k] != m->excluded[k - 1])
                m->excluded[kept++] = m->excluded[k];
    }
    m->excluded_first[m->natoms] = kept;
}

static allot_err check_list(al_parm_reader *r, const listed *l, uint64_t n)
{
    uint64_t k = 0;
    for (uint32_t a = 0; a < l->natoms; a++) {
        if (l->counts[a] < 0 || (uint64_t)l->counts[a] > n - k)
            return al_parm_fault(&r->file, "NUMBER_EXCLUDED_ATOMS", a,
                                 "these are more in all than EXCLUDED_ATOMS_LIST has");
        for (int32_t j = 0; j < l->counts[a]; j++, k++)
            if (l->list[k] < 0 || (uint32_t)l->list[k] > l->natoms || (uint32_t)l->list[k] == a + 1)
                return al_parm_fault(&r->file, "EXCLUDED_ATOMS_LIST", k,
                                     "%d is not another one of the %u atoms than %u, which excludes it",
                                     (int)l->list[k], l->natoms, a + 1);
    }
    return k == n ? ALLOT_OK
                  : al_parm_fault(&r->file, "EXCLUDED_ATOMS_LIST", k,
                                  "NUMBER_EXCLUDED_ATOMS are fewer in all than there are here");
}

static allot_err set_exclusions(al_parm_reader *r, const listed *l)
{
    al_molecule *m = &r->all;
    uint32_t *next = calloc((size_t)m->natoms + 1, sizeof *next), sum = 0;
    m->excluded_first = calloc((size_t)m->natoms + 1, sizeof *m->excluded_first);
    if (next == NULL || m->excluded_first == NULL) {
        free(next);
        return al_columns_no_memory(&r->file.c);
    }
    spread(l, next, NULL);
    for (uint32_t a = 0; a < m->natoms; a++) {
        m->excluded_first[a] = sum;
        sum += next[a];
        next[a] = m->excluded_first[a];
    }
    m->excluded_first[m->natoms] = sum;
    m->excluded = calloc((size_t)sum + 1, sizeof *m->excluded);
    if (m->excluded != NULL) {
        spread(l, next, m->excluded);
        tidy(m);
    }
    free(next);
    return m->excluded != NULL ? ALLOT_OK : al_columns_no_memory(&r->file.c);
}

allot_err al_parm_read_exclusions(al_parm_reader *r)
{
    uint64_t n = (uint64_t)r->pointers[AL_PARM_NNB];
    int32_t *counts = NULL, *list = NULL;
    allot_err code = al_parm_integers(&r->file, "NUMBER_EXCLUDED_ATOMS", r->all.natoms, &counts);
    if (code == ALLOT_OK)
        code = al_parm_integers(&r->file, "EXCLUDED_ATOMS_LIST", n, &list);
    const listed l = {counts, list, r->all.natoms};
    if (code == ALLOT_OK)
        code = check_list(r, &l, n);
    if (code == ALLOT_OK)
        code = set_exclusions(r, &l);
    free(counts);
    free(list);
    return code;
}
