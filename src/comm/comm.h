/* comm.h - the seam to whatever carries messages between ranks: MPI, or nothing where there is one rank.
 *
 * No physics, no MPI symbol: what is behind it is comm_serial.c or comm_mpi.c. A call is *collective* where
 * all ranks make it, in the same order.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_COMM_COMM_H
#define AL_COMM_COMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Bytes of a message in flight: al_comm_start() to al_comm_finish(). */
typedef struct al_comm_request {
    void *own[2];
} al_comm_request;

/** What a message is about. Two of different kinds may start in one order here and in another there: atoms'
 * second message departs as soon as the first has come, which may be before or after the mesh's. */
typedef enum al_comm_kind { AL_COMM_ATOMS, AL_COMM_MESH, AL_COMM_NKINDS } al_comm_kind;

typedef struct al_comm al_comm;

/** What carries messages. */
struct al_comm {
    int rank, size;
    /** Begin to send nout bytes to rank `to`, and to receive nin from rank `from`, which may be this one;
     * -1: nobody. Buffers are borrowed until finish(). Messages of a kind between two ranks arrive in the
     * order of their starts. Not collective. */
    void (*start)(al_comm *comm, al_comm_kind kind, int to, const void *out, size_t nout, int from, void *in,
                  size_t nin, al_comm_request *request);
    void (*finish)(al_comm *comm, al_comm_request *request);
    /** Whether finish() would not wait; on the way, messages travel. Not collective. */
    bool (*has_come)(al_comm *comm, al_comm_request *request);
    /** Sums over ranks, in the order of ranks: the same bits each time, and on each rank. Collective. */
    void (*sum)(al_comm *comm, double *values, size_t n);
    /** The greatest over ranks; what is not a number is infinitely great, so that it is seen. Collective. */
    void (*greatest)(al_comm *comm, double *values, size_t n);
    /** All ranks' n bytes, one after the other, at rank 0. Collective. in: at rank 0, size * n bytes */
    void (*gather)(al_comm *comm, const void *out, size_t n, void *in);
    /** Go on with the first `size` ranks alone. The others may do nothing but close(). Collective.
     * @return whether this rank is one of those that go on */
    bool (*narrow)(al_comm *comm, int size);
    /** Say why on standard error, and end all ranks, now. Of ranks that fail at about the same time one is
     * heard. Not collective; does not return. */
    void (*fail)(al_comm *comm, int status, const char *why);
    /** Collective, over all ranks that there were at first. */
    void (*close)(al_comm *comm);
};

/** The only rank. @return never NULL; static */
al_comm *al_comm_serial(void);
/** The ranks that an MPI launcher started. Collective. @return never NULL; static */
al_comm *al_comm_mpi(void);

/** start() and finish(). */
static inline void al_comm_exchange(al_comm *comm, int to, const void *out, size_t nout, int from, void *in,
                                    size_t nin)
{
    al_comm_request request;
    comm->start(comm, AL_COMM_ATOMS, to, out, nout, from, in, nin, &request);
    comm->finish(comm, &request);
}

#endif
