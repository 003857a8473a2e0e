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
#include "cli/run_job.h"
#include "farm/runs.h"
#include "farm/words.h"

/** Texts that a run keeps of itself. */
typedef struct memory {
    char *command, *list, *columns, *cwd, *submitted_from, *jobs, *input_complete, *dry, *batch_words;
} memory;

/** This command line. */
typedef struct typed {
    const al_command *command;
    char **words; /* as typed, but for those after -- */
    int argc;
    char **batch_words; /* those after --, which end in NULL; NULL: none */
    bool has_engines;   /* --on */
    uint32_t states;    /* results that are forgotten first */
} typed;

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
                {"input_complete", &m->input_complete},
                {"dry", &m->dry},
                {"batch_words", &m->batch_words}};
    allot_err code = ALLOT_OK;
    for (size_t k = 0; k < sizeof rows / sizeof rows[0] && code == ALLOT_OK; k++)
        code = al_store_get(store, rows[k].key, rows[k].value, err);
    return code;
}

static void forget(memory *m)
{
    char *const texts[] = {m->command, m->list,           m->columns, m->cwd,        m->submitted_from,
                           m->jobs,    m->input_complete, m->dry,     m->batch_words};
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
    if (access(session->cwd, X_OK) == 0 && chdir(session->here) == 0)
        return ALLOT_OK;
    const char *gone = access(session->cwd, X_OK) != 0 ? session->cwd : session->here;
    char host[256] = "";
    (void)gethostname(host, sizeof host - 1);
    if (session->is_in_job)
        return al_fail(
            err, ALLOT_ENOTFOUND, 0,
            "run %s: its folder %s is not on node %s: start the run in a folder that all nodes see",
            session->path, gone, host);
    return al_fail(err, ALLOT_ENOTFOUND, 0, "run %s: its folder %s is gone: make it again", session->path,
                   gone);
}

