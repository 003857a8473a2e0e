/* option.c - reading a command line by its command's table of options.
 *
 * getopt_long does the walking, so that clusters (-nq), --name=value, unambiguous abbreviations and "--"
 * work as in every GNU program. It is asked to hand operands out as it meets them rather than to move them,
 * for two reasons: an operand that starts with a minus and cannot be an option (-5:5, -1, -.5, -(x)) is
 * taken here before getopt sees it, and the operands are collected at the front of argv in their order.
 * Its own messages are switched off: ours name the nearest option.
 *
 * Invariant: a long option is FIRST_LONG + its row to getopt, so that what getopt says about an argument
 * is never mixed up with a letter.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/option.h"

#include <ctype.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/nearest.h"
#include "cli/help.h"
#include "cli/value.h"

#define FIRST_LONG 256
#define OPERAND 1 /* what getopt returns for one, asked to keep the order */

/** Every command has these rows after its own. */
static const al_option builtins[] = {
    {.name = "help", .letter = 'h', .kind = AL_OPTION_FLAG, .help = "print this help and exit"},
    {.name = "version", .kind = AL_OPTION_FLAG, .help = "print the version and exit"},
};
#define NBUILTINS (sizeof builtins / sizeof builtins[0])

/** What one run of the parser carries around. */
typedef struct parser {
    const al_command *command;
    void *options;
    struct option *longs; /* the table as getopt wants it */
    char *letters;        /* likewise, for the short options */
    int status;           /* exit status, when the command is not to run */
    bool at_end;          /* all of it was understood */
} parser;

typedef enum outcome { GO_ON, STOP } outcome;

size_t al_option_count(const al_command *command)
{
    return command->noptions + NBUILTINS;
}

const al_option *al_option_at(const al_command *command, size_t row)
{
    return row < command->noptions ? &command->options[row] : &builtins[row - command->noptions];
}

void al_complain(const char *command, const char *format, ...)
{
    const char *no_color = getenv("NO_COLOR");
    bool red = isatty(STDERR_FILENO) == 1 && (no_color == NULL || no_color[0] == '\0');
    (void)fflush(stdout);
    fprintf(stderr, "%sallot%s%s:%s ", red ? "\033[31m" : "", command != NULL ? " " : "",
            command != NULL ? command : "", red ? "\033[0m" : "");
    va_list args;
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fputc('\n', stderr);
}

/* ---- what is wrong with a command line ----------------------------------------------------------------- */

/** The last line of every usage error. */
static outcome refuse(parser *parse)
{
    fprintf(stderr, "Try 'allot %s --help'.\n", parse->command->name);
    parse->status = AL_EXIT_USAGE;
    return STOP;
}

/** The bytes of a long argument's name: "--type=f64" has 4. */
static size_t long_name_length(const char *argument)
{
    return strcspn(argument + 2, "=");
}

/** How many names an argument's name is the beginning of; they are listed in text. */
static unsigned list_matches(const parser *parse, const char *argument, char *text, size_t nbytes)
{
    unsigned nmatches = 0;
    size_t written = 0;
    text[0] = '\0';
    for (size_t row = 0; row < al_option_count(parse->command); row++) {
        const char *name = al_option_at(parse->command, row)->name;
        if (strncmp(name, argument + 2, long_name_length(argument)) != 0)
            continue;
        int more = snprintf(text + written, nbytes - written, "%s--%s", nmatches++ > 0 ? ", " : "", name);
        if (more > 0 && (size_t)more < nbytes - written)
            written += (size_t)more;
    }
    return nmatches;
}

static outcome refuse_long(parser *parse, const char *argument)
{
    char matches[256];
    int length = (int)(2 + long_name_length(argument));
    if (list_matches(parse, argument, matches, sizeof matches) > 1) {
        al_complain(parse->command->name, "option '%.*s' is ambiguous: %s", length, argument, matches);
        return refuse(parse);
    }
    char word[64];
    (void)snprintf(word, sizeof word, "%.*s", length - 2, argument + 2);
    al_nearest nearest = {.word = word};
    for (size_t row = 0; row < al_option_count(parse->command); row++) {
        const char *name = al_option_at(parse->command, row)->name;
        al_nearest_try(&nearest, name, strlen(name));
    }
    if (nearest.name[0] != '\0')
        al_complain(parse->command->name, "unknown option '%.*s'; did you mean '--%s'?", length, argument,
                    nearest.name);
    else
        al_complain(parse->command->name, "unknown option '%.*s'", length, argument);
    return refuse(parse);
}

static outcome refuse_letter(parser *parse, const char *argument, int letter)
{
    const char *name = parse->command->name;
    if (isprint(letter) == 0)
        al_complain(name, "unknown option byte 0x%02x", (unsigned)letter & 0xff);
    else if (argument != NULL && argument[0] == '-' && argument[1] == letter)
        al_complain(name, "unknown option '-%c'; if '%s' is no option, put -- before it", letter, argument);
    else
        al_complain(name, "unknown option '-%c'", letter);
    return refuse(parse);
}

/** getopt said '?' of an argument: no such option, an abbreviation of several, or a value where none goes. */
static outcome refuse_unknown(parser *parse, const char *argument)
{
    if (optopt == 0)
        return refuse_long(parse, argument);
    if (optopt < FIRST_LONG)
        return refuse_letter(parse, argument, optopt);
    al_complain(parse->command->name, "option '--%s' takes no value",
                al_option_at(parse->command, (size_t)(optopt - FIRST_LONG))->name);
    return refuse(parse);
}

