/* test_noise.c - normal numbers by the block: the right ones, as normal as they must be, the same from all
 * kernels.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/philox.h"
#include "md/kernel/pair.h"
#include "support/prop.h"

/** What noise.h says, by the C library's functions. */
static void wanted(uint64_t seed, uint32_t what, uint64_t step, uint64_t id, double normal[3])
{
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32) ^ what};
    const uint32_t counter[4] = {(uint32_t)id, (uint32_t)(id >> 32), (uint32_t)step, (uint32_t)(step >> 32)};
    uint32_t word[4];
    al_philox(counter, key, word);
    for (int k = 0; k < 2; k++) {
        double r = sqrt(-2 * log(((double)word[2 * k] + 0.5) * 0x1p-32));
        double angle = (word[2 * k + 1] >> 30) * M_PI / 2 +
                       ((double)(int32_t)(word[2 * k + 1] << 2) / 4 + 0.5) * 0x1p-30 * M_PI / 2;
        normal[2 * k] = r * cos(angle);
        if (k == 0)
            normal[1] = r * sin(angle);
    }
}

static void numbers_are_those_that_functions_give(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < 20000; round++) {
        uint64_t id[AL_BLOCK], seed, step;
        double normal[AL_BLOCK_REALS];
        prop_begin(round);
        seed = prop_u64();
        step = prop_size(64);
        for (int k = 0; k < AL_BLOCK; k++)
            id[k] = prop_size(64);
        al_noise_ref(seed, (uint32_t)round, step, id, normal);
        for (int k = 0; k < AL_BLOCK; k++) {
            double right[3];
            wanted(seed, (uint32_t)round, step, id[k], right);
            for (int d = 0; d < 3; d++)
                prop_require(fabs(normal[d * AL_BLOCK + k] - right[d]) < 3e-13);
        }
    }
}

static void all_kernels_give_the_same(void **state)
{
    (void)state;
    for (const al_kernels *const *kernels = al_kernels_all; *kernels != NULL; kernels++) {
        if (!(*kernels)->can_run()) {
            print_message("%s does not run here\n", (*kernels)->name);
            continue;
        }
        for (uint64_t step = 0; step < 20000; step++) {
            uint64_t id[AL_BLOCK];
            double normal[AL_BLOCK_REALS], same[AL_BLOCK_REALS];
            for (uint64_t k = 0; k < AL_BLOCK; k++)
                id[k] = k * 1000 + step;
            al_noise_ref(5, 1, step, id, normal);
            (*kernels)->noise(5, 1, step, id, same);
            assert_memory_equal(normal, same, sizeof normal);
        }
    }
}

/** Moments, within four standard errors; the three of an atom, those of neighbours and of steps are
 * independent. */
static void numbers_are_normal(void **state)
{
    (void)state;
    enum { NSTEPS = 100000 };
    double sums[4] = {0, 0, 0, 0}, mixed[4] = {0, 0, 0, 0}, last[AL_BLOCK_REALS] = {0};
    uint64_t id[AL_BLOCK];
    for (uint64_t k = 0; k < AL_BLOCK; k++)
        id[k] = k;
    for (uint64_t step = 0; step < NSTEPS; step++) {
        double normal[AL_BLOCK_REALS];
        al_noise_ref(1, 2, step, id, normal);
        for (int k = 0; k < AL_BLOCK_REALS; k++) {
            double y = normal[k], power = y;
            for (int m = 0; m < 4; m++, power *= y)
                sums[m] += power;
            mixed[3] += y * last[k];
        }
        for (int k = 0; k < AL_BLOCK; k++) {
            mixed[0] += normal[k] * normal[AL_BLOCK + k] + normal[k] * normal[2 * AL_BLOCK + k];
            mixed[1] += normal[k] * normal[(k + 1) % AL_BLOCK];
            mixed[2] += (normal[k] * normal[k] - 1) * (normal[AL_BLOCK + k] * normal[AL_BLOCK + k] - 1);
        }
        memcpy(last, normal, sizeof last);
    }
    double n = (double)AL_BLOCK_REALS * NSTEPS, m = (double)AL_BLOCK * NSTEPS;
    assert_true(fabs(sums[0] / n) < 4 / sqrt(n));
    assert_true(fabs(sums[1] / n - 1) < 4 * sqrt(2 / n));
    assert_true(fabs(sums[2] / n) < 4 * sqrt(15 / n));
    assert_true(fabs(sums[3] / n - 3) < 4 * sqrt(96 / n));
    assert_true(fabs(mixed[0] / m) < 4 * sqrt(2 / m));
    assert_true(fabs(mixed[1] / m) < 4 / sqrt(m));
    assert_true(fabs(mixed[2] / m) < 4 * 2 / sqrt(m));
    assert_true(fabs(mixed[3] / n) < 4 / sqrt(n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_those_that_functions_give),
        cmocka_unit_test(all_kernels_give_the_same),
        cmocka_unit_test(numbers_are_normal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
