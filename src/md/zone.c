/* zone.c - see zone.h. A counting sort by columns, in each a sort by z, and in blocks one lengthwise, so that
 * clusters and their halves are of atoms near each other. Threads have shares of the atoms:
 * each counts its own in every column, so that all know where theirs go, in the order of atoms.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/zone.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "md/grow.h"

#define NOWHERE (-5e5F) /* less than this in x is a place without an atom */
#define PIECES_A_THREAD 4u

/** What the atoms of a zone span, of those in a share. */
typedef struct al_zone_span {
    double least[2], greatest[2];
    uint32_t n;
} span;

/** Zones being sorted. */
typedef struct sorting {
    al_zone *zones;
    al_order *order;
    const al_unsorted *unsorted;
    uint32_t nshares, npieces;
} sorting;

uint32_t al_zone_ncolumns(const al_zone *zone)
{
    return zone->columns != NULL ? zone->ncolumns[0] * zone->ncolumns[1] : 0;
}

/* ---- columns --------------------------------------------------------------------------------------------
 */

static int find_spans(uint64_t begin, uint64_t end, void *arg)
{
    const sorting *s = arg;
    const al_unsorted *unsorted = s->unsorted;
    for (uint64_t share = begin; share < end; share++) {
        span found[AL_ZONES];
        for (int z = 0; z < AL_ZONES; z++)
            found[z] = (span){{HUGE_VAL, HUGE_VAL}, {-HUGE_VAL, -HUGE_VAL}, 0};
        uint64_t last = al_share_begin(unsorted->n, share + 1, s->nshares);
        for (uint64_t k = al_share_begin(unsorted->n, share, s->nshares); k < last; k++) {
            span *of = &found[unsorted->zone[k]];
            of->n++;
            for (int d = 0; d < 2; d++) {
                double at = unsorted->x[3 * k + (uint64_t)d];
                of->least[d] = of->least[d] < at ? of->least[d] : at;
                of->greatest[d] = of->greatest[d] > at ? of->greatest[d] : at;
            }
        }
        memcpy(&s->order->spans[share * AL_ZONES], found, sizeof found);
    }
    return 0;
}

/** The span of a zone, of all shares. */
static span whole_span(const sorting *s, int zone)
{
    span all = s->order->spans[zone];
    for (uint32_t share = 1; share < s->nshares; share++) {
        const span *more = &s->order->spans[share * AL_ZONES + (uint32_t)zone];
        all.n += more->n;
        for (int d = 0; d < 2; d++) {
            all.least[d] = all.least[d] < more->least[d] ? all.least[d] : more->least[d];
            all.greatest[d] = all.greatest[d] > more->greatest[d] ? all.greatest[d] : more->greatest[d];
        }
    }
    return all;
}

/** Cut what atoms span in x and y into columns, no more than there are atoms. @return false: out of memory */
static bool cut(al_zone *zone, const span *all, double density)
{
    double *width = zone->width, extent[2], n = all->n;
    for (int d = 0; d < 2; d++) {
        zone->least[d] = all->least[d];
        extent[d] = all->n > 0 ? all->greatest[d] - all->least[d] : 0;
    }
    double side = fmax(cbrt(AL_BLOCK / density), sqrt(extent[0] * extent[1] / (n + 1)));
    side = fmax(side, fmax(extent[0], extent[1]) / (n + 1));
    for (int d = 0; d < 2; d++) {
        zone->ncolumns[d] = extent[d] > side ? (uint32_t)(extent[d] / side) : 1;
        width[d] = extent[d] / zone->ncolumns[d] * (1 + 1e-12) + 1e-12;
    }
    uint32_t needed = zone->ncolumns[0] * zone->ncolumns[1] + 1;
    if (needed > zone->room) {
        free(zone->columns);
        free(zone->column_bounds);
        zone->columns = malloc(needed * sizeof *zone->columns);
        zone->column_bounds = malloc(needed * sizeof *zone->column_bounds);
        zone->room = needed;
    }
    return zone->columns != NULL && zone->column_bounds != NULL;
}

