/* farm_input.c - tasks on their way in: from the inputs to the store, and once they are on disk to the
 * scheduler.
 *
 * Inputs are read ahead of the work, as fast as they come, so that the total is known and a pipe's writer
 * need not wait; but not without bounds, since an input may have no end.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "farm/farm_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

/** Tasks taken in before the loop looks at anything else; about a millisecond's worth. */
#define TURN_TASKS 4096u
/** Tasks that wait to be started: no more, as an endless input would fill the disk. */
#define AHEAD_MOST (UINT64_C(4) << 20)

bool al_farm_has_enough(const al_farm *farm)
{
    al_sched_counts counts;
    if (al_store_is_behind(farm->opts.store))
        return true;
    al_sched_count(farm->opts.sched, &counts);
    /* A bundle is cut as late as possible: by what is known then. */
    uint64_t most = farm->opts.is_bundling ? farm->opts.njobs : AHEAD_MOST;
    return counts.nready + (al_store_ntasks(farm->opts.store) - farm->nknown) > most;
}

/** --bundle auto: how much of the list makes the next task. */
static void cut(al_farm *farm)
{
    const al_farm_facts *facts = &farm->facts;
    double start_ns = facts->nattempts > 0 ? (double)facts->spawn_ns / (double)facts->nattempts : 0;
    bool is_compared = farm->opts.known != NULL && al_known_is_going(farm->opts.known);
    al_inputs_batch(farm->opts.inputs, is_compared
                                           ? 1
                                           : al_bundle_choose(&facts->bundle, start_ns, farm->opts.njobs,
                                                              al_inputs_left(farm->opts.inputs)));
}

void al_farm_measure_bundle(al_farm *farm, const al_result *result)
{
    al_args args, spec;
    if (farm->opts.is_bundling && result->state == AL_TASK_DONE &&
        al_store_task(farm->opts.store, result->task, &args, &spec, NULL) == ALLOT_OK)
        al_bundle_add(&farm->facts.bundle, al_args_count(args), result->wall_us * 1000);
}

/** A bundle is being waited for though a job has nothing to do. */
static bool is_starved(const al_farm *farm)
{
    al_sched_counts counts;
    al_sched_count(farm->opts.sched, &counts);
    return farm->opts.is_bundling && counts.nready == 0 && counts.nrunning < farm->opts.njobs;
}

static allot_err end_input(al_farm *farm, allot_error *err)
{
    farm->input_ended = true;
    if (farm->opts.known != NULL && al_known_nread(farm->opts.known) == 0) {
        farm->facts.lacks_input = true;
        return ALLOT_OK;
    }
    allot_err code = al_store_set(farm->opts.store, "list", "", err); /* nobody needs to read it again */
    return code == ALLOT_OK ? al_store_set(farm->opts.store, "input_complete", "1", err) : code;
}

/** A task of the list, which is new or, when the list is read again, in the run already. */
static allot_err take_task(al_farm *farm, al_args args, allot_error *err)
{
    bool is_known = false;
    allot_err code =
        farm->opts.known != NULL ? al_known_take(farm->opts.known, args, &is_known, err) : ALLOT_OK;
    return code == ALLOT_OK && !is_known ? al_store_add(farm->opts.store, args, NULL, err) : code;
}

/** Take tasks from the inputs. */
static allot_err read_inputs(al_farm *farm, allot_error *err)
{
    al_input_state state = AL_INPUT_TASK;
    al_args args;
    for (uint32_t n = 0; n < TURN_TASKS && !farm->input_ended; n++) {
        if (farm->opts.is_bundling && al_farm_has_enough(farm))
            return ALLOT_OK;
        if (farm->opts.is_bundling)
            cut(farm);
        allot_err code = al_inputs_next(farm->opts.inputs, &state, &args, err);
        if (code == ALLOT_OK && state == AL_INPUT_END)
            return end_input(farm, err);
        if (code == ALLOT_OK && state == AL_INPUT_TASK)
            code = take_task(farm, args, err);
        if (code == ALLOT_OK && state == AL_INPUT_WAIT) {
            if (!farm->is_input_ready && !is_starved(farm))
                return ALLOT_OK;
            if (!farm->is_input_ready) { /* what there is of the next bundle */
                al_inputs_batch(farm->opts.inputs, 1);
                code = al_inputs_next(farm->opts.inputs, &state, &args, err);
                if (code == ALLOT_OK && state == AL_INPUT_TASK)
                    code = take_task(farm, args, err);
                return code;
            }
            farm->is_input_ready = !farm->input_watched; /* a plain file always is */
            code = al_inputs_fill(farm->opts.inputs, err);
        }
        if (code != ALLOT_OK)
            return code;
    }
    return ALLOT_OK;
}

