/* cmd_map.c - `allot map`: one expression over many items.
 *
 * This file reads the command line and tells the story in order: open the inputs, compile, open the output,
 * map, report. Each step is a file of its own (map_*.c); map_stream.c is the map itself.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "cli/commands.h"
#include "cli/map_away.h"
#include "cli/map_guard.h"
#include "cli/map_lines.h"
#include "cli/map_progress.h"
#include "cli/map_report.h"
#include "cli/map_stream.h"
#include "cli/map_watch.h"
#include "cli/map_words.h"

#define TYPE_CHOICES "i32|i64|u64|i128|f32|f64" /* in the order of AL_TYPES */

#define AT(member) offsetof(al_map_options, member)
#define UNSEEN SIZE_MAX

static const al_option options_table[] = {
    {"type", 't', AL_OPTION_CHOICE, AT(type), "TYPE", TYPE_CHOICES, 0, 0,
     "an array's own; i64 for a range of integers; else f64", "type of the items, x", AT(has_type)},
    {"out-type", 0, AL_OPTION_CHOICE, AT(out_type), "TYPE", TYPE_CHOICES, 0, 0, "the type EXPR has in C",
     "type of the results", AT(has_out_type)},
    {"output", 'o', AL_OPTION_TEXT, AT(output), "FILE", NULL, 0, 0, "standard output",
     "where results go; a file appears whole or not at all", UNSEEN},
    {"format", 0, AL_OPTION_CHOICE, AT(format), "FORMAT", "text|npy", 0, 0,
     "npy when FILE's name ends in .npy, else text", "format of the results", AT(has_format)},
    {"column", 'c', AL_OPTION_TEXT, AT(column), "N|NAME", NULL, 0, 0, "the line is one number",
     "which column of a text the items are in: its number, from 1, or its name in the header", UNSEEN},
    {"delimiter", 'd', AL_OPTION_TEXT, AT(delimiter), "CHAR", NULL, 0, 0,
     "a comma in .csv, a tab in .tsv, else runs of blanks", "what stands between columns; \\t is a tab",
     UNSEEN},
    {"header", 0, AL_OPTION_FLAG, AT(has_header), NULL, NULL, 0, 0, NULL,
     "the first line of each text is a header, not an item", UNSEEN},
    {"function", 'f', AL_OPTION_TEXT, AT(function), "FILE:FUNCTION", NULL, 0, 0, NULL,
     "map with a function of a C file, called with x, or with x and i, in place of EXPR", UNSEEN},
    {"reduce", 'r', AL_OPTION_TEXT, AT(reduce), "HOW", NULL, 0, 0, NULL,
     "reduce the results to one: sum, min, max, mean, count (of results that are not 0), or a C expression "
     "in a "
     "and b",
     UNSEEN},
    {"threads", 'j', AL_OPTION_COUNT, AT(nthreads), "N", NULL, 1, 1024, "as many as the machine offers",
     "threads to compute with, or copies of COMMAND; 1 is in series", UNSEEN},
    {"on", 'S', AL_OPTION_TEXTS, AT(on), "ENGINES", NULL, 0, 0, "local",
     "compute on these as well, as far as it pays, with commas between: HOST or HOST*N (by ssh, N "
     "processors), "
     "@FILE (one a line), slurm, slurm:nodes=4,time=2h",
     UNSEEN},
    {"ssh", 0, AL_OPTION_TEXT, AT(ssh), "COMMAND", NULL, 0, 0, "ssh",
     "reach hosts by this command, as --ssh 'ssh -p 2222'", UNSEEN},
    {"lines", 'l', AL_OPTION_FLAG, AT(is_lines), NULL, NULL, 0, 0, NULL,
     "COMMAND computes: copies of it read lines of standard input, and write one for each", UNSEEN},
    {"null", '0', AL_OPTION_FLAG, AT(is_null), NULL, NULL, 0, 0, NULL,
     "with --lines: items and answers end in a NUL and not in a newline", UNSEEN},
    {"recsep", 0, AL_OPTION_TEXT, AT(recsep), "TEXT", NULL, 0, 0, "\\n",
     "with --lines: items and answers end in this text; \\n, \\t, \\0 and \\xHH are read as in C", UNSEEN},
    {"on-error", 0, AL_OPTION_CHOICE, AT(on_error), "WHAT", "stop|skip|empty", 0, 0, "stop",
     "with --lines: when a line has ended two copies, stop, give it no answer, or an empty one",
     AT(has_on_error)},
    {"timeout", 0, AL_OPTION_DURATION, AT(timeout_ns), "TIME", NULL, 1, 0, NULL,
     "give up after this time, with status 124; with --lines: a line may take so long", AT(has_timeout)},
    {"chunk", 0, AL_OPTION_COUNT, AT(chunk_items), "N", NULL, 1, 0, "measured", "items handed over at a time",
     UNSEEN},
    {"pin", 0, AL_OPTION_FLAG, AT(pin), NULL, NULL, 0, 0, NULL, "bind each thread to one processor", UNSEEN},
    {"explain", 0, AL_OPTION_FLAG, AT(explain), NULL, NULL, 0, 0, NULL,
     "say on standard error what was measured, how the work was cut, and why", UNSEEN},
    {"json", 0, AL_OPTION_FLAG, AT(json), NULL, NULL, 0, 0, NULL,
     "explain as one JSON object on standard error", UNSEEN},
    {"progress", 0, AL_OPTION_CHOICE, AT(progress), "WHEN", "auto|always|never", 0, 0,
     "auto: on a terminal, after two seconds", "show how far the work is", UNSEEN},
    {"dry-run", 'n', AL_OPTION_FLAG, AT(dry_run), NULL, NULL, 0, 0, NULL,
     "compile and say what would be done, but map nothing", UNSEEN},
    {"quiet", 'q', AL_OPTION_FLAG, AT(quiet), NULL, NULL, 0, 0, NULL,
     "show no progress, and errors in one line", UNSEEN},
};

