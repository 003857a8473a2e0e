/* pme.c - see pme.h.
 *
 * Each thread spreads its atoms onto a brick of its own. Bricks are added to the planes of the mesh: a rank's
 * own where they are, those of others through a message to each rank with the planes of its slab that this
 * rank's atoms may touch, which is known beforehand. The way back is the same one. A plane takes what is the
 * rank's own first, then the others' in the order of ranks; all sums are in the order of threads; so they
 * have the same bits each time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/pme.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "md/brick.h"
#include "md/fft.h"
#include "md/planes.h"

#define ALIGNED 64

/** What has been done of a computation. */
typedef enum stage { DONE, SPREAD, BEGUN, TURNED, RETURNING } stage;

/** A thread's atoms and its part of the mesh. */
typedef struct share {
    size_t begin, end; /* blocks */
    al_brick brick;
    size_t room; /* bytes of brick.values */
    bool failed;
    char apart[64];
} share;

struct al_pme {
    al_pme_opts opts;
    al_mesh mesh;
    al_fft *fft;
    al_waves waves;
    al_planes planes;
    share *shares;
    int32_t *point;
    void *above;
    size_t room_blocks;
    /* of the computation at hand */
    const double *x;
    const void *q;
    void *f;
    bool is_summed;
    stage stage;
};

static al_threads threads_of(const al_pme *pme)
{
    return (al_threads){pme->opts.pool, pme->opts.nthreads};
}

static size_t real_nbytes(const al_pme *pme)
{
    return pme->opts.is_double ? sizeof(double) : sizeof(float);
}

/* ---- open and close -------------------------------------------------------------------------------------
 */

static bool open_parts(al_pme *pme)
{
    const al_pme_opts *o = &pme->opts;
    al_waves_opts waves = {.n = {o->n[0], o->n[1], o->n[2]},
                           .order = o->order,
                           .is_double = o->is_double,
                           .beta = o->beta,
                           .coulomb = o->coulomb};
    const al_planes_opts planes = {o->comm, {o->n[0], o->n[1], o->n[2]}, o->order, o->is_double};
    al_fft_share(o->n[1], o->comm->size, o->comm->rank, &waves.first_y, &waves.ny);
    al_planes_open(&pme->planes, &planes);
    pme->shares = calloc(o->nthreads, sizeof *pme->shares);
    return al_waves_open(&pme->waves, &waves) && pme->shares != NULL;
}

