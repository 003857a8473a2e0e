/* farm_fleet.c - engines elsewhere and the files that go there. See farm_session.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>

#include "base/fail.h"
#include "cli/farm_session.h"
#include "topo/topo.h"

/* ---- files ----------------------------------------------------------------------------------------------
 */

/** Names of files as templates. */
static allot_err parse_names(const al_session *session, const al_texts *texts, al_template ***names,
                             uint32_t *nnames, allot_error *err)
{
    *names = calloc(texts->count + 2, sizeof **names);
    allot_err code = *names != NULL ? ALLOT_OK : al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    for (size_t k = 0; k < texts->count && code == ALLOT_OK; k++) {
        code = al_template_parse_text(texts->at[k], session->columns, session->ncolumns, &(*names)[*nnames],
                                      err);
        *nnames += code == ALLOT_OK;
    }
    return code;
}

static allot_err add_name(const al_session *session, const char *text, al_template **names, uint32_t *nnames,
                          allot_error *err)
{
    allot_err code = al_template_parse_text(text, session->columns, session->ncolumns, &names[*nnames], err);
    *nnames += code == ALLOT_OK;
    return code;
}

allot_err al_session_parse_files(al_session *session, allot_error *err)
{
    const al_farm_options *o = &session->options;
    al_stage_opts *stage = &session->stage;
    allot_err code = parse_names(session, &o->send, &stage->send, &stage->nsend, err);
    if (code == ALLOT_OK)
        code = parse_names(session, &o->fetch, &stage->fetch, &stage->nfetch, err);
    if (code == ALLOT_OK && o->trc != NULL)
        code = add_name(session, "{}", stage->send, &stage->nsend, err);
    if (code == ALLOT_OK && o->trc != NULL)
        code = add_name(session, o->trc, stage->fetch, &stage->nfetch, err);
    stage->shared = (char **)(uintptr_t)o->shared.at;
    stage->nshared = (uint32_t)o->shared.count;
    return code;
}

void al_session_fleet_fini(al_session *session)
{
    for (uint32_t k = 0; k < session->stage.nsend; k++)
        al_template_destroy(session->stage.send[k]);
    for (uint32_t k = 0; k < session->stage.nfetch; k++)
        al_template_destroy(session->stage.fetch[k]);
    free(session->stage.send);
    free(session->stage.fetch);
    free(session->engine_ids);
}

/* ---- engines --------------------------------------------------------------------------------------------
 */

/** This process as an engine: processors and memory for tasks that run at once. */
static allot_err add_local(al_session *session, uint32_t *nslots, allot_error *err)
{
    const al_farm_options *o = &session->options;
    struct sysinfo info = {.mem_unit = 1};
    (void)sysinfo(&info);
    uint64_t memory = (uint64_t)info.totalram * info.mem_unit, allowed = al_memory_limit("");
    al_need has = {.cpus_milli = o->njobs > UINT32_MAX / 1000 ? UINT32_MAX : o->njobs * 1000,
                   .mem_bytes = allowed > 0 && allowed < memory ? allowed : memory};
    if (o->tasks == NULL && has.cpus_milli < o->kind.need.cpus_milli)
        has.cpus_milli = o->kind.need.cpus_milli; /* one at a time there is always room for */
    uint64_t many =
        o->tasks != NULL ? o->njobs * UINT64_C(8) : (uint64_t)has.cpus_milli / o->kind.need.cpus_milli;
    *nslots = many > AL_SLOTS_MAX ? AL_SLOTS_MAX : many < 1 ? 1 : (uint32_t)many;
    uint32_t engine;
    if (al_sched_engine_add(session->sched, &engine) != ALLOT_OK)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    if (o->is_elsewhere_only)
        *nslots = 0; /* it stays down */
    else
        al_sched_engine_back(session->sched, engine, &has, *nslots, false);
    return ALLOT_OK;
}

/** The number of an engine in results: the one that it had in an earlier session, or the next. */
static allot_err number_engine(al_session *session, const char *name, uint32_t *id, allot_error *err)
{
    char key[32];
    allot_err code = ALLOT_OK;
    for (*id = 1; code == ALLOT_OK; (*id)++) {
        char *known = NULL;
        (void)snprintf(key, sizeof key, "engine.%u", *id);
        code = al_store_get(session->store, key, &known, err);
        bool is_same = known != NULL && strcmp(known, name) == 0, is_free = known == NULL;
        free(known);
        if (code == ALLOT_OK && is_free)
            code = al_store_set(session->store, key, name, err);
        if (code == ALLOT_OK && is_free)
            code = al_store_sync(session->store, err); /* the next one is to see it */
        if (code != ALLOT_OK || is_same || is_free)
            break;
    }
    return code;
}

allot_err al_session_add_engines(al_session *session, uint32_t *nslots, allot_error *err)
{
    const al_farm_options *o = &session->options;
    allot_err code = add_local(session, nslots, err);
    session->engine_ids = calloc(o->nengines + 1, sizeof *session->engine_ids);
    if (session->engine_ids == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    for (uint32_t k = 0; k < o->nengines && code == ALLOT_OK; k++) {
        uint32_t number;
        if (al_sched_engine_add(session->sched, &number) != ALLOT_OK)
            return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
        code = number_engine(session, o->engines[k].name, &session->engine_ids[k], err);
    }
    return code;
}
