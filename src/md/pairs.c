/* pairs.c - see pairs.h.
 *
 * Candidates are found by bounds, for a block at a time: columns first, then blocks. Each of its clusters
 * then takes what is near its own bounds, and the kernels' prune() looks at the atoms.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/pairs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "md/grow.h"

/** Zones from which rows begin: those that have a zone after them with which they share no bit. */
static const uint8_t beginning[] = {0, 1, 2, 3, 4, 5, 6};

/** How far apart they are in direction d, or 0: (x + |x|) / 2 has no branch, which would be as often wrong as
 * right. */
static inline float gap(const al_bounds *a, const al_bounds *b, int d)
{
    float below = b->least[d] - a->greatest[d], above = a->least[d] - b->greatest[d];
    float most = below > above ? below : above;
    return (most + fabsf(most)) * 0.5F;
}

/** Square of the distance in x and y. */
static inline float aside2(const al_bounds *a, const al_bounds *b)
{
    float x = gap(a, b, 0), y = gap(a, b, 1);
    return x * x + y * y;
}

static inline float distance2(const al_bounds *a, const al_bounds *b)
{
    float z = gap(a, b, 2);
    return aside2(a, b) + z * z;
}

/* ---- candidates -----------------------------------------------------------------------------------------
 */

/** Columns of more blocks are worth a search for those that may be near, which has branches that are as
 * often foreseen wrongly as not. */
enum { MANY = 32 };

/** The first of the numbers [begin, end), which rise, that is z or more. */
static uint32_t first_up_to(const float *numbers, uint32_t begin, uint32_t end, float z)
{
    while (begin < end) {
        uint32_t middle = begin + (end - begin) / 2;
        if (numbers[middle] < z)
            begin = middle + 1;
        else
            end = middle;
    }
    return begin;
}

/** Candidates of the blocks [begin, end). @return false: out of memory */
static bool search(al_pairs *pairs, const al_pair_space *space, uint32_t begin, uint32_t end,
                   const al_bounds *own)
{
    if (begin >= end)
        return true;
    if (!al_grow(&pairs->candidates, &pairs->room_candidates, pairs->ncandidates + end - begin,
                 sizeof *pairs->candidates))
        return false;
    pairs->ncandidates += space->kernels->find_near(own, &space->spans, begin, end, space->reach,
                                                    pairs->candidates + pairs->ncandidates);
    return true;
}

/** Candidates in one column that is long, of the blocks [begin, end), by where they are in it. */
static bool search_column(al_pairs *pairs, const al_pair_space *space, uint32_t begin, uint32_t end,
                          const al_bounds *own)
{
    const float *least = space->spans.rows + 2 * space->spans.stride;
    const float *greatest = least + 3 * space->spans.stride;
    begin = first_up_to(greatest, begin, end, own->least[2] - space->reach);
    end = first_up_to(least, begin, end, own->greatest[2] + space->reach);
    return search(pairs, space, begin, end, own);
}

/** Columns in direction d that are within reach of bounds. @return false: none */
static bool columns_near(const al_zone *zone, int d, const al_bounds *own, float reach, uint32_t *begin,
                         uint32_t *end)
{
    double slack = 1e-4 * (double)reach; /* bounds are floats, columns were cut in double */
    double from = ((double)own->least[d] - (double)reach - slack - zone->least[d]) / zone->width[d];
    double to = ((double)own->greatest[d] + (double)reach + slack - zone->least[d]) / zone->width[d];
    double most = zone->ncolumns[d];
    if (to < 0 || from >= most)
        return false;
    *begin = from > 0 ? (uint32_t)from : 0;
    *end = to < most ? (uint32_t)to + 1 : zone->ncolumns[d];
    return true;
}

