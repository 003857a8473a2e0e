/* checksum.h - what must not depend on how the box is cut, as whole numbers: which atoms there are, and which
 * pairs the list has.
 *
 * Sums of hashes are the same in any order, so that ranks and threads need not agree on one. Pairs are those
 * closer than the reach when the list was made, found in the list that kernels go through, and judged in
 * double precision by a formula in which the cut does not occur: the atom with the lower number comes first,
 * from where it is in the box; the other is by whole vectors of the box away from where it is in it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_CHECKSUM_H
#define AL_MD_CHECKSUM_H

#include "md/space.h"

/** Counts, and sums of hashes modulo 2^64. */
typedef struct al_checksum {
    uint64_t natoms, atoms; /**< at home; of their numbers */
    uint64_t npairs, pairs; /**< of both numbers, and of how many vectors of the box are between */
    /** Copies: of number, zone, and how many vectors of the box it was moved. Depends on the cut. */
    uint64_t ncopies, copies;
} al_checksum;

/** This rank's part. Valid until atoms have moved by more than half of what the reach is beyond the cut-off,
 * as the list is. Collective. @return ALLOT_OK; ALLOT_ENOMEM, of this rank alone */
allot_err al_checksum_part(al_space *space, al_checksum *part, allot_error *err);
/** Of all ranks together. Collective. @param[in,out] sum  this rank's part; at rank 0, all
 * @return ALLOT_OK; ALLOT_ENOMEM, of rank 0 alone */
allot_err al_checksum_add(al_comm *comm, al_checksum *sum, allot_error *err);

#endif
