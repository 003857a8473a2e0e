/* shell_words.h - as much of a shell's grammar as is needed to tell whether one is needed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_FARM_SHELL_WORDS_H
#define AL_FARM_SHELL_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

/** Where in a command line something stands. */
typedef enum al_quotes { AL_QUOTES_NONE, AL_QUOTES_SINGLE, AL_QUOTES_DOUBLE } al_quotes;

/** A walk through a command line, character by character. */
typedef struct al_shell_walk {
    const char *at, *end;
    al_quotes quotes;
    const char *opened; /* where the quotes began that are open */
} al_shell_walk;

typedef enum al_shell_step {
    AL_STEP_END,
    AL_STEP_CHAR,   /**< *c is part of a word */
    AL_STEP_BLANK,  /**< a blank between words */
    AL_STEP_QUOTES, /**< quotes that began or ended; also makes a word, if an empty one */
    AL_STEP_SYNTAX, /**< a character that means something to a shell here */
} al_shell_step;

/** One step on. A backslash and what it protects are one. */
al_shell_step al_shell_next(al_shell_walk *walk, char *c);

/** Whether a command line needs a shell: an operator, an expansion, an assignment, or a command that only
 * shells have. skip is asked at each place how many bytes there are none of a shell's business (NULL: none).
 */
typedef size_t al_shell_skip_fn(const void *arg, const char *at, const char *end);
bool al_shell_is_needed(const char *line, size_t nbytes, al_shell_skip_fn *skip, const void *arg);

/** Append a value for where it is to stand. @return false: out of memory */
bool al_shell_put(al_buffer *text, al_quotes quotes, const char *value, size_t nbytes);

#endif
