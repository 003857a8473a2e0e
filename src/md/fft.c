/* fft.c - see fft.h.
 *
 * A plane is filled, transformed along its rows, and across them, each time from one array into another: FFTW
 * does that without arrays of its own, which it takes and gives back each time it is to work in place, and in
 * half the time. All but the last of these arrays are small, a share's own, and stay in its caches. A row of
 * waves is gathered from all planes, transformed across them, worked upon, transformed back and dealt out
 * again, all by one thread. Where there are several ranks, what of a row others have is gathered from their
 * messages, and dealt out into what goes back, so that there is no pass of its own for that.
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
#define SHARES_A_THREAD 4u /* so that one that comes late finds less to do */

/** Waves of one rank's planes and another's rows, on the way between them: [nx][ny][nk]. None of this rank's
 * own. */
typedef struct parcel {
    char *waves;
    int first_x, nx, first_y, ny;
    al_comm_request request;
} parcel;

/** FFTW's functions of one precision. Each transforms from one array into another. */
typedef struct precision {
    void *(*plan_along)(const int n[3], void *reals, void *waves, bool is_forward);
    void *(*plan_across)(int n, int nk, void *from, void *to, bool is_forward);
    void (*along_forward)(void *plan, void *reals, void *waves);
    void (*along_back)(void *plan, void *waves, void *reals);
    void (*across)(void *plan, void *from, void *to);
    void (*destroy)(void *plan);
} precision;

enum { ALONG, ACROSS_PLANE, ACROSS_PLANES, NWAYS };

struct al_fft {
    al_fft_opts opts;
    const precision *precision;
    void *forward[NWAYS], *back[NWAYS]; /* plans */
    size_t wave_nbytes;                 /* of a complex number */
    int nk;                             /* waves in direction 2 */
    int first_x, nx, first_y, ny;
    char *planes;  /* [nx] */
    char *scratch; /* [nshares][2] */
    size_t plane_nbytes, scratch_nbytes;
    uint32_t nshares;
    parcel *sent, *received; /* [ranks]: of this rank's planes; of this rank's rows. NULL: one rank */
    al_fft_plane_fn *fill;   /* while it works */
    al_fft_row_fn *work;
    void *arg;
};

/* ---- FFTW, in two precisions ----------------------------------------------------------------------------
 */

#define PRECISION(REAL, PREFIX)                                                                              \
    static void *PREFIX##_plan_along(const int n[3], void *reals, void *waves, bool is_forward)              \
    {                                                                                                        \
        int nk = n[2] / 2 + 1;                                                                               \
        return is_forward ? PREFIX##_plan_many_dft_r2c(1, n + 2, n[1], reals, NULL, 1, 2 * nk, waves, NULL,  \
                                                       1, nk, FFTW_ESTIMATE)                                 \
                          : PREFIX##_plan_many_dft_c2r(1, n + 2, n[1], waves, NULL, 1, nk, reals, NULL, 1,   \
                                                       2 * nk, FFTW_ESTIMATE);                               \
    }                                                                                                        \
    static void *PREFIX##_plan_across(int n, int nk, void *from, void *to, bool is_forward)                  \
    {                                                                                                        \
        return PREFIX##_plan_many_dft(1, &n, nk, from, NULL, nk, 1, to, NULL, nk, 1,                         \
                                      is_forward ? FFTW_FORWARD : FFTW_BACKWARD, FFTW_ESTIMATE);             \
    }                                                                                                        \
    static void PREFIX##_along_forward(void *plan, void *reals, void *waves)                                 \
    {                                                                                                        \
        PREFIX##_execute_dft_r2c(plan, reals, waves);                                                        \
    }                                                                                                        \
    static void PREFIX##_along_back(void *plan, void *waves, void *reals)                                    \
    {                                                                                                        \
        PREFIX##_execute_dft_c2r(plan, waves, reals);                                                        \
    }                                                                                                        \
    static void PREFIX##_across(void *plan, void *from, void *to)                                            \
    {                                                                                                        \
        PREFIX##_execute_dft(plan, from, to);                                                                \
    }                                                                                                        \
    static void PREFIX##_destroy(void *plan)                                                                 \
    {                                                                                                        \
        PREFIX##_destroy_plan(plan);                                                                         \
    }                                                                                                        \
    static const precision in_##REAL = {PREFIX##_plan_along, PREFIX##_plan_across, PREFIX##_along_forward,   \
                                        PREFIX##_along_back, PREFIX##_across,      PREFIX##_destroy};

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
        good = r == fft->opts.comm->rank || (open_parcel(out, fft) && open_parcel(in, fft));
    }
    return good;
}

