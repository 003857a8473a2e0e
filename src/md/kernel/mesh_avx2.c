/* mesh_avx2.c - see mesh.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/kernel/mesh.h"

#define REAL float
#define NAME(name) name##_f
#include "md/kernel/mesh_blocks.h"
#undef REAL
#undef NAME

#define REAL double
#define NAME(name) name##_d
#include "md/kernel/mesh_blocks.h"

const al_mesh_kernels al_mesh_kernels_avx2 = {locate_f, spread_f, gather_f, locate_d, spread_d, gather_d};
