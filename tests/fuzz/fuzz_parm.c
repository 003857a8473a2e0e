/* fuzz_parm.c - any bytes as an AMBER topology: what is accepted makes sense and has all its atoms, what is
 * refused says where.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "md/read/parm.h"

#include "fuzz/topology.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes);

static void check_rows(const al_topology *t)
{
    uint64_t next = 0;
    for (uint32_t k = 0; k < t->nrows; k++) {
        const al_molecule_row *row = &t->rows[k];
        if (row->first_atom != next || row->molecule >= t->nmolecules)
            abort();
        next += row->count * t->molecules[row->molecule].natoms;
    }
    if (next != t->natoms)
        abort();
    for (uint32_t k = 0; k < t->nmolecules; k++) {
        const al_molecule *m = &t->molecules[k];
        for (uint32_t a = 0; a < m->natoms; a++)
            if (m->atoms[a].type >= t->ntypes)
                abort();
        for (uint32_t j = 0; j < m->excluded_first[m->natoms]; j++)
            if (m->excluded[j] >= m->natoms)
                abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes)
{
    al_topology t;
    al_buffer warnings = {.at = NULL};
    allot_error err = {.text = ""};
    bool is_flexible = nbytes % 2 == 1;
    allot_err code =
        al_parm_parse(nbytes > 0 ? (const char *)data : "", nbytes, "x", is_flexible, &t, &warnings, &err);
    if (code == ALLOT_OK) {
        fuzz_topology_sense(&t);
        check_rows(&t);
        al_topology_fini(&t);
    } else if (err.code != code || strncmp(err.text, "x:", 2) != 0) {
        abort();
    }
    al_buffer_fini(&warnings);
    return 0;
}
