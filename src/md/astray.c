/* astray.c - see astray.h. Each rank looks among its home blocks. The one whose atom moved farthest (the
 * first of them, if several are nowhere) tells the others: they add nothing, so a sum is all that it takes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/astray.h"

#include <math.h>

static double moved2(const al_space *space, size_t place)
{
    double sum = 0;
    for (unsigned d = 0; d < 3; d++) {
        double by = space->x[al_block_at(place, d)] - space->x_listed[al_block_at(place, d)];
        sum += by * by;
    }
    return isfinite(sum) ? sum : HUGE_VAL;
}

/** The home place whose atom moved farthest. @return false: there are no atoms */
static bool find_worst(const al_space *space, size_t *worst)
{
    double most = -1;
    for (size_t place = 0; place < (size_t)space->nhome_blocks * AL_BLOCK; place++) {
        if (space->id[place] == AL_NO_ATOM)
            continue;
        double r2 = moved2(space, place);
        if (r2 > most) {
            most = r2;
            *worst = place;
        }
    }
    return most >= 0;
}

/** Keep an atom among the nearest so far, in order. */
static void take(al_astray *astray, uint64_t id, double distance)
{
    int last = AL_ASTRAY_NEIGHBOURS - 1, at = astray->nneighbours;
    if (at > last && astray->neighbours[last].distance <= distance)
        return;
    at = at > last ? last : astray->nneighbours++;
    for (; at > 0 && astray->neighbours[at - 1].distance > distance; at--)
        astray->neighbours[at] = astray->neighbours[at - 1];
    astray->neighbours[at].id = id;
    astray->neighbours[at].distance = distance;
}

/** Home atoms near where an atom was; copies' positions then are not kept. */
static void find_neighbours(const al_space *space, size_t worst, al_astray *astray)
{
    for (size_t place = 0; place < (size_t)space->nhome_blocks * AL_BLOCK; place++) {
        double r2 = 0;
        if (place == worst || space->id[place] == AL_NO_ATOM)
            continue;
        for (unsigned d = 0; d < 3; d++) {
            double by = space->x_listed[al_block_at(place, d)] - astray->before[d];
            r2 += by * by;
        }
        take(astray, space->id[place], sqrt(r2));
    }
}

/** An atom of this rank's: where it was and is, and its neighbours. */
static void describe(const al_space *space, size_t place, al_astray *astray)
{
    astray->id = space->id[place];
    for (unsigned d = 0; d < 3; d++) {
        astray->before[d] = space->x_listed[al_block_at(place, d)];
        astray->now[d] = space->x[al_block_at(place, d)];
    }
    find_neighbours(space, place, astray);
}

enum { NUMBERS = 9 + 2 * AL_ASTRAY_NEIGHBOURS };

static void to_numbers(const al_astray *a, double numbers[NUMBERS])
{
    numbers[0] = (double)a->id;
    numbers[1] = a->moved;
    numbers[2] = a->nneighbours;
    for (int d = 0; d < 3; d++) {
        numbers[3 + d] = a->before[d];
        numbers[6 + d] = a->now[d];
    }
    for (int k = 0; k < a->nneighbours; k++) {
        numbers[9 + 2 * k] = (double)a->neighbours[k].id;
        numbers[10 + 2 * k] = a->neighbours[k].distance;
    }
}

static void from_numbers(const double numbers[NUMBERS], al_astray *a)
{
    *a = (al_astray){.id = (uint64_t)numbers[0], .moved = numbers[1], .nneighbours = (int)numbers[2]};
    for (int d = 0; d < 3; d++) {
        a->before[d] = numbers[3 + d];
        a->now[d] = numbers[6 + d];
    }
    for (int k = 0; k < a->nneighbours; k++) {
        a->neighbours[k].id = (uint64_t)numbers[9 + 2 * k];
        a->neighbours[k].distance = numbers[10 + 2 * k];
    }
}

void al_astray_find(const al_space *space, al_astray *astray)
{
    al_comm *comm = space->opts.comm;
    size_t place = 0;
    double numbers[NUMBERS] = {0}, most, whose;
    *astray = (al_astray){.nneighbours = 0};
    bool has_atoms = find_worst(space, &place);
    most = astray->moved = has_atoms ? sqrt(moved2(space, place)) : 0;
    comm->greatest(comm, &most, 1);
    bool is_it = has_atoms && astray->moved == most;
    whose = is_it ? comm->size - comm->rank : 0; /* the lowest of them */
    comm->greatest(comm, &whose, 1);
    if (is_it && whose == comm->size - comm->rank) {
        describe(space, place, astray);
        to_numbers(astray, numbers);
    }
    comm->sum(comm, numbers, NUMBERS);
    from_numbers(numbers, astray);
}
