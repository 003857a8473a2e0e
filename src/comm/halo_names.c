/* halo_names.c - atoms of a halo called otherwise than they stand, and whose copies are whose. See halo.h.
 *
 * A thread's share has the copies of its own atoms, so that what they bring back is added by one thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>

#include "comm/halo.h"

/** Atoms being called otherwise. */
typedef struct renaming {
    al_halo *halo;
    const uint32_t *names; /* NULL: their numbers */
    uint32_t n, nshares;
} renaming;

/** Copies whose roots are in a share. If to is NULL, they are counted only. @return how many */
static uint32_t copies_in(const renaming *r, uint64_t share, al_halo_copy *to)
{
    const al_halo_own *own = &r->halo->own;
    uint64_t begin = al_share_begin(own->nroots, share, r->nshares);
    uint64_t end = al_share_begin(own->nroots, share + 1, r->nshares);
    uint32_t count = 0;
    for (uint32_t k = 0; k < own->n; k++) {
        const al_halo_copy *made = &own->made[k];
        if (made->root < begin || made->root >= end)
            continue;
        if (to != NULL)
            to[count] = (al_halo_copy){r->halo->names[made->root], r->halo->names[made->copy], made->image};
        count++;
    }
    return count;
}

static int rename_share(uint64_t begin, uint64_t end, void *arg)
{
    const renaming *r = arg;
    al_halo *halo = r->halo;
    for (uint64_t share = begin; share < end; share++) {
        uint64_t last = al_share_begin(r->n, share + 1, r->nshares);
        for (uint64_t k = al_share_begin(r->n, share, r->nshares); k < last; k++)
            halo->names[k] = r->names != NULL ? r->names[k] : (uint32_t)k;
        for (int p = 0; r->names != NULL && p < halo->npulses; p++) {
            al_halo_pulse *pulse = &halo->pulses[p];
            last = al_share_begin(pulse->nsent, share + 1, r->nshares);
            for (uint64_t k = al_share_begin(pulse->nsent, share, r->nshares); k < last; k++)
                pulse->sent[k] = r->names[pulse->sent[k]];
        }
        halo->own.begins[share + 1] = copies_in(r, share, NULL);
    }
    return 0;
}

static int deal_copies(uint64_t begin, uint64_t end, void *arg)
{
    const renaming *r = arg;
    for (uint64_t share = begin; share < end; share++)
        (void)copies_in(r, share, r->halo->own.copies + r->halo->own.begins[share]);
    return 0;
}

bool al_halo_rename(al_halo *halo, const uint32_t *names, uint32_t n)
{
    renaming r = {halo, names, n, al_threads_count(&halo->threads)};
    if (n > halo->nnames || halo->names == NULL) {
        free(halo->names);
        halo->nnames = n + n / 4;
        halo->names = malloc(((size_t)halo->nnames + 1) * sizeof *halo->names);
    }
    if (halo->names == NULL)
        return false;
    (void)al_shares_do(&halo->threads, r.nshares, rename_share, &r);
    halo->own.begins[0] = 0;
    for (uint32_t share = 0; share < r.nshares; share++)
        halo->own.begins[share + 1] += halo->own.begins[share];
    (void)al_shares_do(&halo->threads, r.nshares, deal_copies, &r);
    return true;
}