/** Candidates in columns [begin, end) beside each other, of the blocks from `first` on. */
static bool search_columns(al_pairs *pairs, const al_pair_space *space, const al_zone *zone, uint32_t begin,
                           uint32_t end, uint32_t first, const al_bounds *own)
{
    const float reach2 =
        space->reach * space->reach * 1.00001F; /* kernels round otherwise than aside2() does */
    const uint32_t *at = zone->columns;
    bool are_long = at[end] - at[begin] > MANY * (end - begin);
    for (uint32_t c = begin; c < end; c++) {
        if (at[c + 1] <= first || at[c] == at[c + 1] || aside2(&zone->column_bounds[c], own) >= reach2)
            continue;
        pairs->is_near[zone->first_column + c] = true;
        if (are_long && !search_column(pairs, space, at[c] > first ? at[c] : first, at[c + 1], own))
            return false;
    }
    return are_long || search(pairs, space, at[begin] > first ? at[begin] : first, at[end], own);
}

/** Candidates in a zone, of the blocks from `first` on. */
static bool search_zone(al_pairs *pairs, const al_pair_space *space, const al_zone *zone, uint32_t first,
                        const al_bounds *own)
{
    uint32_t begin[2], end[2];
    if (zone->nblocks == 0 || !columns_near(zone, 0, own, space->reach, &begin[0], &end[0]) ||
        !columns_near(zone, 1, own, space->reach, &begin[1], &end[1]))
        return true;
    for (uint32_t cx = begin[0]; cx < end[0]; cx++)
        if (!search_columns(pairs, space, zone, cx * zone->ncolumns[1] + begin[1],
                            cx * zone->ncolumns[1] + end[1], first, own))
            return false;
    return true;
}

/* ---- rows -----------------------------------------------------------------------------------------------
 */

/** The mask of a row's block, which is moved to where those with masks are. @return NULL: it is not in the
 * row; or out of memory */
static uint32_t *mask_of(al_pairs *pairs, al_pair_row *row, uint32_t block)
{
    uint32_t *blocks = pairs->outer.blocks, at = row->begin;
    while (at < row->end && blocks[at] != block)
        at++;
    if (at == row->end)
        return NULL;
    if (at >= row->begin + row->nmasked) {
        uint32_t first = row->begin + row->nmasked++;
        blocks[at] = blocks[first];
        blocks[first] = block;
        pairs->outer.masks[pairs->nmasks++] = UINT32_MAX;
        at = first;
    }
    return &pairs->outer.masks[row->first_mask + at - row->begin];
}

/** Mask what is excluded of a row. @return false: out of memory */
static bool exclude(al_pairs *pairs, const al_pair_space *space, al_pair_row *row)
{
    size_t first = (size_t)row->cluster * AL_CLUSTER;
    const uint32_t *begins = space->excluded_first;
    uint32_t most = begins != NULL ? begins[first + AL_CLUSTER] - begins[first] : 0;
    if (!al_grow(&pairs->outer.masks, &pairs->room_masks, pairs->nmasks + most, sizeof *pairs->outer.masks))
        return false;
    for (uint32_t i = 0; most > 0 && i < AL_CLUSTER; i++)
        for (uint32_t k = begins[first + i]; k < begins[first + i + 1]; k++) {
            uint32_t place = space->excluded[k], *mask = mask_of(pairs, row, place / AL_BLOCK);
            if (mask != NULL)
                *mask &= ~(UINT32_C(1) << (i * AL_BLOCK + place % AL_BLOCK));
        }
    return true;
}

/** Of candidates for a row, note those that are near after its blocks so far, which end at row->end.
 * @param blocks  what row->begin and row->end count in, with room for all of them
 * @return false: out of memory */
