/* pairs.h - which clusters of atoms may be near which blocks: the list that kernels go through.
 *
 * Zones are numbered by the directions that their atoms came from: bit d is set where that was from above in
 * direction d; 0 is home. A pair of atoms is this rank's if no bit is set for both: then exactly one rank has
 * it (the eighth shell: Bowers, Dror and Shaw, J. Comput. Phys. 221, 303, 2007).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_PAIRS_H
#define AL_MD_PAIRS_H

#include "md/kernel/pair.h"
#include "md/zone.h"

/** What a list is made from; borrowed. */
typedef struct al_pair_space {
    const al_zone *zones; /**< [AL_ZONES] */
    const al_bounds *blocks, *clusters;
    al_spans spans;               /**< of blocks */
    const al_bounds *zone_bounds; /**< [AL_ZONES]; may be NULL for AL_PAIRS_ALL */
    const float *x;
    const al_kernels *kernels;
    float reach;
    const uint32_t
        *excluded_first; /**< [places + 1]: where each place's begin in excluded[]; NULL: there are none */
    const uint32_t *excluded; /**< places that it is no pair with, both ways */
} al_pair_space;

/** A list that grows: of all pairs within reach, and, of these, what is near enough to matter for the next
 * few steps (Páll, Zhmurov, Bauer and others, J. Chem. Phys. 153, 134110, 2020: dynamic pruning). Begin with
 * zeros. */
typedef struct al_pairs {
    al_pair_list outer, list;         /**< kernels go through the second */
    uint32_t nouter, nmasks, nblocks; /**< in their blocks[] and masks[], which both have together */
    uint32_t nhalves;                 /**< of nblocks, those near half of their cluster */
    uint32_t room_outer, room_outer_rows, room_masks, room_blocks, room_rows, room_halves[2];
    uint32_t *halves[2];                                /* near one half of the cluster in hand */
    uint32_t *candidates, ncandidates, room_candidates; /* of the block in hand */
    bool *is_near; /**< [columns of all zones]: whether it has blocks that may be in the list */
    uint32_t room_near;
} al_pairs;

/** Which pairs a list is of: all; those of blocks that no copy may be near; those of all others, also with
 * atoms at home, so that no row is in two lists. */
typedef enum al_pairs_of { AL_PAIRS_ALL, AL_PAIRS_HOME, AL_PAIRS_COPIES } al_pairs_of;

/** Blocks that begin rows: those of the zones from which pairs start, in order. */
uint32_t al_pairs_nblocks(const al_zone *zones);
/** List the pairs that begin at blocks [begin, end) of al_pairs_nblocks(). @return false: out of memory */
bool al_pairs_build(al_pairs *pairs, const al_pair_space *space, al_pairs_of of, uint32_t begin,
                    uint32_t end);
/** Take from the outer list what is within reach now. @return false: out of memory */
bool al_pairs_prune(al_pairs *pairs, const al_kernels *kernels, const float *x, float reach);
/** Set touched[block] to 1 for the blocks that are in some of the lists, or begin rows there, and for others
 * of their columns. */
void al_pairs_touch(const al_pairs *parts, uint32_t nparts, const al_zone *zones, uint8_t *touched);
void al_pairs_fini(al_pairs *pairs);

#endif
