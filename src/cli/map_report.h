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

#endif
