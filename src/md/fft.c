/* fft.c - see fft.h.
 *
 * A plane is transformed in place as soon as it is filled, while it is in a cache. A row of waves is gathered
 * from all planes, transformed across them, worked upon, transformed back and dealt out again, all by one
 * thread. Where there are several ranks, rows are gathered from what came in messages, and dealt out into
 * what goes back, so that there is no pass of its own for that.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/fft.h"

#include <fftw3.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

#define ALIGNED 64

/** Waves of one rank's planes and another's rows, on the way between them: [nx][ny][nk]. */
typedef struct parcel {
    char *waves;
    int first_x, nx, first_y, ny;
    al_comm_request request;
} parcel;

/** FFTW's functions of one precision. */
typedef struct precision {
    void *(*plan_plane)(const int n[3], void *plane, bool is_forward);
    void *(*plan_row)(const int n[3], void *row, bool is_forward);
    void (*plane_forward)(void *plan, void *plane);
    void (*plane_back)(void *plan, void *plane);
    void (*row)(void *plan, void *waves);
    void (*destroy)(void *plan);
} precision;

struct al_fft {
    al_fft_opts opts;
    const precision *precision;
    void *plane_forward, *plane_back, *row_forward, *row_back;
    size_t wave_nbytes; /* of a complex number */
    int nk;             /* waves in direction 2 */
    int first_x, nx, first_y, ny;
    char *planes, *rows;
    size_t plane_nbytes, row_nbytes;
    parcel *sent, *received; /* [ranks]: of this rank's planes; of this rank's rows. NULL: one rank */
    al_fft_plane_fn *fill;   /* while it works */
    al_fft_row_fn *work;
    void *arg;
};

/* ---- FFTW, in two precisions ----------------------------------------------------------------------------
 */

#define PRECISION(REAL, PREFIX)                                                                              \
    static void *PREFIX##_plane_plan(const int n[3], void *plane, bool is_forward)                           \
    {                                                                                                        \
        int nreals[] = {n[1], 2 * (n[2] / 2 + 1)}, nwaves[] = {n[1], n[2] / 2 + 1};                          \
        return is_forward ? PREFIX##_plan_many_dft_r2c(2, n + 1, 1, plane, nreals, 1, 0, plane, nwaves, 1,   \
                                                       0, FFTW_ESTIMATE)                                     \
                          : PREFIX##_plan_many_dft_c2r(2, n + 1, 1, plane, nwaves, 1, 0, plane, nreals, 1,   \
                                                       0, FFTW_ESTIMATE);                                    \
    }                                                                                                        \
    static void *PREFIX##_row_plan(const int n[3], void *row, bool is_forward)                               \
    {                                                                                                        \
        int nk = n[2] / 2 + 1;                                                                               \
        return PREFIX##_plan_many_dft(1, n, nk, row, NULL, nk, 1, row, NULL, nk, 1,                          \
                                      is_forward ? FFTW_FORWARD : FFTW_BACKWARD, FFTW_ESTIMATE);             \
    }                                                                                                        \
    static void PREFIX##_plane_forward(void *plan, void *plane)                                              \
    {                                                                                                        \
        PREFIX##_execute_dft_r2c(plan, plane, plane);                                                        \
    }                                                                                                        \
    static void PREFIX##_plane_back(void *plan, void *plane)                                                 \
    {                                                                                                        \
        PREFIX##_execute_dft_c2r(plan, plane, plane);                                                        \
    }                                                                                                        \
    static void PREFIX##_row(void *plan, void *waves)                                                        \
    {                                                                                                        \
        PREFIX##_execute_dft(plan, waves, waves);                                                            \
    }                                                                                                        \
    static void PREFIX##_destroy(void *plan)                                                                 \
    {                                                                                                        \
        PREFIX##_destroy_plan(plan);                                                                         \
    }                                                                                                        \
    static const precision in_##REAL = {PREFIX##_plane_plan, PREFIX##_row_plan, PREFIX##_plane_forward,      \
                                        PREFIX##_plane_back, PREFIX##_row,      PREFIX##_destroy};

PRECISION(float, fftwf)
PRECISION(double, fftw)

/* ---- open and close -------------------------------------------------------------------------------------
 */

void al_fft_share(int n, int nranks, int rank, int *first, int *count)
{
    *first = (int)((int64_t)n * rank / nranks);
    *count = (int)((int64_t)n * (rank + 1) / nranks) - *first;
}

int al_fft_row_reals(const int n[3])
{
    return 2 * (n[2] / 2 + 1);
}

static size_t aligned_size(size_t nbytes)
{
    return (nbytes + ALIGNED - 1) / ALIGNED * ALIGNED;
}

