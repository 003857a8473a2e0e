/* fuzz_frame.c - what the other side of a link may send: frames, each kind of message, and what is in them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "engine/file_transfer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** A piece of a file, to where it does no harm. */
static void try_data(const al_file_data *data)
{
    al_receiver receiver = {.folder = -1, .fd = open("/dev/null", O_WRONLY), .wanted = UINT64_C(1) << 40};
    static void *summing;
    if (summing == NULL)
        summing = XXH3_createState();
    XXH3_128bits_reset(summing);
    receiver.summing = summing;
    bool good = al_receiver_data(&receiver, data);
    if (receiver.nbytes != (good && receiver.fault == 0 ? data->nbytes : 0) ||
        receiver.nbytes > AL_TRANSFER_CHUNK)
        abort();
    receiver.summing = NULL;
    al_receiver_fini(&receiver);
}

/** Decode it; what could be decoded is encoded and decoded to the same. */
static void try_message(const al_frame *frame)
{
    al_message message, again;
    al_buffer out = {.at = NULL};
    al_frame second;
    size_t used;
    const char *why;
    if (!al_message_decode(frame, &message))
        return;
    if (message.kind == AL_MESSAGE_TASK) {
        al_fields rest = {.rest = message.order.cached};
        for (al_cached_input input; al_cached_input_next(&rest, &input);)
            (void)al_path_is_below(input.path);
    }
    if (message.kind == AL_MESSAGE_DATA)
        try_data(&message.data);
    if (message.kind == AL_MESSAGE_FILE)
        (void)al_path_is_below(message.file.path);
    al_message_encode(&out, &message);
    if (al_frame_next((al_bytes){out.at, out.nbytes}, &second, &used, &why) != AL_FRAME_WHOLE ||
        !al_message_decode(&second, &again) || second.payload.nbytes != frame->payload.nbytes ||
        memcmp(second.payload.at, frame->payload.at, second.payload.nbytes) != 0)
        abort();
    al_buffer_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    al_frame frame;
    size_t used;
    const char *why;
    al_bytes rest = {(const char *)data, size};
    while (al_frame_next(rest, &frame, &used, &why) == AL_FRAME_WHOLE) {
        try_message(&frame);
        rest = (al_bytes){rest.at + used, rest.nbytes - used};
    }
    /* The same bytes as a payload, whose sum is taken for granted: the first byte is the kind. */
    if (size > 0)
        try_message(&(al_frame){(uint8_t)((data[0] + AL_MESSAGE_NKINDS - 2) % (AL_MESSAGE_NKINDS - 1) + 1),
                                {(const char *)data + 1, size - 1}});
    return 0;
}
