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
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "comm/cuts.h"
#include "md/brick.h"

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

/** Planes of one rank's slab that another's atoms touch, on the way between them. None of its own. */
typedef struct parcel {
    int *x; /* [nplanes] */
    int nplanes;
    al_brick brick; /* values: [nplanes][n[1]][n[2]] */
    size_t nbytes;
    al_comm_request request;
} parcel;

struct al_pme {
    al_pme_opts opts;
    al_mesh mesh;
    al_fft *fft;
    double inverse[3][3], volume; /* of the box: fractions = x . inverse */
    int first_x, nx, first_y, ny;
    void *influence;   /* [ny][n0][nk]: what waves are multiplied by */
    double *moduli[3]; /* [n[d]]: of the splines' waves */
    share *shares;
    int32_t *point;
    void *above;
    size_t room_blocks;
    al_brick region;           /* what this rank's atoms may touch; no values */
    parcel *sent, *received;   /* [ranks]; NULL: one rank */
    uint32_t nsent, nreceived; /* planes in all of them */
    struct pme_row_sums *row_sums;
    /* of the computation at hand */
    const double *x;
    const void *q;
    void *f;
    bool is_summed;
    stage stage;
};

/** Sums of a row of waves, by itself, so that it does not matter which thread does it. */
typedef struct pme_row_sums {
    double energy, virial[6]; /* xx yy zz xy xz yz */
} pme_row_sums;

static al_threads threads_of(const al_pme *pme)
{
    return (al_threads){pme->opts.pool, pme->opts.nthreads};
}

static size_t real_nbytes(const al_pme *pme)
{
    return pme->opts.is_double ? sizeof(double) : sizeof(float);
}

/* ---- choices --------------------------------------------------------------------------------------------
 */

double al_pme_beta(double cutoff, double tolerance)
{
    double least = 0, most = 1 / cutoff;
    while (erfc(most * cutoff) > tolerance)
        most *= 2;
    for (int k = 0; k < 100; k++) {
        double middle = (least + most) / 2;
        *(erfc(middle * cutoff) > tolerance ? &least : &most) = middle;
    }
    return (least + most) / 2;
}

int al_pme_points(double length, double spacing)
{
    static const int small[] = {6, 8, 10, 12, 14, 16, 20, 24, 25, 28, 32, 36, 40, 42, 44},
                     large[] = {45, 48, 50, 52, 54, 56, 60, 64, 70, 72, 75, 80, 81, 84};
    double least = length / spacing * (1 - 1e-9);
    for (size_t k = 0; k < sizeof small / sizeof small[0]; k++)
        if (small[k] >= least)
            return small[k];
    for (int by = 1; by <= INT_MAX / 128; by *= 2)
        for (size_t k = 0; k < sizeof large / sizeof large[0]; k++)
            if (large[k] * by >= least && large[k] * by % 4 == 0)
                return large[k] * by;
    return INT_MAX;
}

/* ---- open and close -------------------------------------------------------------------------------------
 */

/** M_order at 1 .. order - 1. */
static void splines_at_points(int order, double *w)
{
    double m[AL_MESH_ORDER_MOST + 2] = {0};
    m[1] = 1; /* of order 2 */
    for (int n = 3; n <= order; n++)
        for (int k = n - 1; k > 0; k--)
            m[k] = ((double)k * m[k] + (double)(n - k) * m[k - 1]) / (n - 1);
    for (int k = 1; k < order; k++)
        w[k - 1] = m[k];
}

/** Squares of the splines' waves, |sum M(k + 1) exp(2 pi i m k / n)|^2: what is found on the mesh is too
 * great by these. With an odd order that of the shortest wave is 0; the mean of its neighbours' stands in. */
static void find_moduli(double *moduli, int n, int order)
{
    double w[AL_MESH_ORDER_MOST];
    splines_at_points(order, w);
    for (int m = 0; m < n; m++) {
        double re = 0, im = 0;
        for (int k = 0; k < order - 1; k++) {
            double angle = 2 * M_PI * m * k / n;
            re += w[k] * cos(angle);
            im += w[k] * sin(angle);
        }
        moduli[m] = re * re + im * im;
    }
    for (int m = 0; m < n; m++)
        if (moduli[m] < 1e-7)
            moduli[m] = (moduli[(m + n - 1) % n] + moduli[(m + 1) % n]) / 2;
}

