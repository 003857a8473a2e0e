/* sites.h - virtual sites: points without mass whose places follow from those of atoms, and whose forces are
 * those atoms' (topology.h lists the kinds).
 *
 * Before forces are computed the sites are placed; afterwards what acts on them is given to their atoms, so
 * that the atoms feel minus the slope of the energy with the sites carried along: the principle of virtual
 * work. (Berendsen and van Gunsteren, in Molecular Liquids, 475, Reidel 1984; Feenstra, Hess and Berendsen,
 * J. Comput. Chem. 20, 786, 1999; GROMACS manual, "Virtual interaction sites".) Momentum and torque stay what
 * they were, to the last bits.
 *
 * Positions and forces lie as in term.h, and what is between is computed in double. A site's atoms must be
 * near each other; nothing here knows of periodic boxes: the site is put beside the first of them. No site is
 * made of another one (read/top.c refuses it), so terms are done in any order; but two sites may share an
 * atom, so only one thread may spread those that do. Where a direction is not defined - atoms of VSITE3FD at
 * one point, of VSITE3FAD in a line - the site loses what is along it, and so does its force.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_TERM_SITES_H
#define AL_MD_TERM_SITES_H

#include <stddef.h>

#include "md/block.h"
#include "md/topology.h"

/** Put n sites of one kind where they belong.
 * @param params  of the topology: a term's begin at its `params`
 * @param terms   atom[] are places, the site first
 * @param x       in blocks; written at the sites' places only */
#define AL_SITE_PLACE_ARGS(REAL) const double *params, size_t n, const al_term *terms, REAL *x

/** Give the force on each of n sites of one kind to its atoms; the sites' own are 0 then.
 * @param x       in blocks; of the sites' places nothing is read
 * @param f       in blocks, read and written
 * @param virial  [9], NULL: not wanted. What the sum over all of x . f grows by, x's coordinate first, is
 *                added: 0 for VSITE2 and VSITE3, which are linear */
#define AL_SITE_SPREAD_ARGS(REAL)                                                                            \
    const double *params, size_t n, const al_term *terms, const REAL *x, REAL *f, double *virial

typedef void al_site_place_f(AL_SITE_PLACE_ARGS(float));
typedef void al_site_place_d(AL_SITE_PLACE_ARGS(double));
typedef void al_site_spread_f(AL_SITE_SPREAD_ARGS(float));
typedef void al_site_spread_d(AL_SITE_SPREAD_ARGS(double));

/** By kind, for floats and doubles; NULL: the kind is no virtual site. */
extern al_site_place_f *const al_site_places_f[AL_TERM_NKINDS];
extern al_site_place_d *const al_site_places_d[AL_TERM_NKINDS];
extern al_site_spread_f *const al_site_spreads_f[AL_TERM_NKINDS];
extern al_site_spread_d *const al_site_spreads_d[AL_TERM_NKINDS];

#endif
