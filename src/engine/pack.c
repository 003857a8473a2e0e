/* pack.c - see pack.h.
 *
 * Each piece is a zstd frame of its own: a piece's length is told beside it, so nothing that comes can make
 * us allocate or write more than a piece's room. Level 1: what is faster than lines are, and still shortens
 * what can be shortened (docs/decisions/0018).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/pack.h"

#ifdef AL_HAS_ZSTD

#include <zstd.h>

#define LEVEL 1

bool al_pack_is_here(void)
{
    return true;
}

size_t al_pack(al_packer *packer, const char *from, size_t nbytes, char *to, size_t room)
{
    if (packer->packing == NULL)
        packer->packing = ZSTD_createCCtx();
    if (packer->packing == NULL)
        return 0;
    size_t n = ZSTD_compressCCtx(packer->packing, to, room, from, nbytes, LEVEL);
    return ZSTD_isError(n) ? 0 : n;
}

bool al_unpack(al_packer *packer, const char *from, size_t npacked, char *to, size_t nbytes)
{
    if (packer->unpacking == NULL)
        packer->unpacking = ZSTD_createDCtx();
    return packer->unpacking != NULL &&
           ZSTD_decompressDCtx(packer->unpacking, to, nbytes, from, npacked) == nbytes;
}

void al_packer_fini(al_packer *packer)
{
    (void)ZSTD_freeCCtx(packer->packing);
    (void)ZSTD_freeDCtx(packer->unpacking);
    *packer = (al_packer){NULL, NULL};
}

#else /* everything goes as it is */

bool al_pack_is_here(void)
{
    return false;
}

size_t al_pack(al_packer *packer, const char *from, size_t nbytes, char *to, size_t room)
{
    (void)packer, (void)from, (void)nbytes, (void)to, (void)room;
    return 0;
}

bool al_unpack(al_packer *packer, const char *from, size_t npacked, char *to, size_t nbytes)
{
    (void)packer, (void)from, (void)npacked, (void)to, (void)nbytes;
    return false;
}

void al_packer_fini(al_packer *packer)
{
    (void)packer;
}

#endif
