/* topology.c - see topology.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/topology.h"

#include <stdlib.h>

const al_term_info al_term_infos[AL_TERM_NKINDS] = {
#define AL_TERM_INFO(kind, text, atoms, params) {.name = text, .natoms = atoms, .nparams = params},
    AL_TERMS(AL_TERM_INFO)
#undef AL_TERM_INFO
};

void al_molecule_fini(al_molecule *molecule)
{
    free(molecule->name);
    free(molecule->atoms);
    for (int kind = 0; kind < AL_TERM_NKINDS; kind++)
        free(molecule->terms[kind]);
    free(molecule->excluded_first);
    free(molecule->excluded);
}

void al_topology_fini(al_topology *topology)
{
    for (uint32_t k = 0; k < topology->nmolecules; k++)
        al_molecule_fini(&topology->molecules[k]);
    for (uint32_t k = 0; k < topology->ncmaps; k++)
        free(topology->cmaps[k]);
    free(topology->name);
    free(topology->types);
    free(topology->c6);
    free(topology->c12);
    free(topology->molecules);
    free(topology->rows);
    free(topology->params);
    free(topology->cmaps);
    free(topology->cmap_side);
    *topology = (al_topology){.natoms = 0};
}

const al_molecule_atom *al_topology_atom(const al_topology *topology, uint64_t id, uint32_t *row,
                                         uint32_t *atom)
{
    uint32_t begin = 0, end = topology->nrows;
    while (end - begin > 1) {
        uint32_t middle = begin + (end - begin) / 2;
        if (topology->rows[middle].first_atom <= id)
            begin = middle;
        else
            end = middle;
    }
    const al_molecule_row *found = &topology->rows[begin];
    const al_molecule *molecule = &topology->molecules[found->molecule];
    *row = begin;
    *atom = (uint32_t)((id - found->first_atom) % molecule->natoms);
    return &molecule->atoms[*atom];
}
