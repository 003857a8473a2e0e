/* frame.c - see frame.h.
 *
 * ssh and srun carry bytes without errors, or break. A sum on each frame is there for the other cases: a
 * login shell that prints in between, two agents on one pipe, a relay that cuts and goes on. Its cost is a
 * ten-thousandth of the encryption's.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "engine/frame.h"

#include <string.h>

#define XXH_INLINE_ALL /* no library: the agent is to run on hosts that have none */
#include <xxhash.h>

#include "engine/message.h"

/* A head: the payload's length (4), the kind (1), three zeros, the sum of payload and the first half (8). */

static void store_u32(char *at, uint32_t value)
{
    for (int k = 0; k < 4; k++)
        at[k] = (char)(value >> 8 * k & 0xff);
}

static void store_u64(char *at, uint64_t value)
{
    store_u32(at, (uint32_t)value);
    store_u32(at + 4, (uint32_t)(value >> 32));
}

static uint32_t load_u32(const char *at)
{
    uint32_t value = 0;
    for (int k = 0; k < 4; k++)
        value |= (uint32_t)(uint8_t)at[k] << 8 * k;
    return value;
}

static uint64_t load_u64(const char *at)
{
    return load_u32(at) | (uint64_t)load_u32(at + 4) << 32;
}

static uint64_t sum_of(uint32_t nbytes, uint8_t kind, const char *payload)
{
    return XXH3_64bits_withSeed(payload, nbytes, (uint64_t)nbytes << 8 | kind);
}

size_t al_frame_begin(al_buffer *out, uint8_t kind)
{
    char head[AL_FRAME_HEAD] = {0};
    size_t mark = out->nbytes;
    head[4] = (char)kind;
    (void)al_buffer_append(out, head, sizeof head);
    return mark;
}

void al_frame_end(al_buffer *out, size_t mark)
{
    if (out->failed)
        return;
    char *head = out->at + mark;
    uint32_t nbytes = (uint32_t)(out->nbytes - mark - AL_FRAME_HEAD);
    store_u32(head, nbytes);
    store_u64(head + 8, sum_of(nbytes, (uint8_t)head[4], head + AL_FRAME_HEAD));
}

al_frame_state al_frame_next(al_bytes read, al_frame *frame, size_t *used, const char **why)
{
    if (read.nbytes < AL_FRAME_HEAD)
        return AL_FRAME_PART;
    const char *head = read.at;
    uint32_t nbytes = load_u32(head);
    uint8_t kind = (uint8_t)head[4];
    *why = "a frame without meaning";
    if (kind == 0 || kind >= AL_MESSAGE_NKINDS || head[5] != 0 || head[6] != 0 || head[7] != 0)
        return AL_FRAME_BAD;
    *why = "a frame that is too long";
    if (nbytes > (kind == AL_MESSAGE_TASK ? AL_FRAME_MOST_TASK : AL_FRAME_MOST))
        return AL_FRAME_BAD;
    if (read.nbytes - AL_FRAME_HEAD < nbytes)
        return AL_FRAME_PART;
    *why = "a frame whose sum is wrong";
    if (load_u64(head + 8) != sum_of(nbytes, kind, head + AL_FRAME_HEAD))
        return AL_FRAME_BAD;
    *frame = (al_frame){kind, {head + AL_FRAME_HEAD, nbytes}};
    *used = AL_FRAME_HEAD + (size_t)nbytes;
    return AL_FRAME_WHOLE;
}

/* ---- fields ---------------------------------------------------------------------------------------------
 */

void al_put_u8(al_buffer *out, uint8_t value)
{
    (void)al_buffer_byte(out, (char)value);
}

void al_put_u32(al_buffer *out, uint32_t value)
{
    char bytes[4];
    store_u32(bytes, value);
    (void)al_buffer_append(out, bytes, sizeof bytes);
}

void al_set_u32(char *at, uint32_t value)
{
    store_u32(at, value);
}

void al_put_u64(al_buffer *out, uint64_t value)
{
    char bytes[8];
    store_u64(bytes, value);
    (void)al_buffer_append(out, bytes, sizeof bytes);
}

void al_put_bytes(al_buffer *out, al_bytes bytes)
{
    al_put_u32(out, (uint32_t)bytes.nbytes);
    (void)al_buffer_append(out, bytes.at, bytes.nbytes);
}

void al_put_text(al_buffer *out, const char *text)
{
    al_put_bytes(out, (al_bytes){text, strlen(text)});
}

/** The next bytes; NULL: there are not so many. */
static const char *take(al_fields *fields, size_t nbytes)
{
    if (fields->is_bad || fields->rest.nbytes < nbytes) {
        fields->is_bad = true;
        return NULL;
    }
    const char *at = fields->rest.at;
    fields->rest = (al_bytes){at + nbytes, fields->rest.nbytes - nbytes};
    return at;
}

uint8_t al_get_u8(al_fields *fields)
{
    const char *at = take(fields, 1);
    return at != NULL ? (uint8_t)*at : 0;
}

uint32_t al_get_u32(al_fields *fields)
{
    const char *at = take(fields, 4);
    return at != NULL ? load_u32(at) : 0;
}

uint64_t al_get_u64(al_fields *fields)
{
    const char *at = take(fields, 8);
    return at != NULL ? load_u64(at) : 0;
}

al_bytes al_get_bytes(al_fields *fields)
{
    uint32_t nbytes = al_get_u32(fields);
    const char *at = take(fields, nbytes);
    return at != NULL ? (al_bytes){at, nbytes} : (al_bytes){"", 0};
}

void al_get_text(al_fields *fields, char *text, size_t room)
{
    al_bytes bytes = al_get_bytes(fields);
    if (bytes.nbytes >= room || (bytes.nbytes > 0 && memchr(bytes.at, '\0', bytes.nbytes) != NULL)) {
        fields->is_bad = true;
        bytes.nbytes = 0;
    }
    memcpy(text, bytes.at, bytes.nbytes);
    text[bytes.nbytes] = '\0';
}
