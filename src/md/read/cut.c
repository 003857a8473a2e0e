/* cut.c - see cut.h.
 *
 * Pieces are ranges of atoms: an atom of another molecule that stands between two that are bonded is one
 * molecule with them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/read/cut.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "md/read/source.h"

typedef struct cutting {
    const al_molecule *all;
    al_topology *top;
    uint32_t *begin;                 /* [npieces + 1] atoms */
    uint32_t *piece;                 /* [natoms]: of which each atom is */
    uint32_t *first[AL_TERM_NKINDS]; /* [npieces + 1]: where each piece's terms begin in terms[] */
    al_term *terms[AL_TERM_NKINDS];  /* by piece */
    uint32_t npieces;
} cutting;

/* ---- where ----------------------------------------------------------------------------------------------
 */

static void reach_over(uint32_t *last, const uint32_t *atoms, uint32_t n)
{
    uint32_t low = atoms[0], high = atoms[0];
    for (uint32_t k = 1; k < n; k++) {
        low = atoms[k] < low ? atoms[k] : low;
        high = atoms[k] > high ? atoms[k] : high;
    }
    last[low] = last[low] > high ? last[low] : high;
}

/** Pieces end where nothing that began before them reaches on. @param last  room, [natoms] */
static void find_pieces(cutting *c, uint32_t *last)
{
    const al_molecule *all = c->all;
    for (uint32_t a = 0; a < all->natoms; a++) {
        last[a] = a;
        for (uint32_t k = all->excluded_first[a]; k < all->excluded_first[a + 1]; k++)
            last[a] = last[a] > all->excluded[k] ? last[a] : all->excluded[k];
    }
    for (int kind = 0; kind < AL_TERM_NKINDS; kind++)
        for (uint32_t k = 0; k < all->nterms[kind]; k++)
            reach_over(last, all->terms[kind][k].atom, al_term_infos[kind].natoms);
    for (uint32_t a = 0, end = 0; a < all->natoms; a++) {
        if (a == 0 || a > end)
            c->begin[c->npieces++] = a;
        c->piece[a] = c->npieces - 1;
        end = end > last[a] ? end : last[a];
    }
    c->begin[c->npieces] = all->natoms;
}

/** Terms in the order of their pieces, and within these as they were. */
static bool sort_terms(cutting *c, int kind)
{
    uint32_t n = c->all->nterms[kind];
    const al_term *terms = c->all->terms[kind];
    uint32_t *first = c->first[kind] = calloc((size_t)c->npieces + 2, sizeof *first);
    c->terms[kind] = malloc(((size_t)n + 1) * sizeof *c->terms[kind]);
    if (first == NULL || c->terms[kind] == NULL)
        return false;
    for (uint32_t k = 0; k < n; k++)
        first[c->piece[terms[k].atom[0]] + 2]++;
    for (uint32_t p = 0; p < c->npieces; p++)
        first[p + 2] += first[p + 1];
    for (uint32_t k = 0; k < n; k++)
        c->terms[kind][first[c->piece[terms[k].atom[0]] + 1]++] = terms[k];
    return true;
}

/* ---- the same -------------------------------------------------------------------------------------------
 */

static bool are_same_atoms(const al_molecule_atom *a, const al_molecule_atom *b, int32_t residues)
{
    return a->type == b->type && a->charge == b->charge && a->mass == b->mass &&
           a->is_hydrogen == b->is_hydrogen && a->residue - b->residue == residues &&
           strcmp(a->name, b->name) == 0 && strcmp(a->residue_name, b->residue_name) == 0;
}

static bool are_same_terms(const al_topology *top, int kind, const al_term *a, const al_term *b,
                           uint32_t base)
{
    for (unsigned k = 0; k < al_term_infos[kind].natoms; k++)
        if (a->atom[k] + base != b->atom[k])
            return false;
    return a->params == b->params || memcmp(top->params + a->params, top->params + b->params,
                                            al_term_infos[kind].nparams * sizeof *top->params) == 0;
}

static bool are_same_exclusions(const al_molecule *m, const al_molecule *all, uint32_t base)
{
    for (uint32_t a = 0; a < m->natoms; a++) {
        uint32_t mine = m->excluded_first[a], theirs = all->excluded_first[base + a],
                 n = m->excluded_first[a + 1] - mine;
        if (all->excluded_first[base + a + 1] - theirs != n)
            return false;
        for (uint32_t k = 0; k < n; k++)
            if (m->excluded[mine + k] + base != all->excluded[theirs + k])
                return false;
    }
    return true;
}

/** Whether a piece is of this kind of molecule. */
static bool is_of(const cutting *c, const al_molecule *m, uint32_t piece)
{
    uint32_t base = c->begin[piece];
    if (m->natoms != c->begin[piece + 1] - base)
        return false;
    const al_molecule_atom *atoms = c->all->atoms + base;
    int32_t residues = m->atoms[0].residue - atoms[0].residue;
    for (uint32_t a = 0; a < m->natoms; a++)
        if (!are_same_atoms(&m->atoms[a], &atoms[a], residues))
            return false;
    for (int kind = 0; kind < AL_TERM_NKINDS; kind++) {
        const uint32_t *first = c->first[kind] + piece;
        if (first[1] - first[0] != m->nterms[kind])
            return false;
        for (uint32_t k = 0; k < m->nterms[kind]; k++)
            if (!are_same_terms(c->top, kind, &m->terms[kind][k], &c->terms[kind][first[0] + k], base))
                return false;
    }
    return are_same_exclusions(m, c->all, base);
}

