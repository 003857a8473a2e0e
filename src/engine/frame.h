/* frame.h - what goes over the wire between a controller and an agent, one frame after the other. Pure.
 * docs/formats/frames.md is the layout.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_ENGINE_FRAME_H
#define AL_ENGINE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/** Goes up with every change of a frame's or a message's layout. */
#define AL_FRAME_VERSION 3u

enum {
    AL_FRAME_HEAD = 16,           /**< bytes before a payload */
    AL_FRAME_MOST = 1 << 20,      /**< bytes of a payload, unless the frame carries a command */
    AL_FRAME_MOST_TASK = 1 << 23, /**< ... whose arguments may be many */
};

/** Bytes that somebody else owns. */
typedef struct al_bytes {
    const char *at;
    size_t nbytes;
} al_bytes;

/** The ends of a frame in the making: what is appended to `out` between the two is its payload. */
size_t al_frame_begin(al_buffer *out, uint8_t kind);
void al_frame_end(al_buffer *out, size_t mark);

typedef enum al_frame_state { AL_FRAME_PART, AL_FRAME_WHOLE, AL_FRAME_BAD } al_frame_state;

typedef struct al_frame {
    uint8_t kind;
    al_bytes payload; /**< borrowed from what was read */
} al_frame;

/** Look for a frame at the beginning of what was read.
 * @param[out] used  AL_FRAME_WHOLE: bytes that the frame takes
 * @param[out] why   AL_FRAME_BAD: static text: what is wrong with it; nothing after it can be understood */
al_frame_state al_frame_next(al_bytes read, al_frame *frame, size_t *used, const char **why);

/* ---- fields of a payload, little-endian ---- */

void al_put_u8(al_buffer *out, uint8_t value);
void al_put_u32(al_buffer *out, uint32_t value);
void al_put_u64(al_buffer *out, uint64_t value);
/** The same as al_put_u32(), in place of four bytes that are there. */
void al_set_u32(char *at, uint32_t value);
/** A length of four bytes, then the bytes. */
void al_put_bytes(al_buffer *out, al_bytes bytes);
void al_put_text(al_buffer *out, const char *text);

/** Reads fields one after the other; once one is not there, `is_bad` stays set and all that follow are 0. */
typedef struct al_fields {
    al_bytes rest;
    bool is_bad;
} al_fields;

uint8_t al_get_u8(al_fields *fields);
uint32_t al_get_u32(al_fields *fields);
uint64_t al_get_u64(al_fields *fields);
al_bytes al_get_bytes(al_fields *fields);
/** Bytes without a NUL among them and shorter than room, as a text with an end. */
void al_get_text(al_fields *fields, char *text, size_t room);

#endif
