/* source.h - the lines of a GROMACS topology after its preprocessor, each with where it came from.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_READ_SOURCE_H
#define AL_MD_READ_SOURCE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <allot/error.h>

#include "base/buffer.h"

/** Where files and names come from. Strings are the caller's. */
typedef struct al_source_options {
    const char *const *folders; /**< searched after the including file's own: -I */
    size_t nfolders;
    const char *const *defines; /**< NAME or NAME=VALUE: -D */
    size_t ndefines;
} al_source_options;

/** A file that was read, and which line of which file included it (UINT32_MAX: none). */
typedef struct al_source_file {
    char *path;
    uint32_t parent, parent_line;
} al_source_file;

/** A line without comments, names replaced, continuations joined: text.at + begin, ended by 0. */
typedef struct al_source_line {
    size_t begin;
    uint32_t file, line;
} al_source_line;

typedef struct al_source {
    al_buffer text;
    al_source_file *files;
    al_source_line *lines;
    uint32_t nfiles, nlines;
} al_source;

/** Read a file and what it includes; empty lines are left out.
 * @param[out] source  al_source_fini(), whatever is returned
 * @return ALLOT_OK; ALLOT_ENOTFOUND; ALLOT_EIO; ALLOT_EFORMAT: file:line, what is wrong; ALLOT_ENOMEM */
allot_err al_source_read(const char *path, const al_source_options *options, al_source *source,
                         allot_error *err);
/** The same of a text; name is what complaints call it. */
allot_err al_source_parse(const char *text, size_t nbytes, const char *name, const al_source_options *options,
                          al_source *source, allot_error *err);
void al_source_fini(al_source *source);

/** Complain of a line: file:line, the sentence, and what included the file. Bytes that do not print become
 * '?'.
 * @return code */
allot_err ALLOT_PRINTF(5, 0)
    al_source_fault(const al_source *source, const al_source_line *line, allot_err code, allot_error *err,
                    const char *format, va_list args);

/** Make room for one more of n things; the room is the next power of two. @return false: out of memory */
bool al_source_grow(void *array, uint32_t n, size_t nbytes);

#endif
