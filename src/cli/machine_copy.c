/* machine_copy.c - how fast memory is copied, by one thread or by several at once.
 *
 * Each thread copies a slice of its own, which it touched first, so that on a machine with several memory
 * nodes the slice lies at the thread's own. Bytes copied are counted once (each is read once and written
 * once). The copy is memcpy() of a whole slice: the C library chooses what suits the size and the processor.
 *
 * Invariant: all threads that pass the gate were counted into the barrier, so nobody waits for a thread that
 * could not be made.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "cli/machine.h"

#define ROUNDS 5
#define PAGE_NBYTES 4096u

typedef struct copying {
    char *from, *to;
    size_t slice_nbytes;
    pthread_mutex_t gate; /* held while threads are being made */
    pthread_barrier_t barrier;
    bool abandoned;
    double bytes_per_s[ROUNDS]; /* written by slice 0 */
    uint32_t nthreads;
} copying;

typedef struct slice {
    copying *all;
    uint32_t at;
    pthread_t thread;
} slice;

static void copy_slice(const slice *mine)
{
    copying *all = mine->all;
    size_t offset = mine->at * all->slice_nbytes;
    memset(all->from + offset, 1, all->slice_nbytes);
    memset(all->to + offset, 2, all->slice_nbytes);
    for (int round = 0; round < ROUNDS; round++) {
        (void)pthread_barrier_wait(&all->barrier);
        uint64_t start_ns = al_clock_ns();
        memcpy(all->to + offset, all->from + offset, all->slice_nbytes);
        (void)pthread_barrier_wait(&all->barrier);
        uint64_t wall_ns = al_clock_ns() - start_ns;
        if (mine->at == 0)
            all->bytes_per_s[round] =
                (double)all->slice_nbytes * all->nthreads * 1e9 / (double)(wall_ns > 0 ? wall_ns : 1);
    }
}

static void *copy_when_all_are_there(void *arg)
{
    const slice *mine = (const slice *)arg;
    (void)pthread_mutex_lock(&mine->all->gate);
    bool abandoned = mine->all->abandoned;
    (void)pthread_mutex_unlock(&mine->all->gate);
    if (!abandoned)
        copy_slice(mine);
    return NULL;
}

/** Run one slice here and the others in threads. @return whether all could be had */
static bool run_slices(copying *all, slice *slices)
{
    uint32_t made = 1; /* the caller */
    (void)pthread_mutex_lock(&all->gate);
    slices[0] = (slice){.all = all, .at = 0};
    for (; made < all->nthreads; made++) {
        slices[made] = (slice){.all = all, .at = made};
        if (pthread_create(&slices[made].thread, NULL, copy_when_all_are_there, &slices[made]) != 0)
            break;
    }
    all->abandoned = made < all->nthreads || pthread_barrier_init(&all->barrier, NULL, made) != 0;
    (void)pthread_mutex_unlock(&all->gate);
    if (!all->abandoned)
        copy_slice(&slices[0]);
    for (uint32_t at = 1; at < made; at++)
        (void)pthread_join(slices[at].thread, NULL);
    if (!all->abandoned)
        (void)pthread_barrier_destroy(&all->barrier);
    return !all->abandoned;
}

al_figure al_machine_measure_copy(uint64_t nbytes, uint32_t nthreads)
{
    al_figure figure = {.nsamples = 0};
    copying all = {.slice_nbytes = (size_t)(nbytes / nthreads) / PAGE_NBYTES * PAGE_NBYTES,
                   .nthreads = nthreads};
    size_t room = all.slice_nbytes * nthreads;
    if (room == 0)
        return figure;
    void *memory =
        mmap(NULL, 2 * room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    slice *slices = calloc(nthreads, sizeof *slices);
    if (memory != MAP_FAILED && slices != NULL) {
        all.from = memory;
        all.to = all.from + room;
        (void)pthread_mutex_init(&all.gate, NULL);
        if (run_slices(&all, slices))
            figure = al_machine_figure(all.bytes_per_s, ROUNDS);
        (void)pthread_mutex_destroy(&all.gate);
    }
    free(slices);
    if (memory != MAP_FAILED)
        (void)munmap(memory, 2 * room);
    return figure;
}
