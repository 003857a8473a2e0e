/* help.h - what `--help` prints, from the table of options.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_HELP_H
#define AL_CLI_HELP_H

#include <stdbool.h>
#include <stdio.h>

#include "cli/option.h"

/** Usage, description, options, examples and exit statuses of a command, in 80 columns. */
void al_help_command(const al_command *command, FILE *out);

/** What `allot --help` says: the commands there are. */
void al_help_overview(FILE *out);

/** A row's whole sentence: its help, choices, range and what happens without it.
 * @param text  room for AL_HELP_TEXT_MAX bytes */
void al_help_text(const al_option *option, char *text);
#define AL_HELP_TEXT_MAX 1024

/** Call back with each "left  right" line of a table of lines (al_command.examples, .statuses), cut at
 * the first occurrence of separator; right is "" without one, blanks around both are dropped. */
typedef void al_help_line_fn(FILE *out, const char *left, const char *right, bool is_first);
void al_help_lines(const char *lines, const char *separator, FILE *out, al_help_line_fn *each);

#endif
