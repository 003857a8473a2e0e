/* value.h - from an option's text to its value.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_VALUE_H
#define AL_CLI_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/option.h"

#define AL_VALUE_REASON_MAX 400

/** Read text as a value of the option's kind, within its range, into place.
 * @param text    borrowed; AL_OPTION_TEXT stores the pointer. NULL for a flag
 * @param place   where the value goes; untouched when the result is false
 * @param[out] reason  why not, with the remedy: room for AL_VALUE_REASON_MAX bytes */
bool al_value_read(const al_option *option, const char *text, void *place, char *reason);

/** The next of the names in "a|b|c": sets *length and moves *choices past it; NULL at the end. */
const char *al_choice_next(const char **choices, size_t *length);

/** The range of a row as words ("1 to 1024", "1 or more"), "" when everything is allowed.
 * @param text  room for 64 bytes */
void al_range_text(const al_option *option, char *text);

#endif
