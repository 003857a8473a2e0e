/* supervise.h - a launcher of others' (mpirun, salloc) run to its end, and what asks us to end passed on in a
 * way that lets those it started end in order.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_SUPERVISE_H
#define AL_CLI_SUPERVISE_H

#include <allot/error.h>

/** What is run, and how it is asked to end. */
typedef struct al_supervised {
    char *const *argv; /**< ends in NULL */
    int end_by;        /**< the signal that asks for an end */
    int inner_fd;      /**< -1; or where the number of the process that is to get end_by will be told, by
                            al_supervise_tell(): until then argv's own process gets TERM */
    const char *tell;  /**< with inner_fd: the other end, for the environment of argv; NULL: none */
} al_supervised;

/** Run it in a process group of its own, with nothing to read, until it ends. INT, TERM, HUP (unless that is
 * ignored) and USR1 ask it to end; a second one ends it by TERM, a third by KILL. TSTP stops it with us. If
 * we are killed, it gets TERM.
 * @param[out] status  its exit status; 128 and the signal's number if a signal ended it, or if one asked us
 * and it did as it was asked
 * @return ALLOT_OK; ALLOT_ENOTFOUND: there is no such program; ALLOT_EIO */
allot_err al_supervise(const al_supervised *what, int *status, allot_error *err);

/** If we run in something that is supervised, and it wants to know our number, tell it. */
void al_supervise_tell(void);
/** Open what al_supervised wants to be told by. fds: closed by the caller, -1 if it cannot be opened
 * @param[out] tell  as al_supervised has it */
void al_supervise_listen(int fds[2], char tell[64]);

#endif