/* ---- the command line ---- */

static bool usage_error(const char *format, const char *value)
{
    al_complain("map", format, value);
    fprintf(stderr, "Try 'allot map --help'.\n");
    return false;
}

static bool read_delimiter(al_map_options *options)
{
    const char *d = options->delimiter;
    if (d == NULL)
        return true;
    if (options->column == NULL)
        return usage_error("--delimiter %s needs --column, to say which column to take", d);
    if (strcmp(d, "\\t") == 0 || strcmp(d, "tab") == 0)
        d = "\t";
    if (strlen(d) != 1 || *d == '\n' || *d == '\r' || *d == '"')
        return usage_error("--delimiter '%s': one character is wanted (\\t is a tab)", d);
    options->separator = *d;
    return true;
}

static bool read_column(al_map_options *options)
{
    const char *column = options->column;
    if (column == NULL)
        return true;
    int32_t number;
    if (al_number_parse(AL_TYPE_i32, column, column + strlen(column), &number) == AL_NUMBER_OK) {
        if (number < 1)
            return usage_error("--column %s: columns are counted from 1", column);
        options->column_number = (uint32_t)number - 1;
        return true;
    }
    if (!options->has_header)
        return usage_error("--column '%s' is a name: say with --header that the first line has names",
                           column);
    options->column_name = column;
    return true;
}

/** --on: engines elsewhere; this machine takes part in any case, with as many threads as local*N says. */
static bool read_on(al_map_options *options)
{
    allot_error err;
    uint32_t nall = 0;
    for (size_t k = 0; k < options->on.count; k++)
        if (al_engine_specs_parse(options->on.at[k], &options->engines, &nall, &err) != ALLOT_OK) {
            al_complain("map", "--on %s: %s", options->on.at[k], err.text);
            return usage_error("%s", "--on names hosts for ssh, @FILE, slurm or local");
        }
    al_engine_spec *all = options->engines;
    for (uint32_t k = 0; k < nall; k++) {
        if (all[k].launcher != NULL && all[k].launcher->is_dry)
            return usage_error(
                "--on %s: such engines compute nothing, and results are wanted; --dry-run says "
                "what would be done",
                all[k].target);
        if (all[k].launcher == NULL && options->nthreads == 0)
            options->nthreads = all[k].nslots;
        if (all[k].launcher == NULL)
            continue;
        al_engine_spec spec = all[k]; /* those elsewhere come first */
        all[k] = all[options->nengines];
        all[options->nengines++] = spec;
    }
    return true;
}

