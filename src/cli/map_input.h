/* map_input.h - where the items of a map come from: ranges, text, .npy arrays, standard input.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MAP_INPUT_H
#define AL_CLI_MAP_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <allot/error.h>

#include "cli/map_options.h"
#include "cli/map_range.h"
#include "data/npy.h"
#include "data/text.h"

typedef enum al_input_kind {
    AL_INPUT_RANGE,
    AL_INPUT_TEXT,
    AL_INPUT_NPY,
} al_input_kind;

#define AL_INPUT_SNIFF_MAX 16

typedef struct al_map_input {
    al_input_kind kind;
    const char *name; /* for messages */
    uint64_t nitems;  /* UINT64_MAX: not known before the end */

    al_map_range range; /* once the type is known */

    int fd;          /* -1: none */
    bool is_regular; /* a file: reading it never waits for anybody */
    uint64_t nbytes; /* of the file; UINT64_MAX: unknown */

    /* Text. The format's column is known once the header was read. */
    al_text_format format;
    bool has_header;
    const char *column_name;          /* looked up in the header; NULL: format.column holds */
    char sniffed[AL_INPUT_SNIFF_MAX]; /* bytes of a stream that were read to see what it is */
    size_t nsniffed;

    /* .npy. Mapped, or a stream whose header has been read. */
    al_npy npy;
    const unsigned char *map; /* NULL: not mapped */
    size_t map_nbytes;
} al_map_input;

/** Open the operands and see what each is, by content. Waits for the first bytes of a stream.
 * @param inputs  room for noperands, or for one when there are none (standard input)
 * @param[out] ninputs  inputs that al_inputs_close() must close, also after a failure
 * @return ALLOT_OK; ALLOT_ENOTFOUND; ALLOT_EIO; ALLOT_EFORMAT; ALLOT_EUNSUPPORTED; ALLOT_EINVAL;
 *         ALLOT_ETIMEDOUT (options->timeout_ns passed without a first byte) */
allot_err al_inputs_open(char **operands, size_t noperands, const al_map_options *options,
                         al_map_input *inputs, size_t *ninputs, allot_error *err);

/** The type of x: the one asked for, or the one the inputs agree on.
 * @return ALLOT_OK; ALLOT_EINVAL (they do not agree) */
allot_err al_inputs_choose_type(const al_map_input *inputs, size_t ninputs, const al_map_options *options,
                                al_type *type, allot_error *err);

/** Read ranges as items of the type, and check that arrays can become it.
 * @param[out] nitems  of all inputs, UINT64_MAX: unknown
 * @return ALLOT_OK; ALLOT_EINVAL; ALLOT_ERANGE; ALLOT_EUNSUPPORTED */
allot_err al_inputs_set_type(al_map_input *inputs, size_t ninputs, al_type type, uint64_t *nitems,
                             allot_error *err);

void al_inputs_close(al_map_input *inputs, size_t ninputs);

/** "a range", "text", "a .npy array". */
const char *al_input_kind_text(al_input_kind kind);

#endif