static outcome refuse_empty(parser *parse, const al_option *option)
{
    al_complain(parse->command->name, "option '--%s' needs a value: %s", option->name, option->value);
    return refuse(parse);
}

/* ---- walking through it -------------------------------------------------------------------------------- */

/** Build getopt's two tables. @return false: no memory */
static bool make_tables(parser *parse)
{
    size_t noptions = al_option_count(parse->command);
    parse->longs = calloc(noptions + 1, sizeof *parse->longs);
    parse->letters = calloc(2 * noptions + 3, 1);
    if (parse->longs == NULL || parse->letters == NULL)
        return false;
    char *letter = parse->letters;
    *letter++ = '-'; /* operands in their place */
    *letter++ = ':'; /* a missing value is ':' and not '?' */
    for (size_t row = 0; row < noptions; row++) {
        const al_option *option = al_option_at(parse->command, row);
        bool has_value = option->kind != AL_OPTION_FLAG;
        parse->longs[row] = (struct option){option->name, has_value ? required_argument : no_argument, NULL,
                                            FIRST_LONG + (int)row};
        if (option->letter == '\0')
            continue;
        *letter++ = option->letter;
        if (has_value)
            *letter++ = ':';
    }
    return true;
}

/** The row of what getopt returned: a letter, or FIRST_LONG + row. */
static size_t row_of(const al_command *command, int code)
{
    if (code >= FIRST_LONG)
        return (size_t)(code - FIRST_LONG);
    size_t row = 0;
    while (al_option_at(command, row)->letter != code)
        row++;
    return row;
}

static outcome take_option(parser *parse, size_t row, const char *value)
{
    const al_command *command = parse->command;
    if (row >= command->noptions) {
        parse->status = AL_EXIT_OK;
        if (row == command->noptions)
            al_help_command(command, stdout);
        else
            printf("allot %s\n", allot_version());
        return STOP;
    }
    const al_option *option = &command->options[row];
    char reason[AL_VALUE_REASON_MAX];
    if (!al_value_read(option, value, (char *)parse->options + option->offset, reason)) {
        al_complain(command->name, "--%s: %s", option->name, reason);
        return refuse(parse);
    }
    if (option->seen_offset != SIZE_MAX)
        *(bool *)((char *)parse->options + option->seen_offset) = true;
    return GO_ON;
}

/** Whether an argument starts as no option does: -5, -.5, -(x); unless there is an option of that letter
 * (-0; but -0.5 and -0:3 are numbers). */
static bool is_negative(const parser *parse, const char *argument)
{
    if (argument != NULL && strncmp(argument, "-0", 2) == 0 && argument[2] != '\0' &&
        strchr(".:0123456789", argument[2]) != NULL)
        return true;
    for (size_t k = 0; argument != NULL && k < parse->command->noptions; k++)
        if (parse->command->options[k].letter != 0 && parse->command->options[k].letter == argument[1])
            return false;
    return argument != NULL && argument[0] == '-' &&
           (isdigit((unsigned char)argument[1]) != 0 || argument[1] == '.' || argument[1] == '(');
}

/** Make getopt forget what it parsed before and read this table's letters from argument 1 on. */
static void start_getopt(const parser *parse)
{
    char name[] = "allot";
    char *nothing[] = {name, NULL};
    optind = 0; /* glibc: start anew */
    opterr = 0;
    (void)getopt_long(1, nothing, parse->letters, parse->longs, NULL);
}

/** Deal with the next argument, or the next letter of a cluster. @return STOP also at the end */
static outcome step(parser *parse, int argc, char **argv, int *noperands)
{
    const char *argument = argv[optind];
    bool is_last = parse->command->options_first && *noperands > 0; /* the rest is another program's */
    if (is_last && argument != NULL) {
        argv[++*noperands] = argv[optind++];
        return GO_ON;
    }
    if (is_negative(parse, argument)) {
        argv[++*noperands] = argv[optind++];
        return GO_ON;
    }
    optopt = 0;
    int code = getopt_long(argc, argv, parse->letters, parse->longs, NULL);
    if (code == -1) {
        parse->at_end = true;
        return STOP;
    }
    if (code == OPERAND) {
        argv[++*noperands] = optarg;
        return GO_ON;
    }
    if (code == '?')
        return refuse_unknown(parse, argument);
    if (code == ':')
        return refuse_empty(parse, al_option_at(parse->command, row_of(parse->command, optopt)));
    return take_option(parse, row_of(parse->command, code), optarg);
}

bool al_option_parse(const al_command *command, int argc, char **argv, void *options, int *noperands,
                     int *status)
{
    parser parse = {.command = command, .options = options, .status = AL_EXIT_FAILED};
    *noperands = 0;
    if (make_tables(&parse)) {
        start_getopt(&parse);
        while (step(&parse, argc, argv, noperands) == GO_ON)
            continue;
    } else {
        al_complain(command->name, "out of memory");
    }
    while (parse.at_end && optind < argc) /* after "--" */
        argv[++*noperands] = argv[optind++];
    free(parse.longs);
    free(parse.letters);
    *status = parse.status;
    return parse.at_end;
}
