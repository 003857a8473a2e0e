/* cmd_resume.c - `allot resume` and `allot retry`: a run goes on.
 *
 * The command line that made the run is read again, then this one's options over it: so a run goes on as it
 * began, unless somebody says otherwise.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "cli/commands.h"
#include "cli/farm_session.h"
#include "farm/runs.h"

/** A JSON array of texts as an argv, in one block that the caller frees; *count its length. NULL: it is none. */
static char **words_of(const char *text, int *count)
{
    json_t *array = text != NULL ? json_loads(text, 0, NULL) : NULL;
    size_t n = json_array_size(array), nbytes = (n + 1) * sizeof(char *);
    for (size_t k = 0; k < n; k++)
        nbytes += json_string_length(json_array_get(array, k)) + 1;
    char **words = json_is_array(array) ? calloc(1, nbytes) : NULL;
    char *at = (char *)(words != NULL ? words + n + 1 : NULL);
    for (size_t k = 0; words != NULL && k < n; k++) {
        const char *word = json_string_value(json_array_get(array, k));
        words[k] = at;
        at = word != NULL ? stpcpy(at, word) + 1 : at + 1;
    }
    json_decref(array);
    *count = (int)n;
    return words;
}

/** The options and the template as they were when the run was made. */
static allot_err recall(al_session *session, allot_error *err)
{
    char *command = NULL, *columns = NULL, *cwd = NULL;
    int argc = 0, ncolumns = 0, noperands = 0, status;
    allot_err code = al_store_get(session->store, "command", &command, err);
    if (code == ALLOT_OK)
        code = al_store_get(session->store, "columns", &columns, err);
    if (code == ALLOT_OK)
        code = al_store_get(session->store, "cwd", &cwd, err);
    char **argv = session->recalled[0] = words_of(command, &argc);
    session->columns = session->recalled[1] = words_of(columns, &ncolumns);
    session->ncolumns = (uint32_t)ncolumns;
    if (code == ALLOT_OK &&
        (argv == NULL || argc < 1 ||
         !al_option_parse(&al_command_farm, argc, argv, &session->options, &noperands, &status)))
        code = al_fail(err, ALLOT_EFORMAT, 0, "run %s: the command line that made it is not kept there",
                       session->path);
    if (code == ALLOT_OK) {
        session->options.words = argv + 1;
        session->options.nwords = (uint32_t)noperands;
        (void)snprintf(session->cwd, sizeof session->cwd, "%s", cwd != NULL ? cwd : "/");
        if (chdir(session->cwd) != 0) /* where relative names of the command line count from */
            code = al_fail(err, ALLOT_ENOTFOUND, 0, "run %s: its folder %s is gone: make it again",
                           session->path, session->cwd);
    }
    free(command);
    free(columns);
    free(cwd);
    return code;
}

/** The run, once more. @param states  results that are forgotten first */
static int go_on(al_session *session, int argc, char **argv, const al_command *command, uint32_t states)
{
    allot_error err;
    int noperands, status;
    al_farm_options probe;
    al_farm_options_init(&probe);
    char **words = malloc(((size_t)argc + 1) * sizeof *words);
    if (words == NULL)
        return AL_FARM_EXIT_BROKEN;
    memcpy(words, argv, ((size_t)argc + 1) * sizeof *words);
    if (!al_option_parse(command, argc, argv, &probe, &noperands, &status)) {
        free(words);
        return status == AL_EXIT_USAGE ? AL_FARM_EXIT_USAGE : status;
    }
    allot_err code = al_runs_find(noperands > 0 ? argv[1] : NULL, session->path, sizeof session->path, &err);
    if (code == ALLOT_OK && probe.detach && (status = al_session_detach(session)) >= 0) {
        free(words);
        return status;
    }
    if (code == ALLOT_OK)
        code = al_store_open(session->path, AL_STORE_CONTROL, &session->store, &err);
    if (code == ALLOT_OK)
        code = recall(session, &err);
    session->options.detach = false;
    if (code == ALLOT_OK && !al_option_parse(command, argc, words, &session->options, &noperands, &status))
        code = al_fail(&err, ALLOT_EINVAL, 0, "the command line is wrong");
    free(words);
    uint64_t nreset = 0;
    if (code == ALLOT_OK && states != 0)
        code = al_store_reset(session->store, states, &nreset, &err);
    if (code == ALLOT_OK && !al_farm_options_read(&session->options, session->command))
        return AL_FARM_EXIT_USAGE;
    if (code == ALLOT_OK)
        code = session->options.tasks != NULL ? al_session_recall_specs(session, &err)
                                              : al_session_parse(session, &err);
    if (code != ALLOT_OK)
        return al_session_fail(session, code, &err);
    if (states != 0 && nreset == 0 && !session->options.quiet)
        al_complain(session->command, "run %s: no task failed", al_runs_name(session->path));
    return al_session_run(session);
}

static int run_resume(int argc, char **argv)
{
    static al_session session;
    session.command = "resume";
    session.ready_fd = -1;
    al_farm_options_init(&session.options);
    (void)signal(SIGPIPE, SIG_IGN);
    int status = go_on(&session, argc, argv, &al_command_resume, 0);
    al_session_fini(&session);
    return status;
}

static int run_retry(int argc, char **argv)
{
    static al_session session;
    session.command = "retry";
    session.ready_fd = -1;
    al_farm_options_init(&session.options);
    (void)signal(SIGPIPE, SIG_IGN);
    int status = go_on(&session, argc, argv, &al_command_retry,
                       1u << AL_TASK_FAILED | 1u << AL_TASK_SKIPPED | 1u << AL_TASK_CANCELED);
    al_session_fini(&session);
    return status;
}

const al_command al_command_resume = {
    .name = "resume",
    .summary = "go on with a run that was stopped or killed",
    .usage = "[OPTION ...] [RUN]",
    .description = "Runs the tasks of a run that were not finished. Without RUN, the one that was worked on "
                   "last. Options are "
                   "those of `allot farm`, and hold over the ones the run was made with.\n"
                   "\n"
                   "A task that was reported as finished is never run again. Those that were running when "
                   "the controller was "
                   "killed are run again from their beginning.",
    .examples = "allot resume  # the latest\nallot resume gzip-3 -j 4  # four at a time from now on\n",
    .options = al_farm_options_table,
    .noptions = AL_FARM_NOPTIONS,
    .statuses = "as for allot farm, over all tasks of the run\n",
    .run = run_resume,
};

const al_command al_command_retry = {
    .name = "retry",
    .summary = "try a run's failed tasks again",
    .usage = "[OPTION ...] [RUN]",
    .description = "Runs those tasks of a run again that failed, were skipped or canceled, and the ones that "
                   "are left. Without "
                   "RUN, the one that was worked on last. Options are those of `allot farm`.",
    .examples = "allot retry gzip-3  # once what made them fail is mended\nallot retry --timeout 1h --mem 8G "
                " # with more room\n",
    .options = al_farm_options_table,
    .noptions = AL_FARM_NOPTIONS,
    .statuses = "as for allot farm, over all tasks of the run\n",
    .run = run_retry,
};
