/* shared.c - an arena at one address in this process and in all engines forked from it.
 *
 * The whole arena is reserved at once, as a shared mapping without a file or a name: engines that were forked
 * earlier see pieces that are handed out later, and nothing is left behind however the processes end. Pages
 * cost memory when they are first touched, and are given back to the system when a piece is freed.
 *
 * Pieces are a list in order of address, in the owner's private memory: an engine that dies in the middle of
 * anything cannot hurt it. Only the owner hands out pieces. A child that asks for one, an engine or another,
 * gets an arena of its own.
 *
 * Invariants: pieces cover the arena without gaps, no two free ones are neighbours, free ones are all zeros.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "pool/shared.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/fail.h"

/** The arena is twice this machine's memory: addresses cost nothing. Where so much is refused, less. */
#define ARENA_LEAST_NBYTES ((size_t)64 << 20)
#define ALIGNMENT ((size_t)AL_CACHE_LINE)

typedef struct piece {
    struct piece *next, *previous;
    char *begin;
    size_t nbytes;
    bool used;
} piece;

static struct {
    pthread_mutex_t lock;
    char *begin; /* NULL: there is none yet */
    size_t nbytes;
    piece *first;
} arena = {.lock = PTHREAD_MUTEX_INITIALIZER};
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

static size_t page_nbytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static char *reserve(size_t *nbytes)
{
    for (*nbytes = 2 * (size_t)sysconf(_SC_PHYS_PAGES) * page_nbytes(); *nbytes >= ARENA_LEAST_NBYTES;
         *nbytes = *nbytes / 2 & ~(page_nbytes() - 1)) {
        void *begin =
            mmap(NULL, *nbytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (begin != MAP_FAILED)
            return begin;
    }
    return NULL;
}

/* A child that was forked without us, or an engine. */

static void before_fork(void)
{
    (void)pthread_mutex_lock(&arena.lock);
}

static void after_fork(void)
{
    (void)pthread_mutex_unlock(&arena.lock);
}

/** What the parent shared is still there to be read and written, but new pieces are the child's own. */
static void forget_arena(void)
{
    arena.begin = NULL;
    while (arena.first != NULL) {
        piece *next = arena.first->next;
        free(arena.first);
        arena.first = next;
    }
    (void)pthread_mutex_init(&arena.lock, NULL);
}

static void watch_forks(void)
{
    (void)pthread_atfork(before_fork, after_fork, forget_arena);
}

/** With the lock held. */
static allot_err open_arena(allot_error *err)
{
    if (arena.begin != NULL)
        return ALLOT_OK;
    piece *all = malloc(sizeof *all);
    char *begin = all != NULL ? reserve(&arena.nbytes) : NULL;
    if (begin == NULL) {
        free(all);
        return al_fail(err, ALLOT_ENOMEM, 0,
                       "no addresses for memory to be shared with engines; see `ulimit -v`");
    }
    *all = (piece){.begin = begin, .nbytes = arena.nbytes};
    arena.first = all;
    arena.begin = begin;
    return ALLOT_OK;
}

allot_err al_shared_open(allot_error *err)
{
    (void)pthread_once(&fork_once, watch_forks);
    (void)pthread_mutex_lock(&arena.lock);
    allot_err code = open_arena(err);
    (void)pthread_mutex_unlock(&arena.lock);
    return code;
}

/** Cut the piece after nbytes, leaving the rest free. @return false: out of memory */
static bool cut(piece *p, size_t nbytes)
{
    if (p->nbytes == nbytes)
        return true;
    piece *rest = malloc(sizeof *rest);
    if (rest == NULL)
        return false;
    *rest = (piece){.next = p->next, .previous = p, .begin = p->begin + nbytes, .nbytes = p->nbytes - nbytes};
    if (p->next != NULL)
        p->next->previous = rest;
    p->next = rest;
    p->nbytes = nbytes;
    return true;
}

/** With the lock held. */
static void *take(size_t nbytes)
{
    for (piece *p = arena.first; p != NULL; p = p->next) {
        if (p->used || p->nbytes < nbytes)
            continue;
        if (!cut(p, nbytes))
            return NULL;
        p->used = true;
        return p->begin;
    }
    return NULL;
}

void *allot_shared_alloc(size_t nbytes, allot_error *err)
{
    if (nbytes == 0) {
        (void)al_fail(err, ALLOT_EINVAL, 0, "allot_shared_alloc: 0 bytes were asked for");
        return NULL;
    }
    if (al_shared_open(err) != ALLOT_OK)
        return NULL;
    (void)pthread_mutex_lock(&arena.lock);
    void *memory = NULL;
    if (nbytes <= arena.nbytes)
        memory = take((nbytes + ALIGNMENT - 1) & ~(ALIGNMENT - 1));
    if (memory == NULL)
        (void)al_fail(err, ALLOT_ENOMEM, 0,
                      "no %zu bytes are left in %zu bytes of memory to be shared with engines", nbytes,
                      arena.nbytes);
    (void)pthread_mutex_unlock(&arena.lock);
    return memory;
}

/** The piece in use that holds an address. With the lock held. */
static piece *find(const char *address)
{
    if (arena.begin == NULL || address < arena.begin || address >= arena.begin + arena.nbytes)
        return NULL;
    piece *p = arena.first;
    while (p != NULL && address >= p->begin + p->nbytes)
        p = p->next;
    return p != NULL && p->used ? p : NULL;
}

/** Zeros again, and whole pages back to the system. */
static void clear(char *begin, size_t nbytes)
{
    uintptr_t mask = page_nbytes() - 1, from = ((uintptr_t)begin + mask) & ~mask;
    uintptr_t end = (uintptr_t)begin + nbytes, to = end & ~mask;
    if (from >= to || madvise((void *)from, to - from, MADV_REMOVE) != 0) {
        memset(begin, 0, nbytes);
        return;
    }
    memset(begin, 0, from - (uintptr_t)begin);
    memset((void *)to, 0, end - to);
}

/** Make one of a free piece and its next, if that is free, too. */
static void join_next(piece *p)
{
    piece *next = p->next;
    if (next == NULL || next->used)
        return;
    p->nbytes += next->nbytes;
    p->next = next->next;
    if (p->next != NULL)
        p->next->previous = p;
    free(next);
}

void allot_shared_free(void *memory)
{
    if (memory == NULL)
        return;
    (void)pthread_mutex_lock(&arena.lock);
    piece *p = find(memory);
    if (p != NULL && p->begin == memory) {
        clear(p->begin, p->nbytes);
        p->used = false;
        join_next(p);
        if (p->previous != NULL && !p->previous->used)
            join_next(p->previous);
    }
    (void)pthread_mutex_unlock(&arena.lock);
}

bool al_shared_covers(const void *memory, size_t nbytes)
{
    const char *begin = memory;
    (void)pthread_mutex_lock(&arena.lock);
    const piece *p = find(begin);
    bool covers = p != NULL && nbytes <= (size_t)(p->begin + p->nbytes - begin);
    (void)pthread_mutex_unlock(&arena.lock);
    return covers;
}