static bool open_tables(al_pme *pme)
{
    const int *n = pme->opts.n;
    al_fft_share(n[0], pme->opts.comm->size, pme->opts.comm->rank, &pme->first_x, &pme->nx);
    al_fft_share(n[1], pme->opts.comm->size, pme->opts.comm->rank, &pme->first_y, &pme->ny);
    size_t nwaves = ((size_t)pme->ny + 1) * (size_t)n[0] * (size_t)(n[2] / 2 + 1);
    pme->influence = malloc(nwaves * real_nbytes(pme));
    pme->row_sums = calloc((size_t)pme->ny + 1, sizeof *pme->row_sums);
    pme->shares = calloc(pme->opts.nthreads, sizeof *pme->shares);
    bool good = pme->influence != NULL && pme->row_sums != NULL && pme->shares != NULL;
    for (int d = 0; d < 3 && good; d++) {
        pme->moduli[d] = malloc((size_t)n[d] * sizeof(double));
        good = pme->moduli[d] != NULL;
        if (good)
            find_moduli(pme->moduli[d], n[d], pme->opts.order);
    }
    return good;
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
    if (code == ALLOT_OK && !open_tables(made))
        code = al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    if (code == ALLOT_OK)
        *pme = made;
    else
        al_pme_close(made);
    return code;
}

static void close_parcels(parcel *parcels, int nranks)
{
    for (int r = 0; parcels != NULL && r < nranks; r++) {
        free(parcels[r].x);
        free(parcels[r].brick.values);
    }
    free(parcels);
}

void al_pme_close(al_pme *pme)
{
    if (pme == NULL)
        return;
    for (uint32_t k = 0; pme->shares != NULL && k < pme->opts.nthreads; k++)
        free(pme->shares[k].brick.values);
    close_parcels(pme->sent, pme->opts.comm->size);
    close_parcels(pme->received, pme->opts.comm->size);
    al_fft_close(pme->fft);
    free(pme->influence);
    free(pme->row_sums);
    free(pme->shares);
    for (int d = 0; d < 3; d++)
        free(pme->moduli[d]);
    free(pme->point);
    free(pme->above);
    free(pme);
}

/* ---- the box --------------------------------------------------------------------------------------------
 */

/** A wave's vector, in units of 1/length, from its numbers in the transform. That of half the points stands
 * for both of its signs, which in a skewed box are not of one length: along the first two vectors it is the
 * negative one, as in GROMACS. */
static void wave_vector(const al_pme *pme, int x, int y, int z, double k[3])
{
    const int *n = pme->opts.n, at[3] = {x, y, z};
    for (int e = 0; e < 3; e++) {
        k[e] = 0;
        for (int d = 0; d < 3; d++)
            k[e] += (at[d] > (d < 2 ? (n[d] - 1) / 2 : n[d] / 2) ? at[d] - n[d] : at[d]) * pme->inverse[e][d];
    }
}

/** By what each wave's amplitude makes a potential: Essmann's equations 3.9 and 4.7. */
static int find_influence(uint64_t begin, uint64_t end, void *arg)
{
    al_pme *pme = arg;
    const int *n = pme->opts.n;
    int nk = n[2] / 2 + 1;
    double by = pme->opts.coulomb / (M_PI * pme->volume),
           narrow = M_PI * M_PI / (pme->opts.beta * pme->opts.beta);
    for (uint64_t row = begin; row < end; row++)
        for (int x = 0; x < n[0]; x++)
            for (int z = 0; z < nk; z++) {
                double k[3];
                int y = pme->first_y + (int)row;
                size_t at = (row * (size_t)n[0] + (size_t)x) * (size_t)nk + (size_t)z;
                wave_vector(pme, x, y, z, k);
                double k2 = k[0] * k[0] + k[1] * k[1] + k[2] * k[2];
                double b = pme->moduli[0][x] * pme->moduli[1][y] * pme->moduli[2][z];
                double value = k2 > 0 ? by * exp(-narrow * k2) / (k2 * b) : 0;
                if (pme->opts.is_double)
                    ((double *)pme->influence)[at] = value;
                else
                    ((float *)pme->influence)[at] = (float)value;
            }
    return 0;
}

