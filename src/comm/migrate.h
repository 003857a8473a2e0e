/* migrate.h - atoms that have left their rank's domain go to the rank that has them now.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_COMM_MIGRATE_H
#define AL_COMM_MIGRATE_H

#include <allot/error.h>

#include "base/shares.h"
#include "comm/domain.h"

/** Records of any kind, the first members of each `double x[3]; uint64_t id`. Begin with zeros but nbytes,
 * and threads. */
typedef struct al_migrants {
    size_t nbytes; /**< of a record */
    size_t beside; /**< 0, or where a record has another place, which is moved by the vectors that x is moved
                      by */
    char *records; /**< n of them; owned */
    uint32_t n, room;
    al_threads threads; /**< that help to put them into the box */
} al_migrants;

/** Room for n records. @return false: out of memory */
bool al_migrants_grow(al_migrants *migrants, uint32_t n);
void al_migrants_fini(al_migrants *migrants);

/** Put every atom into the box, and at the rank whose domain it is in. Collective.
 * @param is_far  atoms may be any number of domains and boxes away, as when they were read by one rank: more
 *                messages. Otherwise one that is not beside its domain is an error; where domains have cuts,
 *                one that is not beside the box
 * @return ALLOT_OK; ALLOT_ERANGE: an atom moved by more than a domain, or is nowhere; the same on all ranks,
 *         with its number and where it went; ALLOT_ENOMEM, of this rank alone: the others wait for it,
 *         al_comm's fail() ends them */
allot_err al_migrate(al_migrants *migrants, al_comm *comm, const al_domain *domain, bool is_far,
                     allot_error *err);

#endif
