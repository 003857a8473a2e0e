/* job.c - a loop that runs beside the program: started, watched, waited for, and another one canceled.
 *
 * Counts primes. The first job is small and runs to its end while its progress is shown; the second would
 * take hours and is called off. The exit status says whether the count was right and the second one ended
 * when told to.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <allot/allot.h>

static const uint64_t MS = 1000000;

static bool is_prime(uint64_t n)
{
    if (n < 4)
        return n > 1;
    if (n % 2 == 0)
        return false;
    for (uint64_t d = 3; d <= n / d; d += 2) {
        if (n % d == 0)
            return false;
    }
    return true;
}

/* Each range adds its own count once: threads rarely meet at the total. */
static int count_primes(uint64_t begin, uint64_t end, void *arg)
{
    _Atomic uint64_t *total = arg;
    uint64_t count = 0;
    for (uint64_t n = begin; n < end; n++)
        count += is_prime(n);
    atomic_fetch_add_explicit(total, count, memory_order_relaxed);
    return 0;
}

static void show_progress(const allot_job *job)
{
    uint64_t done, total;
    allot_job_progress(job, &done, &total);
    printf("  %5.1f %% (%" PRIu64 " of %" PRIu64 ")\n", 100.0 * (double)done / (double)total, done, total);
}

/* Show how far it is every few milliseconds until it has ended. */
static allot_err watch(allot_job *job, allot_error *err)
{
    bool is_done = false;
    allot_err code;
    do {
        code = allot_job_wait(job, 50 * MS, &is_done, err);
        show_progress(job);
    } while (!is_done);
    return code;
}

static int run_to_the_end(void)
{
    _Atomic uint64_t nprimes = 0;
    allot_job *job;
    allot_error err;
    puts("primes below 2000000:");
    if (allot_job_start(NULL, 2000000, count_primes, &nprimes, NULL, &job, &err) != ALLOT_OK) {
        fprintf(stderr, "job: %s\n", err.text);
        return 1;
    }
    const allot_err code = watch(job, &err);
    allot_job_destroy(job);
    if (code != ALLOT_OK) {
        fprintf(stderr, "job: %s\n", err.text);
        return 1;
    }
    printf("  there are %" PRIu64 "\n", (uint64_t)nprimes);
    return nprimes == 148933 ? 0 : 1;
}

static int call_off(void)
{
    _Atomic uint64_t nprimes = 0;
    allot_job *job;
    allot_error err;
    bool is_done;
    puts("primes below 10^12, for a tenth of a second:");
    if (allot_job_start(NULL, UINT64_C(1000000000000), count_primes, &nprimes, NULL, &job, &err) !=
        ALLOT_OK) {
        fprintf(stderr, "job: %s\n", err.text);
        return 1;
    }
    allot_err code = allot_job_wait(job, 100 * MS, &is_done, &err);
    if (!is_done) {
        allot_job_cancel(job);
        code = allot_job_wait(job, UINT64_MAX, &is_done, &err);
    }
    show_progress(job);
    printf("  %s\n", allot_err_text(code));
    allot_job_destroy(job);
    return code == ALLOT_ECANCELED ? 0 : 1;
}

int main(void)
{
    return run_to_the_end() || call_off();
}
