/* map_lines.h - `allot map --lines`: copies of a program in place of an expression.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MAP_LINES_H
#define AL_CLI_MAP_LINES_H

#include "cli/map_options.h"
#include "lines/lines.h"

/** Run it: lines of standard input to copies of argv. @return the exit status; the process may also end by a
 * signal here */
int al_map_lines(al_map_options *options, char **argv, size_t nargs);

/** What the report is made of. */
typedef struct al_lines_report {
    const al_map_options *options;
    const al_lines_opts *opts;
    const al_lines_figures *figures;
    int status;
} al_lines_report;

/** --explain or --json, to standard error. */
void al_map_lines_report(const al_lines_report *report);

#endif
