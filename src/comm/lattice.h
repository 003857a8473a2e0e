/* lattice.h - boxes whose edges are not at right angles, as if they were: lattice coordinates.
 *
 * The vectors of a box are (ax 0 0), (bx by 0) and (cx cy cz), as GROMACS and LAMMPS have them. A place is x
 * in space, and u in the lattice: x = u[0]/ax a + u[1]/by b + u[2]/cz c. In u the box is [0, ax) x [0, by) x
 * [0, cz) with right angles, so domains, cuts, migration and halos are there what they are in a rectangular
 * box. Two things alone differ: how far apart planes of equal u are (thick[]), which is how far a cut-off
 * reaches in u, and the angles between these planes, which is how near an edge of a domain is.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_COMM_LATTICE_H
#define AL_COMM_LATTICE_H

#include <math.h>
#include <stdbool.h>

typedef struct al_lattice {
    double edge[3];       /**< ax, by, cz: > 0 */
    double tilt[3];       /**< bx, cx, cy */
    double slope[3];      /**< bx/by, cx/cz, cy/cz: u is x, sheared by these */
    double thick[3];      /**< planes whose u[d] differ by 1 are so far apart: at most 1 */
    double slack[3];      /**< more than u[d] is rounded by */
    double cosine[3];     /**< of the angle between the normals of planes 1 and 2, 2 and 0, 0 and 1 */
    double inverse[3][3]; /**< of the matrix of those cosines */
} al_lattice;

void al_lattice_init(al_lattice *lattice, const double edge[3], const double tilt[3]);
/** Whether its box has an angle that is not right. */
static inline bool al_lattice_is_skewed(const al_lattice *lattice)
{
    return lattice->tilt[0] != 0 || lattice->tilt[1] != 0 || lattice->tilt[2] != 0;
}

/** u[d] of x, as it is rounded. It does not depend on x[e] with e < d. */
static inline double al_lattice_raw(const al_lattice *lattice, const double x[3], int d)
{
    if (d == 2)
        return x[2];
    double y = x[1] - x[2] * lattice->slope[2];
    return d == 1 ? y : x[0] - y * lattice->slope[0] - x[2] * lattice->slope[1];
}

/** u[d] of x; what is out of the box by rounding alone is in it. */
static inline double al_lattice_at(const al_lattice *lattice, const double x[3], int d)
{
    double u = al_lattice_raw(lattice, x, d), edge = lattice->edge[d];
    if (u < 0 && u >= -lattice->slack[d])
        return 0;
    return u >= edge && u < edge + lattice->slack[d] ? nextafter(edge, 0) : u;
}

/** The place in space of u, or of a difference of two. */
static inline void al_lattice_place(const al_lattice *lattice, const double u[3], double x[3])
{
    x[0] = u[0] + u[1] * lattice->slope[0] + u[2] * lattice->slope[1];
    x[1] = u[1] + u[2] * lattice->slope[2];
    x[2] = u[2];
}

/** Move x by n times vector d of the box. */
static inline void al_lattice_move(const al_lattice *lattice, double x[3], int d, double n)
{
    x[d] += n * lattice->edge[d];
    if (d > 0)
        x[0] += n * lattice->tilt[d - 1];
    if (d > 1)
        x[1] += n * lattice->tilt[2];
}

/** Put x into the box along vector d, as al_domain_enter() does. Of what is put into it along vectors 2, 1
 * and 0, in this order, u[] is there for good: a second time changes nothing. @return vectors that were added
 */
double al_lattice_enter(const al_lattice *lattice, double x[3], int d, bool is_far);

/** Square of the distance from a place to what is below the planes of the directions in `zone` (bit d set),
 * of which it is above by above[d] >= 0 in u: the nearest point of a half-space, a wedge or a corner. */
double al_lattice_apart2(const al_lattice *lattice, const double above[3], unsigned zone);

/** How much of what is above planes is within a reach of what is below them, where they meet: of the cuboid
 * that is as high above each of them as the reach. edges[d]: of planes other than d's; pi/4 at right angles.
 * @param[out] corner  of all three; pi/6 at right angles */
void al_lattice_shares(const al_lattice *lattice, double edges[3], double *corner);

#endif
