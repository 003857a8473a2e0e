/* locals.c - see locals.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/locals.h"

#include <stdlib.h>

#include "md/grow.h"

/** What threads look up. */
typedef struct looking {
    const al_topology *topology;
    const al_space *space;
    al_local *of;
    uint32_t nshares;
} looking;

static int look_up(uint64_t begin, uint64_t end, void *arg)
{
    const looking *l = arg;
    const al_halo_atoms *atoms = &l->space->atoms;
    uint64_t last = al_share_begin(atoms->n, end, l->nshares);
    for (uint64_t k = al_share_begin(atoms->n, begin, l->nshares); k < last; k++) {
        uint32_t row, atom;
        (void)al_topology_atom(l->topology, atoms->id[k], &row, &atom);
        l->of[k] = (al_local){atoms->id[k] - atom, l->topology->rows[row].molecule, atom};
    }
    return 0;
}

bool al_locals_find(al_locals *locals, const al_topology *topology, const al_space *space)
{
    const al_threads *threads = &space->threads;
    uint32_t n = space->atoms.n;
    if (!al_grow(&locals->of, &locals->room, n + 1, sizeof *locals->of) ||
        !al_id_map_build(&locals->map, space->atoms.id, n, threads))
        return false;
    looking l = {topology, space, locals->of, al_threads_count(threads)};
    return al_shares_do(threads, l.nshares, look_up, &l);
}

void al_locals_fini(al_locals *locals)
{
    free(locals->of);
    al_id_map_fini(&locals->map);
    *locals = (al_locals){.room = 0};
}