static bool cut_all(const sorting *s)
{
    s->order->ncolumns = 0;
    for (int z = 0; z < AL_ZONES; z++) {
        span all = whole_span(s, z);
        if (!cut(&s->zones[z], &all, s->unsorted->density))
            return false;
        s->zones[z].first_column = s->order->ncolumns;
        s->order->ncolumns += al_zone_ncolumns(&s->zones[z]);
    }
    return true;
}

/** Which column an atom is in. */
static uint32_t column_of(const al_zone *zone, const double *x)
{
    return zone->first_column + (uint32_t)((x[0] - zone->least[0]) / zone->width[0]) * zone->ncolumns[1] +
           (uint32_t)((x[1] - zone->least[1]) / zone->width[1]);
}

/** A share's numbers in order->ends: for each column, at first how many of its atoms are there. */
static uint32_t *ends_of(const sorting *s, uint64_t share)
{
    return s->order->ends + share * s->order->ncolumns;
}

static int find_columns(uint64_t begin, uint64_t end, void *arg)
{
    const sorting *s = arg;
    const al_unsorted *unsorted = s->unsorted;
    for (uint64_t share = begin; share < end; share++) {
        uint32_t *counts = ends_of(s, share);
        memset(counts, 0, s->order->ncolumns * sizeof *counts);
        uint64_t last = al_share_begin(unsorted->n, share + 1, s->nshares);
        for (uint64_t k = al_share_begin(unsorted->n, share, s->nshares); k < last; k++) {
            uint32_t column = column_of(&s->zones[unsorted->zone[k]], &unsorted->x[3 * k]);
            s->order->places[k] = column;
            counts[column]++;
        }
    }
    return 0;
}

/** Where each share's keys begin in each column; the columns' first blocks. */
static void lay_out(const sorting *s)
{
    uint32_t at = 0, block = 0;
    for (int z = 0; z < AL_ZONES; z++) {
        al_zone *zone = &s->zones[z];
        uint32_t ncolumns = al_zone_ncolumns(zone);
        zone->first_block = block;
        for (uint32_t c = 0; c < ncolumns; c++) {
            uint32_t first = at;
            for (uint32_t share = 0; share < s->nshares; share++) {
                uint32_t *count = &ends_of(s, share)[zone->first_column + c], n = *count;
                *count = at;
                at += n;
            }
            zone->columns[c] = block;
            block += (at - first + AL_BLOCK - 1) / AL_BLOCK;
        }
        zone->columns[ncolumns] = block;
        zone->nblocks = block - zone->first_block;
    }
    s->order->nblocks = block;
}

/* ---- in columns -----------------------------------------------------------------------------------------
 */

/** What is sorted by: z, as a number without sign that is in the order of floats, then the atom. */
static uint64_t key_of(double z, uint64_t atom)
{
    float rounded = (float)z;
    uint32_t bits;
    memcpy(&bits, &rounded, sizeof bits);
    bits ^= bits >> 31 != 0 ? UINT32_MAX : UINT32_C(1) << 31;
    return (uint64_t)bits << 32 | atom;
}

/** Keys of each column's atoms beside each other, in the order of atoms. */
static int deal_out(uint64_t begin, uint64_t end, void *arg)
{
    const sorting *s = arg;
    const al_unsorted *unsorted = s->unsorted;
    for (uint64_t share = begin; share < end; share++) {
        uint32_t *ends = ends_of(s, share);
        uint64_t last = al_share_begin(unsorted->n, share + 1, s->nshares);
        for (uint64_t k = al_share_begin(unsorted->n, share, s->nshares); k < last; k++)
            s->order->keys[ends[s->order->places[k]]++] = key_of(unsorted->x[3 * k + 2], k);
    }
    return 0;
}

