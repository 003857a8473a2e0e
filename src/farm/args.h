/* args.h - a task's arguments as one string of bytes: what inputs make, the store keeps and templates read.
 *
 * An argument may hold any byte but NUL, so NUL stands between two of them: "a", "b" is the three bytes
 * a NUL b. There is always at least one argument; it may be empty.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_FARM_ARGS_H
#define AL_FARM_ARGS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct al_args {
    const char *at; /**< borrowed; not terminated */
    size_t nbytes;
} al_args;

static inline uint32_t al_args_count(al_args args)
{
    uint32_t n = 1;
    for (const char *p = args.at, *end = args.at + args.nbytes;
         p < end && (p = memchr(p, '\0', (size_t)(end - p))) != NULL; p++)
        n++;
    return n;
}

/** Step through the arguments: begin with *rest = args.
 * @param[out] arg  the next one
 * @return 0 when there is none left. rest->at is NULL after the last */
static inline int al_args_next(al_args *rest, al_args *arg)
{
    if (rest->at == NULL)
        return 0;
    const char *nul = rest->nbytes > 0 ? memchr(rest->at, '\0', rest->nbytes) : NULL;
    arg->at = rest->at;
    arg->nbytes = nul != NULL ? (size_t)(nul - rest->at) : rest->nbytes;
    if (nul != NULL)
        *rest = (al_args){nul + 1, rest->nbytes - arg->nbytes - 1};
    else
        *rest = (al_args){NULL, 0};
    return 1;
}

#endif