/** Check what the options mean together. @return false: it was complained about */
static bool check_options(al_map_options *options, int noperands)
{
    if (options->function == NULL && noperands == 0)
        return usage_error("%s", "no expression; for example: allot map 'x*x' 0:10");
    if (options->function != NULL) {
        const char *colon = strrchr(options->function, ':');
        if (colon == NULL || colon == options->function || colon[1] == '\0')
            return usage_error("--function '%s': FILE:FUNCTION is wanted, as in work.c:cost",
                               options->function);
    }
    if (options->is_null || options->recsep != NULL || options->has_on_error)
        return usage_error("%s", "--null, --recsep and --on-error go with --lines");
    if (options->explain && options->json)
        return usage_error("%s", "--explain and --json say the same: choose one");
    size_t n = options->output != NULL ? strlen(options->output) : 0;
    if (options->output != NULL && n == 0)
        return usage_error("%s", "--output: the name is empty");
    if (!options->has_format && n >= 4 && strcmp(options->output + n - 4, ".npy") == 0)
        options->format = AL_MAP_FORMAT_NPY;
    return read_delimiter(options) && read_column(options) && read_on(options);
}

/* ---- the steps ---- */

typedef struct command {
    al_map_options options;
    char *file; /* of FILE:FUNCTION */
    al_map_stream stream;
    al_expr_spec spec;
    al_away away;
    al_map_input *inputs;
    al_progress *progress;
    al_watch watch;
    char *diagnosis; /* the compiler's, in several lines */
} command;

