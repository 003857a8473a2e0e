/* forces.c - see forces.h.
 *
 * Each thread has consecutive pieces of the list, of about the same length together. A pair's forces go to
 * two blocks, of which the second may be another thread's: so each thread adds to an array of its own, which
 * for the first one is where the sums are to be, and marks the blocks that it touches; then those are added
 * up, in the order of threads, by the one that needs them next. Nobody writes what others have in their
 * caches until then. A single thread needs none of this.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/forces.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define ALIGNED 64

typedef struct al_forces_share {
    uint32_t begin[2], end[2]; /* of the space's parts: at home, the others */
    void *f;                   /* NULL: the space's own, of the first one */
    uint8_t *touched;          /* [nblocks]; NULL: there is one share */
    uint32_t room;
    al_pair_sums sums;
    uint64_t cpu_ns;
    char apart[64]; /* from the next one's sums */
} share;

static bool grow(share *s, const al_space *space, bool is_first)
{
    if (space->nblocks < s->room)
        return true;
    free(s->f);
    free(s->touched);
    s->room = space->nblocks + space->nblocks / 4 + 1; /* never none: a rank may have no atoms */
    s->f = is_first ? NULL : aligned_alloc(ALIGNED, (size_t)s->room * AL_BLOCK_REALS * sizeof(double));
    s->touched = malloc(s->room);
    return (s->f != NULL || is_first) && s->touched != NULL;
}

static void touch(share *s, const al_space *space)
{
    memset(s->touched, 0, space->nblocks); /* of outer lists: what prunings leave is some of it */
    for (int stage = 0; stage < 2; stage++)
        al_pairs_touch(space->parts + s->begin[stage], s->end[stage] - s->begin[stage], space->zones,
                       s->touched);
}

/** How long a part takes, as pruned just now, in halves of a cluster with a block: a row takes about as long
 * as one of its blocks. */
static uint64_t length(const al_pairs *part)
{
    return 2 * ((uint64_t)part->nblocks + part->list.nrows) - part->nhalves;
}

/** Deal the parts [part, end) out to the shares, for one of the two stages. */
static void divide(al_forces *forces, const al_space *space, int stage, uint32_t part, uint32_t end)
{
    uint64_t total = 0, sum = 0;
    uint32_t nshares = forces->nshares;
    for (uint32_t p = part; p < end; p++)
        total += length(&space->parts[p]);
    for (uint32_t t = 0; t < nshares; t++) {
        share *s = &forces->shares[t];
        s->begin[stage] = part;
        while (part < end &&
               (t + 1 == nshares || sum + length(&space->parts[part]) / 2 < total * (t + 1) / nshares))
            sum += length(&space->parts[part++]);
        s->end[stage] = part;
    }
}

typedef struct touching {
    al_forces *forces;
    const al_space *space;
} touching;

static int touch_shares(uint64_t begin, uint64_t end, void *arg)
{
    const touching *t = arg;
    const al_forces *forces = t->forces;
    for (uint64_t k = begin; k < end; k++) {
        touch(&forces->shares[k], t->space);
        if (forces->more.compute != NULL)
            forces->more.touch(forces->more.arg, (uint32_t)k, forces->shares[k].touched);
    }
    return 0;
}

bool al_forces_divide(al_forces *forces, const al_space *space)
{
    uint32_t nshares = space->opts.nthreads;
    if (forces->shares == NULL)
        forces->shares = calloc(nshares, sizeof *forces->shares);
    if (forces->shares == NULL)
        return false;
    forces->nshares = nshares;
    for (uint32_t t = 0; t < nshares && nshares > 1; t++)
        if (!grow(&forces->shares[t], space, t == 0))
            return false;
    divide(forces, space, 0, 0, space->nhome_parts);
    divide(forces, space, 1, space->nhome_parts, space->nparts);
    touching t = {forces, space};
    if (nshares > 1)
        (void)al_shares_do(&space->threads, nshares, touch_shares, &t);
    return true;
}

void al_forces_fini(al_forces *forces)
{
    for (uint32_t t = 0; t < forces->nshares; t++) {
        free(forces->shares[t].f);
        free(forces->shares[t].touched);
    }
    free(forces->shares);
    *forces = (al_forces){.nshares = 0};
}

/** What the threads work on. */
typedef struct task {
    al_forces *forces;
    al_space *space;
    const al_pair_params *params;
    const al_pair_atoms *atoms;
    bool is_summed;
    int stage; /* 0: pairs at home, 1: the others */
    uint32_t piece, npieces;
    pthread_t caller; /* who alone may touch messages */
} task;

/** Clear what is touched, run by run: blocks are small, and each memset() has its price. */
static void clear_touched(const uint8_t *touched, uint32_t nblocks, char *f, size_t block_nbytes)
{
    for (uint32_t begin = 0, end; begin < nblocks; begin = end) {
        for (end = begin + 1; end < nblocks && touched[end] == touched[begin];)
            end++;
        if (touched[begin])
            memset(f + begin * block_nbytes, 0, (end - begin) * block_nbytes);
    }
}

/** Loops over blocks whose size the compiler knows. */
#define BLOCK_LOOPS(real)                                                                                    \
    static void add_##real(const al_forces *forces, size_t begin, size_t end, real *all)                     \
    {                                                                                                        \
        for (size_t block = begin; block < end; block++) {                                                   \
            real *restrict sum = all + block * AL_BLOCK_REALS;                                               \
            bool is_there = forces->shares[0].touched[block];                                                \
            for (uint32_t k = 1; k < forces->nshares; k++) {                                                 \
                const share *s = &forces->shares[k];                                                         \
                if (!s->touched[block])                                                                      \
                    continue;                                                                                \
                const real *restrict f = (const real *)s->f + block * AL_BLOCK_REALS;                        \
                if (!is_there)                                                                               \
                    memcpy(sum, f, AL_BLOCK_REALS * sizeof *f);                                              \
                else                                                                                         \
                    for (int n = 0; n < AL_BLOCK_REALS; n++)                                                 \
                        sum[n] += f[n];                                                                      \
                is_there = true;                                                                             \
            }                                                                                                \
            if (!is_there)                                                                                   \
                memset(sum, 0, AL_BLOCK_REALS * sizeof *sum);                                                \
        }                                                                                                    \
    }

