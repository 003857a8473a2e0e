/* fuzz_trajectory.c - any bytes as frames of each format: what their beginnings say makes sense, so that a
 * walk over them ends.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdint.h>
#include <stdlib.h>

#include "md/trajectory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes);

static void walk(const al_trajectory_format *format, const uint8_t *data, size_t nbytes)
{
    al_frame_head head;
    for (size_t at = 0; at < nbytes; at += head.nbytes) {
        size_t n = nbytes - at < AL_FRAME_HEAD_NBYTES ? nbytes - at : AL_FRAME_HEAD_NBYTES;
        bool is_frame = format->head(data + at, n, &head);
        if (!is_frame && head.nbytes != 0 && (head.nbytes <= n || head.nbytes > AL_FRAME_HEAD_NBYTES))
            abort(); /* it asks for bytes that it has, or that it never gets */
        if (is_frame && (head.nbytes % 4 != 0 || head.nbytes < 56))
            abort();
        if (!is_frame || head.nbytes > nbytes - at)
            break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes)
{
    for (const al_trajectory_format *const *format = al_trajectory_formats; *format != NULL; format++)
        walk(*format, data, nbytes);
    return 0;
}
