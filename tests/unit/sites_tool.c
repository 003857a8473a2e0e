/* sites_tool.c - for tests/md/sites.sh: atoms alone in the world, with virtual sites among them.
 *
 *     sites_tool TOPOLOGY POSITIONS
 *
 * Places the sites, computes every term and every pair without cut-off and box, and gives the sites' forces
 * to their atoms. A line for each atom: position and force; then the virial -1/2 x . f as nine numbers, where
 * x of a site is the site's own.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "md/gro.h"
#include "md/read/top.h"
#include "md/term/sites.h"
#include "md/term/term.h"

typedef struct world {
    al_topology top;
    al_gro gro;
    double *x, *f, virial[9]; /* x . f */
} world;

/** Do something with the terms of a kind, atoms being places. */
static void each_kind(world *w, void (*act)(world *w, int kind, size_t n, const al_term *terms))
{
    for (int kind = 0; kind < AL_TERM_NKINDS; kind++)
        for (uint32_t r = 0; r < w->top.nrows; r++) {
            const al_molecule_row *row = &w->top.rows[r];
            const al_molecule *m = &w->top.molecules[row->molecule];
            for (uint64_t k = 0; k < row->count; k++)
                for (uint32_t t = 0; t < m->nterms[kind]; t++) {
                    al_term term = m->terms[kind][t];
                    for (unsigned a = 0; a < al_term_infos[kind].natoms; a++)
                        term.atom[a] += (uint32_t)(row->first_atom + k * m->natoms);
                    act(w, kind, 1, &term);
                }
        }
}

static void place(world *w, int kind, size_t n, const al_term *terms)
{
    if (al_site_places_d[kind] != NULL)
        al_site_places_d[kind](w->top.params, n, terms, w->x);
}

static void spread(world *w, int kind, size_t n, const al_term *terms)
{
    if (al_site_spreads_d[kind] != NULL)
        al_site_spreads_d[kind](w->top.params, n, terms, w->x, w->f, w->virial);
}

static void compute(world *w, int kind, size_t n, const al_term *terms)
{
    al_term_tables tables = {.params = w->top.params, .coulomb = AL_TERM_COULOMB};
    al_term_energies energies = {.lj14 = 0};
    if (al_term_functions_d[kind] != NULL)
        al_term_functions_d[kind](&tables, n, terms, w->x, w->f, &energies);
}

/** Of atoms a and b, b of them all: of the same molecule and excluded. */
static bool is_excluded(const world *w, uint64_t a, uint64_t b)
{
    uint32_t row, at, row_b, at_b;
    (void)al_topology_atom(&w->top, a, &row, &at);
    (void)al_topology_atom(&w->top, b, &row_b, &at_b);
    const al_molecule *m = &w->top.molecules[w->top.rows[row].molecule];
    if (a - at != b - at_b)
        return false;
    for (uint32_t k = m->excluded_first[at]; k < m->excluded_first[at + 1]; k++)
        if (m->excluded[k] == at_b)
            return true;
    return false;
}

static void compute_pair(world *w, uint64_t a, uint64_t b)
{
    uint32_t row, at;
    const al_molecule_atom *i = al_topology_atom(&w->top, a, &row, &at),
                           *j = al_topology_atom(&w->top, b, &row, &at);
    size_t type = (size_t)i->type * w->top.ntypes + j->type;
    double r[3], r2 = 0;
    for (unsigned d = 0; d < 3; d++) {
        r[d] = w->x[al_block_at(a, d)] - w->x[al_block_at(b, d)];
        r2 += r[d] * r[d];
    }
    double by = (12 * w->top.c12[type] / pow(r2, 6) - 6 * w->top.c6[type] / pow(r2, 3) +
                 AL_TERM_COULOMB * i->charge * j->charge / sqrt(r2)) /
                r2;
    for (unsigned d = 0; d < 3; d++) {
        w->f[al_block_at(a, d)] += by * r[d];
        w->f[al_block_at(b, d)] -= by * r[d];
    }
}

static void compute_all(world *w)
{
    each_kind(w, place);
    each_kind(w, compute);
    for (uint64_t a = 0; a < w->top.natoms; a++)
        for (uint64_t b = 0; b < a; b++)
            if (!is_excluded(w, a, b))
                compute_pair(w, a, b);
    for (uint64_t a = 0; a < w->top.natoms; a++)
        for (unsigned k = 0; k < 9; k++)
            w->virial[k] += w->x[al_block_at(a, k / 3)] * w->f[al_block_at(a, k % 3)];
    each_kind(w, spread);
}

static void print_all(const world *w)
{
    for (uint64_t a = 0; a < w->top.natoms; a++)
        for (unsigned k = 0; k < 6; k++)
            printf("%.17g%c", (k < 3 ? w->x : w->f)[al_block_at(a, k % 3)], k < 5 ? ' ' : '\n');
    for (unsigned k = 0; k < 9; k++)
        printf("%.17g%c", -0.5 * w->virial[k], k < 8 ? ' ' : '\n');
}

int main(int argc, char **argv)
{
    static const char *const defines[] = {"FLEXIBLE"};
    al_source_options options = {.defines = defines, .ndefines = 1};
    al_buffer warnings = {.at = NULL};
    world w = {.x = NULL};
    allot_error err;
    if (argc != 3)
        return 2;
    if (al_top_read(argv[1], &options, &w.top, &warnings, &err) != ALLOT_OK ||
        al_gro_read(argv[2], &w.gro, &err) != ALLOT_OK || w.gro.natoms != w.top.natoms) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    size_t nreals = (w.gro.natoms / AL_BLOCK + 1) * AL_BLOCK_REALS;
    w.x = calloc(nreals, sizeof *w.x);
    w.f = calloc(nreals, sizeof *w.f);
    if (w.x == NULL || w.f == NULL)
        return 1;
    for (uint64_t a = 0; a < w.gro.natoms; a++)
        for (unsigned d = 0; d < 3; d++)
            w.x[al_block_at(a, d)] = w.gro.x[3 * a + d];
    compute_all(&w);
    print_all(&w);
    free(w.x);
    free(w.f);
    al_gro_fini(&w.gro);
    al_topology_fini(&w.top);
    al_buffer_fini(&warnings);
    return 0;
}
