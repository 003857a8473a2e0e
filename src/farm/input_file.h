/* input_file.h - a file with a value a line, read as it comes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_FARM_INPUT_FILE_H
#define AL_FARM_INPUT_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include <allot/error.h>

#include "base/buffer.h"
#include "farm/args.h"

typedef struct al_input_file {
    const char *path; /* borrowed; "-": standard input */
    int fd;           /* -1: at its end */
    char end;         /* what ends a value */
    al_buffer text;   /* what was read and not given out, from `at` on */
    size_t at, seen;  /* [at, seen) has no end of a value in it */
    uint64_t line;    /* of the value given out last, from 1 */
} al_input_file;

/** @return ALLOT_OK; ALLOT_ENOTFOUND, ALLOT_EIO: file and reason */
allot_err al_input_file_open(al_input_file *file, const char *path, char end, allot_error *err);
void al_input_file_close(al_input_file *file);

typedef enum al_value_state { AL_VALUE_HERE, AL_VALUE_WAIT, AL_VALUE_END } al_value_state;

/** The next value, borrowed until al_input_file_fill(). @return ALLOT_OK; ALLOT_EFORMAT: a NUL in a line */
allot_err al_input_file_next(al_input_file *file, al_value_state *state, al_args *value, allot_error *err);
/** Read once. Waits where nothing is there, unless the descriptor does not. */
allot_err al_input_file_fill(al_input_file *file, allot_error *err);

#endif
