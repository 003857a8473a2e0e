/* checksum.c - see checksum.h.
 *
 * A copy does not know where in the box its atom is: it was moved, and rounded on the way. So that travels
 * once more, from home, by the halo's own ways.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/checksum.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

/** An atom at a place. */
typedef struct seen {
    uint64_t id;   /* AL_NO_ATOM: none */
    double x[3];   /* in the box, in space */
    long moved[3]; /* by so many vectors of it, to be where this rank has it */
} seen;

/** A number that looks like no other's (the mixing function of SplitMix64). */
static uint64_t mix(uint64_t z)
{
    z += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t mix_moved(uint64_t hash, const long moved[3])
{
    for (int d = 0; d < 3; d++)
        hash = mix(hash ^ (uint64_t)moved[d]);
    return hash;
}

/* ---- what is where --------------------------------------------------------------------------------------
 */

static void pack_home(void *arg, const al_halo_pulse *pulse, const uint32_t *names, uint32_t n, void *out)
{
    const seen *places = arg;
    (void)pulse;
    for (uint32_t k = 0; k < n; k++)
        memcpy((double *)out + 3 * (size_t)k, places[names[k]].x, sizeof places->x);
}

static void unpack_home(void *arg, const al_halo_pulse *pulse, const uint32_t *names, uint32_t n,
                        const void *in)
{
    seen *places = arg;
    (void)pulse;
    for (uint32_t k = 0; k < n; k++)
        memcpy(places[names[k]].x, (const double *)in + 3 * (size_t)k, sizeof places->x);
}

/** Fill in all places, from where atoms were when the list was made. */
static void look(al_space *space, seen *places)
{
    const al_halo_atoms *atoms = &space->atoms;
    uint64_t nbytes = space->halo.nbytes, nmessages = space->halo.nmessages;
    for (size_t place = 0; place < (size_t)space->nblocks * AL_BLOCK; place++)
        places[place].id = AL_NO_ATOM;
    for (uint32_t k = 0; k < atoms->n; k++) {
        seen *place = &places[space->places[k]];
        place->id = atoms->id[k];
        for (unsigned d = 0; d < 3 && k < atoms->nhome; d++)
            place->x[d] = space->x_listed[al_block_at(space->places[k], d)];
    }
    al_halo_forward(&space->halo, space->opts.comm, sizeof places->x, pack_home, unpack_home, places);
    space->halo.nbytes = nbytes; /* what is counted is what a step takes */
    space->halo.nmessages = nmessages;
    for (uint32_t k = 0; k < atoms->n; k++)
        for (int d = 0; d < 3; d++) {
            seen *place = &places[space->places[k]];
            double from = al_domain_at(&space->domain, place->x, d);
            place->moved[d] = lround((atoms->x[3 * (size_t)k + (size_t)d] - from) / space->opts.box[d]);
        }
}

/* ---- sums -----------------------------------------------------------------------------------------------
 */

static void add_atoms(const al_space *space, const seen *places, al_checksum *sum)
{
    const al_halo_atoms *atoms = &space->atoms;
    for (uint32_t k = 0; k < atoms->n; k++) {
        if (k < atoms->nhome) {
            sum->natoms++;
            sum->atoms += mix(atoms->id[k]);
        } else {
            sum->ncopies++;
            sum->copies += mix_moved(mix(mix(atoms->id[k]) ^ atoms->zone[k]), places[space->places[k]].moved);
        }
    }
}

/** Whether `moved` has its first number that is not 0 below 0: of an atom and its own image, either may be
 * the first of the pair. */
static bool is_backward(const long moved[3])
{
    for (int d = 0; d < 3; d++)
        if (moved[d] != 0)
            return moved[d] < 0;
    return false;
}

static void add_pair(const al_space *space, const seen *a, const seen *b, al_checksum *sum)
{
    long moved[3];
    double apart[3], r2 = 0;
    if (a->id == AL_NO_ATOM || b->id == AL_NO_ATOM)
        return;
    for (int d = 0; d < 3; d++)
        moved[d] = b->moved[d] - a->moved[d];
    bool is_turned = a->id != b->id ? a->id > b->id : is_backward(moved);
    const seen *first = is_turned ? b : a, *second = is_turned ? a : b;
    for (int d = 0; d < 3; d++) {
        moved[d] = is_turned ? -moved[d] : moved[d];
        apart[d] = second->x[d] - first->x[d];
    }
    for (int d = 0; d < 3; d++)
        al_lattice_move(&space->lattice, apart, d, (double)moved[d]);
    for (int d = 0; d < 3; d++)
        r2 += apart[d] * apart[d];
    if (!(r2 < space->opts.reach * space->opts.reach))
        return;
    sum->npairs++;
    sum->pairs += mix_moved(mix(mix(first->id) ^ second->id), moved);
}

/** All pairs of a row, as the kernels understand it: see pair.h. */
static void add_row(const al_space *space, const seen *places, const al_pairs *part, const al_pair_row *row,
                    al_checksum *sum)
{
    for (size_t i = (size_t)row->cluster * AL_CLUSTER; i < ((size_t)row->cluster + 1) * AL_CLUSTER; i++) {
        for (uint32_t n = row->begin; n < row->end; n++) {
            size_t first = (size_t)part->outer.blocks[n] * AL_BLOCK;
            for (size_t j = first; j < first + AL_BLOCK; j++)
                if (j > i || first / AL_BLOCK != i / AL_BLOCK)
                    add_pair(space, &places[i], &places[j], sum);
        }
    }
}

allot_err al_checksum_part(al_space *space, al_checksum *part, allot_error *err)
{
    seen *places = calloc((size_t)space->nblocks * AL_BLOCK + 1, sizeof *places);
    *part = (al_checksum){.natoms = 0};
    if (places == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    look(space, places);
    add_atoms(space, places, part);
    for (uint32_t p = 0; p < space->nparts; p++)
        for (uint32_t k = 0; k < space->parts[p].outer.nrows; k++)
            add_row(space, places, &space->parts[p], &space->parts[p].outer.rows[k], part);
    free(places);
    return ALLOT_OK;
}

allot_err al_checksum_add(al_comm *comm, al_checksum *sum, allot_error *err)
{
    bool is_root = comm->rank == 0;
    al_checksum *all = is_root ? malloc((size_t)comm->size * sizeof *all) : NULL;
    if (is_root && all == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    comm->gather(comm, sum, sizeof *sum, all);
    for (int rank = 1; is_root && rank < comm->size; rank++) {
        sum->natoms += all[rank].natoms;
        sum->atoms += all[rank].atoms;
        sum->npairs += all[rank].npairs;
        sum->pairs += all[rank].pairs;
        sum->ncopies += all[rank].ncopies;
        sum->copies += all[rank].copies;
    }
    free(all);
    return ALLOT_OK;
}
