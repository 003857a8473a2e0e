/* farm_list.c - the lists that a command line of `allot farm` names, also when a run is resumed before its
 * list was read to the end.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "cli/farm_session.h"

static bool reads_stdin(const al_farm_options *o)
{
    for (uint32_t k = 0; k < o->nsources; k++)
        if (o->sources[k].path != NULL && strcmp(o->sources[k].path, "-") == 0)
            return true;
    return false;
}

allot_err al_session_open_inputs(al_session *session, allot_error *err)
{
    const al_farm_options *o = &session->options;
    bool is_many = o->is_bundling || (o->many && o->nper == 1);
    al_inputs_opts opts = {.sources = o->sources,
                           .nsources = o->nsources,
                           .end = o->null ? '\0' : '\n',
                           .colsep = o->colsep,
                           .has_header = o->header != NULL,
                           .nper = is_many ? UINT32_MAX : (uint32_t)o->nper,
                           .is_cut_by_caller = o->is_bundling,
                           .nbytes_max = AL_SESSION_MANY_BYTES_SHELL, /* until the template is known */
                           .njobs = session->batch_jobs != 0 ? session->batch_jobs : o->njobs};
    if (reads_stdin(o) && isatty(STDIN_FILENO) == 1)
        al_complain(session->command, "reading %s from the terminal, one a line; Ctrl-D ends them",
                    o->nwords == 0 ? "commands" : "arguments");
    return al_inputs_create(&opts, &session->inputs, err);
}

allot_err al_session_next_task(al_session *session, al_input_state *state, al_args *args, allot_error *err)
{
    allot_err code;
    while ((code = al_inputs_next(session->inputs, state, args, err)) == ALLOT_OK && *state == AL_INPUT_WAIT)
        if ((code = al_inputs_fill(session->inputs, err)) != ALLOT_OK)
            return code;
    return code;
}

allot_err al_session_reopen_inputs(al_session *session, allot_error *err)
{
    session->lacks_input = reads_stdin(&session->options) && isatty(STDIN_FILENO) == 1;
    if (session->lacks_input)
        return ALLOT_OK; /* nobody would type it again: said at the end */
    session->known = al_known_create(session->store, session->options.is_bundling);
    if (session->known == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    return al_session_open_inputs(session, err);
}
