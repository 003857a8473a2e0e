/* md_end.h - what is said of a simulation when it is over.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MD_END_H
#define AL_CLI_MD_END_H

#include "cli/md_simulation.h"

/** How it went. Collective. @param is_first  this rank is the one that speaks */
allot_err al_md_end_tell(al_simulation *s, bool is_first);
/** Of a simulation that blew up because an atom went astray: which, added to the sentence. All ranks know. */
void al_md_end_add_astray(const al_simulation *s, char *why, size_t room);

#endif
