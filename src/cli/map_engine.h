/* map_engine.h - an engine that computes chunks of a map: its connection, and what it has been given.
 *
 * The program of the expression is sent to it once and stays in its cache; each chunk is a task of the
 * engine's agent that runs it, with the chunk as standard input and the results as standard output.
 *
 * All calls are from the thread that speaks to engines (map_away.c).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MAP_ENGINE_H
#define AL_CLI_MAP_ENGINE_H

#include "cli/map_share.h"
#include "engine/file_transfer.h"
#include "engine/launcher.h"
#include "engine/link.h"

/** What all engines of a run have in common; borrowed by them. */
typedef struct al_engine_common {
    al_share *share;
    al_launch_opts launch;
    int program; /* descriptor of the program; -1: it is being compiled */
    uint64_t program_nbytes;
    al_sum sum;
    uint64_t ntasks; /* given, ever: their numbers */
    double item_ns;  /* what an item costs here; 0: not known */
    _Atomic uint64_t *ncomputed;
    al_buffer ending; /* processes of connections that were closed: int */
    bool is_quiet;
} al_engine_common;

/** A chunk at an engine. */
typedef struct al_engine_place {
    uint64_t task; /* 0: free */
    al_share_piece *piece;
    uint64_t nitems, nbytes; /* nbytes: there and back */
    uint64_t given_ns;
    bool was_idle; /* it did not have to wait there */
    bool is_recalled;
    al_buffer results;
} al_engine_place;

typedef struct al_map_engine {
    const al_engine_spec *spec;
    al_engine_common *common;
    al_link *link; /* NULL: not connected */
    bool is_up, was_up, is_given_up, has_bad_agent, has_program;
    uint32_t nslots, nplaces, nused, nfailures;
    uint64_t due_ns; /* when it wants to be looked at, or to be tried again */
    al_sender sender;
    al_engine_place *places; /* [nplaces] */

    double rtt_ns, byte_ns, pace, start_ns; /* measured; 0: not yet */
    uint64_t nchunks, nitems;               /* results that counted */
    uint64_t nspoilt;                       /* chunks that it could not do */
    uint64_t nlost;                         /* chunks that were lost with it */
    uint64_t nsent, nreceived;              /* bytes, of ended connections */
    char host[256], why[400];
} al_map_engine;

void al_map_engine_init(al_map_engine *engine, const al_engine_spec *spec, al_engine_common *common);
void al_map_engine_fini(al_map_engine *engine);
/** Connect if it is not, and it is time to; hear what came, send what waits. @return when next */
uint64_t al_map_engine_step(al_map_engine *engine, uint64_t now_ns);
/** Whether it would begin another chunk soon. @param chunk_ns  such a chunk's time there */
bool al_map_engine_has_place(const al_map_engine *engine, double chunk_ns);
/** Give it a chunk of about nitems. @return false: there was none */
bool al_map_engine_give(al_map_engine *engine, uint64_t nitems, uint64_t now_ns);

#endif
