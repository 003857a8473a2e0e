/* whole.c - see whole.h. The order is that of a search in breadth, once for each kind of molecule.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/whole.h"

#include <stdlib.h>
#include <string.h>

/** Atoms of a molecule that are bonded: neighbours of atom k are at[first[k]] to at[first[k + 1] - 1]. */
typedef struct graph {
    uint32_t *first, *at;
} graph;

/** How many others a term's first atom is bonded to by it: those that follow. */
static uint32_t nbonded(int kind)
{
    bool is_bond = kind == AL_TERM_BOND || kind == AL_TERM_BOND_G96 || kind == AL_TERM_CONSTRAINT ||
                   kind == AL_TERM_SETTLE || kind >= AL_TERM_VSITE2;
    return is_bond ? al_term_infos[kind].natoms - 1U : 0;
}

/** Go through all bonds, from both ends. @param at  NULL: count alone, in first[k + 1] */
static void each_bond(const al_molecule *molecule, uint32_t *first, uint32_t *at)
{
    for (int kind = 0; kind < AL_TERM_NKINDS; kind++)
        for (uint32_t k = 0; nbonded(kind) > 0 && k < molecule->nterms[kind]; k++)
            for (uint32_t n = 1; n <= nbonded(kind); n++) {
                const uint32_t *atom = molecule->terms[kind][k].atom;
                const uint32_t ends[2][2] = {{atom[0], atom[n]}, {atom[n], atom[0]}};
                for (int e = 0; e < 2; e++)
                    if (at == NULL)
                        first[ends[e][0] + 1]++;
                    else
                        at[first[ends[e][0]]++] = ends[e][1];
            }
}

static bool make_graph(const al_molecule *molecule, graph *g)
{
    uint32_t n = molecule->natoms;
    g->first = calloc((size_t)n + 2, sizeof *g->first);
    if (g->first == NULL)
        return false;
    each_bond(molecule, g->first, NULL);
    for (uint32_t k = 0; k < n; k++)
        g->first[k + 1] += g->first[k];
    g->at = malloc(((size_t)g->first[n] + 1) * sizeof *g->at);
    if (g->at == NULL)
        return false;
    each_bond(molecule, g->first, g->at);
    memmove(g->first + 1, g->first, n * sizeof *g->first); /* each had come to the next one's */
    g->first[0] = 0;
    return true;
}

/** Atoms as a search comes by them. @return how many pairs */
static uint32_t search(const graph *g, uint32_t natoms, bool *is_seen, uint32_t *order)
{
    uint32_t npairs = 0, next = 0;
    for (uint32_t root = 0; root < natoms; root++) {
        if (is_seen[root])
            continue;
        is_seen[root] = true;
        for (uint32_t from = root;; from = order[2 * next++]) {
            for (uint32_t k = g->first[from]; k < g->first[from + 1]; k++) {
                uint32_t to = g->at[k];
                if (is_seen[to])
                    continue;
                is_seen[to] = true;
                order[2 * npairs] = to;
                order[2 * npairs++ + 1] = from;
            }
            if (next == npairs)
                break;
        }
    }
    return npairs;
}

static bool find_order(const al_molecule *molecule, uint32_t **order, uint32_t *npairs)
{
    graph g = {NULL, NULL};
    bool *is_seen = calloc((size_t)molecule->natoms + 1, sizeof *is_seen);
    *order = malloc((2 * (size_t)molecule->natoms + 1) * sizeof **order);
    bool good = is_seen != NULL && *order != NULL && make_graph(molecule, &g);
    if (good)
        *npairs = search(&g, molecule->natoms, is_seen, *order);
    free(g.first);
    free(g.at);
    free(is_seen);
    return good;
}

bool al_whole_open(al_whole *whole, const al_topology *topology)
{
    size_t n = (size_t)topology->nmolecules + 1;
    *whole = (al_whole){.topology = topology,
                        .order = calloc(n, sizeof *whole->order),
                        .npairs = calloc(n, sizeof *whole->npairs)};
    bool good = whole->order != NULL && whole->npairs != NULL;
    for (uint32_t k = 0; good && k < topology->nmolecules; k++)
        good = find_order(&topology->molecules[k], &whole->order[k], &whole->npairs[k]);
    return good;
}

void al_whole_close(al_whole *whole)
{
    for (uint32_t k = 0; whole->order != NULL && k < whole->topology->nmolecules; k++)
        free(whole->order[k]);
    free(whole->order);
    free(whole->npairs);
    *whole = (al_whole){.topology = NULL};
}

static void put_beside(const al_lattice *lattice, const double *beside, double *x)
{
    double apart[3] = {x[0] - beside[0], x[1] - beside[1], x[2] - beside[2]};
    for (int d = 2; d >= 0; d--) {
        double n = -rint(al_lattice_raw(lattice, apart, d) / lattice->edge[d]);
        al_lattice_move(lattice, apart, d, n);
        al_lattice_move(lattice, x, d, n);
    }
}

void al_whole_make(const al_whole *whole, const al_lattice *lattice, double *x, size_t stride)
{
    const al_topology *t = whole->topology;
    for (uint32_t r = 0; r < t->nrows; r++) {
        uint32_t kind = t->rows[r].molecule, natoms = t->molecules[kind].natoms;
        for (uint64_t n = 0; n < t->rows[r].count; n++) {
            double *first = x + (t->rows[r].first_atom + n * natoms) * stride;
            for (const uint32_t *pair = whole->order[kind];
                 pair < whole->order[kind] + 2 * whole->npairs[kind]; pair += 2)
                put_beside(lattice, first + pair[1] * stride, first + pair[0] * stride);
        }
    }
}
