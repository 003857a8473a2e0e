/* test_nve.c - a pass over blocks, by every kernel, in both precisions: against the formulas of each atom, to
 * the last bit, and no block touched but those asked for.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "md/kernel/pair.h"

enum { NBLOCKS = 5, FIRST = 1, LAST = 4, NPLACES = NBLOCKS * AL_BLOCK, NREALS = NBLOCKS * AL_BLOCK_REALS };

/** All that a pass reads and writes. */
typedef struct blocks {
    _Alignas(64) double x[NREALS];
    double v[NREALS], was[NREALS], fd[NREALS], rd[NREALS], mass[NPLACES], inverse_mass[NPLACES];
    _Alignas(64) float ff[NREALS];
    float rf[NREALS];
} blocks;

static uint64_t seed;

static double next_random(void)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(seed >> 11) * 0x1p-53 - 0.5;
}

/** Atoms with masses of their own; every fifth is one that no force moves. */
static void fill(blocks *b)
{
    memset(b, 0, sizeof *b);
    for (size_t n = 0; n < NREALS; n++) {
        b->x[n] = next_random();
        b->was[n] = b->x[n] + next_random() / 10;
        b->v[n] = next_random();
        b->ff[n] = (float)next_random();
        b->fd[n] = (double)b->ff[n];
    }
    for (size_t place = 0; place < NPLACES; place++) {
        b->mass[place] = place % 5 == 0 ? 0 : 1 + next_random();
        b->inverse_mass[place] = place % 5 == 0 ? 0 : 1 / b->mass[place];
    }
}

/** What al_nve says, an atom at a time. The sum of mv2 in another order than a pass's. */
static void pass_by_formula(const al_nve *nve, blocks *b, al_nve_sums *sums)
{
    for (size_t place = FIRST * AL_BLOCK; place < LAST * AL_BLOCK; place++) {
        size_t of = nve->stride > 0 ? place : place % AL_BLOCK;
        double end = nve->end_kick * nve->inverse_mass[of], begin = nve->begin_kick * nve->inverse_mass[of];
        double later = (nve->begin_kick - nve->end_kick) * nve->inverse_mass[of], moved2 = 0, speed2 = 0;
        for (unsigned d = 0; d < 3; d++) {
            size_t at = al_block_at(place, d);
            if (nve->ends)
                b->v[at] += end * b->fd[at];
            if (nve->is_summed) {
                double next = b->v[at] + later * b->fd[at];
                sums->mv2 += nve->mass[of] * (b->v[at] * b->v[at] + next * next) / 2;
            }
            if (!nve->begins)
                continue;
            b->v[at] += begin * b->fd[at];
            b->x[at] += nve->dt * b->v[at];
            speed2 += b->v[at] * b->v[at];
            moved2 += (b->x[at] - b->was[at]) * (b->x[at] - b->was[at]);
            b->rd[at] = b->x[at] - nve->middle[d];
            b->rf[at] = (float)b->rd[at];
        }
        sums->moved2 = fmax(sums->moved2, moved2);
        sums->speed2 = fmax(sums->speed2, speed2);
    }
}

static void check(const al_nve *nve, const al_kernels *kernels, bool is_double)
{
    static blocks found, wanted;
    al_nve_sums sums = {0}, wanted_sums = {0};
    seed = 7;
    fill(&found);
    wanted = found;
    al_nve own = *nve;
    own.mass = found.mass;
    own.inverse_mass = found.inverse_mass;
    if (is_double)
        kernels->nve_double(&own, FIRST, LAST, found.x, found.v, found.was, found.fd, found.rd, &sums);
    else
        kernels->nve(&own, FIRST, LAST, found.x, found.v, found.was, found.ff, found.rf, &sums);
    pass_by_formula(&own, &wanted, &wanted_sums);
    memcpy(is_double ? (void *)found.rf : (void *)found.rd, is_double ? (void *)wanted.rf : (void *)wanted.rd,
           is_double ? sizeof found.rf : sizeof found.rd); /* the other precision's */
    assert_memory_equal(&found, &wanted, sizeof found);
    assert_true(fabs(sums.mv2 - wanted_sums.mv2) <= 1e-14 * wanted_sums.mv2);
    assert_true(sums.mv2 > 0 || !nve->is_summed);
    assert_true(sums.moved2 == wanted_sums.moved2 && sums.speed2 == wanted_sums.speed2);
}

static void every_kernel_is_the_formula(void **state)
{
    (void)state;
    static const double kicks[][2] = {{0.0025, 0.0025}, {0, 0.005}}; /* velocity Verlet, leap-frog */
    for (const al_kernels *const *kernels = al_kernels_all; *kernels != NULL; kernels++) {
        if (!(*kernels)->can_run())
            continue;
        for (unsigned what = 0; what < 64; what++) {
            const al_nve nve = {.end_kick = kicks[what & 1][0],
                                .begin_kick = kicks[what & 1][1],
                                .dt = 0.005,
                                .middle = {1, 2, 3},
                                .stride = what & 2 ? AL_BLOCK : 0,
                                .ends = what & 4,
                                .begins = what & 8,
                                .is_summed = what & 16};
            check(&nve, *kernels, what & 32);
        }
    }
}

/** What is not a number must not be lost among numbers: it is how a blow-up is seen. */
static void what_is_not_a_number_is_found(void **state)
{
    (void)state;
    static blocks b;
    for (const al_kernels *const *kernels = al_kernels_all; *kernels != NULL; kernels++)
        for (size_t place = FIRST * AL_BLOCK; place < LAST * AL_BLOCK && (*kernels)->can_run(); place += 7) {
            al_nve_sums sums = {0};
            fill(&b);
            b.x[al_block_at(place, 1)] = NAN;
            const al_nve nve = {
                .begin_kick = 1, .dt = 1, .mass = b.mass, .inverse_mass = b.inverse_mass, .begins = true};
            (*kernels)->nve(&nve, FIRST, LAST, b.x, b.v, b.was, b.ff, b.rf, &sums);
            assert_true(isnan(sums.moved2));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kernel_is_the_formula),
        cmocka_unit_test(what_is_not_a_number_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
