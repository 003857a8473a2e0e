/* domain.h - a box cut into domains, one a rank, and who is whose neighbour.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_COMM_DOMAIN_H
#define AL_COMM_DOMAIN_H

#include <math.h>
#include <stdbool.h>

#include "comm/comm.h"
#include "comm/lattice.h"

struct al_cuts;

/** A rank's part of a periodic box with edges of length box[]; in lattice coordinates, if it is skewed. */
typedef struct al_domain {
    const al_lattice *lattice; /**< NULL: the box is rectangular; borrowed */
    double box[3];
    int grid[3], at[3];         /**< domains in each direction, and which one this is */
    double lo[3], hi[3];        /**< it holds what is in [lo, hi) */
    int below[3], above[3];     /**< ranks of its neighbours */
    const struct al_cuts *cuts; /**< NULL: all domains are of one size */
    const double *edges[3];     /**< NULL with it: where those in a row with it begin, and the last ends */
} al_domain;

/** The domain of a rank in a grid; ranks count through z first. Pure. */
void al_domain_of(const double box[3], const int grid[3], int rank, al_domain *domain);

/** Where domain k of direction d begins, and the one below it ends, if all are of one size. Pure. */
double al_domain_edge(const double box[3], const int grid[3], int d, int k);
/** Which domain of direction d a coordinate is in, in [0, box); the first or the last if it is not, or
 * nowhere. Pure. */
int al_domain_index(const al_domain *domain, int d, double x);

/** x into [0, box), by one length of the box at most: what is farther away stays outside. */
static inline double al_domain_wrap(double x, double box)
{
    if (x >= box)
        return x - box;
    if (!(x < 0))
        return x;
    return x + box < box ? x + box : nextafter(box, 0); /* -tiny + box is box */
}

/** Coordinate d, among the domains, of a place x in space. */
static inline double al_domain_at(const al_domain *domain, const double x[3], int d)
{
    return domain->lattice == NULL ? x[d] : al_lattice_at(domain->lattice, x, d);
}

/** Put x in space into the box along vector d. Unless is_far, by one length of it at most: what is farther
 * away stays outside. In skewed boxes directions 2, 1, 0, in this order, do not undo each other.
 * @return vectors that were added */
static inline double al_domain_enter(const al_domain *domain, double x[3], int d, bool is_far)
{
    double box = domain->box[d], sum = 0;
    if (domain->lattice != NULL)
        return al_lattice_enter(domain->lattice, x, d, is_far);
    if (is_far && (x[d] < -box || x[d] >= 2 * box)) {
        sum = -floor(x[d] / box);
        x[d] += box * sum;
    }
    if (x[d] < 0 || x[d] >= box) {
        sum += x[d] < 0 ? 1 : -1;
        x[d] = al_domain_wrap(x[d], box);
    }
    return sum;
}

/** Move x in space by n times vector d of the box. */
static inline void al_domain_move(const al_domain *domain, double x[3], int d, double n)
{
    if (domain->lattice != NULL)
        al_lattice_move(domain->lattice, x, d, n);
    else
        x[d] += n * domain->box[d];
}

/** Whether x in space is in the domain. */
static inline bool al_domain_has(const al_domain *domain, const double x[3])
{
    for (int d = 0; d < 3; d++) {
        double at = al_domain_at(domain, x, d);
        if (!(at >= domain->lo[d] && at < domain->hi[d]))
            return false;
    }
    return true;
}

#endif