/** The options and the template as they were when the run was made. */
static allot_err recall(al_session *session, bool *needs_list, allot_error *err)
{
    memory m = {.command = NULL};
    int argc = 0, ncolumns = 0, nbatch = 0, noperands = 0, status;
    allot_err code = remember(session->store, &m, err);
    if (code == ALLOT_OK) {
        session->recalled[0] = words_of(&m, &argc);
        session->columns = session->recalled[1] =
            al_words_read(m.columns != NULL ? m.columns : "", &ncolumns);
        session->ncolumns = (uint32_t)ncolumns;
        session->recalled[2] = al_words_read(m.batch_words != NULL ? m.batch_words : "", &nbatch);
        session->options.batch_words = nbatch > 0 ? session->recalled[2] : NULL;
        session->batch_jobs = m.jobs != NULL ? (uint32_t)strtoul(m.jobs, NULL, 10) : 0;
        *needs_list = m.input_complete == NULL || strcmp(m.input_complete, "1") != 0;
        char **argv = session->recalled[0];
        if (argv == NULL || session->columns == NULL || argc < 1 ||
            !al_option_parse(&al_command_farm, argc, argv, &session->options, &noperands, &status) ||
            !al_farm_operands(&session->options, argv + 1, noperands))
            code = al_fail(err, ALLOT_EFORMAT, 0, "run %s: the command line that made it is not kept there",
                           session->path);
    }
    if (code == ALLOT_OK && m.dry != NULL)
        code = al_fail(err, ALLOT_EINVAL, 0, "run %s was dry: nothing of it is real; make it anew",
                       session->path);
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

/** What stood after -- here is for the batch system from now on. */
static allot_err keep_batch_words(al_session *session, allot_error *err)
{
    al_buffer text = {.at = NULL};
    if (!session->options.has_batch_words)
        return ALLOT_OK;
    allot_err code = al_session_write_batch_words(session, &text)
                         ? al_store_set(session->store, "batch_words", text.at, err)
                         : al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    al_buffer_fini(&text);
    return code;
}

/** In a job the options are those that the command line which made the job had. */
static allot_err recall_options(al_session *session, typed *t, allot_error *err)
{
    char *options = NULL;
    al_buffer text = {.at = NULL};
    allot_err code = al_store_get(session->store, "batch.options", &options, err);
    char *first[] = {t->words[0], session->path};
    bool is_whole = al_words_write(&text, first, 2);
    text.nbytes -= is_whole; /* its end */
    is_whole = is_whole && al_buffer_text(&text, " ") &&
               al_buffer_text(&text, options != NULL ? options : "") && al_buffer_byte(&text, '\0');
    free(options);
    if (code == ALLOT_OK && is_whole) {
        static al_farm_options probe;
        int count, noperands, status;
        al_farm_options_init(&probe);
        char **words = al_words_read(text.at, &count);
        t->has_engines = words != NULL &&
                         al_option_parse(t->command, count, words, &probe, &noperands, &status) &&
                         probe.on.count > 0;
        free(words);
        session->recalled[3] = al_words_read(text.at, &t->argc);
        t->words = session->recalled[3];
    }
    al_buffer_fini(&text);
    if (code == ALLOT_OK && t->words == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    return code;
}

/** Options, then the list and the template. */
static allot_err read_options(al_session *session, const typed *t, int *noperands, bool *needs_list,
                              allot_error *err)
{
    int status;
    allot_err code = recall(session, needs_list, err);
    session->is_resumed = !session->is_first;
    session->options.detach = session->is_in_job; /* nobody reads along */
    if (t->has_engines)
        session->options.on.count = 0; /* these take the place of the run's */
    if (code == ALLOT_OK &&
        !al_option_parse(t->command, t->argc, t->words, &session->options, noperands, &status))
        code = al_fail(err, ALLOT_EINVAL, 0, "the command line is wrong");
    if (code == ALLOT_OK)
        code = take_list(session, t->words + 2, *noperands - 1, err);
    if (t->batch_words != NULL)
        session->options.batch_words = t->batch_words;
    session->options.has_batch_words = t->batch_words != NULL;
    if (code == ALLOT_OK && !al_farm_options_read(&session->options, session->command))
        return al_fail(err, ALLOT_EINVAL, 0, "these options do not go with the run's");
    return code == ALLOT_OK ? keep_batch_words(session, err) : code;
}

/** With the store open: options, list and template. */
static allot_err set_up(al_session *session, typed *t, allot_error *err)
{
    int noperands = 0;
    bool needs_list = false;
    uint64_t nreset = 0;
    allot_err code = session->is_in_job ? recall_options(session, t, err) : ALLOT_OK;
    if (code == ALLOT_OK)
        code = read_options(session, t, &noperands, &needs_list, err);
    if (code == ALLOT_OK && t->states != 0)
        code = al_store_reset(session->store, t->states, &nreset, err);
    if (code == ALLOT_OK && t->states != 0 && nreset == 0 && !session->options.quiet)
        al_complain(session->command, "run %s: no task failed", al_runs_name(session->path));
    if (code != ALLOT_OK || session->options.tasks != NULL)
        return code == ALLOT_OK ? al_session_recall_specs(session, err) : code;
    if (needs_list || noperands > 1)
        code = al_session_reopen_inputs(session, err);
    return code == ALLOT_OK ? al_session_parse(session, err) : code;
}

/** With the run found: open it, work on it here or have a job do it. */
static int work(al_session *session, typed *t)
{
    allot_error err;
    allot_err code =
        session->is_in_job ? al_session_open_in_job(session, &err) : al_run_job_refuse(session->path, &err);
    if (code == ALLOT_OK && !session->is_in_job)
        code = al_store_open(session->path, AL_STORE_CONTROL, &session->store, &err);
    if (code == ALLOT_OK)
        code = set_up(session, t, &err);
    if (code != ALLOT_OK)
        return al_session_fail(session, code, &err);
    if (session->options.detach && !session->is_in_job && al_farm_is_for_batch(&session->options))
        return al_session_submit(session);
    return al_session_leave_job(session, al_session_run(session));
}

/** What of a command line is no operand, quoted. @param argv  after parsing, with the operands first */
static char *options_of(const typed *t, char *const *argv, int noperands)
{
    al_buffer text = {.at = NULL};
    char **kept = calloc((size_t)t->argc + 1, sizeof *kept);
    size_t nkept = 0;
    for (int k = 1; kept != NULL && k < t->argc; k++) {
        bool is_operand = strcmp(t->words[k], "--") == 0;
        for (int n = 1; n <= noperands && !is_operand; n++)
            is_operand = argv[n] == t->words[k];
        if (!is_operand)
            kept[nkept++] = t->words[k];
    }
    if (kept != NULL)
        (void)al_words_write(&text, kept, nkept);
    free(kept);
    return text.at;
}

/** The run, once more. */
static int go_on(al_session *session, int argc, char **argv, const al_command *command, uint32_t states)
{
    allot_error err;
    int noperands, status;
    static al_farm_options probe; /* what it points to stays until we end */
    al_farm_options_init(&probe);
    int batch = al_farm_batch_words(argv, argc, false);
    typed t = {.command = command, .argc = batch < argc ? batch - 1 : argc, .states = states};
    char **words = malloc(((size_t)argc + 1) * sizeof *words);
    if (words == NULL)
        return AL_FARM_EXIT_BROKEN;
    memcpy(words, argv, ((size_t)argc + 1) * sizeof *words);
    t.words = words;
    t.batch_words = batch < argc ? words + batch : NULL;
    bool is_good = al_option_parse(command, t.argc, argv, &probe, &noperands, &status);
    if (!is_good)
        status = status == AL_EXIT_USAGE ? AL_FARM_EXIT_USAGE : status;
    else if (al_runs_find(noperands > 0 ? argv[1] : NULL, session->path, sizeof session->path, &err) !=
             ALLOT_OK)
        status = al_session_fail(session, err.code, &err);
    else if (!probe.detach || (status = al_session_detach(session)) < 0) {
        al_session_enter_job(session);
        session->typed = options_of(&t, argv, noperands);
        t.has_engines = probe.on.count > 0;
        status = work(session, &t);
    }
    al_session_fini(session); /* it borrows the words */
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
    return go_on(&session, argc, argv, command, states);
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
    .usage = "[RUN [::: ARG ...]]\n[RUN [:::: FILE ...]]",
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
        "arguments, not by their places: those that the run has already are not added again.\n"
        "\n"
        "With --detach and engines of Slurm's alone it goes on as a job there, as allot farm --detach does. "
        "What "
        "stands after -- is for Slurm, and takes the place of what was given before.",
    .examples = "allot resume  # the latest\nallot resume gzip-3 -j 4  # four at a time from now on\n",
    .options = al_farm_options_table,
    .noptions = AL_FARM_NOPTIONS,
    .statuses = "as for allot farm, over all tasks of the run\n",
    .run = run_resume,
};

const al_command al_command_retry = {
    .name = "retry",
    .summary = "try a run's failed tasks again",
    .usage = "[RUN]",
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
