/* top_exclusions.c - see top_exclusions.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/read/top_exclusions.h"

#include <stdlib.h>

allot_err al_top_add_edge(al_top_reader *r, al_top_edge **edges, uint32_t *n, uint32_t a, uint32_t b)
{
    if (!AL_TOP_GROW(*edges, *n))
        return al_top_no_memory(r);
    (*edges)[(*n)++] = (al_top_edge){a, b};
    return ALLOT_OK;
}

static int by_edge(const void *x, const void *y)
{
    const al_top_edge *a = x, *b = y;
    return a->a != b->a ? (a->a < b->a ? -1 : 1) : (a->b > b->b) - (a->b < b->b);
}

static void sort_edges(al_top_edge *edges, uint32_t n)
{
    if (n > 0)
        qsort(edges, n, sizeof *edges, by_edge);
}

/** Atoms up to nrexcl bonds from one, breadth first over the sorted bonds. first[a]: where a's begin. */
static allot_err exclude_near(al_top_reader *r, const uint32_t *first, uint32_t *seen, uint32_t *queue,
                              uint32_t from)
{
    uint32_t begin = 0, end = 1;
    queue[0] = from;
    seen[from] = from + 1;
    for (uint32_t step = 0; step < r->nrexcl; step++) {
        uint32_t level = end;
        for (; begin < level; begin++)
            for (uint32_t k = first[queue[begin]]; k < first[queue[begin] + 1]; k++) {
                uint32_t to = r->bonded[k].b;
                if (seen[to] == from + 1)
                    continue;
                seen[to] = from + 1;
                queue[end++] = to;
                if (al_top_add_edge(r, &r->excluded, &r->nexcluded, from, to) != ALLOT_OK)
                    return ALLOT_ENOMEM;
            }
    }
    return ALLOT_OK;
}

static void index_edges(const al_top_edge *edges, uint32_t n, uint32_t natoms, uint32_t *first)
{
    for (uint32_t a = 0, k = 0; a <= natoms; a++) {
        while (k < n && edges[k].a < a)
            k++;
        first[a] = k;
    }
}

static allot_err both_ways(al_top_reader *r, al_top_edge **edges, uint32_t *n)
{
    allot_err code = ALLOT_OK;
    for (uint32_t k = 0, given = *n; k < given && code == ALLOT_OK; k++)
        code = al_top_add_edge(r, edges, n, (*edges)[k].b, (*edges)[k].a);
    sort_edges(*edges, *n);
    return code;
}

allot_err al_top_exclude_all(al_top_reader *r, al_molecule *m)
{
    uint32_t *room = calloc(3 * ((size_t)m->natoms + 1), sizeof *room);
    m->excluded_first = calloc((size_t)m->natoms + 1, sizeof *m->excluded_first);
    allot_err code = room != NULL && m->excluded_first != NULL ? both_ways(r, &r->bonded, &r->nbonded)
                                                               : al_top_no_memory(r);
    if (code == ALLOT_OK) {
        index_edges(r->bonded, r->nbonded, m->natoms, room);
        for (uint32_t a = 0; a < m->natoms && code == ALLOT_OK; a++)
            code = exclude_near(r, room, room + m->natoms + 1, room + 2 * ((size_t)m->natoms + 1), a);
    }
    free(room);
    if (code == ALLOT_OK)
        code = both_ways(r, &r->excluded, &r->nexcluded);
    if (code != ALLOT_OK)
        return code;
    uint32_t n = 0;
    for (uint32_t k = 0; k < r->nexcluded; k++)
        if (n == 0 || by_edge(&r->excluded[n - 1], &r->excluded[k]) != 0)
            r->excluded[n++] = r->excluded[k];
    index_edges(r->excluded, n, m->natoms, m->excluded_first);
    m->excluded = malloc(((size_t)n + 1) * sizeof *m->excluded);
    if (m->excluded == NULL)
        return al_top_no_memory(r);
    for (uint32_t k = 0; k < n; k++)
        m->excluded[k] = r->excluded[k].b;
    r->nbonded = r->nexcluded = 0;
    return ALLOT_OK;
}
