/* check.c - a peer that is fast and wrong is no peer: each item is done exactly once, and pow10 gives the
 * serial loop's bits, for sizes around every edge (none, one, fewer items than threads, odd, many).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static const uint64_t sizes[] = {0, 1, 2, 3, 7, 10, 100, 1001, 12345, 1000000};

static bool check_marks(const bench_peer *peer, unsigned char *marks, uint64_t most, uint64_t n)
{
    bench_work work;
    bench_work_init(&work, BENCH_MARK, 0, n);
    work.marks = marks;
    memset(marks, 0, most);
    peer->run(&work, n);
    for (uint64_t i = 0; i < most; i++) {
        if (marks[i] != (i < n)) {
            fprintf(stderr, "bench: %s: of %llu items, item %llu was done %d times\n", peer->name,
                    (unsigned long long)n, (unsigned long long)i, marks[i]);
            return false;
        }
    }
    return true;
}

static bool check_pow10(const bench_peer *peer, const double *in, double *out, double *expected, uint64_t n)
{
    bench_work work;
    bench_work_init(&work, BENCH_POW10, 0, n);
    work.in = in;
    work.out = expected;
    work.body(0, n, &work);
    memset(out, 0xff, n * sizeof *out);
    work.out = out;
    peer->run(&work, n);
    if (memcmp(out, expected, n * sizeof *out) == 0)
        return true;
    fprintf(stderr, "bench: %s: x**10 over %llu doubles is not the serial loop's\n", peer->name,
            (unsigned long long)n);
    return false;
}

static bool check_sizes(const bench_peer *peer, unsigned char *marks, double *arrays, uint64_t most)
{
    double *in = arrays, *out = arrays + most, *expected = arrays + 2 * most;
    bool is_right = true;
    for (uint64_t i = 0; i < most; i++)
        in[i] = 0.5 + 1e-6 * (double)i;
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        is_right = check_marks(peer, marks, most, sizes[s]) && is_right;
        is_right = check_pow10(peer, in, out, expected, sizes[s]) && is_right;
    }
    return is_right;
}

int bench_check(const bench_request *request)
{
    const uint64_t most = sizes[sizeof sizes / sizeof sizes[0] - 1];
    unsigned char *marks = malloc(most);
    double *arrays = malloc(3 * most * sizeof *arrays);
    int status = 1;
    if (!marks || !arrays)
        fprintf(stderr, "bench: no memory for %llu items\n", (unsigned long long)most);
    else if (check_sizes(request->peer, marks, arrays, most))
        status = 0;
    if (status == 0)
        printf("%s\tok\n", request->peer->name);
    free(marks);
    free(arrays);
    return status;
}