BLOCK_LOOPS(float)
BLOCK_LOOPS(double)

/** What a share adds to, where it does. */
static void clear(const share *s, const al_space *space, void *f)
{
    size_t block_nbytes = AL_BLOCK_REALS * (space->opts.is_double ? sizeof(double) : sizeof(float));
    if (s->touched == NULL)
        memset(f, 0, space->nblocks * block_nbytes);
    else
        clear_touched(s->touched, space->nblocks, f, block_nbytes);
}

static bool is_first(const task *t)
{
    return t->stage == 0 ? t->piece == 0 : t->space->nhome_parts == 0;
}

/** Where a piece of a share's parts begins: pieces take about the same time. */
static uint32_t piece_begin(const task *t, const share *s, uint32_t piece)
{
    const al_pairs *parts = t->space->parts;
    uint32_t part = s->begin[t->stage], end = s->end[t->stage];
    uint64_t total = 0, sum = 0;
    if (piece == t->npieces)
        return end;
    for (uint32_t p = part; p < end; p++)
        total += length(&parts[p]);
    while (part < end && (sum + length(&parts[part]) / 2) * t->npieces < total * piece)
        sum += length(&parts[part++]);
    return part;
}

static void go_on(const task *t)
{
    if (t->forces->go_on != NULL && pthread_equal(pthread_self(), t->caller))
        t->forces->go_on(t->forces->go_on_arg);
}

static int compute(uint64_t begin, uint64_t end, void *arg)
{
    const task *t = arg;
    al_space *space = t->space;
    for (uint64_t k = begin; k < end; k++) {
        share *s = &t->forces->shares[k];
        void *f = s->f != NULL ? s->f : space->fr;
        al_pair_sums *sums = t->is_summed ? &s->sums : NULL;
        uint64_t begin_ns = al_clock_thread_ns();
        if (is_first(t)) {
            s->sums = (al_pair_sums){.lj = 0};
            s->cpu_ns = 0;
            clear(s, space, f);
        }
        for (uint32_t p = piece_begin(t, s, t->piece); p < piece_begin(t, s, t->piece + 1); p++) {
            const al_pair_list *list = &space->parts[p].list;
            if (space->opts.is_double)
                al_pair_ref_d(t->params, t->atoms, list, 0, list->nrows, space->xr, f, sums);
            else
                space->opts.kernels->pairs(t->params, t->atoms, list, 0, list->nrows, space->xr, f, sums);
            go_on(t);
        }
        if (t->stage == 1 && t->forces->more.compute != NULL)
            t->forces->more.compute(t->forces->more.arg, (uint32_t)k, space->opts.is_double, space->xr, f);
        s->cpu_ns += al_clock_thread_ns() - begin_ns; /* with what it took to move copies on */
    }
    return 0;
}

/** Add up what threads have for blocks [begin, end). */
static void add_blocks(const task *t, size_t begin, size_t end)
{
    if (t->space->opts.is_double)
        add_double(t->forces, begin, end, t->space->fr);
    else
        add_float(t->forces, begin, end, t->space->fr);
}

/** The same for shares [begin, end) of the blocks: cut as the pass that moves atoms cuts them, so that a
 * thread finds in its caches what it will need next. */
static int add_up(uint64_t begin, uint64_t end, void *arg)
{
    const task *t = arg;
    size_t nhome = t->space->nhome_blocks, nhalo = t->space->nblocks - nhome, n = t->forces->nshares;
    for (uint64_t k = begin; k < end; k++) {
        add_blocks(t, nhome * k / n, nhome * (k + 1) / n);
        add_blocks(t, nhome + nhalo * k / n, nhome + nhalo * (k + 1) / n);
    }
    return 0;
}

static void run(task *t, allot_for_fn fn)
{
    (void)al_shares_do(&t->space->threads, t->forces->nshares, fn, t); /* a share is a thread's */
}

void al_forces_home(al_forces *forces, al_space *space, const al_pair_params *params,
                    const al_pair_atoms *atoms, bool is_summed, uint32_t piece, uint32_t npieces)
{
    task t = {forces, space, params, atoms, is_summed, 0, piece, npieces, pthread_self()};
    if (space->nhome_parts > 0)
        run(&t, compute);
}

void al_forces_rest(al_forces *forces, al_space *space, const al_pair_params *params,
                    const al_pair_atoms *atoms, al_pair_sums *sums)
{
    task t = {forces, space, params, atoms, sums != NULL, 1, 0, 1, pthread_self()};
    run(&t, compute);
    if (forces->nshares > 1)
        run(&t, add_up);
    forces->cpu_ns = 0;
    for (uint32_t k = 0; k < forces->nshares; k++)
        if (forces->shares[k].cpu_ns > forces->cpu_ns)
            forces->cpu_ns = forces->shares[k].cpu_ns;
    if (sums == NULL)
        return;
    *sums = (al_pair_sums){.lj = 0};
    for (uint32_t k = 0; k < forces->nshares; k++) {
        sums->lj += forces->shares[k].sums.lj;
        sums->coulomb += forces->shares[k].sums.coulomb;
        sums->virial += forces->shares[k].sums.virial;
    }
}
