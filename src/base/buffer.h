/* buffer.h - bytes that grow at the end.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_BASE_BUFFER_H
#define AL_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

/** Zero-initialise. A failed append leaves what is there and is remembered, so that a row of appends may be
 * checked once, at its end. */
typedef struct al_buffer {
    char *at; /**< NULL while nothing was appended */
    size_t nbytes;
    size_t room;
    bool failed; /**< memory ran out */
} al_buffer;

/** Make room for nbytes more. @return where they go, or NULL: out of memory */
char *al_buffer_reserve(al_buffer *buffer, size_t nbytes);
/** @return false when memory ran out, now or before */
bool al_buffer_append(al_buffer *buffer, const void *bytes, size_t nbytes);
/** Append a text without its end. */
bool al_buffer_text(al_buffer *buffer, const char *text);
bool al_buffer_byte(al_buffer *buffer, char byte);
/** Forget the contents, keep the room; forgets a failure too. */
void al_buffer_clear(al_buffer *buffer);
/** Give the memory back; the buffer is as new. */
void al_buffer_fini(al_buffer *buffer);

#endif
