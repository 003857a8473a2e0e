/* cmd_resume.c - `allot resume` and `allot retry`: a run goes on.
 *
 * The command line that made the run is read again, then this one's options over it: so a run goes on as it
 * began, unless somebody says otherwise.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "cli/commands.h"
#include "cli/farm_session.h"
#include "farm/runs.h"
#include "farm/words.h"

/** Texts that a run keeps of itself. */
typedef struct memory {
    char *command, *list, *columns, *cwd, *submitted_from, *jobs, *input_complete;
} memory;

static allot_err remember(al_store *store, memory *m, allot_error *err)
{
    const struct {
        const char *key;
        char **value;
    } rows[] = {{"command", &m->command},
                {"list", &m->list},
                {"columns", &m->columns},
                {"cwd", &m->cwd},
                {"submitted_from", &m->submitted_from},
                {"jobs", &m->jobs},
                {"input_complete", &m->input_complete}};
    allot_err code = ALLOT_OK;
    for (size_t k = 0; k < sizeof rows / sizeof rows[0] && code == ALLOT_OK; k++)
        code = al_store_get(store, rows[k].key, rows[k].value, err);
    return code;
}

static void forget(memory *m)
{
    char *const texts[] = {m->command,        m->list, m->columns,       m->cwd,
                           m->submitted_from, m->jobs, m->input_complete};
    for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++)
        free(texts[k]);
}

/** The words that made the run, the list's among them as long as it may be needed. */
static char **words_of(const memory *m, int *argc)
{
    al_buffer text = {.at = NULL};
    (void)al_buffer_text(&text, m->command != NULL ? m->command : "");
    (void)al_buffer_byte(&text, ' ');
    (void)al_buffer_text(&text, m->list != NULL ? m->list : "");
    char **words = al_buffer_byte(&text, '\0') ? al_words_read(text.at, argc) : NULL;
    al_buffer_fini(&text);
    return words;
}

/** Where the run's tasks are run, and relative names of its command line count from. */
static allot_err recall_folders(al_session *session, const memory *m, allot_error *err)
{
    (void)snprintf(session->cwd, sizeof session->cwd, "%s", m->cwd != NULL ? m->cwd : "/");
    (void)snprintf(session->here, sizeof session->here, "%s",
                   m->submitted_from != NULL ? m->submitted_from : session->cwd);
    if (access(session->cwd, X_OK) != 0 || chdir(session->here) != 0)
        return al_fail(err, ALLOT_ENOTFOUND, 0, "run %s: its folder %s is gone: make it again", session->path,
                       access(session->cwd, X_OK) != 0 ? session->cwd : session->here);
    return ALLOT_OK;
}

/** The options and the template as they were when the run was made. */
static allot_err recall(al_session *session, bool *needs_list, allot_error *err)
{
    memory m = {.command = NULL};
    int argc = 0, ncolumns = 0, noperands = 0, status;
    allot_err code = remember(session->store, &m, err);
    if (code == ALLOT_OK) {
        session->recalled[0] = words_of(&m, &argc);
        session->columns = session->recalled[1] =
            al_words_read(m.columns != NULL ? m.columns : "", &ncolumns);
        session->ncolumns = (uint32_t)ncolumns;
        session->batch_jobs = m.jobs != NULL ? (uint32_t)strtoul(m.jobs, NULL, 10) : 0;
        *needs_list = m.input_complete == NULL || strcmp(m.input_complete, "1") != 0;
        char **argv = session->recalled[0];
        if (argv == NULL || session->columns == NULL || argc < 1 ||
            !al_option_parse(&al_command_farm, argc, argv, &session->options, &noperands, &status) ||
            !al_farm_operands(&session->options, argv + 1, noperands))
            code = al_fail(err, ALLOT_EFORMAT, 0, "run %s: the command line that made it is not kept there",
                           session->path);
    }
    if (code == ALLOT_OK)
        code = recall_folders(session, &m, err);
    forget(&m);
    return code;
}

