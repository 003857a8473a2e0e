/* map_lines.c - see map_lines.h: the command's side, options and messages; src/lines does the work.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "cli/map_lines.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <allot/pool.h>

#include "base/fail.h"
#include "cli/map_output.h"
#include "cli/map_progress.h"
#include "cli/map_watch.h"

typedef struct command {
    al_map_options *options;
    al_lines_opts opts;
    al_lines_figures figures;
    al_lines_command *commands;
    al_map_output output;
    al_progress *progress;
    al_watch watch;
} command;

/* ---- the command line -----------------------------------------------------------------------------------
 */

static bool usage_error(const char *format, const char *value)
{
    al_complain("map", format, value);
    fprintf(stderr, "Try 'allot map --help'.\n");
    return false;
}

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef", *at = c != '\0' ? strchr(digits, c | 0x20) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

/** One character of --recsep, escaped or not. @return where the next is; NULL: it is none */
static const char *read_character(const char *text, char *byte)
{
    static const char names[] = "nt0r\\", bytes[] = "\n\t\0\r\\";
    *byte = *text;
    if (*text != '\\')
        return text + 1;
    const char *name = text[1] != '\0' ? strchr(names, text[1]) : NULL;
    if (name != NULL) {
        *byte = bytes[name - names];
        return text + 2;
    }
    if (text[1] != 'x' || hex_digit(text[2]) < 0 || hex_digit(text[3]) < 0)
        return NULL;
    *byte = (char)(16 * hex_digit(text[2]) + hex_digit(text[3]));
    return text + 4;
}

static bool read_separator(const al_map_options *options, al_separator *separator)
{
    const char *text = options->recsep != NULL ? options->recsep : options->is_null ? "\\0" : "\\n";
    if (options->recsep != NULL && options->is_null)
        return usage_error("%s", "--null and --recsep say the same: choose one");
    *separator = (al_separator){.nbytes = 0};
    for (const char *at = text; *at != '\0';) {
        if (separator->nbytes == AL_SEPARATOR_MAX)
            return usage_error("--recsep '%s': at most 64 bytes", text);
        at = read_character(at, &separator->at[separator->nbytes++]);
        if (at == NULL)
            return usage_error("--recsep '%s': after \\ comes one of n, t, r, 0, \\, or x and two digits",
                               text);
    }
    return separator->nbytes > 0 || usage_error("%s", "--recsep: the text is empty");
}

/** Options that mean nothing to a program's copies. */
static bool check_others(const al_map_options *options)
{
    const struct {
        bool is_given;
        const char *name;
    } others[] = {{options->has_type, "--type"},
                  {options->has_out_type, "--out-type"},
                  {options->has_format, "--format"},
                  {options->column != NULL, "--column"},
                  {options->delimiter != NULL, "--delimiter"},
                  {options->has_header, "--header"},
                  {options->function != NULL, "--function"},
                  {options->reduce != NULL, "--reduce"},
                  {options->pin, "--pin"}};
    for (size_t k = 0; k < sizeof others / sizeof others[0]; k++)
        if (others[k].is_given)
            return usage_error("%s is for expressions; with --lines, COMMAND sees the lines as they are",
                               others[k].name);
    return true;
}

static bool check(const al_map_options *options, size_t nargs)
{
    if (nargs == 0)
        return usage_error("%s",
                           "--lines needs a command; for example: allot map --lines -- awk '{print $1*$1}'");
    if (!options->has_dashes)
        return usage_error("%s",
                           "--lines: put -- before COMMAND, so that its options are not taken for ours");
    if (options->nengines > 0)
        return usage_error(
            "--on %s: --lines starts copies on this machine only, so far; `allot farm --on` sends whole "
            "commands elsewhere",
            options->engines[0].name);
    if (options->explain && options->json)
        return usage_error("%s", "--explain and --json say the same: choose one");
    if (options->output != NULL && options->output[0] == '\0')
        return usage_error("%s", "--output: the name is empty");
    return check_others(options);
}

/* ---- what the run calls ---------------------------------------------------------------------------------
 */

static allot_err write_answers(void *arg, struct iovec *pieces, size_t npieces, allot_error *err)
{
    command *c = arg;
    return al_output_write_pieces(&c->output, pieces, npieces, err);
}

static void say(void *arg, const char *sentence)
{
    (void)arg;
    al_complain("map", "%s", sentence);
}

static void read_progress(void *arg, al_progress_state *state)
{
    const command *c = arg;
    const al_lines_figures *f = &c->figures;
    state->ndone = atomic_load(&f->nitems);
    state->ntotal = UINT64_MAX;
    double nused = (double)atomic_load(&f->nread_used), nbytes = (double)f->nbytes;
    state->fraction = f->nbytes == UINT64_MAX || f->nbytes == 0 ? -1 : nused < nbytes ? nused / nbytes : 1;
}

