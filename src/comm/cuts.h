/* cuts.h - where a box is cut when domains are not all of one size: across x, each slab then across y by
 * itself, each of those columns across z. So a boundary can move for few domains at a time, and all do about
 * the same work even if atoms crowd somewhere.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_COMM_CUTS_H
#define AL_COMM_CUTS_H

#include <allot/error.h>

#include "comm/domain.h"

/** The same on all ranks. Begin with zeros. */
typedef struct al_cuts {
    double box[3];
    int grid[3];
    double *edges[3]; /**< [grid[0] + 1], [grid[0]][grid[1] + 1], [grid[0]][grid[1]][grid[2] + 1] */
    double *before[3], *shares[3]; /**< where they were before the last move, and the work below each then */
} al_cuts;

/** Domains of one size. @return ALLOT_OK; ALLOT_ENOMEM */
allot_err al_cuts_init(al_cuts *cuts, const double box[3], const int grid[3], allot_error *err);
void al_cuts_fini(al_cuts *cuts);

/** The grid[d] + 1 edges in direction d of the domains that the one at at[] is in a row with. */
double *al_cuts_edges(const al_cuts *cuts, const int at[3], int d);
/** How many edges a grid has: rows of all three directions. Pure. */
size_t al_cuts_nedges(const int grid[3]);
/** All edges, x's first, as edges[] has them. edges: room for al_cuts_nedges() */
void al_cuts_save(const al_cuts *cuts, double *edges);
/** Whether the rows of these edges begin with 0, end where the box does, and leave no domain thinner than
 * `least` (0: as long as it has a thickness). Pure. @param edges  as al_cuts_save() wrote them */
bool al_cuts_are_sound(const double box[3], const int grid[3], const double *edges, double least);
/** Domains with these edges, which are sound. @return ALLOT_OK; ALLOT_ENOMEM */
allot_err al_cuts_restore(al_cuts *cuts, const double box[3], const int grid[3], const double *edges,
                          allot_error *err);
/** A rank's domain; borrows the cuts. */
void al_cuts_domain(const al_cuts *cuts, int rank, al_domain *domain);

/** The same cuts of a box of other lengths. */
void al_cuts_resize(al_cuts *cuts, const double box[3]);

/** An imbalance up to this is left as it is: moving edges has its costs, too. */
#define AL_CUTS_FAIR 1.05

/** Move the edges towards where all domains would take the same time, unless that is so already. Between two
 * edges work is taken to be spread evenly, so do it again after some steps. Collective.
 * @param load   time this rank took since the last call, in any unit; >= 0
 * @param least  no domain gets thinner than this, unless all were
 * @param[out] imbalance  the greatest load by the mean, as it was
 * @return ALLOT_OK; ALLOT_ENOMEM, of this rank alone */
allot_err al_cuts_balance(al_cuts *cuts, al_comm *comm, double load, double least, double *imbalance,
                          allot_error *err);

#endif