void al_pme_set_box(al_pme *pme, const double box[3][3])
{
    double(*inverse)[3] = pme->inverse;
    memset(inverse, 0, sizeof pme->inverse);
    for (int d = 0; d < 3; d++)
        inverse[d][d] = 1 / box[d][d];
    inverse[1][0] = -box[1][0] * inverse[0][0] * inverse[1][1];
    inverse[2][1] = -box[2][1] * inverse[1][1] * inverse[2][2];
    inverse[2][0] = (box[1][0] * box[2][1] * inverse[1][1] - box[2][0]) * inverse[0][0] * inverse[2][2];
    pme->volume = box[0][0] * box[1][1] * box[2][2];
    for (int e = 0; e < 3; e++)
        for (int d = 0; d < 3; d++)
            pme->mesh.to_mesh[e][d] = inverse[e][d] * pme->opts.n[d];
    (void)!allot_for(pme->opts.pool, (uint64_t)pme->ny, find_influence, pme, NULL, NULL);
}

/* ---- who touches whose planes ---------------------------------------------------------------------------
 */

/** What the atoms of a domain may touch. Where that is all of a direction, it is as the mesh itself. */
static al_brick region_of(const al_pme *pme, const al_domain *domain, const double margin[3])
{
    al_brick region = {.values = NULL};
    for (int d = 0; d < 3; d++) {
        double to_mesh = pme->opts.n[d] / domain->box[d];
        int lo = (int)floor((domain->lo[d] - margin[d]) * to_mesh);
        int hi = (int)floor((domain->hi[d] + margin[d]) * to_mesh) + pme->opts.order;
        bool is_all = hi - lo >= pme->opts.n[d];
        region.lo[d] = is_all ? 0 : lo;
        region.n[d] = is_all ? pme->opts.n[d] : hi - lo;
    }
    return region;
}

static bool open_parcel(const al_pme *pme, parcel *p, const al_brick *region, int first_x, int nx)
{
    p->brick = *region;
    p->x = malloc(((size_t)nx + 1) * sizeof *p->x);
    for (int x = first_x; p->x != NULL && x < first_x + nx; x++)
        if (al_brick_wrap(x - region->lo[0], pme->opts.n[0]) < region->n[0])
            p->x[p->nplanes++] = x;
    p->nbytes = (size_t)p->nplanes * (size_t)region->n[1] * (size_t)region->n[2] * real_nbytes(pme);
    p->brick.values = malloc(p->nbytes + 1);
    return p->x != NULL && p->brick.values != NULL;
}

allot_err al_pme_place(al_pme *pme, const al_domain *domain, const double margin[3], allot_error *err)
{
    al_comm *comm = pme->opts.comm;
    pme->region = region_of(pme, domain, margin);
    if (comm->size == 1)
        return ALLOT_OK;
    close_parcels(pme->sent, comm->size);
    close_parcels(pme->received, comm->size);
    pme->sent = calloc((size_t)comm->size, sizeof *pme->sent);
    pme->received = calloc((size_t)comm->size, sizeof *pme->received);
    bool good = pme->sent != NULL && pme->received != NULL;
    pme->nsent = pme->nreceived = 0;
    for (int r = 0; good && r < comm->size; r++) {
        al_domain theirs;
        int first_x, nx;
        if (r == comm->rank)
            continue;
        if (domain->cuts != NULL)
            al_cuts_domain(domain->cuts, r, &theirs);
        else
            al_domain_of(domain->box, domain->grid, r, &theirs);
        al_brick region = region_of(pme, &theirs, margin);
        al_fft_share(pme->opts.n[0], comm->size, r, &first_x, &nx);
        good = open_parcel(pme, &pme->sent[r], &pme->region, first_x, nx) &&
               open_parcel(pme, &pme->received[r], &region, pme->first_x, pme->nx);
        pme->nsent += (uint32_t)pme->sent[r].nplanes;
        pme->nreceived += (uint32_t)pme->received[r].nplanes;
    }
    return good ? ALLOT_OK : al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
}