static allot_err open_inputs(command *c, char **operands, size_t noperands, allot_error *err)
{
    c->inputs = calloc(noperands > 0 ? noperands : 1, sizeof *c->inputs);
    if (c->inputs == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    c->stream.inputs = c->inputs;
    allot_err code = al_inputs_open(operands, noperands, &c->options, c->inputs, &c->stream.ninputs, err);
    if (code == ALLOT_OK)
        code = al_inputs_choose_type(c->inputs, c->stream.ninputs, &c->options, &c->stream.type, err);
    if (code == ALLOT_OK)
        code = al_inputs_set_type(c->inputs, c->stream.ninputs, c->stream.type, &c->stream.nitems_total, err);
    return code;
}

static allot_err compile(command *c, allot_error *err)
{
    const al_map_options *options = &c->options;
    c->spec = (al_expr_spec){.expr = options->expr,
                             .in_type = c->stream.type,
                             .has_out_type = options->has_out_type,
                             .out_type = (al_type)options->out_type,
                             .reduce = options->reduce};
    if (options->function != NULL) {
        const char *colon = strrchr(options->function, ':');
        c->file = strndup(options->function, (size_t)(colon - options->function));
        if (c->file == NULL)
            return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
        c->spec.file = c->file;
        c->spec.function = colon + 1;
    }
    return al_expr_load(&c->spec, &c->stream.expr, &c->diagnosis, err);
}

static void stop_stream(void *arg)
{
    command *c = arg;
    al_stream_stop(&c->stream);
}

static const char *reason_text(const command *c, int reason, char *text, size_t nbytes)
{
    if (reason == AL_WATCH_TIMEOUT)
        (void)snprintf(text, nbytes, "the %.6g s of --timeout are up", (double)c->options.timeout_ns * 1e-9);
    else
        (void)snprintf(text, nbytes, "%s",
                       reason == SIGINT    ? "interrupted"
                       : reason == SIGTERM ? "terminated"
                                           : "the terminal hung up");
    return text;
}

static void complain_stopped(const command *c, int reason, bool is_stuck)
{
    char why[80], where[640];
    al_words_whereabouts(&c->stream, is_stuck, where, sizeof where);
    al_complain("map", "%s: %s", reason_text(c, reason, why, sizeof why), where);
}

/** The work does not end by itself: the watch's thread ends the process after this. */
static void last_words(void *arg, int reason)
{
    command *c = arg;
    al_progress_abandon(c->progress);
    al_output_abandon();
    complain_stopped(c, reason, true);
}

/** Bytes of a text without the newlines at its end. */
static size_t length_of(const char *text)
{
    size_t n = strlen(text);
    while (n > 0 && text[n - 1] == '\n')
        n--;
    return n;
}

/** Say what went wrong: a complaint of the compiler with the expression and where in it, if there is one.
 * @return the exit status */
static int complain_failed(const command *c, allot_err code, const allot_error *err)
{
    const al_item_failure *failure = &c->stream.failure;
    if (c->diagnosis != NULL && !c->options.quiet)
        al_complain("map", "%.*s", (int)length_of(c->diagnosis), c->diagnosis);
    else
        al_complain("map", "%s", err->text);
    if (code == ALLOT_EUSER && failure->kind >= AL_ITEM_CRASHED)
        return AL_EXIT_SIGNAL + failure->crash.signal;
    return code == ALLOT_ETIMEDOUT ? AL_EXIT_TIMEOUT : AL_EXIT_FAILED;
}

/** Map, watched. @return the exit status; the process may also end by a signal here */
static int map(command *c)
{
    allot_error err;
    al_guard_install(al_output_abandon);
    (void)signal(SIGPIPE, SIG_IGN);  /* a write says it, and there may be a file to remove */
    (void)atexit(al_output_abandon); /* EXPR may call exit() */
    c->watch = (al_watch){.deadline_ns = UINT64_MAX, .stop = stop_stream, .last_words = last_words, .arg = c};
    if (c->options.nengines > 0) {
        c->away = (al_away){.spec = &c->spec,
                            .specs = c->options.engines,
                            .nengines = c->options.nengines,
                            .ssh = c->options.ssh,
                            .is_quiet = c->options.quiet};
        c->stream.away = &c->away;
    }
    if (c->options.has_timeout)
        c->watch.deadline_ns = c->options.begin_ns + c->options.timeout_ns;
    allot_err code = al_stream_init(&c->stream, &err);
    if (code == ALLOT_OK)
        code = al_watch_start(&c->watch, &err);
    if (code != ALLOT_OK)
        return complain_failed(c, code, &err);
    code = al_stream_open(&c->stream, &err);
    if (code == ALLOT_OK)
        code =
            al_map_progress_start(&c->options, al_stream_progress, &c->stream, "items", &c->progress, &err);
    if (code == ALLOT_OK)
        code = al_stream_run(&c->stream, &err);
    al_progress_stop(c->progress);
    c->progress = NULL;
    int reason = al_watch_end(&c->watch), status = AL_EXIT_OK;
    if (code == ALLOT_ECANCELED && reason != 0) {
        complain_stopped(c, reason, false);
        status = reason == AL_WATCH_TIMEOUT ? AL_EXIT_TIMEOUT : AL_EXIT_SIGNAL + reason;
    } else if (code != ALLOT_OK && c->stream.output.is_pipe_gone) {
        status = AL_EXIT_SIGNAL + SIGPIPE;
    } else if (code != ALLOT_OK) {
        status = complain_failed(c, code, &err);
    }
    if (c->options.explain || c->options.json)
        al_report_print(&c->stream, c->options.json, status);
    al_stream_fini(&c->stream);
    if (status == AL_EXIT_SIGNAL + SIGPIPE || (reason > 0 && status == AL_EXIT_SIGNAL + reason))
        al_watch_die(status - AL_EXIT_SIGNAL);
    return status;
}

/** Standard descriptors that came closed must not become those of the files we open. What stands in for them
 * fails in the direction it is meant for, as a closed one would. */
static void fill_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            return;
}

static int dry_run(command *c)
{
    c->stream.nthreads = c->options.nthreads != 0 ? (uint32_t)c->options.nthreads : allot_pool_nthreads(NULL);
    al_report_print(&c->stream, c->options.json, AL_EXIT_OK);
    return AL_EXIT_OK;
}

/** Whether "--" stands between the options and the operands. */
static bool has_dashes(int argc, char **argv)
{
    for (int k = 1; k < argc; k++)
        if (strcmp(argv[k], "--") == 0)
            return true;
    return false;
}

