/* later.c - a library that a test loads when engines are there already.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdint.h>

__attribute__((visibility("default"))) int say_seven_later(const void *in, void *out, uint64_t first,
                                                           uint64_t count, void *arg);

int say_seven_later(const void *in, void *out, uint64_t first, uint64_t count, void *arg)
{
    (void)in, (void)first, (void)arg;
    for (uint64_t i = 0; i < count; i++)
        ((int *)out)[i] = 7;
    return 0;
}
