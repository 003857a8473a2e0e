/* packing.h - whether the pieces of files that go over a line are packed, piece by piece, by what is measured
 * on the way.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_ENGINE_PACKING_H
#define AL_ENGINE_PACKING_H

#include <stdint.h>

#include "engine/pack.h"
#include "plan/compress.h"

/** As HELLO says it. */
typedef enum al_packing_when {
    AL_PACKING_NEVER,
    AL_PACKING_PAYS,
    AL_PACKING_ALWAYS, /**< whatever becomes shorter: for tests, and for who knows better */
} al_packing_when;

/** Zero-initialise: never. */
typedef struct al_packing {
    al_packing_when when;
    al_packer packer;
    al_line_facts facts;
    bool is_on;
    uint64_t nplain; /**< bytes sent as they are since packing was last tried, or on since the line was */
    const char *why; /**< static text; NULL: nothing was decided */
} al_packing;

/** Whether the next piece is to be tried. @param line_rate  al_outbox.rate */
bool al_packing_wants(al_packing *packing, size_t nbytes, double line_rate);
/** A piece was packed; npacked: 0: in vain. took_ns: as it would be one after the other, on this machine as
 * busy as it is. */
void al_packing_tried(al_packing *packing, size_t nbytes, size_t npacked, uint64_t took_ns);
/** A piece goes as it is. */
void al_packing_passed(al_packing *packing, size_t nbytes);
void al_packing_fini(al_packing *packing);

#endif
