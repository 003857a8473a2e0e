/* ranks.h - ranks that are threads of one test, so that very many cuts can be tried where a launcher would
 * take a second for each. Stricter than MPI: a message is taken by whoever waits for it, in the order of
 * starts, and its length must be the one that was expected.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_SUPPORT_RANKS_H
#define TESTS_SUPPORT_RANKS_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comm/comm.h"

enum { RANKS_MOST = 16 };

/** A message on its way, or one that is waited for. */
typedef struct ranks_letter {
    int from, to;
    al_comm_kind kind;
    uint64_t number; /* of that kind, between the two */
    void *in;
    size_t nbytes;
    struct ranks_letter *next;
    char bytes[]; /* of a message */
} ranks_letter;

typedef struct ranks_world {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    pthread_barrier_t barrier;
    int size;
    ranks_letter *letters; /* sent, not taken yet */
    uint64_t nsent[AL_COMM_NKINDS][RANKS_MOST][RANKS_MOST], nwaited[AL_COMM_NKINDS][RANKS_MOST][RANKS_MOST];
    const void *shown[RANKS_MOST]; /* what each rank shows the others */
} ranks_world;

/** A rank. */
typedef struct ranks_one {
    al_comm comm;
    ranks_world *world;
    void (*run)(al_comm *comm, void *arg);
    void *arg;
    pthread_t thread;
} ranks_one;

static inline void ranks_give_up(const char *why)
{
    (void)fprintf(stderr, "ranks.h: %s\n", why);
    abort();
}

static inline ranks_world *ranks_world_of(al_comm *comm)
{
    return ((ranks_one *)(void *)comm)->world;
}

static inline void ranks_start(al_comm *comm, al_comm_kind kind, int to, const void *out, size_t nout,
                               int from, void *in, size_t nin, al_comm_request *request)
{
    ranks_world *world = ranks_world_of(comm);
    ranks_letter *letter = to >= 0 ? malloc(sizeof *letter + nout) : NULL;
    ranks_letter *wait = from >= 0 ? malloc(sizeof *wait) : NULL;
    if ((to >= 0 && letter == NULL) || (from >= 0 && wait == NULL))
        ranks_give_up("out of memory");
    pthread_mutex_lock(&world->mutex);
    if (letter != NULL) {
        *letter = (ranks_letter){.from = comm->rank,
                                 .to = to,
                                 .kind = kind,
                                 .number = world->nsent[kind][comm->rank][to]++,
                                 .nbytes = nout,
                                 .next = world->letters};
        if (nout > 0)
            memcpy(letter->bytes, out, nout);
        world->letters = letter;
    }
    if (wait != NULL)
        *wait = (ranks_letter){.from = from,
                               .to = comm->rank,
                               .kind = kind,
                               .number = world->nwaited[kind][from][comm->rank]++,
                               .in = in,
                               .nbytes = nin};
    request->own[0] = wait;
    pthread_cond_broadcast(&world->changed);
    pthread_mutex_unlock(&world->mutex);
}

/** Take what a request waits for. Under the mutex. @return false: it has not come */
static inline bool ranks_take(ranks_world *world, al_comm_request *request)
{
    ranks_letter *wait = request->own[0];
    if (wait == NULL)
        return true;
    for (ranks_letter **at = &world->letters; *at != NULL; at = &(*at)->next) {
        ranks_letter *letter = *at;
        if (letter->from != wait->from || letter->to != wait->to || letter->kind != wait->kind ||
            letter->number != wait->number)
            continue;
        if (letter->nbytes != wait->nbytes)
            ranks_give_up("a message is not as long as expected");
        if (letter->nbytes > 0)
            memcpy(wait->in, letter->bytes, letter->nbytes);
        *at = letter->next;
        free(letter);
        free(wait);
        request->own[0] = NULL;
        return true;
    }
    return false;
}

static inline bool ranks_has_come(al_comm *comm, al_comm_request *request)
{
    ranks_world *world = ranks_world_of(comm);
    pthread_mutex_lock(&world->mutex);
    bool has_come = ranks_take(world, request);
    pthread_mutex_unlock(&world->mutex);
    return has_come;
}