static bool open_arrays(al_fft *fft)
{
    const int *n = fft->opts.n;
    fft->wave_nbytes = 2 * (fft->opts.is_double ? sizeof(double) : sizeof(float));
    fft->nk = n[2] / 2 + 1;
    fft->plane_nbytes = aligned_size((size_t)n[1] * (size_t)fft->nk * fft->wave_nbytes);
    fft->scratch_nbytes =
        aligned_size((size_t)(n[0] > n[1] ? n[0] : n[1]) * (size_t)fft->nk * fft->wave_nbytes);
    fft->nshares = fft->opts.threads.n > 1 ? fft->opts.threads.n * SHARES_A_THREAD : 1;
    al_fft_share(n[0], fft->opts.comm->size, fft->opts.comm->rank, &fft->first_x, &fft->nx);
    al_fft_share(n[1], fft->opts.comm->size, fft->opts.comm->rank, &fft->first_y, &fft->ny);
    /* one more than there are: a rank may have none, and plans are made for something */
    fft->planes = aligned_alloc(ALIGNED, ((size_t)fft->nx + 1) * fft->plane_nbytes);
    fft->scratch = aligned_alloc(ALIGNED, 2 * fft->nshares * fft->scratch_nbytes);
    return fft->planes != NULL && fft->scratch != NULL;
}

/** One of a share's two arrays. */
static char *scratch_of(const al_fft *fft, uint64_t share, uint32_t which)
{
    return fft->scratch + (2 * share + which) * fft->scratch_nbytes;
}

/** FFTW makes one plan at a time. */
static pthread_mutex_t planning = PTHREAD_MUTEX_INITIALIZER;

static bool make_plans(al_fft *fft)
{
    const precision *p = fft->precision;
    const int *n = fft->opts.n;
    char *a = scratch_of(fft, 0, 0), *b = scratch_of(fft, 0, 1);
    (void)pthread_mutex_lock(&planning);
    fft->forward[ALONG] = p->plan_along(n, a, b, true);
    fft->forward[ACROSS_PLANE] = p->plan_across(n[1], fft->nk, b, fft->planes, true);
    fft->back[ACROSS_PLANE] = p->plan_across(n[1], fft->nk, fft->planes, a, false);
    fft->back[ALONG] = p->plan_along(n, fft->planes, a, false);
    fft->forward[ACROSS_PLANES] = p->plan_across(n[0], fft->nk, a, b, true);
    fft->back[ACROSS_PLANES] = p->plan_across(n[0], fft->nk, b, a, false);
    (void)pthread_mutex_unlock(&planning);
    bool good = true;
    for (int way = 0; way < NWAYS; way++)
        good = good && fft->forward[way] != NULL && fft->back[way] != NULL;
    return good;
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
    for (int way = 0; way < NWAYS; way++) {
        destroy_plan(fft, fft->forward[way]);
        destroy_plan(fft, fft->back[way]);
    }
    close_parcels(fft->sent, fft->opts.comm->size);
    close_parcels(fft->received, fft->opts.comm->size);
    free(fft->planes);
    free(fft->scratch);
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
        if (p->waves == NULL || p->ny == 0)
            continue;
        char *theirs = in_parcel(fft, p, x, p->first_y), *mine = plane + (size_t)p->first_y * nbytes;
        if (is_out)
            memcpy(theirs, mine, (size_t)p->ny * nbytes);
        else
            memcpy(mine, theirs, (size_t)p->ny * nbytes);
    }
}

/** A share's planes. */
static int planes_in(const al_fft *fft, uint64_t share)
{
    return fft->first_x + (int)al_share_begin((uint64_t)fft->nx, share, fft->nshares);
}

static int planes_forward(uint64_t begin, uint64_t end, void *arg)
{
    const al_fft *fft = arg;
    for (uint64_t share = begin; share < end; share++) {
        char *reals = scratch_of(fft, share, 0), *waves = scratch_of(fft, share, 1);
        for (int x = planes_in(fft, share); x < planes_in(fft, share + 1); x++) {
            fft->fill(fft->arg, x, reals);
            fft->precision->along_forward(fft->forward[ALONG], reals, waves);
            fft->precision->across(fft->forward[ACROSS_PLANE], waves, al_fft_plane(fft, x));
            copy_plane(fft, x, true);
        }
    }
    return 0;
}

