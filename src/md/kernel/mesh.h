/* mesh.h - charges onto a mesh by B-splines, and forces from it: what smooth particle-mesh Ewald does for
 * each atom. (Essmann, Perera, Berkowitz, Darden, Lee and Pedersen, J. Chem. Phys. 103, 8577, 1995.)
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_KERNEL_MESH_H
#define AL_MD_KERNEL_MESH_H

#include <stdbool.h>

#include "md/block.h"

enum { AL_MESH_ORDER_LEAST = 3, AL_MESH_ORDER_MOST = 12 };

/** A box of mesh points: [n[0]][n[1]][n[2]] numbers, float or double. Points are numbered without an end: the
 * mesh goes on beyond the periodic box. */
typedef struct al_brick {
    int lo[3], n[3];
    void *values;
} al_brick;

/** How atoms are spread. */
typedef struct al_mesh {
    double to_mesh[3][3]; /**< [e][d]: what a unit of x[e] adds to the mesh coordinate d */
    int order;            /**< of B-splines: points in each direction that an atom touches */
} al_mesh;

/** Mesh coordinates of the atoms of blocks [begin, end): the point below each, and how far above it the atom
 * is, in blocks as x is. An atom without a charge is at 0.
 * @param q  charges, by place
 * @param[in,out] lo, hi  widened to hold all points that the atoms touch: [lo, hi) */
#define AL_MESH_LOCATE(REAL)                                                                                 \
    const al_mesh *mesh, size_t begin, size_t end, const double *x, const REAL *q, int32_t *point,           \
        REAL *above, int lo[3], int hi[3]
/** Add the charges of blocks [begin, end) to a brick, which holds all points they touch. */
#define AL_MESH_SPREAD(REAL)                                                                                 \
    const al_mesh *mesh, size_t begin, size_t end, const int32_t *point, const REAL *above, const REAL *q,   \
        const al_brick *brick
/** Add to f what the potential on a brick's points does to the charges of blocks [begin, end). */
#define AL_MESH_GATHER(REAL)                                                                                 \
    const al_mesh *mesh, size_t begin, size_t end, const int32_t *point, const REAL *above, const REAL *q,   \
        const al_brick *brick, REAL *f

typedef void al_mesh_locate_f(AL_MESH_LOCATE(float));
typedef void al_mesh_locate_d(AL_MESH_LOCATE(double));
typedef void al_mesh_spread_f(AL_MESH_SPREAD(float));
typedef void al_mesh_spread_d(AL_MESH_SPREAD(double));
typedef void al_mesh_gather_f(AL_MESH_GATHER(float));
typedef void al_mesh_gather_d(AL_MESH_GATHER(double));

/** One way to do it all. */
typedef struct al_mesh_kernels {
    al_mesh_locate_f *locate;
    al_mesh_spread_f *spread;
    al_mesh_gather_f *gather;
    al_mesh_locate_d *locate_double;
    al_mesh_spread_d *spread_double;
    al_mesh_gather_d *gather_double;
} al_mesh_kernels;

extern const al_mesh_kernels al_mesh_kernels_ref, al_mesh_kernels_avx2, al_mesh_kernels_avx512;

#endif
