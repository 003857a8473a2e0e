/* planes.c - see planes.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/planes.h"

#include <math.h>
#include <stdlib.h>

#include "base/fail.h"
#include "comm/cuts.h"
#include "md/fft.h"

void al_planes_open(al_planes *planes, const al_planes_opts *opts)
{
    *planes = (al_planes){.opts = *opts};
    al_fft_share(opts->n[0], opts->comm->size, opts->comm->rank, &planes->first_x, &planes->nx);
}

static void close_parcels(al_parcel *parcels, int nranks)
{
    for (int r = 0; parcels != NULL && r < nranks; r++) {
        free(parcels[r].x);
        free(parcels[r].brick.values);
    }
    free(parcels);
}

static void close_both(al_planes *planes)
{
    int nranks = planes->sent != NULL || planes->received != NULL ? planes->opts.comm->size : 0;
    close_parcels(planes->sent, nranks);
    close_parcels(planes->received, nranks);
}

void al_planes_close(al_planes *planes)
{
    close_both(planes);
    *planes = (al_planes){.sent = NULL};
}

/* ---- who touches whose planes ---------------------------------------------------------------------------
 */

/** What the atoms of a domain may touch. Where that is all of a direction, it is as the mesh itself. */
static al_brick region_of(const al_planes_opts *opts, const al_domain *domain, const double margin[3])
{
    al_brick region = {.values = NULL};
    for (int d = 0; d < 3; d++) {
        double to_mesh = opts->n[d] / domain->box[d];
        int lo = (int)floor((domain->lo[d] - margin[d]) * to_mesh);
        int hi = (int)floor((domain->hi[d] + margin[d]) * to_mesh) + opts->order;
        bool is_all = hi - lo >= opts->n[d];
        region.lo[d] = is_all ? 0 : lo;
        region.n[d] = is_all ? opts->n[d] : hi - lo;
    }
    return region;
}

static bool open_parcel(const al_planes_opts *opts, al_parcel *p, const al_brick *region, int first_x, int nx)
{
    size_t real_nbytes = opts->is_double ? sizeof(double) : sizeof(float);
    p->brick = *region;
    p->x = malloc(((size_t)nx + 1) * sizeof *p->x);
    for (int x = first_x; p->x != NULL && x < first_x + nx; x++)
        if (al_brick_wrap(x - region->lo[0], opts->n[0]) < region->n[0])
            p->x[p->nplanes++] = x;
    p->nbytes = (size_t)p->nplanes * (size_t)region->n[1] * (size_t)region->n[2] * real_nbytes;
    p->brick.values = malloc(p->nbytes + 1);
    return p->x != NULL && p->brick.values != NULL;
}

/** What goes to rank r and comes from it. */
static bool open_pair(al_planes *planes, const al_domain *domain, const double margin[3], int r)
{
    const al_planes_opts *opts = &planes->opts;
    al_domain theirs;
    int first_x, nx;
    if (domain->cuts != NULL)
        al_cuts_domain(domain->cuts, r, &theirs);
    else
        al_domain_of(domain->box, domain->grid, r, &theirs);
    al_brick region = region_of(opts, &theirs, margin);
    al_fft_share(opts->n[0], opts->comm->size, r, &first_x, &nx);
    bool good = open_parcel(opts, &planes->sent[r], &planes->region, first_x, nx) &&
                open_parcel(opts, &planes->received[r], &region, planes->first_x, planes->nx);
    planes->nsent += (uint32_t)planes->sent[r].nplanes;
    planes->nreceived += (uint32_t)planes->received[r].nplanes;
    return good;
}

