/* ship.h - whether items of a map should be computed on another machine, and how many at a time.
 *
 * Pure. All times are nanoseconds. The model: an item costs item_ns on one thread here. Sending it to an
 * engine and its result back costs so many bytes at byte_ns each, and computing it there pace times item_ns.
 * A chunk of items is one process there, which costs start_ns, and one round trip.
 *
 * So giving items away pays when an item is dearer to compute than to send, and when there is so much left
 * that results come back before this machine would have been through by itself. Both are asked anew for each
 * chunk, with what was measured since.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_PLAN_SHIP_H
#define AL_PLAN_SHIP_H

#include <stdint.h>

/** A map, as far as it is known. */
typedef struct al_ship_work {
    double item_ns;     /**< one item on one thread here; 0: none was measured yet */
    double nleft;       /**< items that nobody has begun; an estimate where the end is not known */
    uint32_t nthreads;  /**< that compute here */
    uint32_t nslots;    /**< chunks that all engines take at a time */
    double item_nbytes; /**< an item and its result, on the way */
} al_ship_work;

/** An engine, as far as it is known. */
typedef struct al_ship_engine {
    double ready_ns; /**< until it can begin: 0, or what coming up takes */
    double rtt_ns;   /**< there and back; 0: not known */
    double byte_ns;  /**< a byte on its way; 0: not known */
    double pace;     /**< its time for an item over ours; 0: not known */
    double start_ns; /**< of a chunk there beyond its items; 0: not known */
} al_ship_engine;

/** Why items go or stay. X(name, sentence). */
#define AL_SHIP_REASONS(X)                                                                                   \
    X(UNMEASURED, "no item has been measured yet")                                                           \
    X(NOTHING, "nothing is left to give")                                                                    \
    X(BYTES, "sending an item and its result costs more than computing it here")                             \
    X(TOO_SHORT, "what is left is done here before results could be back")                                   \
    X(PAYS, "items cost more to compute than to send, and enough are left")

typedef enum al_ship_reason {
#define AL_SHIP_MEMBER(name, text) AL_SHIP_##name,
    AL_SHIP_REASONS(AL_SHIP_MEMBER)
#undef AL_SHIP_MEMBER
} al_ship_reason;

typedef struct al_ship_plan {
    al_ship_reason reason;
    uint64_t nitems; /**< of the next chunk; 0: none */
    double chunk_ns; /**< its time there */
    double ship_ns;  /**< an item and its result on the way */
    double home_ns;  /**< what is left, done here alone */
    double first_ns; /**< until the chunk would be back */
} al_ship_plan;

/** Decide about the next chunk for an engine. Members that are negative or NaN count as not known.
 * @param[out] plan  filled completely */
void al_plan_ship(const al_ship_work *work, const al_ship_engine *engine, al_ship_plan *plan);

const char *al_ship_reason_name(al_ship_reason reason); /**< "BYTES" */
const char *al_ship_reason_text(al_ship_reason reason);

#endif
