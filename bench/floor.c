/* floor.c - the least that running commands can cost: vfork, execve, wait4, N times, J at a time, and nothing
 * else.
 *
 *     floor N J PROGRAM [ARGUMENT]     prints microseconds a command
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec * 1e-3;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: floor N J PROGRAM [ARGUMENT]\n");
        return 2;
    }
    long n = strtol(argv[1], NULL, 10), at_once = strtol(argv[2], NULL, 10), started = 0, ended = 0;
    struct rusage usage;
    double begin_us = now_us();
    while (ended < n) {
        while (started < n && started - ended < at_once) {
            pid_t child = vfork();
            if (child == 0) {
                (void)execv(argv[3], argv + 3);
                _exit(127);
            }
            if (child < 0)
                return 1;
            started++;
        }
        int status;
        if (wait4(-1, &status, 0, &usage) > 0)
            ended++;
        if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
            return 1;
    }
    printf("%.2f\n", (now_us() - begin_us) / (double)n);
    return 0;
}
