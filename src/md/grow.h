/* grow.h - arrays that get longer.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_GROW_H
#define AL_MD_GROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/** Room for n elements of nbytes each, and for half as many more; what is there stays.
 * @param array  a pointer to the array, which may be NULL
 * @return false: out of memory, and nothing has changed */
static inline bool al_grow(void *array, uint32_t *room, uint32_t n, size_t nbytes)
{
    void **at = array;
    if (n <= *room)
        return true;
    uint32_t wanted = n + n / 2 + 64;
    void *more = realloc(*at, wanted * nbytes);
    if (more == NULL)
        return false;
    *at = more;
    *room = wanted;
    return true;
}

#endif