static int run_map(int argc, char **argv)
{
    static command c;
    int noperands, status;
    c.options.begin_ns = al_clock_ns();
    fill_descriptors();
    c.options.has_dashes = has_dashes(argc, argv);
    if (!al_option_parse(&al_command_map, argc, argv, &c.options, &noperands, &status))
        return status;
    if (c.options.is_lines)
        return read_on(&c.options) ? al_map_lines(&c.options, argv + 1, (size_t)noperands) : AL_EXIT_USAGE;
    if (!check_options(&c.options, noperands))
        return AL_EXIT_USAGE;
    char **operands = argv + 1;
    if (c.options.function == NULL) {
        c.options.expr = *operands++;
        noperands--;
    }
    c.stream.options = &c.options;
    c.stream.is_npy = c.options.format == AL_MAP_FORMAT_NPY;
    allot_error err;
    allot_err code = open_inputs(&c, operands, (size_t)noperands, &err);
    if (code == ALLOT_OK)
        code = compile(&c, &err);
    if (code != ALLOT_OK)
        status = complain_failed(&c, code, &err);
    else
        status = c.options.dry_run ? dry_run(&c) : map(&c);
    /* The compiled expression stays loaded: the process ends, and workers may still use its thread-locals. */
    al_inputs_close(c.inputs, c.stream.ninputs);
    free(c.inputs);
    free(c.file);
    free(c.diagnosis);
    return status;
}

const al_command al_command_map = {
    .name = "map",
    .summary = "one C expression over many items, on every core that pays",
    .usage = "EXPR [INPUT ...]\n-f FILE:FUNCTION [INPUT ...]\n--lines -- COMMAND [ARGUMENT ...]",
    .description =
        "Computes EXPR for every item of the inputs and writes the results in order. EXPR is a C "
        "expression in x, the "
        "item, and i, its number from 0 (an int64_t); it is compiled once and kept. <math.h> is "
        "there, and ipow(x, n), "
        "an integer power that says so when it does not fit its type.\n"
        "\n"
        "An INPUT is a range A:B or A:B:STEP (B is not part of it, as in Python), a text with one "
        "number a line or "
        "with columns, or a NumPy .npy array; - or none is standard input, which may be endless. "
        "Several inputs are one "
        "stream of items. A file called like a range is named ./0:3.\n"
        "\n"
        "How many threads take part and how the items are cut follows from what they are measured "
        "to cost while they "
        "are computed; work too short to share is not shared. Results are the same, bit for bit, "
        "on any number of "
        "threads, those of --reduce included.\n"
        "\n"
        "In a text, empty lines and lines that begin with # hold no item. Results are written as "
        "text, one a line, "
        "floats with the fewest digits that read back the same.\n"
        "\n"
        "With --lines, a program computes in place of EXPR: any that reads lines and writes one for each. "
        "Copies of it are started once, get the lines of standard input in batches, and their answers are "
        "written in the order of the lines. The program may answer at once, when its buffer is full, or at "
        "the end.",
    .examples =
        "allot map 'x*x' 0:10  # the squares of 0 to 9\n"
        "allot map 'ipow(x,10)' 0:3000 -t i128  # exact, as Python's integers are\n"
        "allot map 'x > 0.5' -c price prices.csv --header -r count  # how many prices are above a half\n"
        "allot map 'sqrt(x)' a.npy -o b.npy --explain  # an array to an array, and why it was cut so\n"
        "seq 1000000 | allot map 'sin(x)' -r sum  # from a pipe\n"
        "allot map -f work.c:cost 0:1e6 -o costs.txt  # with a function of your own\n"
        "allot map --lines -- awk '{print $1*$1}' <numbers.txt  # with copies of a program that answers "
        "lines\n"
        "allot map --on ann,bob*4 -f work.c:cost 0:1e6 -o costs.txt  # on two other machines as well\n",
    .options = options_table,
    .noptions = sizeof options_table / sizeof options_table[0],
    .statuses =
        "0  success\n"
        "1  the work failed: an input that cannot be read, an item that failed, EXPR does not compile\n"
        "2  the command line is wrong\n"
        "124  the time of --timeout was up\n"
        "128+N  EXPR crashed by signal N, or the command was ended by it (130: Ctrl-C)\n",
    .run = run_map,
};
