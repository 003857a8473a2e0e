/* cmap.h - corrections of pairs of dihedrals that are given on a grid: CMAP. (MacKerell, Feig and Brooks,
 * J. Comput. Chem. 25, 1400, 2004.)
 *
 * Within a square of the grid the energy is the bicubic polynomial that has the values and slopes of its
 * corners. The slopes are those of periodic cubic splines through the grid's lines, so that the whole is one
 * spline: forces have no steps, nor has what they change by. (GROMACS lays the grid out twice and lets the
 * splines end freely, half a grid off: the energy of a protein differs by less than 1e-9.)
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_TERM_CMAP_H
#define AL_MD_TERM_CMAP_H

#include <stdint.h>

#include <allot/error.h>

/** What is known at a point: slopes are per step of the grid. */
typedef struct al_cmap_point {
    double v, d1, d2, d12;
} al_cmap_point;

/** Owned by whoever made it, al_cmap_fini(). */
typedef struct al_cmap {
    uint32_t side;
    al_cmap_point *points; /**< [side * side], the first angle outermost, from -pi */
} al_cmap;

/** @param grid  [side * side], kJ/mol, as al_topology's cmaps[]; not kept
 *  @return ALLOT_OK; ALLOT_ENOMEM */
allot_err al_cmap_init(al_cmap *cmap, uint32_t side, const double *grid, allot_error *err);
void al_cmap_fini(al_cmap *cmap);

/** The energy at two angles, each in [-pi, pi], and its slopes there per radian. Pure. */
double al_cmap_energy(const al_cmap *cmap, const double angle[2], double slope[2]);

#endif
