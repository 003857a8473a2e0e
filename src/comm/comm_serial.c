/* comm_serial.c - one rank, which is its own neighbour. See comm.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comm/comm.h"

static void start(al_comm *comm, al_comm_kind kind, int to, const void *out, size_t nout, int from, void *in,
                  size_t nin, al_comm_request *request)
{
    (void)comm, (void)kind, (void)to, (void)from, (void)request;
    if (nout > 0 && nin > 0)
        memcpy(in, out, nout < nin ? nout : nin);
}

static void finish(al_comm *comm, al_comm_request *request)
{
    (void)comm, (void)request;
}

static bool has_come(al_comm *comm, al_comm_request *request)
{
    (void)comm, (void)request;
    return true;
}

static void sum(al_comm *comm, double *values, size_t n)
{
    (void)comm, (void)values, (void)n;
}

static void greatest(al_comm *comm, double *values, size_t n)
{
    (void)comm;
    for (size_t k = 0; k < n; k++)
        values[k] = isnan(values[k]) ? HUGE_VAL : values[k];
}

static void gather(al_comm *comm, const void *out, size_t n, void *in)
{
    (void)comm;
    memcpy(in, out, n);
}

static bool narrow(al_comm *comm, int size)
{
    (void)comm, (void)size;
    return true;
}

static void fail(al_comm *comm, int status, const char *why)
{
    (void)comm;
    (void)fprintf(stderr, "allot md: %s\n", why);
    exit(status);
}

static void close_nothing(al_comm *comm)
{
    (void)comm;
}

al_comm *al_comm_serial(void)
{
    static al_comm serial = {
        .size = 1,
        .start = start,
        .finish = finish,
        .has_come = has_come,
        .sum = sum,
        .greatest = greatest,
        .gather = gather,
        .narrow = narrow,
        .fail = fail,
        .close = close_nothing,
    };
    return &serial;
}
