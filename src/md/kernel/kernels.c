/* kernels.c - which kernels there are, and which run here. See pair.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "md/kernel/pair.h"

const al_kernels *const al_kernels_all[] = {
#if defined(__x86_64__)
    &al_kernels_avx512, &al_kernels_avx2,
#endif
    &al_kernels_ref, NULL};

const al_kernels *al_kernels_find(const char *name)
{
    for (const al_kernels *const *k = al_kernels_all; *k != NULL; k++)
        if ((name == NULL || strcmp(name, (*k)->name) == 0) && (*k)->can_run())
            return *k;
    return NULL;
}
