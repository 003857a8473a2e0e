/* carry.c - see carry.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/carry.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

/** Which atoms are where now. @return false: out of memory */
static bool note_places(al_carry *carry)
{
    const al_space *space = carry->space;
    uint32_t nplaces = space->nhome_blocks * AL_BLOCK;
    uint64_t *id = realloc(carry->id, ((size_t)nplaces + 1) * sizeof *id);
    if (id == NULL)
        return false;
    memcpy(id, space->id, nplaces * sizeof *id);
    carry->id = id;
    carry->nplaces = nplaces;
    return true;
}

bool al_carry_open(al_carry *carry, const al_space *space, uint32_t nvectors)
{
    *carry = (al_carry){
        .space = space, .nvectors = nvectors, .room = (size_t)space->nhome_blocks * AL_BLOCK_REALS};
    carry->reals = calloc(nvectors * carry->room + 1, sizeof *carry->reals);
    return carry->reals != NULL && note_places(carry);
}

void al_carry_close(al_carry *carry)
{
    free(carry->reals);
    free(carry->id);
    free(carry->places);
    free(carry->ids);
    al_id_map_fini(&carry->map);
    *carry = (al_carry){.nvectors = 0};
}

/** Where to find atoms that are at home now. @return false: out of memory */
static bool map_places(al_carry *carry)
{
    const al_space *space = carry->space;
    uint32_t *places = realloc(carry->places, ((size_t)space->nhome + 1) * sizeof *places), n = 0;
    uint64_t *ids = realloc(carry->ids, ((size_t)space->nhome + 1) * sizeof *ids);
    if (places != NULL)
        carry->places = places;
    if (ids != NULL)
        carry->ids = ids;
    for (uint32_t place = 0; ids != NULL && places != NULL && place < space->nhome_blocks * AL_BLOCK; place++)
        if (space->id[place] != AL_NO_ATOM) {
            places[n] = place;
            ids[n++] = space->id[place];
        }
    return ids != NULL && places != NULL && al_id_map_build(&carry->map, ids, n, &space->threads);
}

/** What an atom has, on its way: its id, and three numbers of each vector. */
static size_t record_reals(const al_carry *carry)
{
    return 1 + 3 * (size_t)carry->nvectors;
}

static void write_record(const al_carry *carry, uint32_t place, double *record)
{
    memcpy(record++, &carry->id[place], sizeof *record);
    for (uint32_t k = 0; k < carry->nvectors; k++)
        for (unsigned d = 0; d < 3; d++)
            *record++ = al_carry_vector(carry, k)[al_block_at(place, d)];
}

/** @param[out] reals  new vectors. @return whether the atom is here */
static bool read_record(const al_carry *carry, const double *record, double *reals, size_t room)
{
    uint64_t id;
    memcpy(&id, record++, sizeof id);
    uint32_t n = id != AL_NO_ATOM ? al_id_map_find(&carry->map, id) : AL_ID_NONE;
    if (n == AL_ID_NONE)
        return false;
    for (uint32_t k = 0; k < carry->nvectors; k++)
        for (unsigned d = 0; d < 3; d++)
            reals[k * room + al_block_at(carry->places[n], d)] = *record++;
    return true;
}

/** Records of atoms that have left, and room for as many as any rank has: two of them. */
typedef struct leavers {
    double *out, *in;
    size_t n, most;
} leavers;

/** What stays at home to its new place; the rest is listed. @return false: out of memory */
static bool part_ways(const al_carry *carry, double *reals, size_t room, leavers *l)
{
    size_t size = record_reals(carry), nmore = 64;
    double *one = malloc(size * sizeof *one);
    bool good = one != NULL;
    for (uint32_t place = 0; good && place < carry->nplaces; place++) {
        if (carry->id[place] == AL_NO_ATOM)
            continue;
        write_record(carry, place, one);
        if (read_record(carry, one, reals, room))
            continue;
        if (l->n == l->most) {
            double *more = realloc(l->out, (l->most + nmore) * size * sizeof *more);
            good = more != NULL;
            l->out = good ? more : l->out;
            l->most += good ? nmore : 0;
            nmore *= 2;
        }
        if (good)
            memcpy(&l->out[l->n++ * size], one, size * sizeof *one);
    }
    free(one);
    return good;
}

/** All leavers, once round all ranks. @return false: out of memory */
static bool send_round(const al_carry *carry, double *reals, size_t room, leavers *l)
{
    al_comm *comm = carry->space->opts.comm;
    const uint64_t nobody = AL_NO_ATOM;
    size_t size = record_reals(carry);
    double most = (double)l->n;
    comm->greatest(comm, &most, 1);
    if (!(most > 0))
        return true;
    l->most = (size_t)most;
    double *out = realloc(l->out, l->most * size * sizeof *out);
    l->out = out != NULL ? out : l->out;
    l->in = calloc(l->most * size, sizeof *l->in);
    if (out == NULL || l->in == NULL)
        return false;
    for (size_t k = l->n; k < l->most; k++) {
        memset(&out[k * size], 0, size * sizeof *out);
        memcpy(&out[k * size], &nobody, sizeof nobody);
    }
    for (int turn = 1; turn < comm->size; turn++) {
        size_t nbytes = l->most * size * sizeof *out;
        al_comm_exchange(comm, (comm->rank + 1) % comm->size, l->out, nbytes,
                         (comm->rank + comm->size - 1) % comm->size, l->in, nbytes);
        double *came = l->in;
        l->in = l->out;
        l->out = came;
        for (size_t k = 0; k < l->most; k++)
            (void)read_record(carry, &came[k * size], reals, room);
    }
    return true;
}

allot_err al_carry_follow(al_carry *carry, allot_error *err)
{
    size_t room = (size_t)carry->space->nhome_blocks * AL_BLOCK_REALS;
    double *reals = calloc(carry->nvectors * room + 1, sizeof *reals);
    leavers l = {.n = 0};
    bool good = reals != NULL && map_places(carry) && part_ways(carry, reals, room, &l) &&
                send_round(carry, reals, room, &l) && note_places(carry);
    free(l.out);
    free(l.in);
    if (!good) {
        free(reals);
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    }
    free(carry->reals);
    carry->reals = reals;
    carry->room = room;
    return ALLOT_OK;
}
