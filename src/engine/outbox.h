/* outbox.h - bytes that wait for a descriptor to take them, and how fast it does.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_ENGINE_OUTBOX_H
#define AL_ENGINE_OUTBOX_H

#include <stdint.h>

#include "base/buffer.h"

/** Bytes of files and tasks that may wait here: what keeps a line busy waits in the kernel, and what is
 * written soon after it was read is still in the processor's cache. */
#define AL_OUTBOX_MOST (UINT64_C(256) << 10)

/** Zero-initialise; al_buffer_fini(&bytes) at the end. */
typedef struct al_outbox {
    al_buffer bytes; /**< append to it; what was written is taken out of it by al_outbox_write() alone */
    size_t nwritten; /**< of bytes, at their beginning */
    uint64_t nsent;  /**< in all */
    double rate;     /**< bytes a second that the descriptor took lately; 0: it took all that it was given */
    /* outbox.c's own: the time in which there was something to write, since the rate was last set */
    uint64_t last_ns, busy_ns, nbusy;
    bool is_full, was_full;
} al_outbox;

/** Bytes that wait. */
size_t al_outbox_pending(const al_outbox *out);
/** Write what waits, as far as the descriptor (which does not block) takes it. @return false: it is broken */
bool al_outbox_write(al_outbox *out, int fd);

#endif
