/* message.h - what a controller and an agent have to say to each other. Pure. docs/formats/frames.md tells
 * who says what when.
 *
 * A message that was decoded borrows from the frame. Numbers are as they come: who uses one checks it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_ENGINE_MESSAGE_H
#define AL_ENGINE_MESSAGE_H

#include "engine/frame.h"

typedef enum al_message_kind {
    AL_MESSAGE_NONE,
    AL_MESSAGE_HELLO,    /**< controller: first of all */
    AL_MESSAGE_WELCOME,  /**< agent: the answer */
    AL_MESSAGE_TASK,     /**< controller: run this when there is room */
    AL_MESSAGE_KILL,     /**< controller */
    AL_MESSAGE_STARTED,  /**< agent: a task runs from now on */
    AL_MESSAGE_OUTPUT,   /**< agent: a piece of what a task wrote */
    AL_MESSAGE_RESULT,   /**< agent: a task is over; its files came before */
    AL_MESSAGE_FILE,     /**< both: a file begins; DATA and FILE_END follow if it has content */
    AL_MESSAGE_DATA,     /**< both: the next piece of it */
    AL_MESSAGE_FILE_END, /**< both */
    AL_MESSAGE_BEAT,     /**< both: I am there; echoed at once */
    AL_MESSAGE_CREDIT,   /**< both: so many bytes of OUTPUT, RESULT, FILE and DATA were dealt with */
    AL_MESSAGE_BYE,      /**< controller: nothing more will come */
    AL_MESSAGE_FAULT,    /**< agent: it cannot go on, and why */
    AL_MESSAGE_NKINDS
} al_message_kind;

/** XXH3-128 of a file's content. */
typedef struct al_sum {
    uint64_t low, high;
} al_sum;

typedef struct al_hello {
    uint32_t version;
    al_bytes run;               /**< its name, for scratch folders and for people */
    al_bytes cwd;               /**< where tasks run if the agent sees the same folder */
    al_bytes boot;              /**< of the controller's machine: boot id, and */
    uint64_t device, inode;     /**< cwd there; or */
    al_bytes token_path, token; /**< a file in cwd and what it holds */
    uint32_t nslots;            /**< tasks at a time; 0: by the processors there, */
    uint32_t per_mille, nmore;  /**< so many thousandths of them, and so many more (two's complement) */
    uint32_t lost_ms;           /**< silence after which the other side counts as gone */
    uint32_t linger_ms;         /**< how long what a task left behind may hold on to its output */
    uint32_t kill_after_ms;
    uint32_t nice;   /**< two's complement */
    uint64_t window; /**< bytes that may be on their way to us without credit */
    uint8_t is_live; /**< pass output on as it comes */
    uint8_t is_dry;  /**< run nothing: a task succeeds after dry_ns, */
    uint64_t dry_ns;
    uint64_t dry_mem_bytes; /**< on a host with so much memory; 0: what there is */
    uint8_t packing;        /**< al_packing_when, of the files that come to us */
} al_hello;

typedef struct al_welcome {
    uint32_t version;
    al_sum self; /**< of the agent's program */
    al_bytes host;
    uint32_t uid, nslots, ncpus;
    uint64_t mem_bytes;
    uint64_t window;  /**< bytes that may be on their way to the agent without credit */
    uint8_t shares;   /**< it sees the controller's cwd: nothing is to be copied */
    uint8_t has_zstd; /**< the agent can read it */
    al_bytes cached;  /**< 16 bytes a sum, files that it has */
} al_welcome;

typedef struct al_task_order {
    uint64_t task;
    uint32_t attempt, cpus_milli, gpus;
    uint64_t mem_bytes; /**< kept free for it */
    uint64_t mem_most;  /**< ended when it takes more; 0: no matter */
    uint32_t argc;
    al_bytes argv; /**< argc texts, each with its end */
    uint32_t nenv;
    al_bytes env; /**< NAME=VALUE, each with its end */
    al_bytes cwd; /**< below the task's folder, or absolute where the file system is shared */
    uint8_t has_stdin;
    al_bytes in;      /**< standard input */
    al_bytes cached;  /**< al_cached_input, one after the other */
    al_bytes outputs; /**< paths, each with its end */
} al_task_order;

/** A file of the cache that a task wants in its folder. */
typedef struct al_cached_input {
    al_sum sum;
    uint32_t mode;
    al_bytes path;
} al_cached_input;

typedef struct al_task_end {
    uint64_t task;
    uint32_t attempt;
    uint8_t cause; /**< al_cause */
    uint32_t exit_status, signal, slot;
    uint64_t wall_us, user_us, sys_us, mem_kb, nout, nerr;
    al_bytes out, err; /**< unless they came as OUTPUT */
} al_task_end;

typedef enum al_file_type { AL_FILE_REGULAR, AL_FILE_FOLDER, AL_FILE_LINK } al_file_type;

typedef struct al_file_head {
    uint64_t task;  /**< whose folder; 0: the cache */
    uint32_t index; /**< from an agent: which of the task's outputs */
    uint8_t type;
    uint32_t mode;
    uint64_t nbytes;
    al_sum sum;      /**< for the cache */
    al_bytes path;   /**< to an agent: in the task's folder; from it: below that output, "" for itself */
    al_bytes target; /**< of a link */
} al_file_head;

typedef struct al_file_data {
    uint32_t nbytes; /**< as it is in the file */
    uint8_t is_zstd;
    al_bytes bytes;
} al_file_data;

typedef struct al_file_tail {
    al_sum sum;
    al_bytes fault; /**< "", or why the file could not be read to its end */
} al_file_tail;

typedef struct al_piece {
    uint64_t task;
    uint8_t is_err;
    al_bytes bytes;
} al_piece;

typedef struct al_beat {
    uint64_t stamp;
    uint8_t is_echo;
} al_beat;

typedef enum al_kill_how {
    AL_KILL_SOFT,       /**< TERM */
    AL_KILL_HARD,       /**< KILL */
    AL_KILL_IF_WAITING, /**< back with it if it does not run yet */
} al_kill_how;

typedef struct al_kill {
    uint64_t task;
    uint8_t hard; /**< al_kill_how */
} al_kill;

/** A message of any kind, the member by its kind. */
typedef struct al_message {
    al_message_kind kind;
    union {
        al_hello hello;
        al_welcome welcome;
        al_task_order order;
        al_kill kill;
        uint64_t started; /**< task */
        al_piece piece;
        al_task_end end;
        al_file_head file;
        al_file_data data;
        al_file_tail tail;
        al_beat beat;
        uint64_t credit;
        al_bytes fault;
    };
} al_message;

/** Append the message's frame. Only memory can run out (out->failed). */
void al_message_encode(al_buffer *out, const al_message *message);
/** The ends of a DATA message's frame whose bytes are put into `out` between the two.
 * @param nbytes  as it is in the file */
size_t al_message_begin_data(al_buffer *out);
void al_message_end_data(al_buffer *out, size_t mark, uint32_t nbytes, bool is_zstd);
/** @return false: it is none, too short or too long for its kind */
bool al_message_decode(const al_frame *frame, al_message *message);

void al_cached_input_encode(al_buffer *out, const al_cached_input *input);
/** Step through order->cached. @return false: no more, or *rest is_bad */
bool al_cached_input_next(al_fields *rest, al_cached_input *input);

/** Whether a path stays below the folder it is taken in, by its letters: relative, no "..", no empty part. */
bool al_path_is_below(al_bytes path);

#endif