static bool take_near(al_pairs *pairs, const al_kernels *kernels, const uint32_t *candidates, uint32_t n,
                      const float *x, float reach, al_pair_row *row, uint32_t *blocks)
{
    al_pair_near near = {.whole = blocks + row->end};
    for (int half = 0; half < 2; half++)
        if (!al_grow(&pairs->halves[half], &pairs->room_halves[half], n + 1, sizeof **pairs->halves))
            return false;
    near.first = pairs->halves[0];
    near.second = pairs->halves[1];
    kernels->prune(row->cluster, candidates, n, x, reach, &near);
    row->nfirst = near.nfirst;
    row->nsecond = near.nsecond;
    row->end += near.nwhole;
    memcpy(blocks + row->end, near.first, near.nfirst * sizeof *blocks);
    row->end += near.nfirst;
    memcpy(blocks + row->end, near.second, near.nsecond * sizeof *blocks);
    row->end += near.nsecond;
    return true;
}

/** A cluster's row, of the candidates that its block has. Its own block, if pairs within count, is the first.
 */
static bool add_row(al_pairs *pairs, const al_pair_space *space, uint32_t cluster, bool has_self)
{
    const al_bounds *own = &space->clusters[cluster];
    if (own->least[0] > own->greatest[0])
        return true; /* no atoms */
    if (!al_grow(&pairs->outer.blocks, &pairs->room_outer, pairs->nouter + pairs->ncandidates + 1,
                 sizeof *pairs->outer.blocks) ||
        !al_grow(&pairs->outer.rows, &pairs->room_outer_rows, pairs->outer.nrows + 1,
                 sizeof *pairs->outer.rows) ||
        !al_grow(&pairs->outer.masks, &pairs->room_masks, pairs->nmasks + 1, sizeof *pairs->outer.masks))
        return false;
    al_pair_row row = {
        .cluster = cluster, .begin = pairs->nouter, .first_mask = pairs->nmasks, .nmasked = has_self};
    if (has_self) {
        pairs->outer.blocks[pairs->nouter++] = cluster / 2;
        pairs->outer.masks[pairs->nmasks++] = UINT32_MAX;
    }
    row.end = pairs->nouter;
    if (!take_near(pairs, space->kernels, pairs->candidates, pairs->ncandidates, space->x, space->reach, &row,
                   pairs->outer.blocks))
        return false;
    pairs->nouter = row.end;
    row.nfirst = row.nsecond = 0; /* atoms move before it is pruned again, and masks change their order */
    if (row.end == row.begin)
        return true;
    if (!exclude(pairs, space, &row))
        return false;
    pairs->outer.rows[pairs->outer.nrows++] = row;
    return true;
}

/** Note which column of its zone a block is in: blocks come in their order. */
static void note_own(al_pairs *pairs, const al_zone *zone, uint32_t block, uint32_t *column)
{
    while (zone->columns[*column + 1] <= block)
        ++*column;
    pairs->is_near[zone->first_column + *column] = true;
}

/** Whether a block may be near a copy. */
static bool is_near_copies(const al_pair_space *space, const al_bounds *own)
{
    float reach2 = space->reach * space->reach;
    for (int zone = 1; zone < AL_ZONES; zone++)
        if (distance2(&space->zone_bounds[zone], own) < reach2)
            return true;
    return false;
}

/** Whether rows that begin at a block are in the list. */
static bool is_of(const al_pair_space *space, al_pairs_of of, unsigned zone, uint32_t block)
{
    if (zone != 0 || of == AL_PAIRS_ALL)
        return true;
    return is_near_copies(space, &space->blocks[block]) == (of == AL_PAIRS_COPIES);
}

/** The rows of a block's two clusters. */
static bool build_rows(al_pairs *pairs, const al_pair_space *space, al_pairs_of of, unsigned zone,
                       uint32_t block)
{
    const al_bounds *own = &space->blocks[block];
    pairs->ncandidates = 0;
    unsigned end = of == AL_PAIRS_HOME ? 1 : AL_ZONES;
    for (unsigned other = zone; other < end; other++) {
        if ((other & zone) != 0 || (other == zone && zone != 0))
            continue;
        if (!search_zone(pairs, space, &space->zones[other], other == zone ? block + 1 : 0, own))
            return false;
    }
    return add_row(pairs, space, 2 * block, zone == 0) && add_row(pairs, space, 2 * block + 1, zone == 0);
}