static int by_key(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/** Atoms come in the order of the time before, so that few are out of place. */
static void sort_keys(uint64_t *keys, uint32_t n)
{
    uint64_t left = (uint64_t)n * 8;
    for (uint32_t k = 1; k < n; k++) {
        uint64_t moved = keys[k];
        uint32_t at = k;
        for (; at > 0 && keys[at - 1] > moved; at--)
            keys[at] = keys[at - 1];
        keys[at] = moved;
        if (k - at > left) {
            qsort(keys, n, sizeof *keys, by_key);
            return;
        }
        left -= k - at;
    }
}

/** Sort n atoms, AL_BLOCK at most, along the direction in which they are farthest apart. */
static void sort_lengthwise(const double *x, uint32_t *atoms, uint32_t n)
{
    double longest = -1, along[AL_BLOCK];
    size_t direction = 0;
    for (size_t d = 0; d < 3; d++) {
        double least = HUGE_VAL, greatest = -HUGE_VAL;
        for (uint32_t k = 0; k < n; k++) {
            double at = x[3 * (size_t)atoms[k] + d];
            least = least < at ? least : at;
            greatest = greatest > at ? greatest : at;
        }
        direction = greatest - least > longest ? d : direction;
        longest = greatest - least > longest ? greatest - least : longest;
    }
    for (uint32_t k = 0; k < n; k++) {
        uint32_t atom = atoms[k], at = k;
        double here = x[3 * (size_t)atom + direction];
        for (; at > 0 && along[at - 1] > here; at--) {
            along[at] = along[at - 1];
            atoms[at] = atoms[at - 1];
        }
        along[at] = here;
        atoms[at] = atom;
    }
}

/** Clusters of a block, and their halves, such that each is of atoms near each other. */
static void arrange_block(const double *x, uint32_t *atoms)
{
    sort_lengthwise(x, atoms, AL_BLOCK);
    for (uint32_t k = 0; k < AL_BLOCK; k += AL_CLUSTER)
        sort_lengthwise(x, atoms + k, AL_CLUSTER);
}

/** The columns [begin, end) of a zone. */
static void sort_columns(const sorting *s, const al_zone *zone, uint32_t begin, uint32_t end)
{
    const uint32_t *ends = ends_of(s, s->nshares - 1) + zone->first_column;
    al_order *order = s->order;
    for (uint32_t c = begin; c < end; c++) {
        uint32_t first = zone->first_column + c > 0 ? ends[(int64_t)c - 1] : 0, n = ends[c] - first;
        uint64_t *keys = order->keys + first;
        uint32_t *atoms = order->atoms + (size_t)zone->columns[c] * AL_BLOCK;
        sort_keys(keys, n);
        for (uint32_t k = 0; k < n; k++) {
            atoms[k] = (uint32_t)keys[k];
            if (k % AL_BLOCK == AL_BLOCK - 1) /* others end with places that have none */
                arrange_block(s->unsorted->x, &atoms[k + 1 - AL_BLOCK]);
        }
        for (uint32_t k = 0; k < n; k++)
            order->places[atoms[k]] = zone->columns[c] * AL_BLOCK + k;
        for (; n % AL_BLOCK != 0; n++)
            atoms[n] = AL_NO_NUMBER;
    }
}

static int sort_pieces(uint64_t begin, uint64_t end, void *arg)
{
    const sorting *s = arg;
    for (uint64_t piece = begin; piece < end; piece++)
        for (int z = 0; z < AL_ZONES; z++) {
            uint64_t n = al_zone_ncolumns(&s->zones[z]);
            sort_columns(s, &s->zones[z], (uint32_t)al_share_begin(n, piece, s->npieces),
                         (uint32_t)al_share_begin(n, piece + 1, s->npieces));
        }
    return 0;
}

bool al_zones_sort(al_zone *zones, al_order *order, const al_unsorted *unsorted, const al_threads *threads)
{
    uint32_t n = unsorted->n, nshares = al_threads_count(threads);
    sorting s = {zones, order, unsorted, nshares, nshares * PIECES_A_THREAD};
    if (!al_grow(&order->places, &order->room_places, n + 1, sizeof *order->places) ||
        !al_grow(&order->keys, &order->room_keys, n + 1, sizeof *order->keys) ||
        !al_grow(&order->spans, &order->room_spans, nshares * AL_ZONES, sizeof *order->spans))
        return false;
    (void)al_shares_do(threads, nshares, find_spans, &s);
    if (!cut_all(&s) ||
        !al_grow(&order->ends, &order->room_ends, nshares * order->ncolumns, sizeof *order->ends))
        return false;
    (void)al_shares_do(threads, nshares, find_columns, &s);
    lay_out(&s);
    if (!al_grow(&order->atoms, &order->room_atoms, order->nblocks * AL_BLOCK + 1, sizeof *order->atoms))
        return false;
    (void)al_shares_do(threads, nshares, deal_out, &s);
    (void)al_shares_do(threads, s.npieces, sort_pieces, &s);
    return true;
}

void al_order_fini(al_order *order)
{
    free(order->places);
    free(order->atoms);
    free(order->keys);
    free(order->ends);
    free(order->spans);
    *order = (al_order){.nblocks = 0};
}

void al_zone_fini(al_zone *zone)
{
    free(zone->columns);
    free(zone->column_bounds);
    *zone = (al_zone){0};
}

/* ---- bounds ---------------------------------------------------------------------------------------------
 */

static const al_bounds empty = {{HUGE_VALF, HUGE_VALF, HUGE_VALF}, {-HUGE_VALF, -HUGE_VALF, -HUGE_VALF}};

static void widen(al_bounds *all, const al_bounds *more)
{
    for (int d = 0; d < 3; d++) {
        all->least[d] = all->least[d] < more->least[d] ? all->least[d] : more->least[d];
        all->greatest[d] = all->greatest[d] > more->greatest[d] ? all->greatest[d] : more->greatest[d];
    }
}

/** Of the cluster at x. */
static al_bounds bounds_of(const float *x)
{
    al_bounds all = empty;
    int n = 0;
    while (n < AL_CLUSTER && x[n] > NOWHERE)
        n++;
    for (int d = 0; d < 3; d++, x += AL_BLOCK)
        for (int k = 0; k < n; k++) {
            all.least[d] = all.least[d] < x[k] ? all.least[d] : x[k];
            all.greatest[d] = all.greatest[d] > x[k] ? all.greatest[d] : x[k];
        }
    return all;
}

void al_zone_bound(al_zone *zone, uint32_t begin, uint32_t end, const float *x, al_bounds *blocks,
                   al_bounds *clusters)
{
    for (uint32_t c = begin; c < end; c++) {
        zone->column_bounds[c] = empty;
        for (uint32_t block = zone->columns[c]; block < zone->columns[c + 1]; block++) {
            const float *at = x + (size_t)block * AL_BLOCK_REALS;
            clusters[2 * block] = bounds_of(at);
            clusters[2 * block + 1] = bounds_of(at + AL_CLUSTER);
            blocks[block] = clusters[2 * block];
            widen(&blocks[block], &clusters[2 * block + 1]);
            widen(&zone->column_bounds[c], &blocks[block]);
        }
    }
}

void al_zone_span(const al_zone *zone, uint32_t begin, uint32_t end, const al_bounds *blocks,
                  const al_spans *spans)
{
    for (uint32_t block = zone->columns[begin]; block < zone->columns[end]; block++)
        for (size_t d = 0; d < 3; d++) {
            spans->rows[d * spans->stride + block] = blocks[block].least[d];
            spans->rows[(d + 3) * spans->stride + block] = blocks[block].greatest[d];
        }
}

al_bounds al_zone_bounds(const al_zone *zone)
{
    al_bounds all = empty;
    for (uint32_t c = 0; c < al_zone_ncolumns(zone); c++)
        widen(&all, &zone->column_bounds[c]);
    return all;
}
