/* mesh_blocks.h - the text of mesh.h's functions, for REAL as float and as double, compiled for several
 * processors by mesh_*.c, which includes it: REAL, and NAME(x), the function's. Splines are found for the
 * eight atoms of a block at once; points are added to for an atom at a time, a row of the mesh at once.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

/** Splines of a block's atoms: weights, and what they change by when the atom moves by a point. */
typedef struct NAME(splines) {
    REAL weight[3][AL_MESH_ORDER_MOST][AL_BLOCK], slope[3][AL_MESH_ORDER_MOST][AL_BLOCK];
} NAME(splines);

/** From the splines of one order those of the next (Essmann's equation 4.1); k counts points upwards. */
static inline void NAME(raise)(REAL (*w)[AL_BLOCK], const REAL *above, int order)
{
    REAL by = (REAL)1 / (REAL)(order - 1);
    for (int a = 0; a < AL_BLOCK; a++)
        w[order - 1][a] = by * above[a] * w[order - 2][a];
    for (int k = order - 2; k > 0; k--)
        for (int a = 0; a < AL_BLOCK; a++)
            w[k][a] = by * ((above[a] + (REAL)(order - 1 - k)) * w[k - 1][a] +
                            ((REAL)(k + 1) - above[a]) * w[k][a]);
    for (int a = 0; a < AL_BLOCK; a++)
        w[0][a] *= by * (1 - above[a]);
}

static inline void NAME(find_splines)(NAME(splines) * s, const REAL *above, int order, bool has_slope)
{
    for (int d = 0; d < 3; d++) {
        const REAL *u = above + d * AL_BLOCK;
        REAL(*w)[AL_BLOCK] = s->weight[d];
        for (int a = 0; a < AL_BLOCK; a++) {
            w[0][a] = 1 - u[a];
            w[1][a] = u[a];
        }
        for (int n = 3; n < order; n++)
            NAME(raise)(w, u, n);
        for (int k = 0; has_slope && k < order; k++)
            for (int a = 0; a < AL_BLOCK; a++)
                s->slope[d][k][a] = (k > 0 ? w[k - 1][a] : 0) - (k < order - 1 ? w[k][a] : 0);
        NAME(raise)(w, u, order);
    }
}

static void NAME(locate)(AL_MESH_LOCATE(REAL))
{
    for (size_t block = begin; block < end; block++)
        for (int d = 0; d < 3; d++) {
            const double *xs = x + block * AL_BLOCK_REALS;
            size_t at = block * AL_BLOCK_REALS + (size_t)d * AL_BLOCK;
            for (int a = 0; a < AL_BLOCK; a++) {
                double u = xs[a] * mesh->to_mesh[0][d] + xs[AL_BLOCK + a] * mesh->to_mesh[1][d] +
                           xs[2 * AL_BLOCK + a] * mesh->to_mesh[2][d];
                bool is_charged = q[block * AL_BLOCK + (size_t)a] != 0;
                double below = is_charged ? __builtin_floor(u) : 0;
                int p = (int)below;
                point[at + (size_t)a] = p;
                above[at + (size_t)a] = is_charged ? (REAL)(u - below) : 0;
                lo[d] = is_charged && p < lo[d] ? p : lo[d];
                hi[d] = is_charged && p + mesh->order > hi[d] ? p + mesh->order : hi[d];
            }
        }
}

/** Where the first point of an atom is in a brick. */
static inline size_t NAME(first_point)(const al_brick *brick, const int32_t *point, int a)
{
    size_t x = (size_t)(point[a] - brick->lo[0]), y = (size_t)(point[AL_BLOCK + a] - brick->lo[1]);
    return (x * (size_t)brick->n[1] + y) * (size_t)brick->n[2] +
           (size_t)(point[2 * AL_BLOCK + a] - brick->lo[2]);
}

static inline __attribute__((always_inline)) void NAME(spread_atom)(const NAME(splines) * s, int order, int a,
                                                                    REAL q, const al_brick *brick, REAL *at)
{
    for (int i = 0; i < order; i++)
        for (int j = 0; j < order; j++) {
            REAL *row = at + (size_t)(i * brick->n[1] + j) * (size_t)brick->n[2];
            REAL part = q * s->weight[0][i][a] * s->weight[1][j][a];
            for (int k = 0; k < order; k++)
                row[k] += part * s->weight[2][k][a];
        }
}

/** Four points in a row, wherever they begin. */
typedef REAL NAME(four) __attribute__((vector_size(4 * sizeof(REAL)), aligned(sizeof(REAL)), may_alias));

static inline void NAME(take_four)(NAME(four) * four, const REAL (*w)[AL_BLOCK], int a)
{
    *four = (NAME(four)){w[0][a], w[1][a], w[2][a], w[3][a]};
}

/** The same for order 4, the usual one: all points of a row at once. */
static inline void NAME(spread_atom_4)(const NAME(splines) * s, int a, REAL q, const al_brick *brick,
                                       REAL *at)
{
    NAME(four) yz[4], z;
    NAME(take_four)(&z, s->weight[2], a);
    z *= q;
    for (int j = 0; j < 4; j++)
        yz[j] = z * s->weight[1][j][a];
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) {
            NAME(four) *row = (NAME(four) *)(at + (size_t)(i * brick->n[1] + j) * (size_t)brick->n[2]);
            *row += yz[j] * s->weight[0][i][a];
        }
}