static int planes_back(uint64_t begin, uint64_t end, void *arg)
{
    const al_fft *fft = arg;
    for (uint64_t share = begin; share < end; share++) {
        char *waves = scratch_of(fft, share, 0);
        for (int x = planes_in(fft, share); x < planes_in(fft, share + 1); x++) {
            copy_plane(fft, x, false);
            fft->precision->across(fft->back[ACROSS_PLANE], al_fft_plane(fft, x), waves);
            fft->precision->along_back(fft->back[ALONG], waves, al_fft_plane(fft, x));
        }
    }
    return 0;
}

/** Where row y of plane x is: in a plane of this rank's, or in what another sent. */
static char *waves_at(const al_fft *fft, int *rank, int x, int y)
{
    if (x >= fft->first_x && x < fft->first_x + fft->nx)
        return (char *)al_fft_plane(fft, x) + (size_t)y * (size_t)fft->nk * fft->wave_nbytes;
    while (x >= fft->received[*rank].first_x + fft->received[*rank].nx)
        (*rank)++;
    return in_parcel(fft, &fft->received[*rank], x, y);
}

/** Row y of all planes, gathered or dealt out. */
static void move_row(const al_fft *fft, int y, char *row, bool is_out)
{
    size_t nbytes = (size_t)fft->nk * fft->wave_nbytes;
    for (int x = 0, rank = 0; x < fft->opts.n[0]; x++, row += nbytes) {
        char *theirs = waves_at(fft, &rank, x, y);
        memcpy(is_out ? theirs : row, is_out ? row : theirs, nbytes);
    }
}

static int work_rows(uint64_t begin, uint64_t end, void *arg)
{
    const al_fft *fft = arg;
    for (uint64_t share = begin; share < end; share++) {
        char *row = scratch_of(fft, share, 0), *waves = scratch_of(fft, share, 1);
        int first = fft->first_y + (int)al_share_begin((uint64_t)fft->ny, share, fft->nshares);
        int last = fft->first_y + (int)al_share_begin((uint64_t)fft->ny, share + 1, fft->nshares);
        for (int y = first; y < last; y++) {
            move_row(fft, y, row, false);
            fft->precision->across(fft->forward[ACROSS_PLANES], row, waves);
            fft->work(fft->arg, y, waves);
            fft->precision->across(fft->back[ACROSS_PLANES], waves, row);
            move_row(fft, y, row, true);
        }
    }
    return 0;
}

/** Begin to send each other rank its parcel of `out`, and to get one for each of `in`. */
static void depart(const al_fft *fft, parcel *out, parcel *in)
{
    al_comm *comm = fft->opts.comm;
    size_t wave = (size_t)fft->nk * fft->wave_nbytes;
    for (int k = 1; k < comm->size; k++) {
        int to = (comm->rank + k) % comm->size, from = (comm->rank + comm->size - k) % comm->size;
        comm->start(comm, AL_COMM_MESH, to, out[to].waves, (size_t)out[to].nx * (size_t)out[to].ny * wave,
                    from, in[from].waves, (size_t)in[from].nx * (size_t)in[from].ny * wave, &out[to].request);
    }
}

static void arrive(const al_fft *fft, parcel *out)
{
    al_comm *comm = fft->opts.comm;
    for (int k = 1; k < comm->size; k++)
        comm->finish(comm, &out[(comm->rank + k) % comm->size].request);
}

void al_fft_begin(al_fft *fft, al_fft_plane_fn *fill, al_fft_row_fn *work, void *arg)
{
    fft->fill = fill;
    fft->work = work;
    fft->arg = arg;
    (void)al_shares_do(&fft->opts.threads, fft->nshares, planes_forward, fft);
    depart(fft, fft->sent, fft->received);
}

void al_fft_turn(al_fft *fft)
{
    arrive(fft, fft->sent);
    (void)al_shares_do(&fft->opts.threads, fft->nshares, work_rows, fft);
    depart(fft, fft->received, fft->sent);
}

void al_fft_end(al_fft *fft)
{
    arrive(fft, fft->received);
    (void)al_shares_do(&fft->opts.threads, fft->nshares, planes_back, fft);
}

void al_fft_go_on(al_fft *fft, bool has_turned)
{
    al_comm *comm = fft->opts.comm;
    parcel *out = has_turned ? fft->received : fft->sent;
    for (int k = 1; k < comm->size; k++)
        (void)comm->has_come(comm, &out[(comm->rank + k) % comm->size].request);
}
