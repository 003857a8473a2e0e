/* farm_facts.c - what is known of engines elsewhere, for `allot engines`. See farm_parts.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "farm/farm_parts.h"

static const char *state_of(const al_farm_engine *e)
{
    return e->is_up                               ? "up"
           : e->is_given_up                       ? "given up"
           : e->is_resting                        ? "waits for work"
           : e->link != NULL || e->why[0] == '\0' ? "connecting"
                                                  : "lost";
}

bool al_farm_engine_facts_of(const al_farm *farm, uint32_t number, al_farm_engine_facts *facts)
{
    if (number == 0 || number >= farm->nengines)
        return false;
    const al_farm_engine *e = &farm->engines[number];
    *facts = (al_farm_engine_facts){.name = e->spec->name,
                                    .state = state_of(e),
                                    .was_up = e->was_up,
                                    .nslots = e->nslots,
                                    .nwaiting_most = e->nqueue,
                                    .nended = e->nended};
    return true;
}

void al_farm_engines_save(al_farm *farm, uint64_t now_ns)
{
    for (uint32_t k = 1; k < farm->nengines; k++) {
        const al_farm_engine *e = &farm->engines[k];
        uint64_t nsent = 0, nreceived = 0;
        al_stage_facts moved;
        char key[40];
        uint32_t nwaiting, nthere = al_sched_engine_load(farm->opts.sched, k, &nwaiting);
        if (e->link != NULL)
            al_link_traffic(e->link, &nsent, &nreceived);
        al_stage_look(e->stage, &moved);
        json_t *facts = json_pack(
            "{s:s, s:s, s:s, s:s, s:i, s:i, s:I, s:f, s:I, s:I, s:I, s:I, s:I, s:i, s:i, s:b}", "name",
            e->spec->name, "launcher", e->spec->launcher->name, "host", e->host, "state", state_of(e),
            "slots", (int)e->nslots, "cpus", (int)e->ncpus, "mem_bytes", (json_int_t)e->mem_bytes,
            "latency_ms", e->link != NULL ? (double)al_link_rtt_ns(e->link) * 1e-6 : 0.0, "attempts",
            (json_int_t)e->nended, "sent_bytes", (json_int_t)(e->nsent + nsent), "received_bytes",
            (json_int_t)(e->nreceived + nreceived), "sent_bytes_per_s", (json_int_t)moved.sent_rate,
            "received_bytes_per_s", (json_int_t)moved.received_rate, "running", (int)(nthere - nwaiting),
            "waiting", (int)nwaiting, "shares_files", (int)e->shares);
        if (facts != NULL && e->why[0] != '\0')
            (void)json_object_set_new(facts, "why", json_string(e->why));
        if (facts != NULL && moved.why_packing != NULL) {
            (void)json_object_set_new(facts, "compresses", json_boolean(moved.is_packing));
            (void)json_object_set_new(facts, "why_compresses", json_string(moved.why_packing));
        }
        char *text = facts != NULL ? json_dumps(facts, JSON_COMPACT) : NULL;
        (void)snprintf(key, sizeof key, "engine.%u.facts", e->id);
        if (text != NULL)
            (void)al_store_set(farm->opts.store, key, text, NULL);
        free(text);
        json_decref(facts);
    }
    farm->saved_ns = now_ns;
}
