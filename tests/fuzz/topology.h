/* topology.h - what fuzz_top.c and fuzz_parm.c want of a reader.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_FUZZ_TOPOLOGY_H
#define TESTS_FUZZ_TOPOLOGY_H

#include <stdlib.h>

#include "md/topology.h"

static inline void fuzz_topology_sense(const al_topology *t)
{
    for (uint32_t k = 0; k < t->nmolecules; k++)
        for (int kind = 0; kind < AL_TERM_NKINDS; kind++)
            for (uint32_t j = 0; j < t->molecules[k].nterms[kind]; j++) {
                const al_term *term = &t->molecules[k].terms[kind][j];
                if (term->params + al_term_infos[kind].nparams > t->nparams)
                    abort();
                for (int a = 0; a < al_term_infos[kind].natoms; a++)
                    if (term->atom[a] >= t->molecules[k].natoms)
                        abort();
            }
}

#endif
