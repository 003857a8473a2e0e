/* top_term.h - a term of a molecule, from the numbers of its line to what is kept.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_READ_TOP_TERM_H
#define AL_MD_READ_TOP_TERM_H

#include "md/read/top_reader.h"

/** Add a term to the molecule that is being read, unless it does nothing.
 * @param given  as the function has them; @return ALLOT_OK; ALLOT_ENOMEM */
allot_err al_top_add_term(al_top_reader *r, const al_top_function *f, const uint32_t *atom,
                          const double *given);

#endif
