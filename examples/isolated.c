/* isolated.c - a function that cannot be trusted, on isolated engines: items that crash, exit or hang cost
 * themselves, and are named; all others are done.
 *
 * The function stands for code that somebody else wrote: it is given the numbers 0 ... 999, and three of them
 * it does not survive. The program checks that these three are told of, each with how it ended, and that the
 * other 997 results are right; the exit status says whether it was so.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <allot/allot.h>

enum { NITEMS = 1000, CRASHES = 111, EXITS = 222, HANGS = 333 };

/** The square of x, by somebody who has seen neither 111 nor 222 nor 333. */
static double fragile(double x)
{
    if (x == CRASHES)
        (void)raise(SIGSEGV);
    if (x == EXITS)
        exit(3);
    while (x == HANGS)
        ;
    return x * x;
}

static int square(const void *in, void *out, uint64_t first, uint64_t count, void *arg)
{
    const double *x = in;
    double *y = out;
    (void)first;
    (void)arg;
    for (uint64_t k = 0; k < count; k++)
        y[k] = fragile(x[k]);
    return 0;
}

static int tell(const allot_faults *faults)
{
    static const allot_fault expected[] = {
        {CRASHES, ALLOT_FAULT_SIGNAL, SIGSEGV}, {EXITS, ALLOT_FAULT_EXIT, 3}, {HANGS, ALLOT_FAULT_LIMIT, 0}};
    int nwrong = faults->nfaults != 3;
    for (uint64_t k = 0; k < faults->nfaults && k < 3; k++) {
        const allot_fault *f = &faults->items[k];
        printf("item %d: %s (%d)\n", (int)f->index, allot_fault_text(f->kind), f->value);
        nwrong +=
            f->index != expected[k].index || f->kind != expected[k].kind || f->value != expected[k].value;
    }
    return nwrong;
}

int main(void)
{
    double x[NITEMS], y[NITEMS] = {0};
    allot_fault bad[10];
    allot_faults faults = {bad, sizeof bad / sizeof bad[0], 0};
    allot_map_opts opts = ALLOT_MAP_OPTS_INIT;
    allot_pool *pool;
    allot_error err;
    for (int k = 0; k < NITEMS; k++)
        x[k] = k;
    opts.item_timeout_ns = UINT64_C(1000000000); /* 1 s an item */
    opts.faults = &faults;                       /* without it the first bad item would end the call */
    if (allot_pool_open(&pool, "procs:2", &err) != ALLOT_OK) {
        fprintf(stderr, "isolated: %s\n", err.text);
        return 1;
    }
    const allot_err code = allot_map(pool, NITEMS, x, sizeof x[0], y, sizeof y[0], square, NULL, &opts, &err);
    allot_pool_destroy(pool);
    if (code != ALLOT_EUSER) { /* what items that failed are told by */
        fprintf(stderr, "isolated: %s\n", code == ALLOT_OK ? "nothing failed" : err.text);
        return 1;
    }
    int nwrong = tell(&faults), ngood = 0;
    for (int k = 0; k < NITEMS; k++)
        ngood += k != CRASHES && k != EXITS && k != HANGS && y[k] == x[k] * x[k];
    printf("%d other items are right\n", ngood);
    return nwrong == 0 && ngood == NITEMS - 3 ? 0 : 1;
}