allot_err al_planes_place(al_planes *planes, const al_domain *domain, const double margin[3],
                          allot_error *err)
{
    const al_comm *comm = planes->opts.comm;
    planes->region = region_of(&planes->opts, domain, margin);
    if (comm->size == 1)
        return ALLOT_OK;
    close_both(planes);
    planes->sent = calloc((size_t)comm->size, sizeof *planes->sent);
    planes->received = calloc((size_t)comm->size, sizeof *planes->received);
    bool good = planes->sent != NULL && planes->received != NULL;
    planes->nsent = planes->nreceived = 0;
    for (int r = 0; good && r < comm->size; r++)
        good = r == comm->rank || open_pair(planes, domain, margin, r);
    return good ? ALLOT_OK : al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
}

bool al_planes_hold(const al_planes *planes, const int lo[3], const int hi[3])
{
    const al_brick *region = &planes->region;
    for (int d = 0; d < 3; d++) {
        bool is_all = region->n[d] == planes->opts.n[d];
        if (!is_all && (lo[d] < region->lo[d] || hi[d] > region->lo[d] + region->n[d]))
            return false;
    }
    return true;
}

/* ---- messages -------------------------------------------------------------------------------------------
 */

void al_planes_depart(al_planes *planes, bool is_back)
{
    al_comm *comm = planes->opts.comm;
    al_parcel *out = is_back ? planes->received : planes->sent,
              *in = is_back ? planes->sent : planes->received;
    for (int k = 1; k < comm->size; k++) {
        int to = (comm->rank + k) % comm->size, from = (comm->rank + comm->size - k) % comm->size;
        comm->start(comm, AL_COMM_MESH, to, out[to].brick.values, out[to].nbytes, from, in[from].brick.values,
                    in[from].nbytes, &out[to].request);
    }
}

/** The request of the kth message. */
static al_comm_request *request_of(al_planes *planes, bool is_back, int k)
{
    const al_comm *comm = planes->opts.comm;
    return &(is_back ? planes->received : planes->sent)[(comm->rank + k) % comm->size].request;
}

void al_planes_arrive(al_planes *planes, bool is_back)
{
    al_comm *comm = planes->opts.comm;
    for (int k = 1; k < comm->size; k++)
        comm->finish(comm, request_of(planes, is_back, k));
}

void al_planes_go_on(al_planes *planes, bool is_back)
{
    al_comm *comm = planes->opts.comm;
    for (int k = 1; k < comm->size; k++)
        (void)comm->has_come(comm, request_of(planes, is_back, k));
}

/* ---- what is in them ------------------------------------------------------------------------------------
 */

static al_brick_plane plane_in(const al_planes *planes, const al_parcel *parcels, uint64_t k, int *x)
{
    while (k >= (uint64_t)parcels->nplanes)
        k -= (uint64_t)parcels++->nplanes;
    *x = parcels->x[k];
    return al_brick_plane_of(&parcels->brick, (int)k, planes->opts.is_double);
}

al_brick_plane al_planes_sent(const al_planes *planes, uint64_t k, int *x)
{
    return plane_in(planes, planes->sent, k, x);
}

al_brick_plane al_planes_received(const al_planes *planes, uint64_t k, int *x)
{
    return plane_in(planes, planes->received, k, x);
}

al_brick_plane al_planes_find_sent(const al_planes *planes, int x)
{
    for (int r = 0; r < planes->opts.comm->size; r++)
        for (int k = 0; k < planes->sent[r].nplanes; k++)
            if (planes->sent[r].x[k] == x)
                return al_brick_plane_of(&planes->sent[r].brick, k, planes->opts.is_double);
    return (al_brick_plane){.values = NULL}; /* never: al_planes_hold() looked */
}

void al_planes_add_received(const al_planes *planes, int x, const al_brick_plane *to)
{
    const al_planes_opts *opts = &planes->opts;
    for (int r = 0; planes->received != NULL && r < opts->comm->size; r++)
        for (int p = 0; p < planes->received[r].nplanes; p++)
            if (planes->received[r].x[p] == x) {
                al_brick_plane part = al_brick_plane_of(&planes->received[r].brick, p, opts->is_double);
                al_brick_add(to, &part, opts->n, opts->is_double);
            }
}