static void stop(void *arg)
{
    const command *c = arg;
    uint64_t one = 1;
    if (write(c->opts.stop_fd, &one, sizeof one) < 0)
        errno = 0; /* it was told already */
}

static void complain_stopped(const command *c, int reason)
{
    al_complain("map", "%s: the answers to %llu %ss were written",
                reason == SIGINT    ? "interrupted"
                : reason == SIGTERM ? "terminated"
                                    : "the terminal hung up",
                (unsigned long long)atomic_load(&c->figures.nitems), c->opts.noun);
}

/** The run is held up by whoever takes the answers: the copies end with us. */
static void last_words(void *arg, int reason)
{
    command *c = arg;
    al_progress_abandon(c->progress);
    al_output_abandon();
    complain_stopped(c, reason);
}

/* ---- the run --------------------------------------------------------------------------------------------
 */

static allot_err prepare(command *c, char **argv, allot_error *err)
{
    c->opts.ncopies = c->options->nthreads != 0 ? (uint32_t)c->options->nthreads : allot_pool_nthreads(NULL);
    c->commands = calloc(c->opts.ncopies, sizeof *c->commands);
    c->opts.stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (c->commands == NULL || c->opts.stop_fd < 0)
        return al_fail(err, ALLOT_ENOMEM, errno, "the run cannot be prepared");
    const char *slash = strrchr(argv[0], '/');
    for (uint32_t k = 0; k < c->opts.ncopies; k++)
        c->commands[k] = (al_lines_command){.argv = argv, .name = slash != NULL ? slash + 1 : argv[0]};
    c->opts.commands = c->commands;
    c->opts.noun = c->opts.separator.nbytes == 1 && c->opts.separator.at[0] == '\n' ? "line" : "record";
    c->opts.in_fd = STDIN_FILENO;
    c->opts.timeout_ns = c->options->has_timeout ? c->options->timeout_ns : 0;
    c->opts.batch_items = c->options->chunk_items;
    c->opts.rule = (al_lines_rule)c->options->on_error;
    c->opts.write = write_answers;
    c->opts.say = say;
    c->opts.arg = c;
    return ALLOT_OK;
}

static int dry_run(const command *c, char **argv)
{
    fprintf(stderr, "at most %u copies of '%s' would be started; nothing was mapped (--dry-run)\n",
            c->opts.ncopies, argv[0]);
    return AL_EXIT_OK;
}

static int status_of(const command *c, allot_err code, int reason, const allot_error *err)
{
    if (code == ALLOT_OK)
        return AL_EXIT_OK;
    if (code == ALLOT_ECANCELED && reason > 0) {
        complain_stopped(c, reason);
        return AL_EXIT_SIGNAL + reason;
    }
    if (c->output.is_pipe_gone)
        return AL_EXIT_SIGNAL + SIGPIPE;
    al_complain("map", "%s", err->text);
    return code == ALLOT_ETIMEDOUT ? AL_EXIT_TIMEOUT : AL_EXIT_FAILED;
}

/** Map, watched. */
static int map(command *c)
{
    allot_error err;
    (void)signal(SIGPIPE, SIG_IGN); /* a write says it, and there may be a file to remove */
    c->watch = (al_watch){.deadline_ns = UINT64_MAX, .stop = stop, .last_words = last_words, .arg = c};
    allot_err code = al_watch_start(&c->watch, &err);
    if (code != ALLOT_OK)
        return status_of(c, code, 0, &err);
    code = al_output_open(&c->output, c->options->output, false, NULL, &err);
    if (code == ALLOT_OK)
        code = al_map_progress_start(c->options, read_progress, c, "items", &c->progress, &err);
    if (code == ALLOT_OK)
        code = al_lines_run(&c->opts, &c->figures, &err);
    if (code == ALLOT_OK)
        code = al_output_commit(&c->output, &err);
    al_progress_stop(c->progress);
    c->progress = NULL;
    int reason = al_watch_end(&c->watch), status = status_of(c, code, reason, &err);
    al_output_close(&c->output);
    if (c->options->explain || c->options->json)
        al_map_lines_report(&(al_lines_report){c->options, &c->opts, &c->figures, status});
    if (status == AL_EXIT_SIGNAL + SIGPIPE || (reason > 0 && status == AL_EXIT_SIGNAL + reason))
        al_watch_die(status - AL_EXIT_SIGNAL);
    return status;
}

int al_map_lines(al_map_options *options, char **argv, size_t nargs)
{
    static command c;
    allot_error err;
    if (!check(options, nargs) || !read_separator(options, &c.opts.separator))
        return AL_EXIT_USAGE;
    argv[nargs] = NULL;
    c.options = options;
    c.output.fd = -1;
    allot_err code = prepare(&c, argv, &err);
    int status = code != ALLOT_OK   ? status_of(&c, code, 0, &err)
                 : options->dry_run ? dry_run(&c, argv)
                                    : map(&c);
    if (c.opts.stop_fd >= 0)
        (void)close(c.opts.stop_fd);
    free(c.commands);
    return status;
}