static bool open_parcel(parcel *p, const al_fft *fft)
{
    size_t nbytes = (size_t)p->nx * (size_t)p->ny * (size_t)fft->nk * fft->wave_nbytes;
    p->waves = aligned_alloc(ALIGNED, aligned_size(nbytes + 1));
    return p->waves != NULL;
}

/** What goes from each rank's planes to each rank's rows. */
static bool open_parcels(al_fft *fft)
{
    int nranks = fft->opts.comm->size;
    if (nranks == 1)
        return true;
    fft->sent = calloc((size_t)nranks, sizeof *fft->sent);
    fft->received = calloc((size_t)nranks, sizeof *fft->received);
    bool good = fft->sent != NULL && fft->received != NULL;
    for (int r = 0; good && r < nranks; r++) {
        parcel *out = &fft->sent[r], *in = &fft->received[r];
        *out = (parcel){.first_x = fft->first_x, .nx = fft->nx};
        al_fft_share(fft->opts.n[1], nranks, r, &out->first_y, &out->ny);
        *in = (parcel){.first_y = fft->first_y, .ny = fft->ny};
        al_fft_share(fft->opts.n[0], nranks, r, &in->first_x, &in->nx);
        good = open_parcel(out, fft) && open_parcel(in, fft);
    }
    return good;
}

static bool open_arrays(al_fft *fft)
{
    const int *n = fft->opts.n;
    fft->wave_nbytes = 2 * (fft->opts.is_double ? sizeof(double) : sizeof(float));
    fft->nk = n[2] / 2 + 1;
    fft->plane_nbytes = aligned_size((size_t)n[1] * (size_t)fft->nk * fft->wave_nbytes);
    fft->row_nbytes = aligned_size((size_t)n[0] * (size_t)fft->nk * fft->wave_nbytes);
    al_fft_share(n[0], fft->opts.comm->size, fft->opts.comm->rank, &fft->first_x, &fft->nx);
    al_fft_share(n[1], fft->opts.comm->size, fft->opts.comm->rank, &fft->first_y, &fft->ny);
    /* one more than there are: a rank may have none, and plans are made for something */
    fft->planes = aligned_alloc(ALIGNED, ((size_t)fft->nx + 1) * fft->plane_nbytes);
    fft->rows = aligned_alloc(ALIGNED, ((size_t)fft->ny + 1) * fft->row_nbytes);
    return fft->planes != NULL && fft->rows != NULL;
}

/** FFTW makes one plan at a time. */
static pthread_mutex_t planning = PTHREAD_MUTEX_INITIALIZER;

static bool make_plans(al_fft *fft)
{
    const precision *p = fft->precision;
    const int *n = fft->opts.n;
    (void)pthread_mutex_lock(&planning);
    fft->plane_forward = p->plan_plane(n, fft->planes, true);
    fft->plane_back = p->plan_plane(n, fft->planes, false);
    fft->row_forward = p->plan_row(n, fft->rows, true);
    fft->row_back = p->plan_row(n, fft->rows, false);
    (void)pthread_mutex_unlock(&planning);
    return fft->plane_forward != NULL && fft->plane_back != NULL && fft->row_forward != NULL &&
           fft->row_back != NULL;
}

allot_err al_fft_open(al_fft **fft, const al_fft_opts *opts, allot_error *err)
{
    al_fft *made = calloc(1, sizeof *made);
    if (made == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    made->opts = *opts;
    made->precision = opts->is_double ? &in_double : &in_float;
    if (!open_arrays(made) || !open_parcels(made) || !make_plans(made)) {
        al_fft_close(made);
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory for a mesh of %d x %d x %d points", opts->n[0],
                       opts->n[1], opts->n[2]);
    }
    *fft = made;
    return ALLOT_OK;
}

static void close_parcels(parcel *parcels, int nranks)
{
    for (int r = 0; parcels != NULL && r < nranks; r++)
        free(parcels[r].waves);
    free(parcels);
}

static void destroy_plan(const al_fft *fft, void *plan)
{
    (void)pthread_mutex_lock(&planning);
    if (plan != NULL)
        fft->precision->destroy(plan);
    (void)pthread_mutex_unlock(&planning);
}

void al_fft_close(al_fft *fft)
{
    if (fft == NULL)
        return;
    destroy_plan(fft, fft->plane_forward);
    destroy_plan(fft, fft->plane_back);
    destroy_plan(fft, fft->row_forward);
    destroy_plan(fft, fft->row_back);
    close_parcels(fft->sent, fft->opts.comm->size);
    close_parcels(fft->received, fft->opts.comm->size);
    free(fft->planes);
    free(fft->rows);
    free(fft);
}

/* ---- there and back -------------------------------------------------------------------------------------
 */

void *al_fft_plane(const al_fft *fft, int x)
{
    return fft->planes + (size_t)(x - fft->first_x) * fft->plane_nbytes;
}

