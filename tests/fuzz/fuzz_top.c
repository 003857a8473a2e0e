/* fuzz_top.c - any bytes as a topology: what is accepted makes sense, what is refused says where.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "md/read/top.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes);

static void check_sense(const al_topology *t)
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes)
{
    al_topology t;
    al_source_options options = {.nfolders = 0};
    al_buffer warnings = {.at = NULL};
    allot_error err = {.text = ""};
    allot_err code =
        al_top_parse(nbytes > 0 ? (const char *)data : "", nbytes, "x.top", &options, &t, &warnings, &err);
    if (code == ALLOT_OK) {
        check_sense(&t);
        al_topology_fini(&t);
    } else if (err.code != code || strncmp(err.text, "x.top:", 6) != 0) {
        abort();
    }
    al_buffer_fini(&warnings);
    return 0;
}
