/* map_away.h - the thread that speaks to the engines of a map, and gives them what pays.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MAP_AWAY_H
#define AL_CLI_MAP_AWAY_H

#include "cli/map_engine.h"
#include "cli/map_stream.h"
#include "plan/ship.h"

/** Begin with zeros, then set. */
typedef struct al_away {
    /* Set by whoever starts it; borrowed. */
    const al_expr_spec *spec; /* of the stream's expression */
    const al_engine_spec *specs;
    uint32_t nengines;
    const char *ssh; /* NULL: ssh */
    bool is_quiet;

    const al_map_stream *stream;
    al_engine_common common;
    al_map_engine *engines;
    _Atomic uint32_t *nslots; /* of the stream */
    pthread_t thread;
    int wake;
    bool is_running;
    atomic_bool is_ending;

    /* For the report, once it has ended. */
    al_ship_plan plan; /* the last decision; of an engine that could take a chunk, if there was one */
    bool was_asked, has_called; /* a decision was taken; engines were called */
    double compile_ns;
    bool from_cache;
    char fault[400]; /* why no engine could be used at all; "" */
} al_away;

/** Start it. @return ALLOT_OK; ALLOT_ENOMEM */
allot_err al_away_start(al_away *away, al_map_stream *stream, allot_error *err);
/** Leave the engines and end it. NULL, and one that was not started, are allowed. */
void al_away_end(al_away *away);
/** Items that engines have computed. */
uint64_t al_away_nitems(const al_away *away);

#endif
