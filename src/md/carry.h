/* carry.h - vectors of home atoms that go where their atoms go: whenever a list is made anew, atoms get other
 * places, and some another rank.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_CARRY_H
#define AL_MD_CARRY_H

#include "md/id_map.h"
#include "md/space.h"

/** Begin with zeros. */
typedef struct al_carry {
    const al_space *space;
    uint32_t nvectors;
    double *reals; /* [nvectors][room], each in blocks */
    size_t room;
    uint64_t *id; /* [nplaces]: whose numbers they are; AL_NO_ATOM where there is no atom */
    uint32_t nplaces;
    al_id_map map; /* of atoms that are at home now to the order of places */
    uint64_t *ids; /* of these */
    uint32_t *places;
} al_carry;

/** Vectors of zeros. @param space  borrowed; it has its list. @return false: out of memory */
bool al_carry_open(al_carry *carry, const al_space *space, uint32_t nvectors);
void al_carry_close(al_carry *carry);

/** One of them: in blocks, as space->x; zeros where there is no atom. Until the next al_carry_follow(). */
static inline double *al_carry_vector(const al_carry *carry, uint32_t which)
{
    return carry->reals + which * carry->room;
}

/** After each al_space_rebuild(): all vectors to where their atoms are now. Those of other ranks' atoms go
 * round from rank to rank until they are where they belong: few leave between two lists. Collective.
 * @return ALLOT_OK; ALLOT_ENOMEM, of this rank alone */
allot_err al_carry_follow(al_carry *carry, allot_error *err);

#endif
