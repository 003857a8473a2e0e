/* gather.c - see gather.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/gather.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "md/checkpoint.h"

/** An atom on its way to rank 0. */
typedef struct record {
    al_atom atom;
    double f[3];
} record;

/** This rank's, in an array that has room for as many as any rank has. */
static record *own_records(const al_md *md, uint64_t most)
{
    const al_space *space = &md->space;
    record *records = calloc(most + 1, sizeof *records);
    for (size_t place = 0, n = 0; records != NULL && place < (size_t)space->nhome_blocks * AL_BLOCK;
         place++) {
        if (space->id[place] == AL_NO_ATOM)
            continue;
        records[n].atom.id = space->id[place];
        for (unsigned d = 0; d < 3; d++) {
            size_t at = al_block_at(place, d);
            records[n].atom.x[d] = space->x[at];
            records[n].atom.v[d] = space->v[at];
            records[n].f[d] = space->opts.is_double ? ((const double *)space->fr)[at]
                                                    : (double)((const float *)space->fr)[at];
        }
        n++;
    }
    return records;
}

/** At rank 0: from all ranks' records to the two arrays. */
static allot_err sort_out(const al_md *md, const record *all, const uint64_t *counts, uint64_t most,
                          al_atom *atoms, double *forces, allot_error *err)
{
    uint64_t n = 0;
    for (int rank = 0; rank < md->opts.space.comm->size; rank++)
        for (uint64_t k = 0; k < counts[rank]; k++, n++) {
            const record *one = &all[(uint64_t)rank * most + k];
            if (n >= md->natoms || one->atom.id >= md->natoms)
                return al_fail(err, ALLOT_ERANGE, 0, "atoms were lost or doubled between ranks");
            atoms[n] = one->atom;
            for (int d = 0; d < 3 && forces != NULL; d++)
                forces[3 * one->atom.id + (uint64_t)d] = one->f[d];
        }
    if (n != md->natoms)
        return al_fail(err, ALLOT_ERANGE, 0, "%llu of %llu atoms are left", (unsigned long long)n,
                       (unsigned long long)md->natoms);
    allot_err code = al_atoms_order(atoms, n, err);
    if (code == ALLOT_OK) /* between two lists an atom may be a little beyond the box */
        al_groups_enter(&md->space.opts.groups, &md->space.domain, atoms, n);
    return code;
}

/** Whether any rank failed. Collective. */
static bool any_failed(al_comm *comm, bool failed)
{
    double found = failed;
    comm->greatest(comm, &found, 1);
    return found > 0;
}

allot_err al_md_gather(const al_md *md, al_atom **atoms, double **forces, allot_error *err)
{
    al_comm *comm = md->opts.space.comm;
    bool is_root = comm->rank == 0;
    double most = md->space.nhome;
    uint64_t count = md->space.nhome;
    comm->greatest(comm, &most, 1);
    record *own = own_records(md, (uint64_t)most);
    uint64_t *counts = calloc((size_t)comm->size, sizeof *counts);
    record *all = is_root ? malloc(((size_t)comm->size * (size_t)most + 1) * sizeof *all) : NULL;
    double *f = is_root && forces != NULL ? malloc((3 * md->natoms + 1) * sizeof *f) : NULL;
    *atoms = is_root ? malloc((md->natoms + 1) * sizeof **atoms) : NULL;
    bool failed = own == NULL || counts == NULL ||
                  (is_root && (all == NULL || *atoms == NULL || (forces != NULL && f == NULL)));
    allot_err code = ALLOT_OK;
    if (any_failed(comm, failed)) {
        code = al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    } else {
        comm->gather(comm, &count, sizeof count, counts);
        comm->gather(comm, own, (size_t)most * sizeof *own, all);
        if (is_root)
            code = sort_out(md, all, counts, (uint64_t)most, *atoms, f, err);
        if (any_failed(comm, code != ALLOT_OK) && code == ALLOT_OK)
            code = al_fail(err, ALLOT_ERANGE, 0, "atoms were lost or doubled between ranks");
    }
    free(own);
    free(counts);
    free(all);
    if (code != ALLOT_OK) {
        free(*atoms);
        free(f);
        *atoms = NULL;
        f = NULL;
    }
    if (forces != NULL)
        *forces = f;
    return code;
}
