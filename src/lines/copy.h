/* copy.h - one copy of the program: its process, its pipes, and what it owes answers to.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_LINES_COPY_H
#define AL_LINES_COPY_H

#include <sys/types.h>

#include "lines/batch.h"
#include "lines/lines.h"

/** From its first item to its end. */
struct al_copy {
    const al_lines_command *command;
    pid_t pid;   /**< 0: there is none */
    int in, out; /**< our ends of its pipes; -1: closed */
    int unread;  /**< the other end of its input, of which nobody but it reads: tells how much it has not read
                  */
    size_t nroom;     /**< bytes that its input's pipe holds */
    bool is_closing;  /**< it gets no more: its input is closed once all is written */
    bool is_over;     /**< its output is at its end */
    bool is_late;     /**< it was ended since an item took too long */
    uint64_t nexcess; /**< records that it wrote beyond what it was given, at least */

    al_queue owed;              /**< batches given to it, not answered to the end; in order */
    size_t nowed;               /**< bytes of these */
    al_batch *sending;          /**< of these, the one being written; NULL: none is */
    size_t nsent;               /**< bytes of it */
    size_t nunsent;             /**< bytes of all of them that are not written */
    uint64_t nwritten;          /**< bytes in its life */
    size_t nunread;             /**< of these, in the pipe when it was last looked at */
    uint64_t ngiven, nanswered; /**< items in its life */
    uint64_t moved_ns; /**< when it last took or answered something, or was given something having nothing */
    uint64_t ended_ns; /**< when its output was at its end, or it was found to have ended; 0: not yet */
    int status;        /**< of waitpid(), once al_copy_reap() said so */
    al_block *block;   /**< what it answers comes here */

    /* Whether it takes items before it has answered those it has. */
    bool is_prompt; /**< no: it was seen to owe nothing while its input was open, or to answer before it read
                       on */
    bool is_probed; /**< it was given more while it held items that it had read and not answered: */
    uint64_t probe_bytes; /**< if it reads beyond here */
    uint64_t probe_items; /**< without having answered so many, it holds answers back */

    /* Its pace: what it was given last. */
    uint64_t batch_items;
    size_t batch_nbytes;
    uint64_t given_ns, busy_ns; /**< when; when it was last seen to have enough left of it */
    bool was_short;             /**< there was nothing to give it since */
    double item_ns;             /**< what an item took lately; 0: not known */
};

/** Start it. Of *copy only `command` is read.
 * @return ALLOT_OK; ALLOT_ENOTFOUND: there is no such program; ALLOT_EIO */
allot_err al_copy_start(al_copy *copy, uint64_t now_ns, allot_error *err);
/** Give it a batch, to be owned by the copy until it is answered or al_queue_take() from copy->owed. */
void al_copy_give(al_copy *copy, al_batch *batch, uint64_t now_ns);
/** It gets no more. */
void al_copy_close(al_copy *copy);
/** Write what its pipe takes, and see how much of it was read. */
void al_copy_send(al_copy *copy, uint64_t now_ns);
/** Read what it has answered, up to a bound. Batches that are done leave copy->owed.
 * @return ALLOT_OK; ALLOT_ENOMEM */
allot_err al_copy_receive(al_copy *copy, const al_separator *separator, al_blocks *blocks, uint64_t now_ns,
                          allot_error *err);
/** It is over, and well: what it wrote last is an answer, even without a separator. @return ALLOT_OK;
 * ALLOT_ENOMEM */
allot_err al_copy_end_last(al_copy *copy, const al_separator *separator, al_blocks *blocks, allot_error *err);
/** See how much of what was written it has read. @return whether it was more than before */
bool al_copy_see_read(al_copy *copy);
/** Bytes of its owed batches that it has read. */
size_t al_copy_nread_bytes(const al_copy *copy);
/** Whether its process has ended; others of its group may go on. */
bool al_copy_has_ended(const al_copy *copy);
/** The same; and if so, its group is ended too, and copy->status is known. */
bool al_copy_reap(al_copy *copy);
/** Send a signal to its process group. */
void al_copy_signal(const al_copy *copy, int number);
/** Its pipes and memory. Its process must have been reaped, or never started. */
void al_copy_fini(al_copy *copy);

#endif