uint32_t al_pairs_nblocks(const al_zone *zones)
{
    uint32_t count = 0;
    for (size_t k = 0; k < sizeof beginning; k++)
        count += zones[beginning[k]].nblocks;
    return count;
}

bool al_pairs_build(al_pairs *pairs, const al_pair_space *space, al_pairs_of of, uint32_t begin, uint32_t end)
{
    const al_zone *last_zone = &space->zones[AL_ZONES - 1];
    uint32_t passed = 0, ncolumns = last_zone->first_column + al_zone_ncolumns(last_zone);
    pairs->outer.nrows = pairs->nouter = pairs->nmasks = 0;
    if (!al_grow(&pairs->is_near, &pairs->room_near, ncolumns, sizeof *pairs->is_near))
        return false;
    memset(pairs->is_near, 0, ncolumns * sizeof *pairs->is_near);
    for (size_t k = 0; k < (of == AL_PAIRS_HOME ? 1 : sizeof beginning); k++) {
        const al_zone *zone = &space->zones[beginning[k]];
        uint32_t first = begin > passed ? begin - passed : 0;
        uint32_t last = end > passed ? end - passed : 0;
        uint32_t column = 0;
        for (uint32_t n = first; n < last && n < zone->nblocks; n++) {
            if (!is_of(space, of, beginning[k], zone->first_block + n))
                continue;
            note_own(pairs, zone, zone->first_block + n, &column);
            if (!build_rows(pairs, space, of, beginning[k], zone->first_block + n))
                return false;
        }
        passed += zone->nblocks;
    }
    return true;
}

bool al_pairs_prune(al_pairs *pairs, const al_kernels *kernels, const float *x, float reach)
{
    al_pair_list *list = &pairs->list;
    if (!al_grow(&list->rows, &pairs->room_rows, pairs->outer.nrows, sizeof *list->rows) ||
        !al_grow(&list->blocks, &pairs->room_blocks, pairs->nouter, sizeof *list->blocks))
        return false;
    list->nrows = pairs->nblocks = pairs->nhalves = 0;
    list->masks = pairs->outer.masks;
    for (uint32_t k = 0; k < pairs->outer.nrows; k++) {
        al_pair_row row = pairs->outer.rows[k];
        const uint32_t *from = pairs->outer.blocks + row.begin;
        uint32_t n = row.end - row.begin - row.nmasked;
        row.begin = pairs->nblocks;
        row.end = row.begin + row.nmasked;
        memcpy(list->blocks + row.begin, from, row.nmasked * sizeof *from); /* near, or bound to be */
        if (!take_near(pairs, kernels, from + row.nmasked, n, x, reach, &row, list->blocks))
            return false;
        pairs->nblocks = row.end;
        pairs->nhalves += row.nfirst + row.nsecond;
        if (row.end > row.begin)
            list->rows[list->nrows++] = row;
    }
    return true;
}

void al_pairs_touch(const al_pairs *parts, uint32_t nparts, const al_zone *zones, uint8_t *touched)
{
    for (const al_zone *zone = zones; zone < zones + AL_ZONES; zone++)
        for (uint32_t c = 0; c < al_zone_ncolumns(zone); c++) {
            uint32_t part = 0;
            while (part < nparts && !parts[part].is_near[zone->first_column + c])
                part++;
            if (part < nparts)
                memset(touched + zone->columns[c], 1, zone->columns[c + 1] - zone->columns[c]);
        }
}

void al_pairs_fini(al_pairs *pairs)
{
    free(pairs->is_near);
    free(pairs->outer.rows);
    free(pairs->outer.blocks);
    free(pairs->outer.masks);
    free(pairs->list.rows);
    free(pairs->list.blocks);
    free(pairs->candidates);
    free(pairs->halves[0]);
    free(pairs->halves[1]);
    *pairs = (al_pairs){.nblocks = 0};
}
