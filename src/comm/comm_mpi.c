/* comm_mpi.c - ranks that an MPI launcher started. See comm.h. The one file that knows MPI, of which it uses
 * what MPI-3.1 has.
 *
 * What a rank sends to itself is copied. Sums are made at rank 0, in the order of ranks, and sent to all: a
 * reduction by MPI may take another order each time, and other bits with it.
 *
 * An error of MPI's own ends all ranks: that is what MPI does unless told otherwise.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <limits.h>
#include <math.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "comm/comm.h"

#define TAG 0x616c /* of the first kind */
#define STATUS_FAILED 1
/* How long a rank that fails waits for those below it, which may be about to say the same. */
#define TURN_NS 500000000L

typedef struct mpi {
    al_comm comm;
    MPI_Comm ranks;
    int rank, size;   /* of all ranks that there were at first */
    double *gathered; /* at rank 0 */
    size_t room;
} mpi;

_Static_assert(sizeof(MPI_Request) <= sizeof(void *), "a request fits its place");

static mpi *mpi_of(al_comm *comm)
{
    return (mpi *)(void *)comm;
}

static void fail(al_comm *comm, int status, const char *why)
{
    const mpi *m = mpi_of(comm);
    const struct timespec turn = {.tv_sec = 0,
                                  .tv_nsec = m->rank > 0 ? TURN_NS + m->rank % 64 * (TURN_NS / 128) : 0};
    if (nanosleep(&turn, NULL) != 0)
        _exit(status); /* a signal: another rank was heard, and the launcher ends all */
    if (m->size > 1)
        (void)fprintf(stderr, "allot md: rank %d of %d: %s\n", m->rank, m->size, why);
    else
        (void)fprintf(stderr, "allot md: %s\n", why);
    (void)fflush(NULL);
    MPI_Abort(MPI_COMM_WORLD, status);
    abort(); /* not reached */
}

/** A length as MPI counts. */
static int count_of(mpi *m, size_t n)
{
    char text[128];
    if (n <= INT_MAX)
        return (int)n;
    (void)snprintf(text, sizeof text, "a message of %zu bytes: MPI sends at most %d at once; take more ranks",
                   n, INT_MAX);
    fail(&m->comm, STATUS_FAILED, text);
    return 0;
}

static void keep(al_comm_request *request, int which, MPI_Request handle)
{
    memcpy(&request->own[which], &handle, sizeof handle);
}

static void recall(const al_comm_request *request, MPI_Request handles[2])
{
    for (int k = 0; k < 2; k++)
        memcpy(&handles[k], &request->own[k], sizeof handles[k]);
}

static void start(al_comm *comm, al_comm_kind kind, int to, const void *out, size_t nout, int from, void *in,
                  size_t nin, al_comm_request *request)
{
    mpi *m = mpi_of(comm);
    MPI_Request handles[2] = {MPI_REQUEST_NULL, MPI_REQUEST_NULL};
    if (to == comm->rank && from == comm->rank) {
        if (nout > 0 && nin > 0)
            memcpy(in, out, nout < nin ? nout : nin);
    } else {
        if (from >= 0)
            MPI_Irecv(in, count_of(m, nin), MPI_BYTE, from, TAG + (int)kind, m->ranks, &handles[0]);
        if (to >= 0)
            MPI_Isend(out, count_of(m, nout), MPI_BYTE, to, TAG + (int)kind, m->ranks, &handles[1]);
    }
    for (int k = 0; k < 2; k++)
        keep(request, k, handles[k]);
}

static void finish(al_comm *comm, al_comm_request *request)
{
    MPI_Request handles[2];
    (void)comm;
    recall(request, handles);
    MPI_Waitall(2, handles, MPI_STATUSES_IGNORE);
}

static bool has_come(al_comm *comm, al_comm_request *request)
{
    MPI_Request handles[2];
    int flag = 0;
    (void)comm;
    recall(request, handles);
    MPI_Testall(2, handles, &flag, MPI_STATUSES_IGNORE);
    for (int k = 0; k < 2; k++)
        keep(request, k, handles[k]); /* those that are done are no more */
    return flag != 0;
}

static void gather(al_comm *comm, const void *out, size_t n, void *in)
{
    mpi *m = mpi_of(comm);
    int count = count_of(m, n);
    MPI_Gather(out, count, MPI_BYTE, in, count, MPI_BYTE, 0, m->ranks);
}

static void sum(al_comm *comm, double *values, size_t n)
{
    mpi *m = mpi_of(comm);
    size_t size = (size_t)comm->size;
    if (size == 1)
        return;
    if (comm->rank == 0 && n * size > m->room) {
        m->room = n * size;
        free(m->gathered);
        m->gathered = malloc(m->room * sizeof *m->gathered);
        if (m->gathered == NULL)
            fail(comm, STATUS_FAILED, "out of memory");
    }
    gather(comm, values, n * sizeof *values, m->gathered);
    for (size_t rank = 1; comm->rank == 0 && rank < size; rank++)
        for (size_t k = 0; k < n; k++)
            values[k] += m->gathered[rank * n + k];
    MPI_Bcast(values, count_of(m, n), MPI_DOUBLE, 0, m->ranks);
}

static void greatest(al_comm *comm, double *values, size_t n)
{
    mpi *m = mpi_of(comm);
    for (size_t k = 0; k < n; k++)
        values[k] = isnan(values[k]) ? HUGE_VAL : values[k];
    if (comm->size > 1)
        MPI_Allreduce(MPI_IN_PLACE, values, count_of(m, n), MPI_DOUBLE, MPI_MAX, m->ranks);
}

static bool narrow(al_comm *comm, int size)
{
    mpi *m = mpi_of(comm);
    bool stays = comm->rank < size;
    MPI_Comm fewer;
    if (size >= comm->size)
        return true;
    MPI_Comm_split(m->ranks, stays ? 0 : 1, comm->rank, &fewer);
    MPI_Comm_free(&m->ranks);
    m->ranks = fewer;
    MPI_Comm_rank(fewer, &comm->rank);
    MPI_Comm_size(fewer, &comm->size);
    return stays;
}

static void close_all(al_comm *comm)
{
    mpi *m = mpi_of(comm);
    free(m->gathered);
    m->gathered = NULL;
    m->room = 0;
    MPI_Comm_free(&m->ranks);
    MPI_Finalize();
}

al_comm *al_comm_mpi(void)
{
    static mpi m = {.comm = {
                        .start = start,
                        .finish = finish,
                        .has_come = has_come,
                        .sum = sum,
                        .greatest = greatest,
                        .gather = gather,
                        .narrow = narrow,
                        .fail = fail,
                        .close = close_all,
                    }};
    int provided;
    MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided);
    MPI_Comm_dup(MPI_COMM_WORLD, &m.ranks); /* nobody else's messages are in it */
    MPI_Comm_rank(m.ranks, &m.rank);
    MPI_Comm_size(m.ranks, &m.size);
    m.comm.rank = m.rank;
    m.comm.size = m.size;
    return &m.comm;
}