allot_err al_pme_open(al_pme **pme, const al_pme_opts *opts, allot_error *err)
{
    al_fft_opts fft = {
        opts->comm, {opts->pool, opts->nthreads}, {opts->n[0], opts->n[1], opts->n[2]}, opts->is_double};
    al_pme *made = calloc(1, sizeof *made);
    if (made == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    made->opts = *opts;
    made->mesh.order = opts->order;
    allot_err code = al_fft_open(&made->fft, &fft, err);
    if (code == ALLOT_OK && !open_parts(made))
        code = al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    if (code == ALLOT_OK)
        *pme = made;
    else
        al_pme_close(made);
    return code;
}

void al_pme_close(al_pme *pme)
{
    if (pme == NULL)
        return;
    for (uint32_t k = 0; pme->shares != NULL && k < pme->opts.nthreads; k++)
        free(pme->shares[k].brick.values);
    al_planes_close(&pme->planes);
    al_waves_close(&pme->waves);
    al_fft_close(pme->fft);
    free(pme->shares);
    free(pme->point);
    free(pme->above);
    free(pme);
}

void al_pme_set_box(al_pme *pme, const double box[3][3])
{
    double inverse[3][3] = {{0}};
    for (int d = 0; d < 3; d++)
        inverse[d][d] = 1 / box[d][d];
    inverse[1][0] = -box[1][0] * inverse[0][0] * inverse[1][1];
    inverse[2][1] = -box[2][1] * inverse[1][1] * inverse[2][2];
    inverse[2][0] = (box[1][0] * box[2][1] * inverse[1][1] - box[2][0]) * inverse[0][0] * inverse[2][2];
    for (int e = 0; e < 3; e++)
        for (int d = 0; d < 3; d++)
            pme->mesh.to_mesh[e][d] = inverse[e][d] * pme->opts.n[d];
    al_waves_set_box(&pme->waves, pme->opts.pool, inverse, box[0][0] * box[1][1] * box[2][2]);
}

allot_err al_pme_place(al_pme *pme, const al_domain *domain, const double margin[3], allot_error *err)
{
    return al_planes_place(&pme->planes, domain, margin, err);
}

/* ---- atoms to bricks, and back --------------------------------------------------------------------------
 */

/** Room for a brick of what a share's atoms touch, all 0. @return false: out of memory */
static bool clear_brick(share *s, const int lo[3], const int hi[3], size_t nbytes)
{
    for (int d = 0; d < 3; d++) {
        bool is_any = lo[d] < hi[d];
        s->brick.lo[d] = is_any ? lo[d] : 0;
        s->brick.n[d] = is_any ? hi[d] - lo[d] : 0;
        nbytes *= (size_t)s->brick.n[d];
    }
    if (nbytes > s->room) {
        free(s->brick.values);
        s->room = nbytes + nbytes / 4;
        s->brick.values = aligned_alloc(ALIGNED, (s->room + ALIGNED - 1) / ALIGNED * ALIGNED);
        if (s->brick.values == NULL) {
            s->room = 0;
            return false;
        }
    }
    if (nbytes > 0)
        memset(s->brick.values, 0, nbytes);
    return true;
}

static int spread_shares(uint64_t first, uint64_t last, void *arg)
{
    al_pme *pme = arg;
    const al_mesh_kernels *kernels = pme->opts.kernels;
    for (uint64_t k = first; k < last; k++) {
        share *s = &pme->shares[k];
        int lo[] = {INT_MAX, INT_MAX, INT_MAX}, hi[] = {INT_MIN, INT_MIN, INT_MIN};
        if (pme->opts.is_double)
            kernels->locate_double(&pme->mesh, s->begin, s->end, pme->x, pme->q, pme->point, pme->above, lo,
                                   hi);
        else
            kernels->locate(&pme->mesh, s->begin, s->end, pme->x, pme->q, pme->point, pme->above, lo, hi);
        bool is_any = lo[0] < hi[0];
        s->failed = is_any && !al_planes_hold(&pme->planes, lo, hi);
        if (s->failed || !clear_brick(s, lo, hi, real_nbytes(pme)))
            return s->failed ? ALLOT_ERANGE : ALLOT_ENOMEM;
        if (pme->opts.is_double)
            kernels->spread_double(&pme->mesh, s->begin, s->end, pme->point, pme->above, pme->q, &s->brick);
        else
            kernels->spread(&pme->mesh, s->begin, s->end, pme->point, pme->above, pme->q, &s->brick);
    }
    return 0;
}

/** Add to a plane x what all bricks have there; or fill the bricks from it. */
static void between_bricks(const al_pme *pme, int x, const al_brick_plane *plane)
{
    const int *n = pme->opts.n;
    for (uint32_t k = 0; k < pme->opts.nthreads; k++) {
        const al_brick *brick = &pme->shares[k].brick;
        for (int p = al_brick_wrap(x - brick->lo[0], n[0]); p < brick->n[0]; p += n[0]) {
            al_brick_plane part = al_brick_plane_of(brick, p, pme->opts.is_double);
            al_brick_add(plane, &part, n, pme->opts.is_double);
        }
    }
}

/** Plane x of the mesh as a region. */
static al_brick_plane whole_plane(const al_pme *pme, void *values)
{
    return (al_brick_plane){.n = {pme->opts.n[1], pme->opts.n[2]},
                            .stride = (size_t)al_fft_row_reals(pme->opts.n),
                            .values = values};
}

static void fill_plane(void *arg, int x, void *values)
{
    const al_pme *pme = arg;
    const int *n = pme->opts.n;
    al_brick_plane plane = whole_plane(pme, values);
    memset(values, 0, (size_t)n[1] * plane.stride * real_nbytes(pme));
    between_bricks(pme, x, &plane);
    al_planes_add_received(&pme->planes, x, &plane);
}

/** Planes [begin, end) of what is sent to others. */
static int pack_planes(uint64_t begin, uint64_t end, void *arg)
{
    const al_pme *pme = arg;
    for (uint64_t k = begin; k < end; k++) {
        int x;
        al_brick_plane plane = al_planes_sent(&pme->planes, k, &x);
        memset(plane.values, 0, (size_t)plane.n[0] * plane.stride * real_nbytes(pme));
        between_bricks(pme, x, &plane);
    }
    return 0;
}

/** Planes [begin, end) of what goes back. */
static int pack_back(uint64_t begin, uint64_t end, void *arg)
{
    const al_pme *pme = arg;
    for (uint64_t k = begin; k < end; k++) {
        int x;
        al_brick_plane part = al_planes_received(&pme->planes, k, &x);
        al_brick_plane whole = whole_plane(pme, al_fft_plane(pme->fft, x));
        al_brick_fill(&whole, &part, pme->opts.n, pme->opts.is_double);
    }
    return 0;
}

/** Where plane x is now: among this rank's own, or in what came back. */
static al_brick_plane plane_with(const al_pme *pme, int x)
{
    if (x >= pme->planes.first_x && x < pme->planes.first_x + pme->planes.nx)
        return whole_plane(pme, al_fft_plane(pme->fft, x));
    return al_planes_find_sent(&pme->planes, x);
}

static int gather_shares(uint64_t first, uint64_t last, void *arg)
{
    al_pme *pme = arg;
    const al_mesh_kernels *kernels = pme->opts.kernels;
    for (uint64_t k = first; k < last; k++) {
        const share *s = &pme->shares[k];
        for (int p = 0; p < s->brick.n[0]; p++) {
            al_brick_plane whole = plane_with(pme, al_brick_wrap(s->brick.lo[0] + p, pme->opts.n[0]));
            al_brick_plane part = al_brick_plane_of(&s->brick, p, pme->opts.is_double);
            al_brick_fill(&whole, &part, pme->opts.n, pme->opts.is_double);
        }
        if (pme->opts.is_double)
            kernels->gather_double(&pme->mesh, s->begin, s->end, pme->point, pme->above, pme->q, &s->brick,
                                   pme->f);
        else
            kernels->gather(&pme->mesh, s->begin, s->end, pme->point, pme->above, pme->q, &s->brick, pme->f);
    }
    return 0;
}

static void solve_row(void *arg, int y, void *waves)
{
    al_pme *pme = arg;
    al_waves_solve_row(&pme->waves, y, waves, pme->is_summed);
}

/* ---- all of it ------------------------------------------------------------------------------------------
 */

static bool grow(al_pme *pme, size_t nblocks)
{
    if (nblocks <= pme->room_blocks)
        return true;
    size_t room = nblocks + nblocks / 4;
    free(pme->point);
    free(pme->above);
    pme->point = aligned_alloc(ALIGNED, room * AL_BLOCK_REALS * sizeof(double));
    pme->above = aligned_alloc(ALIGNED, room * AL_BLOCK_REALS * sizeof(double));
    pme->room_blocks = pme->point != NULL && pme->above != NULL ? room : 0;
    return pme->room_blocks > 0;
}

static allot_err fail_spread(const al_pme *pme, allot_error *err)
{
    for (uint32_t k = 0; k < pme->opts.nthreads; k++)
        if (pme->shares[k].failed)
            return al_fail(err, ALLOT_ERANGE, 0, "a charged atom is far outside the domain of its rank");
    return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
}

allot_err al_pme_begin(al_pme *pme, size_t nblocks, const double *x, const void *q, bool is_summed,
                       allot_error *err)
{
    al_threads threads = threads_of(pme);
    if (!grow(pme, nblocks))
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    for (uint64_t k = 0; k < pme->opts.nthreads; k++) {
        pme->shares[k].begin = al_share_begin(nblocks, k, pme->opts.nthreads);
        pme->shares[k].end = al_share_begin(nblocks, k + 1, pme->opts.nthreads);
    }
    pme->x = x;
    pme->q = q;
    pme->is_summed = is_summed;
    if (!al_shares_do(&threads, pme->opts.nthreads, spread_shares, pme))
        return fail_spread(pme, err);
    (void)al_shares_do(&threads, pme->planes.nsent, pack_planes, pme);
    al_planes_depart(&pme->planes, false);
    pme->stage = SPREAD;
    return ALLOT_OK;
}

void al_pme_advance(al_pme *pme)
{
    al_threads threads = threads_of(pme);
    if (pme->stage == SPREAD) {
        al_planes_arrive(&pme->planes, false);
        al_fft_begin(pme->fft, fill_plane, solve_row, pme);
    } else if (pme->stage == BEGUN) {
        al_fft_turn(pme->fft);
    } else if (pme->stage == TURNED) {
        al_fft_end(pme->fft);
        (void)al_shares_do(&threads, pme->planes.nreceived, pack_back, pme);
        al_planes_depart(&pme->planes, true);
    } else {
        return;
    }
    pme->stage++;
}

void al_pme_go_on(al_pme *pme)
{
    if (pme->stage == DONE)
        return;
    if (pme->stage == SPREAD || pme->stage == RETURNING)
        al_planes_go_on(&pme->planes, pme->stage == RETURNING);
    else
        al_fft_go_on(pme->fft, pme->stage == TURNED);
}

void al_pme_end(al_pme *pme, void *f, al_pme_sums *sums)
{
    al_threads threads = threads_of(pme);
    while (pme->stage != RETURNING)
        al_pme_advance(pme);
    al_planes_arrive(&pme->planes, true);
    pme->f = f;
    (void)al_shares_do(&threads, pme->opts.nthreads, gather_shares, pme);
    if (pme->is_summed)
        al_waves_sum(&pme->waves, sums);
    pme->stage = DONE;
}

allot_err al_pme_compute(al_pme *pme, size_t nblocks, const double *x, const void *q, void *f,
                         al_pme_sums *sums, allot_error *err)
{
    allot_err code = al_pme_begin(pme, nblocks, x, q, sums != NULL, err);
    if (code == ALLOT_OK)
        al_pme_end(pme, f, sums);
    return code;
}
