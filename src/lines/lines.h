/* lines.h - line engines: copies of a program that reads records and writes one for each.
 *
 * The contract: the k-th record that a copy writes answers the k-th it was given. When it writes is the
 * program's own affair. It may answer each record at once, or fill a buffer first, or answer nothing before
 * its input ends.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_LINES_LINES_H
#define AL_LINES_LINES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include <allot/error.h>

#include "lines/record.h"

/** What becomes of an item that no copy survives. */
typedef enum al_lines_rule {
    AL_LINES_STOP,  /**< the run ends */
    AL_LINES_SKIP,  /**< there is no answer to it */
    AL_LINES_EMPTY, /**< its answer is an empty record */
} al_lines_rule;

/** A command that a copy is; argv ends in NULL, with room for another. Borrowed. */
typedef struct al_lines_command {
    char **argv;
    const char *name; /**< for messages: "awk", "awk at host1" */
} al_lines_command;

typedef struct al_lines_opts {
    const al_lines_command *commands; /**< of each copy; borrowed */
    uint32_t ncopies;                 /**< at a time */
    al_separator separator;           /**< of items and of answers */
    const char *noun;                 /**< what an item is called: "line", "record" */
    int in_fd;                        /**< items are read from here */
    int stop_fd;                      /**< readable: end the run */
    uint64_t timeout_ns;              /**< an item may take so long; 0: any time */
    uint64_t batch_items;             /**< items handed over at a time; 0: as measured */
    size_t window_nbytes;             /**< of memory for items and answers; 0: as usual */
    al_lines_rule rule;
    void *arg; /**< of the functions below */
    /** Write answers, in order; the pieces may be used up. @return ALLOT_OK; ALLOT_EIO: the run ends with it
     */
    allot_err (*write)(void *arg, struct iovec *pieces, size_t npieces, allot_error *err);
    /** Say a sentence about an item that was set aside, or about a copy. */
    void (*say)(void *arg, const char *sentence);
} al_lines_opts;

/** What came of a run. The atomic ones may be read while it goes on, from any thread. */
typedef struct al_lines_figures {
    _Atomic uint64_t nitems;     /**< answered and written, or set aside */
    _Atomic uint64_t nread;      /**< bytes of items read */
    _Atomic uint64_t nread_used; /**< of these, handed to copies */
    _Atomic uint64_t nwritten;   /**< bytes of answers written */
    uint64_t nbytes;             /**< of the input; UINT64_MAX: not known */
    uint64_t nstarted;           /**< copies started, */
    uint64_t nrefreshed;   /**< of these in place of one whose input was closed so that it would answer, */
    uint64_t ndied;        /**< and in place of one that died with items unanswered */
    uint64_t nended_badly; /**< copies that answered everything and ended with another status than 0 */
    uint64_t nset_aside;   /**< items */
    uint64_t nbatches, batch_most;
    uint64_t nheld_most; /**< bytes of memory for items and answers at one time, at most */
    uint64_t run_ns;
    uint32_t ncopies_most; /**< at one time */
    bool is_prompt,
        is_holding; /**< a copy answered what it had before it read on, or it did not; as last seen */
} al_lines_figures;

/** Give all items to copies and write their answers in order. Start with signals blocked that the process
 * handles: the copies end with the calling thread.
 * @param figures  zero-initialised
 * @return ALLOT_OK; ALLOT_EUSER: an item ended two copies, or the program broke the contract;
 * ALLOT_ETIMEDOUT: an item took longer than it may, twice; ALLOT_ECANCELED: stop_fd; ALLOT_ENOTFOUND: no such
 * program; ALLOT_EIO; ALLOT_ENOMEM. Whichever, no copy is left */
allot_err al_lines_run(const al_lines_opts *opts, al_lines_figures *figures, allot_error *err);

#endif