static inline __attribute__((always_inline)) void NAME(spread_order)(AL_MESH_SPREAD(REAL), int order)
{
    (void)mesh;
    NAME(splines) s;
    for (size_t block = begin; block < end; block++) {
        const int32_t *points = point + block * AL_BLOCK_REALS;
        const REAL *charges = q + block * AL_BLOCK;
        NAME(find_splines)(&s, above + block * AL_BLOCK_REALS, order, false);
        for (int a = 0; a < AL_BLOCK; a++)
            if (charges[a] != 0) {
                REAL *at = (REAL *)brick->values + NAME(first_point)(brick, points, a);
                if (order == 4)
                    NAME(spread_atom_4)(&s, a, charges[a], brick, at);
                else
                    NAME(spread_atom)(&s, order, a, charges[a], brick, at);
            }
    }
}

static void NAME(spread)(AL_MESH_SPREAD(REAL))
{
    if (mesh->order == 4) /* the compiler knows how many points there are, and does them at once */
        NAME(spread_order)(mesh, begin, end, point, above, q, brick, 4);
    else
        NAME(spread_order)(mesh, begin, end, point, above, q, brick, mesh->order);
}

/** The potential's change when an atom moves by a point in each direction. */
static inline __attribute__((always_inline)) void NAME(gather_atom)(const NAME(splines) * s, int order, int a,
                                                                    const al_brick *brick, const REAL *at,
                                                                    REAL (*change)[AL_BLOCK])
{
    REAL by_x[AL_MESH_ORDER_MOST] = {0}, by_y[AL_MESH_ORDER_MOST] = {0}, plain[AL_MESH_ORDER_MOST] = {0};
    for (int i = 0; i < order; i++)
        for (int j = 0; j < order; j++) {
            const REAL *row = at + (size_t)(i * brick->n[1] + j) * (size_t)brick->n[2];
            REAL wx = s->weight[0][i][a], wy = s->weight[1][j][a];
            REAL dx = s->slope[0][i][a] * wy, dy = wx * s->slope[1][j][a], w = wx * wy;
            for (int k = 0; k < order; k++) {
                by_x[k] += dx * row[k];
                by_y[k] += dy * row[k];
                plain[k] += w * row[k];
            }
        }
    for (int k = 0; k < order; k++) {
        change[0][a] += by_x[k] * s->weight[2][k][a];
        change[1][a] += by_y[k] * s->weight[2][k][a];
        change[2][a] += plain[k] * s->slope[2][k][a];
    }
}

static inline void NAME(gather_atom_4)(const NAME(splines) * s, int a, const al_brick *brick, const REAL *at,
                                       REAL (*change)[AL_BLOCK])
{
    NAME(four) by_x = {0}, by_y = {0}, plain = {0}, z, z_slope;
    NAME(take_four)(&z, s->weight[2], a);
    NAME(take_four)(&z_slope, s->slope[2], a);
    for (int i = 0; i < 4; i++) {
        NAME(four) along = {0}, across = {0};
        for (int j = 0; j < 4; j++) {
            const NAME(four) *row =
                (const NAME(four) *)(at + (size_t)(i * brick->n[1] + j) * (size_t)brick->n[2]);
            along += *row * s->weight[1][j][a];
            across += *row * s->slope[1][j][a];
        }
        by_x += along * s->slope[0][i][a];
        by_y += across * s->weight[0][i][a];
        plain += along * s->weight[0][i][a];
    }
    by_x *= z;
    by_y *= z;
    plain *= z_slope;
    change[0][a] = by_x[0] + by_x[1] + by_x[2] + by_x[3];
    change[1][a] = by_y[0] + by_y[1] + by_y[2] + by_y[3];
    change[2][a] = plain[0] + plain[1] + plain[2] + plain[3];
}

/** From changes along the mesh to forces, for the atoms of a block. */
static inline void NAME(add_forces)(const al_mesh *mesh, REAL (*change)[AL_BLOCK], const REAL *q, REAL *f)
{
    for (int e = 0; e < 3; e++) {
        REAL x = (REAL)mesh->to_mesh[e][0], y = (REAL)mesh->to_mesh[e][1], z = (REAL)mesh->to_mesh[e][2];
        for (int a = 0; a < AL_BLOCK; a++)
            f[e * AL_BLOCK + a] -= q[a] * (x * change[0][a] + y * change[1][a] + z * change[2][a]);
    }
}

static inline __attribute__((always_inline)) void NAME(gather_order)(AL_MESH_GATHER(REAL), int order)
{
    NAME(splines) s;
    for (size_t block = begin; block < end; block++) {
        const int32_t *points = point + block * AL_BLOCK_REALS;
        const REAL *charges = q + block * AL_BLOCK;
        REAL change[3][AL_BLOCK] = {{0}};
        NAME(find_splines)(&s, above + block * AL_BLOCK_REALS, order, true);
        for (int a = 0; a < AL_BLOCK; a++) {
            const REAL *at = (const REAL *)brick->values + NAME(first_point)(brick, points, a);
            if (charges[a] == 0)
                continue;
            if (order == 4)
                NAME(gather_atom_4)(&s, a, brick, at, change);
            else
                NAME(gather_atom)(&s, order, a, brick, at, change);
        }
        NAME(add_forces)(mesh, change, charges, f + block * AL_BLOCK_REALS);
    }
}

static void NAME(gather)(AL_MESH_GATHER(REAL))
{
    if (mesh->order == 4)
        NAME(gather_order)(mesh, begin, end, point, above, q, brick, f, 4);
    else
        NAME(gather_order)(mesh, begin, end, point, above, q, brick, f, mesh->order);
}