allot_err al_farm_take_in(al_farm *farm, allot_error *err)
{
    allot_err code = ALLOT_OK;
    if (!farm->input_ended && !farm->is_broken && farm->ninterrupts == 0 && !al_farm_has_enough(farm)) {
        code = read_inputs(farm, err);
        if (farm->nlive == 0 && al_store_ntasks(farm->opts.store) > farm->nknown)
            al_store_hurry(farm->opts.store); /* nothing else keeps us busy meanwhile */
    }
    uint64_t ncommitted = al_store_ntasks_committed(farm->opts.store);
    if (code == ALLOT_OK && ncommitted > farm->nknown) {
        code = al_sched_add(farm->opts.sched, ncommitted - farm->nknown, 0, false);
        farm->nknown = ncommitted;
        if (code != ALLOT_OK)
            return al_fail(err, code, 0, "out of memory for %llu tasks", (unsigned long long)ncommitted);
    }
    if (farm->input_ended && !farm->facts.is_input_read &&
        farm->nknown == al_store_ntasks(farm->opts.store)) {
        farm->facts.is_input_read = true;
        al_sched_input_ended(farm->opts.sched);
    }
    return code;
}

/* ---- what others ask for --------------------------------------------------------------------------------
 */

#define ASK_NS UINT64_C(500000000)

/** A task that was added, told by a spec. One that is wrong is left out, and said. It is known to the
 * scheduler at once, but blocked: it waits for link_added(). */
static allot_err add_spec(al_farm *farm, const char *text, size_t nbytes, allot_error *err)
{
    al_spec spec;
    allot_error wrong;
    uint32_t kind;
    char *line = strndup(text, nbytes);
    al_task_id task = al_store_ntasks(farm->opts.store) + 1;
    allot_err code = line != NULL ? ALLOT_OK : al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    if (code == ALLOT_OK && al_spec_parse(text, nbytes, "allot add", farm->opts.kind, farm->opts.tokens,
                                          farm->opts.ntokens, &spec, &wrong) != ALLOT_OK) {
        al_farm_say(farm, wrong.text);
    } else if (code == ALLOT_OK) {
        if (al_names_check(farm->opts.names, &spec, "allot add", &wrong) != ALLOT_OK)
            al_farm_say(farm, wrong.text);
        else if (al_sched_kind(farm->opts.sched, &spec.kind, &kind) != ALLOT_OK ||
                 al_sched_add(farm->opts.sched, 1, kind, true) != ALLOT_OK)
            code = al_fail(err, ALLOT_ENOMEM, 0, "out of memory for added tasks");
        else if ((code = al_names_add(farm->opts.names, &spec, task, "allot add", err)) == ALLOT_OK)
            code = al_store_add(farm->opts.store, (al_args){"", 0}, line, err);
        al_spec_fini(&spec);
    }
    free(line);
    return code;
}

/** Tasks with specs that were added may start once they are on disk. */
static allot_err link_added(al_farm *farm, allot_error *err)
{
    allot_err code = al_store_sync(farm->opts.store, err);
    farm->nknown = al_store_ntasks_committed(farm->opts.store);
    return code == ALLOT_OK ? al_names_link(farm->opts.names, farm->opts.sched, false, err) : code;
}

/** Tasks that were added: each line is a spec, or a task's arguments. */
static allot_err add_lines(al_farm *farm, const char *text, size_t nbytes, allot_error *err)
{
    bool has_specs = farm->opts.names != NULL;
    allot_err code = ALLOT_OK;
    while (nbytes > 0 && code == ALLOT_OK) {
        const char *newline = memchr(text, '\n', nbytes);
        size_t length = newline != NULL ? (size_t)(newline - text) : nbytes;
        code = has_specs ? add_spec(farm, text, length, err)
                         : al_store_add(farm->opts.store, (al_args){text, length}, NULL, err);
        size_t used = newline != NULL ? length + 1 : length;
        text += used;
        nbytes -= used;
    }
    farm->facts.is_input_read = false; /* until these are on disk, too */
    return code == ALLOT_OK && has_specs ? link_added(farm, err) : code;
}

allot_err al_farm_take_requests(al_farm *farm, uint64_t now_ns, allot_error *err)
{
    bool found = true;
    if (now_ns < farm->asked_at_ns + ASK_NS)
        return ALLOT_OK;
    farm->asked_at_ns = now_ns;
    while (found) {
        al_request request;
        allot_err code = al_store_next_request(farm->opts.store, &request, &found, err);
        if (code == ALLOT_OK && found && strcmp(request.verb, "add") == 0)
            code = add_lines(farm, request.text, request.nbytes, err);
        else if (code == ALLOT_OK && found && strcmp(request.verb, "cancel") == 0 && request.nbytes == 0)
            al_sched_cancel(farm->opts.sched, now_ns);
        else if (code == ALLOT_OK && found && strcmp(request.verb, "cancel") == 0)
            al_sched_cancel_task(farm->opts.sched, strtoull(request.text, NULL, 10), now_ns);
        if (code != ALLOT_OK)
            return code;
    }
    return ALLOT_OK;
}