/** Begin to give each other rank its parcel of `out`, and to get one for each of `in`. */
static void depart(const al_pme *pme, parcel *out, parcel *in)
{
    al_comm *comm = pme->opts.comm;
    for (int k = 1; k < comm->size; k++) {
        int to = (comm->rank + k) % comm->size, from = (comm->rank + comm->size - k) % comm->size;
        comm->start(comm, AL_COMM_MESH, to, out[to].brick.values, out[to].nbytes, from, in[from].brick.values,
                    in[from].nbytes, &out[to].request);
    }
}

/** Wait for them, or just let them travel on. */
static void arrive(const al_pme *pme, parcel *out, bool waits)
{
    al_comm *comm = pme->opts.comm;
    for (int k = 1; k < comm->size; k++) {
        al_comm_request *request = &out[(comm->rank + k) % comm->size].request;
        if (waits)
            comm->finish(comm, request);
        else
            (void)comm->has_come(comm, request);
    }
}

/* ---- atoms to bricks, and back --------------------------------------------------------------------------
 */

static bool holds(const al_pme *pme, const int lo[3], const int hi[3])
{
    for (int d = 0; d < 3; d++) {
        bool is_all = pme->region.n[d] == pme->opts.n[d];
        if (!is_all && (lo[d] < pme->region.lo[d] || hi[d] > pme->region.lo[d] + pme->region.n[d]))
            return false;
    }
    return true;
}

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
        s->failed = is_any && !holds(pme, lo, hi);
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
    for (int r = 0; pme->received != NULL && r < pme->opts.comm->size; r++)
        for (int p = 0; p < pme->received[r].nplanes; p++)
            if (pme->received[r].x[p] == x) {
                al_brick_plane part = al_brick_plane_of(&pme->received[r].brick, p, pme->opts.is_double);
                al_brick_add(&plane, &part, n, pme->opts.is_double);
            }
}

/** Plane k of all that are in parcels. */
static al_brick_plane plane_in(const al_pme *pme, const parcel *parcels, uint64_t k, int *x)
{
    while (k >= (uint64_t)parcels->nplanes)
        k -= (uint64_t)parcels++->nplanes;
    *x = parcels->x[k];
    return al_brick_plane_of(&parcels->brick, (int)k, pme->opts.is_double);
}

/** Planes [begin, end) of what is sent to others. */
static int pack_planes(uint64_t begin, uint64_t end, void *arg)
{
    const al_pme *pme = arg;
    for (uint64_t k = begin; k < end; k++) {
        int x;
        al_brick_plane plane = plane_in(pme, pme->sent, k, &x);
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
        al_brick_plane part = plane_in(pme, pme->received, k, &x);
        al_brick_plane whole = whole_plane(pme, al_fft_plane(pme->fft, x));
        al_brick_fill(&whole, &part, pme->opts.n, pme->opts.is_double);
    }
    return 0;
}

