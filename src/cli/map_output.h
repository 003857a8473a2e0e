/* map_output.h - where results go: a file that appears whole or not at all, or a stream.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MAP_OUTPUT_H
#define AL_CLI_MAP_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <allot/error.h>

#include "cli/map_ring.h"
#include "data/npy.h"

/** Bytes set apart for a piece of printed text, and the values in it. */
#define AL_PRINT_ITEMS 1024u
#define AL_PRINT_ROOM (AL_PRINT_ITEMS * (AL_NUMBER_TEXT_MAX + 1u))

typedef struct al_map_output {
    const char *name; /* for messages */
    char *path;       /* what the temporary file becomes; NULL: written in place */
    char *temporary;
    int fd;
    bool is_npy;
    al_npy npy;        /* .npy: the header; nitems UINT64_MAX: written at the end */
    uint64_t begin;    /* where the file's first byte of ours lies */
    uint64_t nitems;   /* written so far */
    bool is_pipe_gone; /* the reader went away */
} al_map_output;

/** Open for results of npy.type (.npy) or text. A regular file, or none yet, is written under a temporary
 * name in the same folder; anything else (a device, a named pipe) in place.
 * @param path  NULL: standard output
 * @param npy   type and shape; nitems UINT64_MAX: as many as will be written
 * @return ALLOT_OK; ALLOT_EIO; ALLOT_EPERM; ALLOT_EUNSUPPORTED (i128; .npy to a terminal, or of unknown
 * length to what cannot be rewound); ALLOT_ENOMEM */
allot_err al_output_open(al_map_output *output, const char *path, bool is_npy, const al_npy *npy,
                         allot_error *err);

/** Write the block's texts, or its results. @return ALLOT_OK; ALLOT_EIO */
allot_err al_output_write_block(al_map_output *output, const al_map_block *block, allot_error *err);

/** Write bytes that hold nitems items. @return ALLOT_OK; ALLOT_EIO */
allot_err al_output_write(al_map_output *output, const void *bytes, size_t nbytes, uint64_t nitems,
                          allot_error *err);

/** Write pieces of a text, one after the other; they are used up. @return ALLOT_OK; ALLOT_EIO */
allot_err al_output_write_pieces(al_map_output *output, struct iovec *pieces, size_t npieces,
                                 allot_error *err);

/** All is written: give the file its name. @return ALLOT_OK; ALLOT_EIO */
allot_err al_output_commit(al_map_output *output, allot_error *err);

/** Close, and remove the temporary file unless committed. */
void al_output_close(al_map_output *output);

/** Remove the temporary file of the output that is open, if any. Async-signal-safe. */
void al_output_abandon(void);

#endif
