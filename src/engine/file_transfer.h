/* file_transfer.h - one file as messages, from a descriptor at one end to a name at the other.
 *
 * The receiving end takes names from the other side, which it does not trust: whatever a name is, nothing is
 * written outside the folder that the receiver was given, and no link is followed on the way.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_ENGINE_FILE_TRANSFER_H
#define AL_ENGINE_FILE_TRANSFER_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "engine/cpu_share.h"
#include "engine/message.h"
#include "engine/outbox.h"
#include "engine/packing.h"

/* ---- sending --------------------------------------------------------------------------------------------
 */

/** Bytes of a file in one DATA message, at most; nobody takes more. */
#define AL_TRANSFER_CHUNK (256u << 10)

/** Begin with {.fd = -1}. */
typedef struct al_sender {
    int fd; /**< -1: nothing is being sent */
    uint64_t left;
    void *summing;
    char *chunk;        /**< what is to be packed; NULL: nothing was yet */
    al_cpu_share share; /**< of the processor, for packing */
    al_packing packing; /**< .when is for who owns the sender to set */
} al_sender;

/** Begin with a file of so many bytes; FILE was sent. fd is taken. @return false: out of memory */
bool al_sender_begin(al_sender *sender, int fd, uint64_t nbytes);
/** Append the frame of the next message: DATA, or FILE_END, which is the last. A file that cannot be read to
 * its end, or is shorter than it was, ends with a fault in FILE_END.
 * @return false: that was the FILE_END of such a file */
bool al_sender_next(al_sender *sender, al_outbox *out);
void al_sender_fini(al_sender *sender);

/** XXH3-128 of what a descriptor holds from its beginning. stop: may be NULL; from another thread: give up
 * @return 0 or errno; ECANCELED: stopped */
int al_file_sum(int fd, const atomic_bool *stop, al_sum *sum);

/* ---- receiving ------------------------------------------------------------------------------------------
 */

/** Begin with {.folder = -1, .fd = -1}. */
typedef struct al_receiver {
    int folder; /**< where the file will be; -1: nothing is being received */
    int fd;
    uint64_t nbytes, wanted;
    uint32_t mode;
    void *summing;
    char *chunk; /**< what was unpacked; NULL: nothing was yet */
    al_packer packer;
    char name[NAME_MAX + 1], part[64]; /**< in folder; the second until it is whole */
    int fault;                         /**< errno: the rest is taken and dropped */
    char why[200]; /**< fault or not: what the sender said, or what is wrong with what came */
} al_receiver;

/** Begin with a file at path below root, with the folders on the way. What is wrong shows at the end. */
void al_receiver_begin(al_receiver *receiver, int root, al_bytes path, uint64_t nbytes, uint32_t mode);
/** @return false: what came makes no sense: nothing else that comes can be trusted */
bool al_receiver_data(al_receiver *receiver, const al_file_data *data);
/** All of it came. @param[out] sum  of the content
 * @return false: it is not whole (receiver->why says why, receiver->fault the errno if it was on this side);
 * what there is of it is gone */
bool al_receiver_end(al_receiver *receiver, const al_file_tail *tail, al_sum *sum);
/** Give the whole file its name, in place of what has it. @return 0 or errno */
int al_receiver_name(al_receiver *receiver);
/** Leave the whole file where it is, under the name receiver->part had before this. */
void al_receiver_leave(al_receiver *receiver);
/** Nothing more comes: what is not named yet is removed. */
void al_receiver_fini(al_receiver *receiver);

/** The folder that path is in below root, made if it is not there; links are not followed.
 * @param[out] name  what comes after the last slash
 * @return a descriptor of the folder, or -1 with errno */
int al_folder_below(int root, al_bytes path, char name[NAME_MAX + 1]);
/** Make a folder, or a symbolic link that leads nowhere above its own folder's root, at path below root.
 * @return 0 or errno */
int al_make_below(int root, const al_file_head *file);
/** Remove a folder and all in it. */
void al_folder_remove(const char *path);

#endif
