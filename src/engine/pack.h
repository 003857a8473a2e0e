/* pack.h - pieces of files made shorter, and as they were again. pack.c alone knows how: by zstd.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_ENGINE_PACK_H
#define AL_ENGINE_PACK_H

#include <stdbool.h>
#include <stddef.h>

/** Memory that packing or unpacking needs, kept from one piece to the next. Zero-initialise. */
typedef struct al_packer {
    void *packing, *unpacking;
} al_packer;

/** Whether this program was built with it. An agent for a machine without the library is not. */
bool al_pack_is_here(void);
/** Pack nbytes into at most room. @return bytes that it takes; 0: it does not become so short, or memory ran
 * out */
size_t al_pack(al_packer *packer, const char *from, size_t nbytes, char *to, size_t room);
/** Unpack what becomes nbytes exactly, which `to` has room for. @return false: it becomes something else, or
 * is damaged, or memory ran out */
bool al_unpack(al_packer *packer, const char *from, size_t npacked, char *to, size_t nbytes);
void al_packer_fini(al_packer *packer);

#endif
