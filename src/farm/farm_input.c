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

static bool has_enough(const al_farm *farm)
{
    al_sched_counts counts;
    if (al_store_is_behind(farm->opts.store))
        return true;
    al_sched_count(farm->opts.sched, &counts);
    return counts.nready > AHEAD_MOST;
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
        allot_err code = al_inputs_next(farm->opts.inputs, &state, &args, err);
        if (code == ALLOT_OK && state == AL_INPUT_END)
            return end_input(farm, err);
        if (code == ALLOT_OK && state == AL_INPUT_TASK)
            code = take_task(farm, args, err);
        if (code == ALLOT_OK && state == AL_INPUT_WAIT) {
            if (!farm->is_input_ready)
                return ALLOT_OK;
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
    if (!farm->input_ended && !farm->is_broken && farm->ninterrupts == 0 && !has_enough(farm))
        code = read_inputs(farm, err);
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

/** Tasks that were added: each line is a task's arguments, ended by a newline (NUL between two arguments). */
static allot_err add_lines(al_farm *farm, const char *text, size_t nbytes, allot_error *err)
{
    while (nbytes > 0) {
        const char *newline = memchr(text, '\n', nbytes);
        size_t length = newline != NULL ? (size_t)(newline - text) : nbytes;
        allot_err code = al_store_add(farm->opts.store, (al_args){text, length}, NULL, err);
        if (code != ALLOT_OK)
            return code;
        size_t used = newline != NULL ? length + 1 : length;
        text += used;
        nbytes -= used;
    }
    farm->facts.is_input_read = false; /* until these are on disk, too */
    return ALLOT_OK;
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
