/* bench.h - what a peer is, what it is given to do, and how it is timed.
 *
 * One program is built for each runtime (allot, libgomp, libomp, oneTBB, bare threads): this driver, one
 * peer_*.c and the same object file of work.c, so that peers differ in how they hand work out and in
 * nothing else, and no two runtimes' threads ever share a process.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** X(name, body): the loops. work.h has one item of each, work.c the range. */
#define BENCH_KINDS(X)                                                                                       \
    X(UNIFORM, uniform) /* every item takes the same number of steps */                                      \
    X(GROWING, growing) /* item i takes i * scale of them: half of the work is in the last 29 % */           \
    X(HEAVY, heavy)     /* 1 % of the items, spread by a hash, take 100 times as many as the others */       \
    X(WARM, warm)       /* as UNIFORM, but another loop: runtimes may remember loops */                      \
    X(EMPTY, empty)     /* nothing */                                                                        \
    X(MARK, mark)       /* counts its visits, to check that each item is done exactly once */                \
    X(POW10, pow10)     /* out[i] = in[i]**10 in doubles, vectorised */

typedef enum bench_kind {
#define BENCH_KIND_MEMBER(name, body) BENCH_##name,
    BENCH_KINDS(BENCH_KIND_MEMBER)
#undef BENCH_KIND_MEMBER
} bench_kind;

/** Does the items [begin, end); arg is the bench_work. Returns 0. The type is allot's own allot_for_fn. */
typedef int (*bench_body)(uint64_t begin, uint64_t end, void *arg);

typedef struct bench_work {
    bench_kind kind;
    bench_body body;
    uint64_t steps;       /* UNIFORM, WARM: steps an item; HEAVY: of a light item */
    uint64_t heavy_steps; /* HEAVY: of a heavy item */
    uint64_t scale;       /* GROWING: item i takes (i * scale) >> 32 steps */
    unsigned char *marks; /* MARK */
    const double *in;     /* POW10 */
    double *out;          /* POW10 */
} bench_work;

/** Choose body and steps so that the mean item of n takes `steps` (which may be a fraction) steps. */
void bench_work_init(bench_work *work, bench_kind kind, double steps, uint64_t n);

/** Steps of the chain that take one nanosecond here, measured for about 20 ms. */
double bench_work_steps_per_ns(void);

/** A way to run a loop in parallel. */
typedef struct bench_peer {
    const char *name;
    void (*open)(void);  /* NULL, or starts what the peer keeps */
    void (*close)(void); /* NULL, or ends it, so that it does not disturb the next peer */
    void (*run)(const bench_work *work, uint64_t n); /* blocks until all n items are done */
} bench_peer;

/** Defined by the one peer_*.c that a program is linked with. */
extern const bench_peer bench_peers[];
extern const size_t bench_npeers;

/** Processors this process may use: how many threads every peer gets. */
unsigned bench_nthreads(void);

/** X(name, text): what the threads did before a measured call. */
#define BENCH_STATES(X)                                                                                      \
    X(HOT, "hot")     /* a call that kept all of them busy has just returned */                              \
    X(COLD, "cold")   /* the process slept for 20 ms */                                                      \
    X(NEW, "new")     /* as hot, and each call is of a loop that was not called lately */                    \
    X(ALONE, "alone") /* the caller worked by itself for 20 ms: its caches are warm, the others sleep */

typedef enum bench_state {
#define BENCH_STATE_MEMBER(name, text) BENCH_##name,
    BENCH_STATES(BENCH_STATE_MEMBER)
#undef BENCH_STATE_MEMBER
        BENCH_NSTATES
} bench_state;

extern const char *const bench_state_names[BENCH_NSTATES];

/** What a command is asked to do. */
typedef struct bench_request {
    const bench_peer *peer;
    bench_kind shape;    /* grid: UNIFORM, GROWING or HEAVY */
    bench_state state;   /* grid */
    bool quick;          /* few samples: for a check that the programs work, not for figures */
    double item_ns;      /* grid: mean cost of one item */
    double limit_ns;     /* grid: the longest serial time of a loop */
    double steps_per_ns; /* 0: measure it */
} bench_request;

/** The commands; each prints tab-separated lines and returns an exit status. */
int bench_grid(const bench_request *request);
int bench_empty(const bench_request *request);
int bench_pow10(const bench_request *request);
int bench_check(const bench_request *request);

#ifdef __cplusplus
}
#endif

#endif
