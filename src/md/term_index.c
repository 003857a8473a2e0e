/* term_index.c - see term_index.h. Sorted by counting.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/term_index.h"

#include <stdlib.h>

static uint32_t owner(const al_molecule *molecule, uint32_t kind, uint32_t term, const uint32_t *leaders)
{
    uint32_t atom = molecule->terms[kind][term].atom[0];
    return leaders != NULL ? leaders[atom] : atom;
}

bool al_term_index_init(al_term_index *index, const al_molecule *molecule,
                        const bool is_wanted[AL_TERM_NKINDS], const uint32_t *leaders)
{
    uint32_t n = 0, *first = calloc((size_t)molecule->natoms + 1, sizeof *first);
    *index = (al_term_index){.first = first};
    if (first == NULL)
        return false;
    for (uint32_t kind = 0; kind < AL_TERM_NKINDS; kind++)
        for (uint32_t term = 0; is_wanted[kind] && term < molecule->nterms[kind]; term++, n++)
            first[owner(molecule, kind, term, leaders)]++;
    index->refs = malloc(((size_t)n + 1) * sizeof *index->refs);
    if (index->refs == NULL)
        return false;
    for (uint32_t atom = 0; atom < molecule->natoms; atom++)
        first[atom + 1] += first[atom]; /* where it ends, and below each goes down to where it begins */
    for (uint32_t kind = AL_TERM_NKINDS; kind-- > 0;)
        for (uint32_t term = is_wanted[kind] ? molecule->nterms[kind] : 0; term-- > 0;)
            index->refs[--first[owner(molecule, kind, term, leaders)]] = (al_term_ref){kind, term};
    return true;
}

void al_term_index_fini(al_term_index *index)
{
    free(index->first);
    free(index->refs);
    *index = (al_term_index){NULL, NULL};
}

al_term_index *al_term_indices_make(const al_topology *topology, const bool is_wanted[AL_TERM_NKINDS],
                                    uint32_t *const *leaders)
{
    al_term_index *indices = calloc((size_t)topology->nmolecules + 1, sizeof *indices);
    bool good = indices != NULL;
    for (uint32_t k = 0; good && k < topology->nmolecules; k++)
        good = al_term_index_init(&indices[k], &topology->molecules[k], is_wanted,
                                  leaders != NULL ? leaders[k] : NULL);
    if (good)
        return indices;
    al_term_indices_free(indices, topology);
    return NULL;
}

void al_term_indices_free(al_term_index *indices, const al_topology *topology)
{
    for (uint32_t k = 0; indices != NULL && k < topology->nmolecules; k++)
        al_term_index_fini(&indices[k]);
    free(indices);
}
