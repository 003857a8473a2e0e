/* pi.c - a sum of floating-point numbers with the same bits on any number of threads.
 *
 * pi is the integral of 4 / (1 + x*x) over [0, 1], here by the midpoint rule. Adding doubles in another order
 * gives other last digits, which is why a parallel sum usually changes with the machine. allot_reduce() adds
 * in an order that depends on the number of items alone: this program adds them up on 1, 2, 3 and 8 threads
 * and compares the bits; the exit status says whether they were the same and close to pi.
 *
 *     pi [ITEMS]         10000000 unless given
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <allot/allot.h>

static int add_slices(uint64_t begin, uint64_t end, void *acc, void *arg)
{
    const double width = *(const double *)arg;
    double sum = *(double *)acc;
    for (uint64_t i = begin; i < end; i++) {
        const double x = ((double)i + 0.5) * width;
        sum += 4.0 / (1.0 + x * x);
    }
    *(double *)acc = sum;
    return 0;
}

static void add_sums(void *acc, const void *right, void *arg)
{
    (void)arg;
    *(double *)acc += *(const double *)right;
}

static bool integrate(uint32_t nthreads, uint64_t nitems, double *pi)
{
    static const allot_reducer sum = {sizeof(double), add_slices, add_sums};
    const allot_pool_opts opts = {.nthreads = nthreads};
    double width = 1.0 / (double)nitems, total = 0;
    allot_pool *pool;
    allot_error err;
    if (allot_pool_create(&pool, &opts, &err) != ALLOT_OK) {
        fprintf(stderr, "pi: %s\n", err.text);
        return false;
    }
    const allot_err code = allot_reduce(pool, nitems, &sum, &total, &width, NULL, &err);
    allot_pool_destroy(pool);
    if (code != ALLOT_OK) {
        fprintf(stderr, "pi: %s\n", err.text);
        return false;
    }
    *pi = total * width;
    return true;
}

int main(int argc, char **argv)
{
    static const uint32_t threads[] = {1, 2, 3, 8};
    const uint64_t nitems = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000000;
    double first = 0;
    if (nitems == 0) {
        fprintf(stderr, "usage: pi [ITEMS], a number from 1\n");
        return 2;
    }
    for (size_t t = 0; t < sizeof threads / sizeof threads[0]; t++) {
        double pi;
        if (!integrate(threads[t], nitems, &pi))
            return 1;
        printf("%u thread%s %.17g  %a\n", threads[t], threads[t] == 1 ? ": " : "s:", pi, pi);
        if (t == 0)
            first = pi;
        if (memcmp(&pi, &first, sizeof pi) != 0) {
            fprintf(stderr, "pi: the bits differ\n");
            return 1;
        }
    }
    /* The rule's error is below 1 / (10 n^2); rounding adds some units in the last place. */
    if (fabs(first - 3.14159265358979323846) > 0.1 / (double)nitems / (double)nitems + 1e-12) {
        fprintf(stderr, "pi: that is not pi\n");
        return 1;
    }
    return 0;
}