static inline void ranks_finish(al_comm *comm, al_comm_request *request)
{
    ranks_world *world = ranks_world_of(comm);
    pthread_mutex_lock(&world->mutex);
    while (!ranks_take(world, request))
        pthread_cond_wait(&world->changed, &world->mutex);
    pthread_mutex_unlock(&world->mutex);
}

/** What each rank shows, to be looked at until ranks_hide(). */
static inline const void *const *ranks_show(al_comm *comm, const void *mine)
{
    ranks_world *world = ranks_world_of(comm);
    world->shown[comm->rank] = mine;
    pthread_barrier_wait(&world->barrier);
    return world->shown;
}

static inline void ranks_hide(al_comm *comm)
{
    pthread_barrier_wait(&ranks_world_of(comm)->barrier);
}

static inline void ranks_reduce(al_comm *comm, double *values, size_t n, bool is_sum)
{
    double *all = calloc(n + 1, sizeof *all);
    const void *const *shown = ranks_show(comm, values);
    for (int rank = 0; all != NULL && rank < comm->size; rank++)
        for (size_t k = 0; k < n; k++) {
            double value = ((const double *)shown[rank])[k];
            value = !is_sum && value != value ? (double)INFINITY : value;
            all[k] = rank == 0 ? value : is_sum ? all[k] + value : value > all[k] ? value : all[k];
        }
    ranks_hide(comm);
    if (all == NULL)
        ranks_give_up("out of memory");
    memcpy(values, all, n * sizeof *all);
    free(all);
}

static inline void ranks_sum(al_comm *comm, double *values, size_t n)
{
    ranks_reduce(comm, values, n, true);
}

static inline void ranks_greatest(al_comm *comm, double *values, size_t n)
{
    ranks_reduce(comm, values, n, false);
}

static inline void ranks_gather(al_comm *comm, const void *out, size_t n, void *in)
{
    const void *const *shown = ranks_show(comm, out);
    for (int rank = 0; comm->rank == 0 && rank < comm->size; rank++)
        memcpy((char *)in + (size_t)rank * n, shown[rank], n);
    ranks_hide(comm);
}

static inline bool ranks_narrow(al_comm *comm, int size)
{
    (void)comm, (void)size;
    ranks_give_up("threads are as many as they are");
    return true;
}

static inline void ranks_fail(al_comm *comm, int status, const char *why)
{
    (void)comm, (void)status;
    ranks_give_up(why);
}

static inline void ranks_close(al_comm *comm)
{
    (void)comm;
}

static inline void *ranks_main(void *arg)
{
    ranks_one *one = arg;
    one->run(&one->comm, one->arg);
    return NULL;
}

/** Do run(comm, arg) on `size` ranks, and wait for all. */
static inline void ranks_run(int size, void (*run)(al_comm *comm, void *arg), void *arg)
{
    ranks_world world = {
        .mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER, .size = size};
    ranks_one ones[RANKS_MOST];
    pthread_barrier_init(&world.barrier, NULL, (unsigned)size);
    for (int k = 0; k < size; k++) {
        ones[k] = (ranks_one){.comm = {.rank = k,
                                       .size = size,
                                       .start = ranks_start,
                                       .finish = ranks_finish,
                                       .has_come = ranks_has_come,
                                       .sum = ranks_sum,
                                       .greatest = ranks_greatest,
                                       .gather = ranks_gather,
                                       .narrow = ranks_narrow,
                                       .fail = ranks_fail,
                                       .close = ranks_close},
                              .world = &world,
                              .run = run,
                              .arg = arg};
        if (pthread_create(&ones[k].thread, NULL, ranks_main, &ones[k]) != 0)
            ranks_give_up("a thread could not be had");
    }
    for (int k = 0; k < size; k++)
        pthread_join(ones[k].thread, NULL);
    if (world.letters != NULL)
        ranks_give_up("a message was not taken");
    pthread_barrier_destroy(&world.barrier);
}

#endif
