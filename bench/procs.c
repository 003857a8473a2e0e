/* procs.c - isolated engines beside threads, by turns in one run.
 *
 *     bench-procs [ROUNDS]
 *
 * Prints, tab-separated, a row for each kind of pool: what it did, the kind, the median and the least of its
 * times in ns, and the median over that of threads. "empty" is one item whose function does nothing, called
 * when the engine has just been used; "map" is allot_map() over 10^6 doubles in shared memory, "cheap" a
 * multiplication an item, "root" ten square roots.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <allot/allot.h>

#include "base/clock.h"

enum { NITEMS = 1000000, ROUNDS = 41, ROUNDS_MAX = 10000, NHOT = 100 };

static double *in, *out;

static int do_nothing(uint64_t begin, uint64_t end, void *arg)
{
    (void)begin, (void)end, (void)arg;
    return 0;
}

static int cheap(const void *x, void *y, uint64_t first, uint64_t count, void *arg)
{
    (void)first, (void)arg;
    for (uint64_t i = 0; i < count; i++)
        ((double *)y)[i] = ((const double *)x)[i] * ((const double *)x)[i];
    return 0;
}

static int root(const void *x, void *y, uint64_t first, uint64_t count, void *arg)
{
    (void)first, (void)arg;
    for (uint64_t i = 0; i < count; i++) {
        double v = ((const double *)x)[i];
        for (int k = 0; k < 10; k++)
            v = sqrt(v + 1.0);
        ((double *)y)[i] = v;
    }
    return 0;
}

static void require(allot_err code, const allot_error *err)
{
    if (code == ALLOT_OK)
        return;
    fprintf(stderr, "bench-procs: %s\n", err->text);
    exit(1);
}

static void run_map(allot_pool *pool, allot_map_fn fn)
{
    allot_error err;
    require(allot_map(pool, NITEMS, in, sizeof *in, out, sizeof *out, fn, NULL, NULL, &err), &err);
}

static void run_empty(allot_pool *pool, uint64_t ntimes)
{
    allot_error err;
    for (uint64_t k = 0; k < ntimes; k++)
        require(allot_for(pool, 1, do_nothing, NULL, NULL, &err), &err);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/** One time. The pool is used once before, so that none sleeps deeper than another. */
static double time_map(allot_pool *pool, allot_map_fn fn)
{
    run_map(pool, fn);
    uint64_t start = al_ticks();
    run_map(pool, fn);
    return al_ticks_to_ns(al_ticks() - start);
}

/** The median of several, one close after the other. */
static double time_empty(allot_pool *pool)
{
    double ns[NHOT];
    run_empty(pool, NHOT);
    for (size_t k = 0; k < NHOT; k++) {
        uint64_t start = al_ticks();
        run_empty(pool, 1);
        ns[k] = al_ticks_to_ns(al_ticks() - start);
    }
    qsort(ns, NHOT, sizeof ns[0], by_value);
    return ns[NHOT / 2];
}

typedef struct contender {
    const char *spec;
    allot_pool *pool;
    double ns[ROUNDS_MAX];
} contender;

static void compare(const char *what, contender *all, size_t n, allot_map_fn fn, uint64_t nrounds)
{
    for (uint64_t round = 0; round < nrounds; round++)
        for (size_t k = 0; k < n; k++) {
            contender *c = &all[(round + k) % n];
            c->ns[round] = fn != NULL ? time_map(c->pool, fn) : time_empty(c->pool);
        }
    double threads = 0.0;
    for (size_t k = 0; k < n; k++) {
        qsort(all[k].ns, nrounds, sizeof all[k].ns[0], by_value);
        double median = all[k].ns[nrounds / 2];
        threads = k == 0 ? median : threads;
        printf("%s\t%s\t%.0f\t%.0f\t%.3f\n", what, all[k].spec, median, all[k].ns[0], median / threads);
    }
}

int main(int argc, char **argv)
{
    static contender maps[] = {{.spec = "threads:2"}, {.spec = "procs:2,kept"}, {.spec = "procs:2"}};
    static contender empties[] = {{.spec = "procs:1,kept"}, {.spec = "procs:2,kept"}, {.spec = "procs:1"}};
    uint64_t nrounds = argc > 1 ? strtoull(argv[1], NULL, 10) : ROUNDS;
    nrounds = nrounds < 1 ? 1 : nrounds < ROUNDS_MAX ? nrounds : ROUNDS_MAX;
    allot_error err = {0};
    in = allot_shared_alloc(NITEMS * sizeof *in, &err);
    out = allot_shared_alloc(NITEMS * sizeof *out, &err);
    require(in != NULL && out != NULL ? ALLOT_OK : err.code, &err);
    for (uint64_t i = 0; i < NITEMS; i++)
        in[i] = (double)i;
    for (size_t k = 0; k < 3; k++) {
        require(allot_pool_open(&maps[k].pool, maps[k].spec, &err), &err);
        require(allot_pool_open(&empties[k].pool, empties[k].spec, &err), &err);
    }
    compare("empty", empties, 3, NULL, nrounds);
    compare("map cheap", maps, 3, cheap, nrounds);
    compare("map root", maps, 3, root, nrounds);
    for (size_t k = 0; k < 3; k++) {
        allot_pool_destroy(maps[k].pool);
        allot_pool_destroy(empties[k].pool);
    }
    allot_shared_free(in);
    allot_shared_free(out);
    return 0;
}