/** A list on this command line takes the place of the run's own. */
static allot_err take_list(al_session *session, char **operands, int noperands, allot_error *err)
{
    al_farm_options given = {.words = NULL};
    if (noperands == 0)
        return ALLOT_OK;
    if (session->options.tasks != NULL || !al_farm_operands(&given, operands, noperands) ||
        given.nwords > 0) {
        free(given.sources);
        return al_fail(err, ALLOT_EINVAL, 0,
                       "'%s': after the run's name comes a list (::: ARG ... or :::: FILE)", operands[0]);
    }
    free(session->options.sources);
    session->options.sources = given.sources;
    session->options.nsources = given.nsources;
    return ALLOT_OK;
}

/** With the store open: options, list and template. @param words  this command line as typed
 * @param states  results that are forgotten first */
static allot_err set_up(al_session *session, const al_command *command, int argc, char **words,
                        uint32_t states, allot_error *err)
{
    int noperands, status;
    bool needs_list = false;
    uint64_t nreset = 0;
    allot_err code = recall(session, &needs_list, err);
    session->is_resumed = true;
    session->options.detach = false;
    if (code == ALLOT_OK && !al_option_parse(command, argc, words, &session->options, &noperands, &status))
        code = al_fail(err, ALLOT_EINVAL, 0, "the command line is wrong");
    if (code == ALLOT_OK)
        code = take_list(session, words + 2, noperands - 1, err);
    if (code == ALLOT_OK && !al_farm_options_read(&session->options, session->command))
        return al_fail(err, ALLOT_EINVAL, 0, "these options do not go with the run's");
    if (code == ALLOT_OK && states != 0)
        code = al_store_reset(session->store, states, &nreset, err);
    if (code == ALLOT_OK && states != 0 && nreset == 0 && !session->options.quiet)
        al_complain(session->command, "run %s: no task failed", al_runs_name(session->path));
    if (code != ALLOT_OK || session->options.tasks != NULL)
        return code == ALLOT_OK ? al_session_recall_specs(session, err) : code;
    if (needs_list || noperands > 1)
        code = al_session_reopen_inputs(session, err);
    return code == ALLOT_OK ? al_session_parse(session, err) : code;
}

/** The run, once more. */
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
    bool is_good = al_option_parse(command, argc, argv, &probe, &noperands, &status);
    if (!is_good)
        status = status == AL_EXIT_USAGE ? AL_FARM_EXIT_USAGE : status;
    else {
        allot_err code =
            al_runs_find(noperands > 0 ? argv[1] : NULL, session->path, sizeof session->path, &err);
        if (code == ALLOT_OK && probe.detach && (status = al_session_detach(session)) >= 0) {
            free(words);
            return status;
        }
        if (code == ALLOT_OK)
            code = al_store_open(session->path, AL_STORE_CONTROL, &session->store, &err);
        if (code == ALLOT_OK)
            code = set_up(session, command, argc, words, states, &err);
        status = code == ALLOT_OK ? al_session_run(session) : al_session_fail(session, code, &err);
    }
    free(words);
    return status;
}

static int run(int argc, char **argv, const al_command *command, uint32_t states)
{
    static al_session session;
    session.command = command->name;
    session.ready_fd = -1;
    al_farm_options_init(&session.options);
    (void)signal(SIGPIPE, SIG_IGN);
    int status = go_on(&session, argc, argv, command, states);
    al_session_fini(&session);
    return status;
}

static int run_resume(int argc, char **argv)
{
    return run(argc, argv, &al_command_resume, 0);
}

static int run_retry(int argc, char **argv)
{
    return run(argc, argv, &al_command_retry,
               1u << AL_TASK_FAILED | 1u << AL_TASK_SKIPPED | 1u << AL_TASK_CANCELED);
}

const al_command al_command_resume = {
    .name = "resume",
    .summary = "go on with a run that was stopped or killed",
    .usage = "[OPTION ...] [RUN [::: ARG ...]]\n[OPTION ...] [RUN [:::: FILE ...]]",
    .description =
        "Runs the tasks of a run that were not finished. Without RUN, the one that was worked on "
        "last. Options are "
        "those of `allot farm`, and hold over the ones the run was made with.\n"
        "\n"
        "A task that was reported as finished is never run again. Those that were running when "
        "the controller was "
        "killed are run again from their beginning.\n"
        "\n"
        "A list that had not been read to its end is read again; one that came on standard input has "
        "to be given again there. With a list here, that one is read. Tasks are known by their "
        "arguments, not by their places: those that the run has already are not added again.",
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
