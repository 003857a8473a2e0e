/* cmd_farm.c - `allot farm`: many commands.
 *
 * This file reads the command line, makes the run and fills in what is asked for; farm_session.c works on it,
 * as it does for resume and retry.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fail.h"
#include "cli/commands.h"
#include "cli/farm_session.h"
#include "engine/spawn.h"
#include "farm/runs.h"
#include "farm/words.h"

/* ---- the program ----------------------------------------------------------------------------------------
 */

/** Whether the template's program, if it is the same for all tasks, is there: one complaint now, not one for
 * each task. */
static allot_err check_program(const al_session *session, allot_error *err)
{
    static const char samples[2][32] = {"a\0a\0a\0a\0a\0a\0a\0a\0a\0a\0a\0a\0a\0a\0a",
                                        "b\0b\0b\0b\0b\0b\0b\0b\0b\0b\0b\0b\0b\0b\0b"};
    al_buffer argv[2] = {{.at = NULL}, {.at = NULL}};
    uint32_t argc[2] = {0, 0};
    allot_err code = ALLOT_OK;
    bool rendered = session->options.nwords > 0;
    for (int k = 0; k < 2 && rendered; k++)
        rendered = al_template_render(session->template, (al_args){samples[k], 29}, 1, 1, &argv[k], &argc[k],
                                      NULL) == ALLOT_OK;
    if (rendered && argc[0] > 0 && argc[1] > 0 && strcmp(argv[0].at, argv[1].at) == 0) {
        const char *path = al_program_path(argv[0].at);
        if (path == NULL || (strchr(path, '/') != NULL && session->cwd[0] == '\0' && access(path, X_OK) != 0))
            code = al_fail(err, ALLOT_ENOTFOUND, errno,
                           "%s: this program cannot be run; is it installed, and in PATH?", argv[0].at);
    }
    al_buffer_fini(&argv[0]);
    al_buffer_fini(&argv[1]);
    return code;
}

/* ---- --dry-run ------------------------------------------------------------------------------------------
 */

static allot_err print_commands(al_session *session, const al_args *first, allot_error *err)
{
    al_input_state state = AL_INPUT_TASK;
    al_buffer text = {.at = NULL};
    al_args args = first != NULL ? *first : (al_args){NULL, 0};
    allot_err code = first != NULL ? ALLOT_OK : al_session_next_task(session, &state, &args, err);
    for (uint64_t number = 1; code == ALLOT_OK && state == AL_INPUT_TASK; number++) {
        al_buffer_clear(&text);
        uint32_t slot = (uint32_t)((number - 1) % session->options.njobs) + 1;
        code = al_template_display(session->template, args, number, slot, &text, err);
        (void)al_buffer_byte(&text, '\n');
        if (code == ALLOT_OK && fwrite(text.at, 1, text.nbytes, stdout) != text.nbytes)
            break;
        if (code == ALLOT_OK)
            code = al_session_next_task(session, &state, &args, err);
    }
    al_buffer_fini(&text);
    return code;
}

/* ---- the run --------------------------------------------------------------------------------------------
 */

/** Where the run is to be kept, in session->path. */
static allot_err find_path(al_session *session, allot_error *err)
{
    const al_farm_options *o = &session->options;
    if (o->is_dry)
        return al_session_make_passing(session, err);
    if (o->run_dir == NULL) {
        char *program = o->nwords > 0 ? strndup(o->words[0], strcspn(o->words[0], " \t\n")) : NULL;
        allot_err code = al_runs_make(o->name, program, session->path, sizeof session->path, err);
        free(program);
        return code;
    }
    bool is_absolute = o->run_dir[0] == '/';
    int n = snprintf(session->path, sizeof session->path, "%s%s%s", is_absolute ? "" : session->here,
                     is_absolute ? "" : "/", o->run_dir);
    return n > 0 && (size_t)n < sizeof session->path
               ? ALLOT_OK
               : al_fail(err, ALLOT_EINVAL, 0, "--run-dir %.80s...: the path is too long", o->run_dir);
}

/** Make the run, with what a later session needs to know, and what people want to.
 * @param nwords  words of the command line up to the template's end; those after it name the list
 * @param walk    its tasks; NULL: they come from the list */
