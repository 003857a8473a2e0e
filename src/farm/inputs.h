/* inputs.h - where tasks' arguments come from: lists, files and standard input, combined.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_FARM_INPUTS_H
#define AL_FARM_INPUTS_H

#include <stdbool.h>
#include <stdint.h>

#include <allot/error.h>

#include "base/buffer.h"
#include "farm/args.h"

typedef struct al_input_source {
    char **values; /**< borrowed: the words after `:::`; NULL: path is read */
    uint64_t nvalues;
    const char *path; /**< a file with a value a line; "-": standard input */
    bool linked;      /**< `:::+`, `::::+`: goes along with the source before it, not multiplied by it */
} al_input_source;

typedef struct al_inputs_opts {
    const al_input_source *sources; /**< borrowed until al_inputs_destroy(), as are their texts */
    uint32_t nsources;              /**< at least 1 */
    char end;                       /**< what ends a value in a file: '\n', or '\0' for -0 */
    const char *colsep;    /**< NULL, or a POSIX extended regular expression between the columns of a value */
    bool is_cut_by_caller; /**< al_inputs_batch() says how many values make a task: no total is known */
    bool has_header;       /**< the first value of each source names its columns */
    uint32_t nper;         /**< -N: values of each source that make a task; 0: one, by itself */
    size_t nbytes_max;     /**< nper is UINT32_MAX (-X): as many as fit into so many bytes */
    uint32_t njobs; /**< -X: no more than leave each of so many jobs some, where the total is known; 0: no
                       matter */
} al_inputs_opts;

typedef struct al_inputs al_inputs;

typedef enum al_input_state {
    AL_INPUT_TASK, /**< here is one */
    AL_INPUT_WAIT, /**< call al_inputs_fill(), when the descriptor is readable */
    AL_INPUT_END,
} al_input_state;

/** Open the sources. All but the one that varies slowest (the first) are read into memory; the first one is
 * streamed if it is a file and not linked to others. Several sources: every combination, the last one varying
 * fastest, as GNU parallel does; linked ones in step, the shorter of two starting over.
 * @param[out] made  owned by caller
 * @return ALLOT_OK; ALLOT_ENOTFOUND, ALLOT_EIO (file and reason); ALLOT_EINVAL (colsep); ALLOT_EFORMAT
 * (file:line); ALLOT_ENOMEM */
allot_err al_inputs_create(const al_inputs_opts *opts, al_inputs **made, allot_error *err);
void al_inputs_destroy(al_inputs *inputs);

/** Names of the columns over all sources, from the header. Known after the first al_inputs_next() that does
 * not say AL_INPUT_WAIT. Borrowed. @return how many; 0 without header */
uint32_t al_inputs_names(const al_inputs *inputs, char ***names);

/** The next task's arguments.
 * @param[out] args  borrowed until the next call
 * @return ALLOT_OK and *state; ALLOT_EFORMAT: a NUL within a line, a header without names (file:line and
 * remedy); ALLOT_EIO; ALLOT_ENOMEM */
allot_err al_inputs_next(al_inputs *inputs, al_input_state *state, al_args *args, allot_error *err);

/** The descriptor that al_inputs_fill() reads next; -1: none. May be a plain file, which epoll refuses and
 * which is always ready. */
int al_inputs_fd(const al_inputs *inputs);
/** Read once what is there. Blocks when nothing is. */
allot_err al_inputs_fill(al_inputs *inputs, allot_error *err);

/** From now on so many values of each source make a task, for is_cut_by_caller. With fewer than were gathered
 * so far, al_inputs_next() gives those out also while more has to be waited for. */
void al_inputs_batch(al_inputs *inputs, uint64_t nbatch);
/** -X: no task's arguments take more than this from now on. */
void al_inputs_limit(al_inputs *inputs, size_t nbytes_max);
/** How many values (combinations) are left; UINT64_MAX: unknown. */
uint64_t al_inputs_left(const al_inputs *inputs);

/** How many tasks there will be, as far as that can be said without reading ahead; UINT64_MAX: unknown. */
uint64_t al_inputs_total(const al_inputs *inputs);

#endif
