/* box.c - see box.h. The rules are GROMACS's (manual, "Some useful box types"): ax, by, cz > 0, ay = az = bz
 * = 0, |bx| <= ax/2, |cx| <= ax/2, |cy| <= by/2, the last three with a thousandth to spare for rounding in
 * files.
 *
 * Adding a vector of the box to another one changes neither its volume nor where the images of an atom are:
 * so a box that leans too much has a twin that does not, and atoms are put into that as into any.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/box.h"

#include <math.h>

#include "base/fail.h"
#include "comm/lattice.h"

#define MARGIN 1.001

/** How many times `by` is to be taken from `lean`. */
static double excess(double lean, double by)
{
    return fabs(lean) > MARGIN * by / 2 ? round(lean / by) : 0;
}

static bool reduce(al_box *box)
{
    const double *edge = box->edge;
    double *tilt = box->tilt;
    double b = excess(tilt[0], edge[0]);
    tilt[0] -= b * edge[0];
    double c = excess(tilt[2], edge[1]);
    tilt[2] -= c * edge[1];
    tilt[1] -= c * tilt[0];
    double ca = excess(tilt[1], edge[0]);
    tilt[1] -= ca * edge[0];
    return b != 0 || c != 0 || ca != 0;
}

allot_err al_box_take(const double vectors[3][3], const char *name, al_box *box, bool *was_reduced,
                      allot_error *err)
{
    if (vectors[0][1] != 0 || vectors[0][2] != 0 || vectors[1][2] != 0)
        return al_fail(
            err, ALLOT_EFORMAT, 0,
            "%s: the first vector of the box must lie along x, and the second in the plane of x and y: "
            "turn atoms and box until they do (gmx editconf -bt triclinic -box A B C -angles BC AC AB "
            "makes such a box)",
            name);
    *box = (al_box){.edge = {vectors[0][0], vectors[1][1], vectors[2][2]},
                    .tilt = {vectors[1][0], vectors[2][0], vectors[2][1]}};
    if (!(box->edge[0] > 0 && box->edge[1] > 0 && box->edge[2] > 0))
        return al_fail(err, ALLOT_EFORMAT, 0,
                       "%s: the box has no volume: its edges are %g, %g and %g; gmx editconf -d 1 makes one",
                       name, box->edge[0], box->edge[1], box->edge[2]);
    *was_reduced = reduce(box);
    return ALLOT_OK;
}

void al_box_vectors(const al_box *box, double vectors[3][3])
{
    const double *edge = box->edge, *tilt = box->tilt;
    const double made[3][3] = {{edge[0], 0, 0}, {tilt[0], edge[1], 0}, {tilt[1], tilt[2], edge[2]}};
    for (int k = 0; k < 3; k++)
        for (int d = 0; d < 3; d++)
            vectors[k][d] = made[k][d];
}

void al_box_widths(const al_box *box, double widths[3])
{
    al_lattice lattice;
    al_lattice_init(&lattice, box->edge, box->tilt);
    for (int d = 0; d < 3; d++)
        widths[d] = lattice.edge[d] * lattice.thick[d];
}
