/* map_report.h - what was measured, how the work was cut, and why: --explain and --json.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MAP_REPORT_H
#define AL_CLI_MAP_REPORT_H

#include "cli/map_stream.h"

/** Print the report of a run, or of a dry one, to stderr: as text, or as one JSON object (see
 * docs/formats/map-report.md).
 * @param status  the exit status; a dry run has 0 */
void al_report_print(al_map_stream *stream, bool is_json, int status);

/** A line of a report for people: what it is about, and what there is to say. */
void al_report_line(const char *label, const char *format, ...) ALLOT_PRINTF(2, 3);
/** 1234.5 ns as "1.23 us". The text is good until the third next call. */
const char *al_report_time(double ns);

#endif