/* ---- molecules ------------------------------------------------------------------------------------------
 */

static bool take_terms(const cutting *c, int kind, uint32_t piece, al_molecule *m)
{
    uint32_t first = c->first[kind][piece], n = c->first[kind][piece + 1] - first;
    if (n == 0)
        return true;
    m->terms[kind] = malloc(n * sizeof *m->terms[kind]);
    if (m->terms[kind] == NULL)
        return false;
    for (uint32_t k = 0; k < n; k++) {
        al_term term = c->terms[kind][first + k];
        for (unsigned a = 0; a < al_term_infos[kind].natoms; a++)
            term.atom[a] -= c->begin[piece];
        m->terms[kind][k] = term;
    }
    m->nterms[kind] = n;
    return true;
}

static bool take_exclusions(const al_molecule *all, uint32_t base, al_molecule *m)
{
    uint32_t first = all->excluded_first[base], n = all->excluded_first[base + m->natoms] - first;
    m->excluded_first = malloc(((size_t)m->natoms + 1) * sizeof *m->excluded_first);
    m->excluded = malloc(((size_t)n + 1) * sizeof *m->excluded);
    if (m->excluded_first == NULL || m->excluded == NULL)
        return false;
    for (uint32_t a = 0; a <= m->natoms; a++)
        m->excluded_first[a] = all->excluded_first[base + a] - first;
    for (uint32_t k = 0; k < n; k++)
        m->excluded[k] = all->excluded[first + k] - base;
    return true;
}

static bool take_atoms(const cutting *c, uint32_t base, al_molecule *m)
{
    const al_molecule_atom *atoms = c->all->atoms + base;
    bool has_one_residue = atoms[0].residue == atoms[m->natoms - 1].residue;
    char name[40];
    (void)snprintf(name, sizeof name, "molecule%u", c->top->nmolecules + 1);
    m->name = strdup(has_one_residue && atoms[0].residue_name[0] != '\0' ? atoms[0].residue_name : name);
    m->atoms = malloc(m->natoms * sizeof *m->atoms);
    if (m->name == NULL || m->atoms == NULL)
        return false;
    memcpy(m->atoms, atoms, m->natoms * sizeof *m->atoms);
    for (uint32_t a = 0; a < m->natoms && has_one_residue; a++)
        m->atoms[a].residue = 1;
    return true;
}

/** A kind of molecule that was not there before. */
static bool add_molecule(cutting *c, uint32_t piece)
{
    al_topology *top = c->top;
    uint32_t base = c->begin[piece];
    if (!al_source_grow(&top->molecules, top->nmolecules, sizeof *top->molecules))
        return false;
    al_molecule *m = &top->molecules[top->nmolecules];
    *m = (al_molecule){.natoms = c->begin[piece + 1] - base};
    bool good = take_atoms(c, base, m) && take_exclusions(c->all, base, m);
    top->nmolecules++;
    for (int kind = 0; kind < AL_TERM_NKINDS && good; kind++)
        good = take_terms(c, kind, piece, m);
    return good;
}

static bool add_to_rows(al_topology *top, uint32_t molecule, uint32_t first_atom)
{
    if (top->nrows > 0 && top->rows[top->nrows - 1].molecule == molecule) {
        top->rows[top->nrows - 1].count++;
        return true;
    }
    if (!al_source_grow(&top->rows, top->nrows, sizeof *top->rows))
        return false;
    top->rows[top->nrows++] = (al_molecule_row){.molecule = molecule, .count = 1, .first_atom = first_atom};
    return true;
}

static bool cut(cutting *c)
{
    al_topology *top = c->top;
    for (int kind = 0; kind < AL_TERM_NKINDS; kind++)
        if (!sort_terms(c, kind))
            return false;
    for (uint32_t piece = 0; piece < c->npieces; piece++) {
        uint32_t k = top->nmolecules; /* most often it is as the one before */
        while (k > 0 && !is_of(c, &top->molecules[k - 1], piece))
            k--;
        if (k == 0) {
            if (!add_molecule(c, piece))
                return false;
            k = top->nmolecules;
        }
        if (!add_to_rows(top, k - 1, c->begin[piece]))
            return false;
    }
    return true;
}

allot_err al_cut_molecules(const al_molecule *all, al_topology *topology, allot_error *err)
{
    size_t n = (size_t)all->natoms + 1;
    cutting c = {.all = all,
                 .top = topology,
                 .begin = malloc(n * sizeof *c.begin),
                 .piece = malloc(n * sizeof *c.piece)};
    uint32_t *last = malloc(n * sizeof *last);
    bool good = c.begin != NULL && c.piece != NULL && last != NULL;
    if (good)
        find_pieces(&c, last);
    good = good && cut(&c);
    topology->natoms = all->natoms;
    for (int kind = 0; kind < AL_TERM_NKINDS; kind++) {
        free(c.first[kind]);
        free(c.terms[kind]);
    }
    free(c.begin);
    free(c.piece);
    free(last);
    return good ? ALLOT_OK : al_fail(err, ALLOT_ENOMEM, 0, "out of memory for a topology");
}