/** Where plane x is now: among this rank's own, or in what came back. */
static al_brick_plane plane_with(const al_pme *pme, int x)
{
    if (x >= pme->first_x && x < pme->first_x + pme->nx)
        return whole_plane(pme, al_fft_plane(pme->fft, x));
    for (int r = 0; r < pme->opts.comm->size; r++)
        for (int k = 0; k < pme->sent[r].nplanes; k++)
            if (pme->sent[r].x[k] == x)
                return al_brick_plane_of(&pme->sent[r].brick, k, pme->opts.is_double);
    return (al_brick_plane){.values = NULL}; /* never: holds() looked */
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

/* ---- waves ----------------------------------------------------------------------------------------------
 */

/** Energy and virial of a row, before it is made a potential. Waves but those of z = 0 and of the shortest
 * stand for their mirror images, too. (Essmann's equation 2.7.) */
static void sum_row(const al_pme *pme, int y, const void *waves, pme_row_sums *sums)
{
    const int *n = pme->opts.n;
    int nk = n[2] / 2 + 1;
    size_t base = (size_t)(y - pme->first_y) * (size_t)n[0] * (size_t)nk;
    double narrow = M_PI * M_PI / (pme->opts.beta * pme->opts.beta);
    for (int at = 0; at < n[0] * nk; at++) {
        size_t w = (size_t)at;
        int x = at / nk, z = at % nk;
        double re =
            pme->opts.is_double ? ((const double *)waves)[2 * w] : (double)((const float *)waves)[2 * w];
        double im = pme->opts.is_double ? ((const double *)waves)[2 * w + 1]
                                        : (double)((const float *)waves)[2 * w + 1];
        double by = pme->opts.is_double ? ((const double *)pme->influence)[base + w]
                                        : (double)((const float *)pme->influence)[base + w];
        double e = by * (re * re + im * im) * (z == 0 || 2 * z == n[2] ? 0.5 : 1.0), k[3];
        wave_vector(pme, x, y, z, k);
        double k2 = k[0] * k[0] + k[1] * k[1] + k[2] * k[2], c = k2 > 0 ? 2 * (1 / k2 + narrow) : 0;
        sums->energy += e;
        sums->virial[0] += e * (1 - c * k[0] * k[0]);
        sums->virial[1] += e * (1 - c * k[1] * k[1]);
        sums->virial[2] += e * (1 - c * k[2] * k[2]);
        sums->virial[3] -= e * c * k[0] * k[1];
        sums->virial[4] -= e * c * k[0] * k[2];
        sums->virial[5] -= e * c * k[1] * k[2];
    }
}

static void solve_row(void *arg, int y, void *waves)
{
    const al_pme *pme = arg;
    size_t nwaves = (size_t)pme->opts.n[0] * (size_t)(pme->opts.n[2] / 2 + 1);
    size_t row = (size_t)(y - pme->first_y);
    if (pme->is_summed) {
        pme->row_sums[row] = (pme_row_sums){.energy = 0};
        sum_row(pme, y, waves, &pme->row_sums[row]);
    }
    if (pme->opts.is_double) {
        const double *by = (const double *)pme->influence + row * nwaves;
        for (size_t k = 0; k < 2 * nwaves; k++)
            ((double *)waves)[k] *= by[k / 2];
    } else {
        const float *by = (const float *)pme->influence + row * nwaves;
        for (size_t k = 0; k < 2 * nwaves; k++)
            ((float *)waves)[k] *= by[k / 2];
    }
}

static void add_rows(const al_pme *pme, al_pme_sums *sums)
{
    static const int row_of[] = {0, 1, 2, 0, 0, 1}, column_of[] = {0, 1, 2, 1, 2, 2};
    *sums = (al_pme_sums){.energy = 0};
    for (int y = 0; y < pme->ny; y++) {
        sums->energy += pme->row_sums[y].energy;
        for (int k = 0; k < 6; k++)
            sums->virial[row_of[k]][column_of[k]] += pme->row_sums[y].virial[k];
    }
    for (int k = 3; k < 6; k++)
        sums->virial[column_of[k]][row_of[k]] = sums->virial[row_of[k]][column_of[k]];
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
    (void)al_shares_do(&threads, pme->nsent, pack_planes, pme);
    depart(pme, pme->sent, pme->received);
    pme->stage = SPREAD;
    return ALLOT_OK;
}

void al_pme_advance(al_pme *pme)
{
    al_threads threads = threads_of(pme);
    if (pme->stage == SPREAD) {
        arrive(pme, pme->sent, true);
        al_fft_begin(pme->fft, fill_plane, solve_row, pme);
    } else if (pme->stage == BEGUN) {
        al_fft_turn(pme->fft);
    } else if (pme->stage == TURNED) {
        al_fft_end(pme->fft);
        (void)al_shares_do(&threads, pme->nreceived, pack_back, pme);
        depart(pme, pme->received, pme->sent);
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
        arrive(pme, pme->stage == SPREAD ? pme->sent : pme->received, false);
    else
        al_fft_go_on(pme->fft, pme->stage == TURNED);
}

void al_pme_end(al_pme *pme, void *f, al_pme_sums *sums)
{
    al_threads threads = threads_of(pme);
    while (pme->stage != RETURNING)
        al_pme_advance(pme);
    arrive(pme, pme->received, true);
    pme->f = f;
    (void)al_shares_do(&threads, pme->opts.nthreads, gather_shares, pme);
    if (pme->is_summed)
        add_rows(pme, sums);
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