static allot_err make_run(al_session *session, char **argv, int argc, int nwords, al_spec_walk *walk,
                          allot_error *err)
{
    char host[256] = "", created[32], jobs[16];
    struct timespec now;
    al_buffer command = {.at = NULL}, list = {.at = NULL}, columns = {.at = NULL}, batch = {.at = NULL};
    const struct passwd *user = getpwuid(geteuid());
    allot_err code = find_path(session, err);
    if (code != ALLOT_OK)
        return code;
    (void)gethostname(host, sizeof host - 1);
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)snprintf(created, sizeof created, "%lld", (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    (void)snprintf(jobs, sizeof jobs, "%u", session->options.njobs);
    bool is_whole = al_words_write(&command, argv, (size_t)nwords) &&
                    al_words_write(&list, argv + nwords, (size_t)(argc - nwords)) &&
                    al_words_write(&columns, session->columns, session->ncolumns) &&
                    al_session_write_batch_words(session, &batch);
    const char *const keys[] = {"name",
                                al_runs_name(session->path),
                                "created_us",
                                created,
                                "host",
                                host,
                                "user",
                                user != NULL ? user->pw_name : NULL,
                                "cwd",
                                session->cwd,
                                "submitted_from",
                                session->here,
                                "version",
                                allot_version(),
                                "jobs",
                                jobs,
                                "input_complete",
                                walk != NULL ? "1" : "0",
                                "specs",
                                walk != NULL ? "1" : NULL,
                                "dry",
                                session->is_passing ? "1" : NULL,
                                "columns",
                                columns.at,
                                "command",
                                command.at,
                                "list",
                                list.at,
                                "batch_words",
                                batch.at,
                                NULL};
    al_store_content content = {keys, walk != NULL ? al_session_next_spec : NULL, walk};
    code = is_whole ? al_store_create(session->path, &content, &session->store, err)
                    : al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    al_buffer_fini(&command);
    al_buffer_fini(&list);
    al_buffer_fini(&columns);
    al_buffer_fini(&batch);
    return code;
}

/** Work on the run that was made, or have the batch system do it. */
static int work(al_session *session)
{
    bool is_batch = session->options.detach && al_farm_is_for_batch(&session->options);
    return is_batch ? al_session_submit(session) : al_session_run(session);
}

/** Words after -- are no operands. */
static void take_batch_words(al_farm_options *o, char **words, int *argc, char **operands, int *noperands)
{
    bool is_none = *noperands == 0 || operands[0][0] != '-' || strchr("0123456789.(", operands[0][1]) != NULL;
    int nbatch = o->tasks != NULL ? (is_none ? 0 : *noperands)
                                  : *noperands - al_farm_batch_words(operands, *noperands, true);
    if (nbatch == 0)
        return;
    o->batch_words = words + *argc - nbatch;
    o->has_batch_words = true;
    *argc -= nbatch + 1;
    *noperands -= o->tasks != NULL ? nbatch : nbatch + 1; /* the parser took the -- of --tasks itself */
}

/** The folder that tasks run in. */
static allot_err find_cwd(al_session *session, allot_error *err)
{
    const char *workdir = session->options.workdir;
    if (getcwd(session->here, sizeof session->here) == NULL)
        return al_fail(err, ALLOT_EIO, errno, "the current folder is gone");
    memcpy(session->cwd, session->here, sizeof session->cwd);
    struct stat st;
    if (workdir == NULL)
        return ALLOT_OK;
    if (stat(workdir, &st) != 0 || !S_ISDIR(st.st_mode))
        return al_fail(err, ALLOT_EINVAL, 0, "--workdir %s: there is no such folder", workdir);
    char *real = realpath(workdir, NULL);
    (void)snprintf(session->cwd, sizeof session->cwd, "%s", real != NULL ? real : workdir);
    free(real);
    return ALLOT_OK;
}

/** Words of the command line before the list. */
static int nwords_kept(const al_farm_options *o, int argc, char **argv)
{
    const char *last = o->nwords > 0 ? o->words[o->nwords - 1] : NULL;
    bool linked;
    for (int k = 1; k < argc; k++) /* the same pointers: words may look alike */
        if (argv[k] == last)
            return k + 1;
        else if (last == NULL && al_farm_separator(argv[k], &linked) != 0)
            return k;
    return argc;
}

/** A run of --tasks. */
static int farm_specs(al_session *session, int argc, char **argv)
{
    allot_error err;
    allot_err code = find_cwd(session, &err);
    if (code == ALLOT_OK)
        code = al_session_read_specs(session, &err);
    if (code == ALLOT_OK && session->options.dry_run) {
        code = al_session_print_specs(session, &err);
        return code == ALLOT_OK ? AL_EXIT_OK : al_session_fail(session, code, &err);
    }
    al_spec_walk walk = {.specs = &session->specs};
    if (code == ALLOT_OK)
        code = make_run(session, argv, argc, argc, &walk, &err);
    al_buffer_fini(&session->specs);
    return code == ALLOT_OK ? work(session) : al_session_fail(session, code, &err);
}

static int farm(al_session *session, int argc, char **argv)
{
    allot_error err;
    al_input_state state = AL_INPUT_WAIT;
    al_args first;
    const al_farm_options *o = &session->options;
    allot_err code = find_cwd(session, &err);
    if (code == ALLOT_OK)
        code = al_session_open_inputs(session, &err);
    if (code == ALLOT_OK && o->header != NULL) {
        code = al_session_next_task(session, &state, &first, &err);
        session->ncolumns = al_inputs_names(session->inputs, &session->columns);
    }
    if (code == ALLOT_OK)
        code = al_session_parse(session, &err);
    if (code == ALLOT_OK && o->dry_run) {
        code = state == AL_INPUT_END ? ALLOT_OK
                                     : print_commands(session, state == AL_INPUT_TASK ? &first : NULL, &err);
        return code == ALLOT_OK ? AL_EXIT_OK : al_session_fail(session, code, &err);
    }
    if (code == ALLOT_OK)
        code = check_program(session, &err);
    if (code == ALLOT_OK)
        code = make_run(session, argv, argc, nwords_kept(o, argc, argv), NULL, &err);
    if (code == ALLOT_OK && state == AL_INPUT_TASK)
        code = al_store_add(session->store, first, NULL, &err);
    return code == ALLOT_OK ? work(session) : al_session_fail(session, code, &err);
}

static int run_farm(int argc, char **argv)
{
    static al_session session;
    int noperands, status;
    char **words = malloc(((size_t)argc + 1) * sizeof *words); /* as typed: parsing moves them */
    if (words == NULL)
        return AL_FARM_EXIT_BROKEN;
    memcpy(words, argv, ((size_t)argc + 1) * sizeof *words);
    session.command = "farm";
    session.ready_fd = -1;
    al_farm_options_init(&session.options);
    (void)signal(SIGPIPE, SIG_IGN); /* a write says it */
    if (!al_option_parse(&al_command_farm, argc, argv, &session.options, &noperands, &status)) {
        free(words);
        return status == AL_EXIT_USAGE ? AL_FARM_EXIT_USAGE : status;
    }
    take_batch_words(&session.options, words, &argc, argv + 1, &noperands);
    if (!al_farm_operands(&session.options, argv + 1, noperands) ||
        !al_farm_options_read(&session.options, "farm"))
        status = AL_FARM_EXIT_USAGE;
    else if (!session.options.detach || session.options.dry_run || al_farm_is_for_batch(&session.options) ||
             (status = al_session_detach(&session)) < 0)
        status =
            session.options.tasks != NULL ? farm_specs(&session, argc, words) : farm(&session, argc, words);
    al_session_fini(&session);
    free(words);
    return status;
}

const al_command al_command_farm = {
    .name = "farm",
    .summary = "many commands, as many at a time as pay, tracked and never lost",
    .usage = "COMMAND-TEMPLATE ::: ARG ... [-- WORD ...]\nCOMMAND-TEMPLATE :::: FILE ... [-- WORD ...]\n"
             "COMMAND-TEMPLATE < ARGS\n< COMMANDS",
    .description =
        "Runs a command for every argument, a few at a time, and keeps what became of each: its exit status, "
        "its "
        "times, its memory, what it wrote. A run that is interrupted, by Ctrl-C, by a crash or by the power, "
        "goes on with `allot resume` where it was: what was finished is not done again.\n"
        "\n"
        "In the template {} is the argument, {.} without its extension, {/} without its folder, {//} its "
        "folder, "
        "{/.} neither, {#} the task's number, {%} the number of the place it runs in, {2} the second of "
        "several "
        "arguments, {name} that of a column (--header :); {2/.} combines. Without any, {} is added at the "
        "end. "
        "Several ::: give all combinations, :::+ goes along with the one before.\n"
        "\n"
        "A command without shell syntax is executed directly, any other by sh -c. Arguments are quoted for "
        "the "
        "place they stand in. The output of a task is shown when it has ended, never mixed with another's.",
    .examples = "allot farm gzip -9 {} ::: *.log  # each file, all processors\n"
                "allot farm -k 'wc -l < {}' :::: files.txt  # a file of names, output in their order\n"
                "find . -name '*.wav' -print0 | allot farm -0 flac {}  # any name a file can have\n"
                "allot farm --dry-run 'convert {1} -resize {2}% {1/.}-{2}.jpg' ::: *.png ::: 50  # every "
                "combination\n"
                "allot farm --retries 3 --timeout 10m --joblog log ./simulate {} ::: 0.1 0.2  # with care\n"
                "allot farm < commands.txt  # a command a line\n",
    .options = al_farm_options_table,
    .noptions = AL_FARM_NOPTIONS,
    .options_first = true,
    .statuses = "0  all tasks succeeded\n"
                "1-100  so many failed or were skipped; 100 stands for more, too\n"
                "101  the run could not be kept, or the program is not there\n"
                "102  the command line is wrong\n"
                "128+N  the run was ended by signal N (130: Ctrl-C)\n",
    .run = run_farm,
};