/** Row (x, y) of a parcel. */
static char *in_parcel(const al_fft *fft, const parcel *p, int x, int y)
{
    size_t row = (size_t)(x - p->first_x) * (size_t)p->ny + (size_t)(y - p->first_y);
    return p->waves + row * (size_t)fft->nk * fft->wave_nbytes;
}

/** Between a plane and what is sent of it, if something is. */
static void copy_plane(const al_fft *fft, int x, bool is_out)
{
    size_t nbytes = (size_t)fft->nk * fft->wave_nbytes;
    char *plane = al_fft_plane(fft, x);
    for (int r = 0; fft->sent != NULL && r < fft->opts.comm->size; r++) {
        const parcel *p = &fft->sent[r];
        char *theirs = p->ny > 0 ? in_parcel(fft, p, x, p->first_y) : NULL;
        if (p->ny > 0 && is_out)
            memcpy(theirs, plane + (size_t)p->first_y * nbytes, (size_t)p->ny * nbytes);
        else if (p->ny > 0)
            memcpy(plane + (size_t)p->first_y * nbytes, theirs, (size_t)p->ny * nbytes);
    }
}

static int planes_forward(uint64_t begin, uint64_t end, void *arg)
{
    const al_fft *fft = arg;
    for (uint64_t k = begin; k < end; k++) {
        int x = fft->first_x + (int)k;
        char *plane = al_fft_plane(fft, x);
        fft->fill(fft->arg, x, plane);
        fft->precision->plane_forward(fft->plane_forward, plane);
        copy_plane(fft, x, true);
    }
    return 0;
}

static int planes_back(uint64_t begin, uint64_t end, void *arg)
{
    const al_fft *fft = arg;
    for (uint64_t k = begin; k < end; k++) {
        copy_plane(fft, fft->first_x + (int)k, false);
        fft->precision->plane_back(fft->plane_back, al_fft_plane(fft, fft->first_x + (int)k));
    }
    return 0;
}

/** Where row y of plane x is: in a plane of this rank's, or in what another sent. */
static char *waves_at(const al_fft *fft, int *rank, int x, int y)
{
    if (fft->received == NULL)
        return (char *)al_fft_plane(fft, x) + (size_t)y * (size_t)fft->nk * fft->wave_nbytes;
    while (x >= fft->received[*rank].first_x + fft->received[*rank].nx)
        (*rank)++;
    return in_parcel(fft, &fft->received[*rank], x, y);
}

static int work_rows(uint64_t begin, uint64_t end, void *arg)
{
    const al_fft *fft = arg;
    size_t nbytes = (size_t)fft->nk * fft->wave_nbytes;
    for (uint64_t k = begin; k < end; k++) {
        int y = fft->first_y + (int)k, rank = 0;
        char *row = fft->rows + k * fft->row_nbytes;
        for (int x = 0; x < fft->opts.n[0]; x++)
            memcpy(row + (size_t)x * nbytes, waves_at(fft, &rank, x, y), nbytes);
        fft->precision->row(fft->row_forward, row);
        fft->work(fft->arg, y, row);
        fft->precision->row(fft->row_back, row);
        rank = 0;
        for (int x = 0; x < fft->opts.n[0]; x++)
            memcpy(waves_at(fft, &rank, x, y), row + (size_t)x * nbytes, nbytes);
    }
    return 0;
}

/** Send each rank its parcel of `out`, and get one for each of `in`. */
static void exchange(const al_fft *fft, parcel *out, parcel *in)
{
    al_comm *comm = fft->opts.comm;
    size_t wave = (size_t)fft->nk * fft->wave_nbytes;
    for (int k = 0; out != NULL && k < comm->size; k++) {
        int to = (comm->rank + k) % comm->size, from = (comm->rank + comm->size - k) % comm->size;
        comm->start(comm, to, out[to].waves, (size_t)out[to].nx * (size_t)out[to].ny * wave, from,
                    in[from].waves, (size_t)in[from].nx * (size_t)in[from].ny * wave, &out[to].request);
    }
    for (int k = 0; out != NULL && k < comm->size; k++)
        comm->finish(comm, &out[(comm->rank + k) % comm->size].request);
}

void al_fft_convolve(al_fft *fft, al_fft_plane_fn *fill, al_fft_row_fn *work, void *arg)
{
    allot_pool *pool = fft->opts.pool;
    fft->fill = fill;
    fft->work = work;
    fft->arg = arg;
    (void)!allot_for(pool, (uint64_t)fft->nx, planes_forward, fft, NULL, NULL);
    exchange(fft, fft->sent, fft->received);
    (void)!allot_for(pool, (uint64_t)fft->ny, work_rows, fft, NULL, NULL);
    exchange(fft, fft->received, fft->sent);
    (void)!allot_for(pool, (uint64_t)fft->nx, planes_back, fft, NULL, NULL);
}
