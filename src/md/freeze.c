/* freeze.c - see freeze.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/freeze.h"

#include <stdlib.h>

static bool is_some(uint8_t directions)
{
    return directions != 0 && directions != AL_FREEZE_ALL;
}

void al_freeze_open(al_freeze *freeze, const uint8_t *of, uint64_t natoms)
{
    *freeze = (al_freeze){.of = NULL};
    for (uint64_t k = 0; of != NULL && k < natoms; k++)
        if (is_some(of[k]))
            freeze->of = of;
}

void al_freeze_close(al_freeze *freeze)
{
    free(freeze->mask);
    *freeze = (al_freeze){.of = NULL};
}

bool al_freeze_place(al_freeze *freeze, const al_space *space)
{
    size_t n = (size_t)space->nhome_blocks * AL_BLOCK;
    if (!al_freeze_is_any(freeze))
        return true;
    if (n > freeze->room || freeze->mask == NULL) {
        free(freeze->mask);
        freeze->room = n + n / 4 + 1;
        freeze->mask = malloc(freeze->room);
    }
    for (size_t k = 0; k < n && freeze->mask != NULL; k++) {
        uint8_t directions = space->id[k] != AL_NO_ATOM ? freeze->of[space->id[k]] : 0;
        freeze->mask[k] = is_some(directions) ? directions : 0;
    }
    return freeze->mask != NULL;
}

void al_freeze_rest(const al_freeze *freeze, const al_space *space, double *vectors)
{
    if (!al_freeze_is_any(freeze))
        return;
    for (size_t k = 0; k < (size_t)space->nhome_blocks * AL_BLOCK; k++)
        for (unsigned d = 0; freeze->mask[k] != 0 && d < 3; d++)
            if (freeze->mask[k] >> d & 1)
                vectors[al_block_at(k, d)] = 0;
}

void al_freeze_hold(const al_freeze *freeze, al_space *space)
{
    if (!al_freeze_is_any(freeze))
        return;
    for (size_t k = 0; k < (size_t)space->nhome_blocks * AL_BLOCK; k++)
        for (unsigned d = 0; freeze->mask[k] != 0 && d < 3; d++)
            if (freeze->mask[k] >> d & 1)
                space->x[al_block_at(k, d)] = space->x_listed[al_block_at(k, d)];
    al_freeze_rest(freeze, space, space->v);
}
