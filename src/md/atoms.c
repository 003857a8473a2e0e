/* atoms.c - see atoms.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/atoms.h"

#include <stdlib.h>
#include <string.h>

#define ALIGNED 64

static void free_places(al_atoms *atoms)
{
    free(atoms->charge);
    free(atoms->a);
    free(atoms->b);
    free(atoms->type);
    free(atoms->excluded_first);
    atoms->room = 0;
}

static bool grow_places(al_atoms *atoms, size_t nplaces)
{
    if (nplaces <= atoms->room && atoms->room > 0)
        return true;
    free_places(atoms);
    size_t room = (nplaces + nplaces / 4 + ALIGNED) / ALIGNED * ALIGNED;
    atoms->charge = aligned_alloc(ALIGNED, room * sizeof(double));
    atoms->a = aligned_alloc(ALIGNED, room * sizeof(double));
    atoms->b = aligned_alloc(ALIGNED, room * sizeof(double));
    atoms->type = aligned_alloc(ALIGNED, room * sizeof *atoms->type);
    atoms->excluded_first = malloc((room + 1) * sizeof *atoms->excluded_first);
    if (atoms->charge == NULL || atoms->a == NULL || atoms->b == NULL || atoms->type == NULL ||
        atoms->excluded_first == NULL)
        return false;
    atoms->room = room;
    return true;
}

/** What atoms of each type have, once. */
static bool know_types(al_atoms *atoms)
{
    const al_topology *t = atoms->topology;
    if (atoms->type_a != NULL)
        return true;
    atoms->type_a = calloc((size_t)t->ntypes + 1, sizeof *atoms->type_a);
    atoms->type_b = calloc((size_t)t->ntypes + 1, sizeof *atoms->type_b);
    if (atoms->type_a == NULL || atoms->type_b == NULL)
        return false;
    for (uint32_t k = 0; k < t->ntypes; k++) {
        size_t own = (size_t)k * t->ntypes + k;
        al_pair_atom(atoms->params, t->c6[own], t->c12[own], &atoms->type_a[k], &atoms->type_b[k]);
    }
    return true;
}

/** What some threads do at once. */
typedef struct task {
    al_atoms *atoms;
    const al_space *space;
} task;

static void set_number(const al_space *space, void *numbers, size_t place, double value)
{
    if (space->opts.is_double)
        ((double *)numbers)[place] = value;
    else
        ((float *)numbers)[place] = (float)value;
}

static void set_place(const task *t, size_t place, uint32_t type, double charge)
{
    al_atoms *atoms = t->atoms;
    atoms->type[place] = type;
    set_number(t->space, atoms->charge, place, charge);
    set_number(t->space, atoms->a, place, atoms->type_a[type]);
    set_number(t->space, atoms->b, place, atoms->type_b[type]);
}

/** Blocks without atoms: whatever is there has no charge and is far away. */
static int empty_blocks(uint64_t begin, uint64_t end, void *arg)
{
    const task *t = arg;
    for (uint64_t place = begin * AL_BLOCK; place < end * AL_BLOCK; place++)
        set_place(t, place, 0, 0);
    return 0;
}

/** How many local places an atom is excluded from, or which, written to *to. */
static uint32_t find_excluded(const task *t, const al_local *local, uint32_t *to)
{
    const al_id_map *map = &t->atoms->locals.map;
    const al_molecule *molecule = &t->atoms->topology->molecules[local->molecule];
    uint32_t count = 0, end = molecule->excluded_first[local->atom + 1];
    for (uint32_t n = molecule->excluded_first[local->atom]; n < end; n++)
        for (uint32_t k = al_id_map_find(map, local->first_id + molecule->excluded[n]); k != AL_ID_NONE;
             k = al_id_map_next(map, k)) {
            if (to != NULL)
                to[count] = t->space->places[k];
            count++;
        }
    return count;
}

static int place_atoms(uint64_t begin, uint64_t end, void *arg)
{
    const task *t = arg;
    const al_space *space = t->space;
    for (uint64_t k = begin; k < end; k++) {
        const al_local *local = &t->atoms->locals.of[k];
        const al_molecule_atom *what = &t->atoms->topology->molecules[local->molecule].atoms[local->atom];
        set_place(t, space->places[k], what->type, what->charge * t->atoms->charge_by);
        t->atoms->excluded_first[space->places[k] + 1] = find_excluded(t, local, NULL);
    }
    return 0;
}

static int exclude_atoms(uint64_t begin, uint64_t end, void *arg)
{
    const task *t = arg;
    for (uint64_t k = begin; k < end; k++) {
        uint32_t first = t->atoms->excluded_first[t->space->places[k]];
        (void)find_excluded(t, &t->atoms->locals.of[k], t->atoms->excluded + first);
    }
    return 0;
}

/** Where each place's begin, from how many it has. @return false: out of memory */
static bool add_up(al_atoms *atoms, size_t nplaces)
{
    for (size_t place = 0; place < nplaces; place++)
        atoms->excluded_first[place + 1] += atoms->excluded_first[place];
    uint32_t n = atoms->excluded_first[nplaces];
    if (n < atoms->room_excluded)
        return true;
    free(atoms->excluded);
    atoms->room_excluded = n + n / 4 + 1;
    atoms->excluded = malloc(atoms->room_excluded * sizeof *atoms->excluded);
    return atoms->excluded != NULL;
}

bool al_atoms_place(void *arg, al_space *space)
{
    al_atoms *atoms = arg;
    task t = {atoms, space};
    size_t nplaces = (size_t)space->nblocks * AL_BLOCK;
    if (!grow_places(atoms, nplaces) || !know_types(atoms) ||
        !al_locals_find(&atoms->locals, atoms->topology, space))
        return false;
    memset(atoms->excluded_first, 0, (nplaces + 1) * sizeof *atoms->excluded_first);
    (void)!allot_for(space->opts.pool, space->nblocks, empty_blocks, &t, NULL, NULL);
    (void)!allot_for(space->opts.pool, space->atoms.n, place_atoms, &t, NULL, NULL);
    if (!add_up(atoms, nplaces))
        return false;
    (void)!allot_for(space->opts.pool, space->atoms.n, exclude_atoms, &t, NULL, NULL);
    atoms->pairs = (al_pair_atoms){atoms->charge, atoms->a, atoms->b, atoms->type};
    space->excluded_first = atoms->excluded_first;
    space->excluded = atoms->excluded;
    return true;
}

void al_atoms_fini(al_atoms *atoms)
{
    free_places(atoms);
    free(atoms->excluded);
    free(atoms->type_a);
    free(atoms->type_b);
    al_locals_fini(&atoms->locals);
}
