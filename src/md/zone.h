/* zone.h - atoms of each zone sorted into blocks: those of a block are near each other.
 *
 * A zone is the home domain, or a part of its halo. It is cut into columns of about the size of a block in x
 * and y; in each the atoms are sorted by z and dealt out in eights, which are split where they are longest,
 * and so are their halves. Columns are counted through all zones. (Páll and Hess, Comput. Phys. Commun. 184,
 * 2641, 2013.)
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_ZONE_H
#define AL_MD_ZONE_H

#include <stdbool.h>

#include "base/shares.h"
#include "md/block.h"

enum { AL_ZONES = 8 };

#define AL_NO_NUMBER UINT32_MAX /**< where there is no atom */

/** Begin with zeros. */
typedef struct al_zone {
    uint32_t first_block, nblocks;
    uint32_t ncolumns[2], first_column;
    double least[2], width[2]; /**< of the columns, in x and y */
    uint32_t *columns;         /**< [ncolumns[0] * ncolumns[1] + 1]: first block of each; owned */
    al_bounds *column_bounds;
    uint32_t room;
} al_zone;

/** What there is to sort; borrowed. */
typedef struct al_unsorted {
    uint32_t n;
    const double *x;     /**< 3 n */
    const uint8_t *zone; /**< [n]: which zone each is in */
    double density;      /**< atoms a volume */
} al_unsorted;

/** Where everything goes, and what is needed to find it, kept for the next time. Begin with zeros. */
typedef struct al_order {
    uint32_t *places; /**< [n]: of each atom; owned */
    uint32_t *atoms;  /**< [nblocks * AL_BLOCK]: at each place, AL_NO_NUMBER where there is none; owned */
    uint32_t nblocks; /**< of all zones */
    uint32_t ncolumns;
    uint32_t room_places, room_atoms, room_keys, room_ends, room_spans;
    uint64_t *keys;
    uint32_t *ends;
    struct al_zone_span *spans;
} al_order;

/** Sort atoms into blocks, those of zone 0 first. The same for any number of threads.
 * @param[in,out] zones  [AL_ZONES]
 * @return false: out of memory */
bool al_zones_sort(al_zone *zones, al_order *order, const al_unsorted *unsorted, const al_threads *threads);
void al_order_fini(al_order *order);
void al_zone_fini(al_zone *zone);

uint32_t al_zone_ncolumns(const al_zone *zone);
/** Bounds of the columns [begin, end), of their blocks and of their clusters, from what is in them.
 * @param x  in blocks; places without an atom, which come last in a column, do not count
 * @param blocks, clusters  of all zones, by number */
void al_zone_bound(al_zone *zone, uint32_t begin, uint32_t end, const float *x, al_bounds *blocks,
                   al_bounds *clusters);
/** The bounds of the blocks in columns [begin, end) as kernels look through them. */
void al_zone_span(const al_zone *zone, uint32_t begin, uint32_t end, const al_bounds *blocks,
                  const al_spans *spans);
/** Bounds of all of its columns. */
al_bounds al_zone_bounds(const al_zone *zone);

#endif
