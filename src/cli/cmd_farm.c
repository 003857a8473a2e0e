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
#include <jansson.h>
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
#include "farm/runs.h"
#include "farm/spawn.h"

/** What one command line may hold of arguments, -X: the system's limit is 2 MB with the environment. */
#define MANY_BYTES 131072

/* ---- inputs ---------------------------------------------------------------------------------------------
 */

static allot_err open_inputs(al_session *session, allot_error *err)
{
    const al_farm_options *o = &session->options;
    al_inputs_opts opts = {.sources = o->sources,
                           .nsources = o->nsources,
                           .end = o->null ? '\0' : '\n',
                           .colsep = o->colsep,
                           .has_header = o->header != NULL,
                           .nper = o->many && o->nper == 1 ? UINT32_MAX : (uint32_t)o->nper,
                           .nbytes_max = MANY_BYTES,
                           .njobs = o->njobs};
    bool reads_terminal = o->nsources == 1 && o->sources[0].path != NULL &&
                          strcmp(o->sources[0].path, "-") == 0 && isatty(STDIN_FILENO) == 1 &&
                          o->arg_files.count == 0;
    if (reads_terminal)
        al_complain("farm", "reading %s from the terminal, one a line; Ctrl-D ends them",
                    o->nwords == 0 ? "commands" : "arguments");
    return al_inputs_create(&opts, &session->inputs, err);
}

/** The next task, waiting for it. */
static allot_err next_task(al_session *session, al_input_state *state, al_args *args, allot_error *err)
{
    allot_err code;
    while ((code = al_inputs_next(session->inputs, state, args, err)) == ALLOT_OK && *state == AL_INPUT_WAIT)
        if ((code = al_inputs_fill(session->inputs, err)) != ALLOT_OK)
            return code;
    return code;
}

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
    allot_err code = first != NULL ? ALLOT_OK : next_task(session, &state, &args, err);
    for (uint64_t number = 1; code == ALLOT_OK && state == AL_INPUT_TASK; number++) {
        al_buffer_clear(&text);
        uint32_t slot = (uint32_t)((number - 1) % session->options.njobs) + 1;
        code = al_template_display(session->template, args, number, slot, &text, err);
        (void)al_buffer_byte(&text, '\n');
        if (code == ALLOT_OK && fwrite(text.at, 1, text.nbytes, stdout) != text.nbytes)
            break;
        if (code == ALLOT_OK)
            code = next_task(session, &state, &args, err);
    }
    al_buffer_fini(&text);
    return code;
}

/* ---- the run --------------------------------------------------------------------------------------------
 */

static allot_err set_text(al_session *session, allot_err before, const char *key, const char *value,
                          allot_error *err)
{
    return before == ALLOT_OK && value != NULL ? al_store_set(session->store, key, value, err) : before;
}

static allot_err set_words(al_session *session, allot_err before, const char *key, char **words, size_t count,
                           allot_error *err)
{
    json_t *array = json_array();
    for (size_t k = 0; k < count && array != NULL; k++) {
        json_t *word = json_stringn_nocheck(words[k], strlen(words[k]));
        (void)json_array_append_new(array, word);
    }
    char *text = array != NULL ? json_dumps(array, JSON_COMPACT) : NULL;
    allot_err code = text != NULL ? set_text(session, before, key, text, err)
                                  : al_fail(err, ALLOT_EINVAL, 0,
                                            "the command line is not valid UTF-8: it cannot be kept");
    free(text);
    json_decref(array);
    return code;
}

