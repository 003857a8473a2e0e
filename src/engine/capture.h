/* capture.h - what a task writes: read from its pipe, kept short in memory and long in a file.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_ENGINE_CAPTURE_H
#define AL_ENGINE_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

/** Output up to this long is kept in memory, and goes into the run with the result. */
#define AL_INLINE_MOST 4096u

/** Sees what is read as it comes. */
typedef void al_capture_sink(void *arg, const char *at, size_t nbytes);

/** One of a task's two outputs. */
typedef struct al_capture {
    int pipe;        /**< its reading end; -1: at its end */
    int file;        /**< where it goes once it is long; -1: not yet */
    al_buffer text;  /**< all of it, while it is short */
    uint64_t nbytes; /**< of it so far */
    al_capture_sink *sink;
    void *sink_arg;
    int fault; /**< errno: it could not be kept from here on */
    bool is_nonblocking;
} al_capture;

/** Make the pipe.
 * @param sink       NULL, or for who wants to see all of it at once, called with sink_arg
 * @param[out] write_end  for the task; to be closed here once it runs. @return 0 or errno */
int al_capture_open(al_capture *capture, al_capture_sink *sink, void *sink_arg, int *write_end);

typedef enum al_capture_state {
    AL_CAPTURE_MORE, /**< nothing there at present, but somebody may still write */
    AL_CAPTURE_BUSY, /**< there may be more at once: others first */
    AL_CAPTURE_END,
} al_capture_state;

/** Writes the name of the file for a task's long output. */
typedef void al_capture_path_fn(void *arg, const al_capture *capture, char *path, size_t nbytes);

/** Those of a task's two outputs that nobody holds any more, and that have nothing to read, are at their end:
 * one system call for what most tasks leave. */
void al_capture_end_silent(al_capture captures[2]);
/** Read what is there. Never waits.
 * @param path_of  asked when the output becomes long: its file is made then; NULL: the sink has all of it,
 * beyond AL_INLINE_MOST it is not kept */
al_capture_state al_capture_read(al_capture *capture, al_capture_path_fn *path_of, void *arg);

/** Add something of ours to the end of what was read. */
void al_capture_add(al_capture *capture, const char *at, size_t nbytes);
/** A piece that came by another way than a pipe: kept and passed on as what is read. */
void al_capture_feed(al_capture *capture, const char *at, size_t nbytes, al_capture_path_fn *path_of,
                     void *arg);

/** Give up on who still holds the pipe, and close all. The text stays until the next al_capture_open(). */
void al_capture_close(al_capture *capture);

#endif
