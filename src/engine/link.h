/* link.h - a controller's connection to an agent, from starting it to losing it.
 *
 * A link is a process that a launcher named (ssh, srun, a shell), with pipes on its standard streams. It
 * brings up the agent at the other end, keeps heartbeats going, and finds out when the other side is gone: at
 * once when the process ends, after lost_ns of silence otherwise. All calls are from one thread, and none
 * waits.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_ENGINE_LINK_H
#define AL_ENGINE_LINK_H

#include <allot/error.h>

#include "engine/file_transfer.h"
#include "engine/message.h"

typedef struct al_link al_link;

typedef struct al_link_opts {
    char **argv;         /**< what connects us to a shell at the engine; borrowed until return */
    al_hello hello;      /**< texts are borrowed until al_link_is_up() */
    uint64_t lost_ns;    /**< silence after which the engine counts as lost */
    uint64_t start_ns;   /**< time that it has to come up */
    bool new_session;    /**< keep it from our terminal */
    bool replaces_agent; /**< the agent's program that is there is not to be used, but sent anew */
} al_link_opts;

/** Start it. @return ALLOT_OK; ALLOT_ENOTFOUND: the launcher's program is not there; ALLOT_EIO; ALLOT_ENOMEM
 */
allot_err al_link_open(const al_link_opts *opts, al_link **made, allot_error *err);
/** Ends the process at the near end; the agent ends its tasks when it notices. NULL is allowed. */
void al_link_close(al_link *link);

/** What to watch: for reading {standard output, standard error}, for writing {standard input}; -1: not any
 * more. */
typedef struct al_link_fds {
    int out, err, in;
} al_link_fds;
al_link_fds al_link_descriptors(const al_link *link);
/** Whether there is something to be written that the pipe did not take. */
bool al_link_wants_write(const al_link *link);

/** Read and write what can be, keep heartbeats. To be called when a descriptor is ready, after sending, and
 * at the time returned. @return when next at the latest */
uint64_t al_link_step(al_link *link, uint64_t now_ns);
/** Write what was sent since, as far as the pipe takes it. */
void al_link_flush(al_link *link);
/** The next message: WELCOME first, then whatever is about tasks and files. It borrows until the next call
 * about this link. @return false: none at present */
bool al_link_next(al_link *link, al_message *message);
/** Give a message to the link; al_link_step() writes it. */
void al_link_send(al_link *link, const al_message *message);

/** Bytes of files and tasks that may be given now, so that no side has to keep much: the other side's credit,
 * and what waits here. */
uint64_t al_link_room(const al_link *link);
/** The same of a message that was encoded before. */
void al_link_send_encoded(al_link *link, al_bytes frame);
/** The same of a file's next piece: al_sender_next(). */
void al_link_send_piece(al_link *link, al_sender *sender);

/** The process at the near end, for who wants to see it end: al_link_close() does not wait for that. */
int al_link_pid(const al_link *link);
bool al_link_is_up(const al_link *link);   /**< the agent has answered */
bool al_link_is_gone(const al_link *link); /**< nothing more will come */
/** It is not to be trusted any more: it counts as gone. */
void al_link_lose(al_link *link, const char *why);
/** Why it is gone, as a clause: "its disk is full", or what the launcher's program said last. */
const char *al_link_why(const al_link *link);
/** Its kind of machine, as `uname -m` tells; "" before it has greeted. */
const char *al_link_machine(const al_link *link);
/** It is gone because the agent's program there is damaged: the next link should replace it. */
bool al_link_has_bad_agent(const al_link *link);
/** The time that a message and its echo take, ns, the shortest lately; 0: not known. */
uint64_t al_link_rtt_ns(const al_link *link);
/** Bytes through the pipes so far. */
void al_link_traffic(const al_link *link, uint64_t *nsent, uint64_t *nreceived);

#endif
