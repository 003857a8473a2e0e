/* top_constrain.c - al_topology_constrain(), see top.h: bonds of a topology made constraints.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <ctype.h>

#include "base/fail.h"
#include "md/read/source.h"
#include "md/read/top.h"

static bool is_hydrogen(const al_molecule_atom *atom)
{
    return toupper((unsigned char)atom->name[0]) == 'H';
}

static allot_err constrain(al_molecule *m, al_term_kind kind, bool only_hydrogens)
{
    uint32_t kept = 0, *n = &m->nterms[AL_TERM_CONSTRAINT];
    for (uint32_t k = 0; k < m->nterms[kind]; k++) {
        al_term term = m->terms[kind][k];
        if (only_hydrogens && !is_hydrogen(&m->atoms[term.atom[0]]) &&
            !is_hydrogen(&m->atoms[term.atom[1]])) {
            m->terms[kind][kept++] = term;
            continue;
        }
        if (!al_source_grow(&m->terms[AL_TERM_CONSTRAINT], *n, sizeof *m->terms[AL_TERM_CONSTRAINT]))
            return ALLOT_ENOMEM;
        m->terms[AL_TERM_CONSTRAINT][(*n)++] = term; /* the length comes first in both */
    }
    m->nterms[kind] = kept;
    return ALLOT_OK;
}

allot_err al_topology_constrain(al_topology *topology, bool only_hydrogens, allot_error *err)
{
    for (uint32_t k = 0; k < topology->nmolecules; k++)
        if (constrain(&topology->molecules[k], AL_TERM_BOND, only_hydrogens) != ALLOT_OK ||
            constrain(&topology->molecules[k], AL_TERM_BOND_G96, only_hydrogens) != ALLOT_OK)
            return al_fail(err, ALLOT_ENOMEM, 0, "out of memory for constraints");
    return ALLOT_OK;
}
