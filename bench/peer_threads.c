/* peer_threads.c - what the machine itself charges: bare threads, each with one equal share.
 *
 * serial          the loop again: its ratio is 1, and what it differs by is the noise of the measurement
 * pthread-create  threads made and joined for every call
 * floor-spin      threads that never sleep and one flag each way: the least any hand-over can cost
 * floor-futex     the same, asleep between calls: the least a hand-over to sleeping threads can cost
 *
 * The floors are no peers to use: one burns every processor for ever, both cut blindly.
 * A mailbox has one writer for each line: `go` and the order belong to the caller, `done` to the worker.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/attr.h"
#include "bench.h"

enum { MAX_WORKERS = 1023 };

/* One worker's mailbox. */
typedef struct mailbox {
    AL_LINE_ALIGNED _Atomic uint32_t go; /* number of the call; the fields below are set before it */
    const bench_work *work;              /* NULL: end */
    uint64_t n;
    AL_LINE_ALIGNED _Atomic uint32_t done; /* number of the last call that this worker has ended */
    pthread_t thread;
    unsigned index; /* its share; the caller's is 0 */
} mailbox;

static mailbox *mailboxes;
static unsigned nworkers;
static uint32_t call_number;

static AL_NOINLINE void die(const char *what, int os_errno)
{
    fprintf(stderr, "bench: %s: %s\n", what, strerror(os_errno));
    exit(1);
}

static void run_share(const bench_work *work, uint64_t n, unsigned index)
{
    const uint64_t nshares = (uint64_t)nworkers + 1;
    const uint64_t begin = n * index / nshares, end = n * (index + 1) / nshares;
    if (begin < end)
        work->body(begin, end, (void *)work);
}

static void run_serial(const bench_work *work, uint64_t n)
{
    if (n > 0)
        work->body(0, n, (void *)work);
}

/* ---- floors ---- */

static void wait_spinning(_Atomic uint32_t *word, uint32_t value)
{
    while (atomic_load_explicit(word, memory_order_acquire) != value)
        ;
}

static void wait_sleeping(_Atomic uint32_t *word, uint32_t value)
{
    uint32_t seen;
    while ((seen = atomic_load_explicit(word, memory_order_acquire)) != value)
        syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
}

static void set(_Atomic uint32_t *word, uint32_t value)
{
    atomic_store_explicit(word, value, memory_order_release);
}

static void set_and_wake(_Atomic uint32_t *word, uint32_t value)
{
    set(word, value);
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

typedef void (*wait_fn)(_Atomic uint32_t *word, uint32_t value);
typedef void (*set_fn)(_Atomic uint32_t *word, uint32_t value);

AL_INLINE void serve(mailbox *box, wait_fn wait_for, set_fn say)
{
    for (uint32_t number = 1;; number++) {
        wait_for(&box->go, number);
        if (!box->work)
            return;
        run_share(box->work, box->n, box->index);
        say(&box->done, number);
    }
}

static void *serve_spinning(void *arg)
{
    serve(arg, wait_spinning, set);
    return NULL;
}

static void *serve_sleeping(void *arg)
{
    serve(arg, wait_sleeping, set_and_wake);
    return NULL;
}

AL_INLINE void call(const bench_work *work, uint64_t n, wait_fn wait_for, set_fn say)
{
    call_number++;
    for (unsigned w = 0; w < nworkers; w++) {
        mailboxes[w].work = work;
        mailboxes[w].n = n;
        say(&mailboxes[w].go, call_number);
    }
    run_share(work, n, 0);
    for (unsigned w = 0; w < nworkers; w++)
        wait_for(&mailboxes[w].done, call_number);
}

static void run_spin(const bench_work *work, uint64_t n)
{
    call(work, n, wait_spinning, set);
}

static void run_futex(const bench_work *work, uint64_t n)
{
    call(work, n, wait_sleeping, set_and_wake);
}

static void open_workers(void *(*serve_fn)(void *))
{
    nworkers = bench_nthreads() - 1 < MAX_WORKERS ? bench_nthreads() - 1 : MAX_WORKERS;
    call_number = 0;
    const size_t nbytes = (nworkers + 1) * sizeof *mailboxes;
    mailboxes = aligned_alloc(AL_CACHE_LINE, nbytes);
    if (!mailboxes)
        die("memory for the workers", ENOMEM);
    memset(mailboxes, 0, nbytes);
    for (unsigned w = 0; w < nworkers; w++) {
        mailboxes[w].index = w + 1;
        const int failed = pthread_create(&mailboxes[w].thread, NULL, serve_fn, &mailboxes[w]);
        if (failed)
            die("starting a thread", failed);
    }
}

static void open_spin(void)
{
    open_workers(serve_spinning);
}

static void open_futex(void)
{
    open_workers(serve_sleeping);
}

static void close_workers(void)
{
    call_number++;
    for (unsigned w = 0; w < nworkers; w++) {
        mailboxes[w].work = NULL;
        set_and_wake(&mailboxes[w].go, call_number);
    }
    for (unsigned w = 0; w < nworkers; w++)
        pthread_join(mailboxes[w].thread, NULL);
    free(mailboxes);
    mailboxes = NULL;
}

/* ---- threads made for each call ---- */

typedef struct share {
    pthread_t thread;
    const bench_work *work;
    uint64_t n;
    unsigned index;
} share;

static share shares[MAX_WORKERS];

static void *run_one_share(void *arg)
{
    const share *mine = arg;
    run_share(mine->work, mine->n, mine->index);
    return NULL;
}

static void run_create(const bench_work *work, uint64_t n)
{
    for (unsigned w = 0; w < nworkers; w++) {
        shares[w] = (share){.work = work, .n = n, .index = w + 1};
        const int failed = pthread_create(&shares[w].thread, NULL, run_one_share, &shares[w]);
        if (failed)
            die("starting a thread", failed);
    }
    run_share(work, n, 0);
    for (unsigned w = 0; w < nworkers; w++)
        pthread_join(shares[w].thread, NULL);
}

static void open_create(void)
{
    nworkers = bench_nthreads() - 1 < MAX_WORKERS ? bench_nthreads() - 1 : MAX_WORKERS;
}

const bench_peer bench_peers[] = {
    {"serial", NULL, NULL, run_serial},
    {"pthread-create", open_create, NULL, run_create},
    {"floor-spin", open_spin, close_workers, run_spin},
    {"floor-futex", open_futex, close_workers, run_futex},
};
const size_t bench_npeers = sizeof bench_peers / sizeof bench_peers[0];
