/* pme.h - the far part of electrostatics: smooth particle-mesh Ewald. (Darden, York and Pedersen, J. Chem.
 * Phys. 98, 10089, 1993; Essmann and others, 103, 8577, 1995.)
 *
 * The potential of each charge is split by a Gaussian of width 1/beta; what is smooth of it is found on a
 * mesh, here, for all pairs of charges and their images, those of an atom with itself and of excluded atoms
 * among them; who computes the rest by pairs takes these away again.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_PME_H
#define AL_MD_PME_H

#include "comm/domain.h"
#include "md/kernel/mesh.h"
#include "md/waves.h"

typedef struct al_pme_opts {
    al_comm *comm;
    allot_pool *pool; /**< NULL: the default one */
    uint32_t nthreads;
    const al_mesh_kernels *kernels;
    int n[3];       /**< mesh points along each vector of the box */
    int order;      /**< of splines, AL_MESH_ORDER_LEAST to AL_MESH_ORDER_MOST */
    bool is_double; /**< of the mesh, charges and forces */
    double beta;    /**< 1/length */
    double coulomb; /**< energy of two unit charges at a unit's distance */
} al_pme_opts;

typedef struct al_pme al_pme;

/** Collective. @return ALLOT_OK; ALLOT_ENOMEM */
allot_err al_pme_open(al_pme **pme, const al_pme_opts *opts, allot_error *err);
void al_pme_close(al_pme *pme); /**< NULL is allowed */
/** A row of the box is a vector, lower triangular. Before the first computation, and whenever it changes. */
void al_pme_set_box(al_pme *pme, const double box[3][3]);
/** Where this rank's atoms may be: in its domain, and as far beyond as margin[d] in each direction; the same
 * margin on all ranks. Again whenever domains change. Collective. @return ALLOT_OK; ALLOT_ENOMEM */
allot_err al_pme_place(al_pme *pme, const al_domain *domain, const double margin[3], allot_error *err);
/** Add the forces on the atoms of nblocks blocks to f, in parts, so that the caller may do other things while
 * messages travel: begin(), advance() three times, end(), which does what is left of these. Collective.
 * @param x     in blocks (block.h); borrowed until the end, as q is
 * @param q     charges, by place, 0 where there is no atom; float or double
 * @param is_summed  sums are wanted
 * @return ALLOT_OK; ALLOT_ENOMEM, ALLOT_ERANGE (an atom is where none may be), of this rank alone */
allot_err al_pme_begin(al_pme *pme, size_t nblocks, const double *x, const void *q, bool is_summed,
                       allot_error *err);
/** Wait for what has been sent last, and do the next part. Nothing where only the end is left. Collective. */
void al_pme_advance(al_pme *pme);
/** Messages travel on. Not collective, does not wait. */
void al_pme_go_on(al_pme *pme);
/** @param f  in blocks; float or double  @param[out] sums  if they are wanted. Collective. */
void al_pme_end(al_pme *pme, void *f, al_pme_sums *sums);
/** All of it at once. Collective. @param[out] sums  NULL: not wanted. @return as al_pme_begin() */
allot_err al_pme_compute(al_pme *pme, size_t nblocks, const double *x, const void *q, void *f,
                         al_pme_sums *sums, allot_error *err);

#endif
