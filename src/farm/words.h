/* words.h - a row of words as one text, as a person would type it into a shell, and back.
 *
 * A run keeps its command lines so: any byte is allowed in them, and people can read them and paste them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_FARM_WORDS_H
#define AL_FARM_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

/** Append the words, a blank between two, quoted where they need it, and the text's end. @return false: out
 * of memory */
bool al_words_write(al_buffer *text, char *const *words, size_t nwords);
/** The words of a text. @param[out] count  how many
 * @return a NULL-ended row in one block, owned by caller; NULL: out of memory */
char **al_words_read(const char *text, int *count);

#endif