/** What a later session needs to know, and what people want to. */
static allot_err describe(al_session *session, char **argv, int argc, allot_error *err)
{
    char host[256] = "", text[64];
    struct timespec now;
    (void)gethostname(host, sizeof host - 1);
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)snprintf(text, sizeof text, "%lld", (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    const struct passwd *user = getpwuid(geteuid());
    allot_err code = set_text(session, ALLOT_OK, "name", al_runs_name(session->path), err);
    code = set_text(session, code, "created_us", text, err);
    code = set_text(session, code, "host", host, err);
    code = set_text(session, code, "user", user != NULL ? user->pw_name : NULL, err);
    code = set_text(session, code, "cwd", session->cwd, err);
    code = set_text(session, code, "version", allot_version(), err);
    code = set_text(session, code, "input_complete", "0", err);
    code = set_words(session, code, "columns", session->columns, session->ncolumns, err);
    return set_words(session, code, "command", argv, (size_t)argc, err);
}

static allot_err make_run(al_session *session, allot_error *err)
{
    const al_farm_options *o = &session->options;
    allot_err code = ALLOT_OK;
    if (o->run_dir != NULL) {
        bool is_absolute = o->run_dir[0] == '/';
        int n = snprintf(session->path, sizeof session->path, "%s%s%s", is_absolute ? "" : session->here,
                         is_absolute ? "" : "/", o->run_dir);
        if (n < 0 || (size_t)n >= sizeof session->path)
            code = al_fail(err, ALLOT_EINVAL, 0, "--run-dir %.80s...: the path is too long", o->run_dir);
    } else {
        char *program = o->nwords > 0 ? strndup(o->words[0], strcspn(o->words[0], " \t\n")) : NULL;
        code = al_runs_make(o->name, program, session->path, sizeof session->path, err);
        free(program);
    }
    return code == ALLOT_OK ? al_store_create(session->path, &session->store, err) : code;
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

/** Words of the command line before the arguments: what a later session reads again. */
static int nwords_kept(const al_farm_options *o, int argc, char **argv)
{
    for (int k = 1; o->nwords > 0 && k < argc; k++)
        if (argv[k] == o->words[o->nwords - 1])
            return k + 1;
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
    if (code == ALLOT_OK)
        code = make_run(session, &err);
    if (code == ALLOT_OK)
        code = describe(session, argv, argc, &err);
    if (code == ALLOT_OK)
        code = al_session_store_specs(session, &err);
    return code == ALLOT_OK ? al_session_run(session) : al_session_fail(session, code, &err);
}

static int farm(al_session *session, int argc, char **argv)
{
    allot_error err;
    al_input_state state = AL_INPUT_WAIT;
    al_args first;
    const al_farm_options *o = &session->options;
    allot_err code = find_cwd(session, &err);
    if (code == ALLOT_OK)
        code = open_inputs(session, &err);
    if (code == ALLOT_OK && o->header != NULL) {
        code = next_task(session, &state, &first, &err);
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
        code = make_run(session, &err);
    if (code == ALLOT_OK)
        code = describe(session, argv, nwords_kept(o, argc, argv), &err);
    if (code == ALLOT_OK && state == AL_INPUT_TASK)
        code = al_store_add(session->store, first, NULL, &err);
    return code == ALLOT_OK ? al_session_run(session) : al_session_fail(session, code, &err);
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
    if (!al_farm_operands(&session.options, argv + 1, noperands) ||
        !al_farm_options_read(&session.options, "farm"))
        status = AL_FARM_EXIT_USAGE;
    else if (!session.options.detach || session.options.dry_run || (status = al_session_detach(&session)) < 0)
        status =
            session.options.tasks != NULL ? farm_specs(&session, argc, words) : farm(&session, argc, words);
    al_session_fini(&session);
    free(words);
    return status;
}

const al_command al_command_farm = {
    .name = "farm",
    .summary = "many commands, as many at a time as pay, tracked and never lost",
    .usage = "[OPTION ...] COMMAND-TEMPLATE ::: ARG ...\n[OPTION ...] COMMAND-TEMPLATE :::: FILE ...\n"
             "[OPTION ...] COMMAND-TEMPLATE < ARGS\n[OPTION ...] < COMMANDS",
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
    .examples =
        "allot farm gzip -9 {} ::: *.log  # each file, all processors\n"
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
