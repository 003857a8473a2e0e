/* planes.h - planes of the mesh that a rank's atoms may touch and another rank has, on the way between them.
 *
 * Which these are is known beforehand, by the ranks' domains: so each message has its length, and is sent
 * whether there are atoms or not.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_PLANES_H
#define AL_MD_PLANES_H

#include <allot/error.h>

#include "comm/domain.h"
#include "md/brick.h"

typedef struct al_planes_opts {
    al_comm *comm;
    int n[3];       /**< points of the mesh */
    int order;      /**< points in each direction that an atom touches */
    bool is_double; /**< numbers are doubles, else floats */
} al_planes_opts;

/** Planes of one rank's slab that another's atoms touch. None of its own. */
typedef struct al_parcel {
    int *x; /**< [nplanes] */
    int nplanes;
    al_brick brick; /**< values: [nplanes][n[1]][n[2]] */
    size_t nbytes;
    al_comm_request request;
} al_parcel;

typedef struct al_planes {
    al_planes_opts opts;
    int first_x, nx;            /**< of the mesh, in this rank's slab */
    al_brick region;            /**< what this rank's atoms may touch; no values */
    al_parcel *sent, *received; /**< [ranks]; NULL: one rank */
    uint32_t nsent, nreceived;  /**< planes in all of them */
} al_planes;

void al_planes_open(al_planes *planes, const al_planes_opts *opts);
void al_planes_close(al_planes *planes);
/** Where atoms may be: in the domain, and as far beyond as margin[d] in each direction; the same margin on
 * all ranks. Collective. @return ALLOT_OK; ALLOT_ENOMEM */
allot_err al_planes_place(al_planes *planes, const al_domain *domain, const double margin[3],
                          allot_error *err);
/** Whether points [lo, hi) are where atoms may be. */
bool al_planes_hold(const al_planes *planes, const int lo[3], const int hi[3]);

/** Begin to give each other rank its parcel of what is sent, and to get what is received; or the way back. */
void al_planes_depart(al_planes *planes, bool is_back);
/** Wait for these. */
void al_planes_arrive(al_planes *planes, bool is_back);
/** They travel on; does not wait. */
void al_planes_go_on(al_planes *planes, bool is_back);

/** Plane k of all that are sent, k < nsent, or received. @param[out] x  which of the mesh it is */
al_brick_plane al_planes_sent(const al_planes *planes, uint64_t k, int *x);
al_brick_plane al_planes_received(const al_planes *planes, uint64_t k, int *x);
/** Plane x of the mesh where it is sent. */
al_brick_plane al_planes_find_sent(const al_planes *planes, int x);
/** Add all that was received of plane x, in the order of ranks. */
void al_planes_add_received(const al_planes *planes, int x, const al_brick_plane *to);

#endif
