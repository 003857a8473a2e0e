/* term_index.h - of a kind of molecule, the terms that each atom brings with it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_TERM_INDEX_H
#define AL_MD_TERM_INDEX_H

#include "md/topology.h"

/** Which of a molecule's terms: number `term` of its terms[kind]. */
typedef struct al_term_ref {
    uint32_t kind, term;
} al_term_ref;

/** Owned by whoever made it, al_term_index_fini(). */
typedef struct al_term_index {
    uint32_t *first; /**< [natoms + 1]: where an atom's begin in refs[] */
    al_term_ref *refs;
} al_term_index;

/** Each term goes with one of its atoms; those of an atom are in the order of kinds, and then as they stand.
 * @param is_wanted  kinds
 * @param leaders    [natoms]: the atom that it goes with is the first one's leader; NULL: its first atom
 * @return false: out of memory */
bool al_term_index_init(al_term_index *index, const al_molecule *molecule,
                        const bool is_wanted[AL_TERM_NKINDS], const uint32_t *leaders);
void al_term_index_fini(al_term_index *index);

/** One for each of a topology's molecules. @param leaders  [nmolecules] of such; or NULL. @return NULL: out
 * of memory; otherwise al_term_indices_free() */
al_term_index *al_term_indices_make(const al_topology *topology, const bool is_wanted[AL_TERM_NKINDS],
                                    uint32_t *const *leaders);
void al_term_indices_free(al_term_index *indices, const al_topology *topology);

#endif
