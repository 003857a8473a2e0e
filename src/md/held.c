/* held.c - see held.h. Groups are the connected parts of a graph of a molecule's atoms, found by joining sets
 * (Tarjan, 1975), once for each kind of molecule.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/held.h"

#include <stdlib.h>

#include "base/fail.h"

/** A molecule's atoms being joined. */
typedef struct joining {
    uint32_t *parent; /* the first atom of a set is its own */
    uint32_t *degree; /* how many an atom holds */
} joining;

static uint32_t root_of(const joining *j, uint32_t atom)
{
    while (j->parent[atom] != atom)
        atom = j->parent[atom] = j->parent[j->parent[atom]];
    return atom;
}

static void join(const joining *j, uint32_t a, uint32_t b)
{
    uint32_t first = root_of(j, a), second = root_of(j, b);
    if (first < second)
        j->parent[second] = first;
    else
        j->parent[first] = second;
}

_Static_assert(AL_TERM_VSITE2 + 5 == AL_TERM_NKINDS, "virtual sites are the last kinds of terms");

static bool is_holding(int kind)
{
    return kind == AL_TERM_CONSTRAINT || kind == AL_TERM_SETTLE || kind >= AL_TERM_VSITE2;
}

/** A term's first atom to each of the others: of a water that is the oxygen, of a virtual site the site,
 * which leads nothing. */
static void join_term(const joining *j, int kind, const al_term *term)
{
    for (int k = 1; k < al_term_infos[kind].natoms; k++) {
        join(j, term->atom[0], term->atom[k]);
        j->degree[term->atom[0]] += kind < AL_TERM_VSITE2;
        j->degree[term->atom[k]] += kind < AL_TERM_VSITE2;
    }
}

/** From sets to leaders: leaders[root] is the best so far, then every atom gets its root's. */
static bool choose(const joining *j, uint32_t natoms, uint32_t *leaders)
{
    bool has_groups = false;
    for (uint32_t k = 0; k < natoms; k++) {
        uint32_t root = root_of(j, k);
        has_groups = has_groups || root != k;
        if (root == k || j->degree[k] > j->degree[leaders[root]])
            leaders[root] = k;
    }
    for (uint32_t k = natoms; k-- > 0;) /* roots are before their others */
        leaders[k] = leaders[root_of(j, k)];
    return has_groups;
}

static bool find(const al_molecule *molecule, uint32_t **leaders, bool *has_groups)
{
    size_t n = (size_t)molecule->natoms + 1;
    joining j = {malloc(n * sizeof *j.parent), calloc(n, sizeof *j.degree)};
    *leaders = malloc(n * sizeof **leaders);
    bool good = j.parent != NULL && j.degree != NULL && *leaders != NULL;
    for (uint32_t k = 0; good && k < molecule->natoms; k++)
        j.parent[k] = k;
    for (int kind = 0; good && kind < AL_TERM_NKINDS; kind++)
        for (uint32_t k = 0; is_holding(kind) && k < molecule->nterms[kind]; k++)
            join_term(&j, kind, &molecule->terms[kind][k]);
    if (good && choose(&j, molecule->natoms, *leaders))
        *has_groups = true;
    free(j.parent);
    free(j.degree);
    return good;
}

allot_err al_held_find(al_held *held, const al_topology *topology, allot_error *err)
{
    *held = (al_held){.topology = topology,
                      .leaders = calloc((size_t)topology->nmolecules + 1, sizeof *held->leaders)};
    bool good = held->leaders != NULL;
    for (uint32_t k = 0; good && k < topology->nmolecules; k++)
        good = find(&topology->molecules[k], &held->leaders[k], &held->has_groups);
    if (good)
        return ALLOT_OK;
    al_held_fini(held);
    return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
}

static uint64_t leader_of(const void *arg, uint64_t id)
{
    const al_held *held = arg;
    uint32_t row, atom;
    (void)al_topology_atom(held->topology, id, &row, &atom);
    return id - atom + held->leaders[held->topology->rows[row].molecule][atom];
}

al_groups al_held_groups(const al_held *held)
{
    return held->has_groups ? (al_groups){leader_of, held} : (al_groups){NULL, NULL};
}

void al_held_fini(al_held *held)
{
    for (uint32_t k = 0; held->leaders != NULL && k < held->topology->nmolecules; k++)
        free(held->leaders[k]);
    free(held->leaders);
    *held = (al_held){.leaders = NULL};
}
