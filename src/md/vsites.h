/* vsites.h - this rank's virtual sites, by place: put where they belong before forces are found, and their
 * forces given to their atoms afterwards. All atoms that a site is made of are on its rank (held.h).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_VSITES_H
#define AL_MD_VSITES_H

#include "md/held.h"
#include "md/locals.h"
#include "md/term/sites.h"
#include "md/term_index.h"

/** Begin with zeros. */
typedef struct al_vsites {
    const al_topology *topology;
    al_term_index *indices;         /**< NULL: there are none */
    al_term *terms[AL_TERM_NKINDS]; /**< atom[] are places */
    uint32_t n[AL_TERM_NKINDS], room[AL_TERM_NKINDS];
} al_vsites;

/** @param topology, held  borrowed. @return ALLOT_OK; ALLOT_ENOMEM */
allot_err al_vsites_open(al_vsites *vsites, const al_topology *topology, const al_held *held,
                         allot_error *err);
void al_vsites_close(al_vsites *vsites);
static inline bool al_vsites_are_any(const al_vsites *vsites)
{
    return vsites->indices != NULL;
}

/** Find them anew for the places that atoms have now. @param locals  of the space's atoms
 * @return false: out of memory */
bool al_vsites_find(al_vsites *vsites, const al_space *space, const al_locals *locals);
/** Put them where their atoms are; they have no velocities. */
void al_vsites_place(const al_vsites *vsites, al_space *space);
/** Give forces on them, which are whole, to their atoms. @param virial  [9], added to: what the sum of x f
 * grows by; NULL: not wanted */
void al_vsites_spread(const al_vsites *vsites, al_space *space, double *virial);

#endif
