/* cpu_share.c - see cpu_share.h. What is measured in a few moments of running tells nothing of the moments
 * between: on a machine that is busy, work that takes 1 ms of a processor may take 5.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/cpu_share.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

#define LOOK_EVERY_NS UINT64_C(200000000)

/** @return whether the system told */
static int read_times(unsigned long long *ran_ns, unsigned long long *waited_ns)
{
    char text[100];
    int fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0)
        (void)close(fd);
    text[n > 0 ? n : 0] = '\0';
    return sscanf(text, "%llu %llu", ran_ns, waited_ns) == 2;
}

double al_cpu_share_now(al_cpu_share *share)
{
    unsigned long long ran_ns, waited_ns;
    uint64_t now_ns = al_clock_ns();
    if (share->share > 0 && now_ns < share->looked_ns + LOOK_EVERY_NS)
        return share->share;
    share->looked_ns = now_ns;
    share->share = 1;
    if (!read_times(&ran_ns, &waited_ns) || ran_ns <= share->ran_ns || waited_ns < share->waited_ns)
        return share->share;
    double ran = (double)(ran_ns - share->ran_ns), waited = (double)(waited_ns - share->waited_ns);
    share->share = ran / (ran + waited);
    share->ran_ns = ran_ns;
    share->waited_ns = waited_ns;
    return share->share;
}
