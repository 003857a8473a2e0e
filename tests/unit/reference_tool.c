/* reference_tool.c - for tests/md/reference.sh: what position restraints do.
 *
 *     reference_tool TOPOLOGY POSITIONS REFERENCE no|all|com
 *
 * A line for each atom: the force; then the energy, and the diagonal of the virial.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "md/box.h"
#include "md/read/positions.h"
#include "md/read/top.h"
#include "md/reference.h"
#include "md/term/term.h"

typedef struct world {
    al_topology top;
    al_gro now, then;
    al_reference reference;
    al_lattice lattice;
    double energy, virial[3];
} world;

static bool read_files(world *w, char **argv, allot_error *err)
{
    al_source_options options = {.nfolders = 0};
    al_buffer warnings = {.at = NULL};
    al_box box;
    bool was_reduced;
    bool good = al_top_read(argv[1], &options, &w->top, &warnings, err) == ALLOT_OK &&
                al_positions_read(argv[2], &w->now, err) == ALLOT_OK &&
                al_positions_read(argv[3], &w->then, err) == ALLOT_OK &&
                al_box_take((const double(*)[3])w->now.box, argv[2], &box, &was_reduced, err) == ALLOT_OK;
    al_buffer_fini(&warnings);
    if (!good)
        return false;
    al_lattice_init(&w->lattice, box.edge, box.tilt);
    al_scaling scaling = strcmp(argv[4], "all") == 0   ? AL_SCALING_ALL
                         : strcmp(argv[4], "com") == 0 ? AL_SCALING_CENTRE
                                                       : AL_SCALING_NONE;
    return al_reference_init(&w->reference, &w->top, &w->then, argv[3], scaling, err) == ALLOT_OK;
}

/** All restraints of an atom, which is alone in its block. */
static void hold(world *w, uint64_t id, double force[3])
{
    uint32_t row, atom;
    double x[AL_BLOCK_REALS] = {0}, f[AL_BLOCK_REALS] = {0}, reference[AL_BLOCK_REALS] = {0}, at[3], fixed[3];
    const double *here = w->now.x + 3 * id;
    (void)al_topology_atom(&w->top, id, &row, &atom);
    const al_molecule *molecule = &w->top.molecules[w->top.rows[row].molecule];
    uint64_t k = al_reference_find(&w->reference, id);
    if (k == UINT64_MAX)
        return;
    al_reference_place(&w->reference, k, &w->lattice, here, at, fixed);
    for (unsigned d = 0; d < 3; d++) {
        x[al_block_at(0, d)] = here[d];
        reference[al_block_at(0, d)] = at[d];
    }
    al_term_tables tables = {.params = w->top.params, .reference = reference};
    al_term_energies energies = {.lj14 = 0};
    for (uint32_t t = 0; t < molecule->nterms[AL_TERM_RESTRAINT]; t++) {
        al_term term = molecule->terms[AL_TERM_RESTRAINT][t];
        if (term.atom[0] != atom)
            continue;
        term.atom[0] = 0;
        al_term_functions_d[AL_TERM_RESTRAINT](&tables, 1, &term, x, f, &energies);
    }
    w->energy += energies.of[AL_TERM_RESTRAINT];
    for (unsigned d = 0; d < 3; d++) {
        force[d] = f[al_block_at(0, d)];
        w->virial[d] -= 0.5 * (here[d] - at[d] + fixed[d]) * force[d];
    }
}

int main(int argc, char **argv)
{
    world w = {.energy = 0};
    allot_error err;
    if (argc != 5)
        return 2;
    if (!read_files(&w, argv, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    for (uint64_t id = 0; id < w.now.natoms; id++) {
        double force[3] = {0};
        hold(&w, id, force);
        printf("%.17g %.17g %.17g\n", force[0], force[1], force[2]);
    }
    printf("%.17g %.17g %.17g %.17g\n", w.energy, w.virial[0], w.virial[1], w.virial[2]);
    al_reference_fini(&w.reference);
    al_gro_fini(&w.now);
    al_gro_fini(&w.then);
    al_topology_fini(&w.top);
    return 0;
}
