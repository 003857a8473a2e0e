/* buffer.c - see buffer.h. Room doubles, so that n bytes cost O(n) however they come.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/buffer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_LEAST 64

char *al_buffer_reserve(al_buffer *buffer, size_t nbytes)
{
    if (nbytes > SIZE_MAX / 4 - buffer->nbytes) {
        buffer->failed = true;
        return NULL;
    }
    if (buffer->at == NULL || buffer->nbytes + nbytes > buffer->room) {
        size_t room = buffer->room > 0 ? buffer->room : ROOM_LEAST;
        while (room < buffer->nbytes + nbytes)
            room *= 2;
        char *at = realloc(buffer->at, room);
        if (at == NULL) {
            buffer->failed = true;
            return NULL;
        }
        buffer->at = at;
        buffer->room = room;
    }
    return buffer->at + buffer->nbytes;
}

bool al_buffer_append(al_buffer *buffer, const void *bytes, size_t nbytes)
{
    if (buffer->failed)
        return false;
    char *end = al_buffer_reserve(buffer, nbytes);
    if (end == NULL)
        return false;
    if (nbytes > 0)
        memcpy(end, bytes, nbytes);
    buffer->nbytes += nbytes;
    return true;
}

bool al_buffer_text(al_buffer *buffer, const char *text)
{
    return al_buffer_append(buffer, text, strlen(text));
}

bool al_buffer_byte(al_buffer *buffer, char byte)
{
    return al_buffer_append(buffer, &byte, 1);
}

void al_buffer_clear(al_buffer *buffer)
{
    buffer->nbytes = 0;
    buffer->failed = false;
}

void al_buffer_fini(al_buffer *buffer)
{
    free(buffer->at);
    *buffer = (al_buffer){.at = NULL};
}
