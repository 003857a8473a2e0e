/* map_options.h - what `allot map` was told on its command line.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MAP_OPTIONS_H
#define AL_CLI_MAP_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/option.h"
#include "data/text.h"
#include "engine/launcher.h"

enum { AL_MAP_FORMAT_TEXT, AL_MAP_FORMAT_NPY };
enum { AL_MAP_PROGRESS_AUTO, AL_MAP_PROGRESS_ALWAYS, AL_MAP_PROGRESS_NEVER };

/** Filled by the option table of cmd_map.c; strings point into argv. */
typedef struct al_map_options {
    int type, out_type; /* al_type */
    bool has_type, has_out_type;
    const char *output; /* NULL: standard output */
    int format;
    bool has_format;
    const char *column, *delimiter;
    bool has_header;
    const char *function; /* FILE:FUNCTION */
    const char *reduce;
    uint64_t nthreads; /* 0: what the machine offers */
    uint64_t timeout_ns;
    bool has_timeout;
    uint64_t chunk_items;
    bool pin, explain, json, dry_run, quiet;
    int progress;
    bool is_lines, is_null; /* items are lines for copies of a program; or records that end in a NUL */
    const char *recsep;
    int on_error; /* al_lines_rule */
    bool has_on_error;
    bool has_dashes; /* "--" stood on the command line */
    al_texts on;
    const char *ssh;

    const char *expr;        /* the operand, or NULL with function */
    char separator;          /* of delimiter; 0: by the file's name */
    uint32_t column_number;  /* from 0 */
    const char *column_name; /* or NULL */
    al_engine_spec *engines; /* of on, without this machine; the process's: not freed */
    uint32_t nengines;
    uint64_t begin_ns; /* al_clock_ns() when the command began */
} al_map_options;

#endif
