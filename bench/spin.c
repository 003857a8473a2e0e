/* spin.c - keeps a processor busy for so many microseconds of its own time: a task of a known size.
 *
 *     spin MICROSECONDS
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv)
{
    double us = argc > 1 ? strtod(argv[1], NULL) : 0;
    struct timespec used;
    do
        (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    while ((double)used.tv_sec * 1e6 + (double)used.tv_nsec * 1e-3 < us);
    return 0;
}
