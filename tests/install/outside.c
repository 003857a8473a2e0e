/* outside.c - a program that knows allot only by what was installed. C11 and C++11 alike.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <allot/allot.h>

#define NITEMS 1000u

static int square(uint64_t begin, uint64_t end, void *arg)
{
    uint64_t *squares = (uint64_t *)arg;
    for (uint64_t i = begin; i < end; i++)
        squares[i] = i * i;
    return 0;
}

int main(void)
{
    static uint64_t squares[NITEMS];
    allot_error err;
    if (allot_for(NULL, NITEMS, square, squares, NULL, &err) != ALLOT_OK) {
        fprintf(stderr, "outside: %s\n", err.text);
        return 1;
    }
    for (uint64_t i = 0; i < NITEMS; i++)
        if (squares[i] != i * i)
            return 1;
    if (strcmp(allot_version(), ALLOT_VERSION) != 0)
        return 1;
    printf("outside: allot %s\n", allot_version());
    return 0;
}
