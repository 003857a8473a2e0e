/* option.h - one row an option: it drives the parser, --help, the man page and shell completion.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_OPTION_H
#define AL_CLI_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <allot/error.h>

typedef enum al_option_kind {
    AL_OPTION_FLAG,     /* bool */
    AL_OPTION_TEXT,     /* const char * (points into argv) */
    AL_OPTION_COUNT,    /* uint64_t, decimal, within [min, max] */
    AL_OPTION_DURATION, /* uint64_t nanoseconds: 10, 1.5s, 200ms, 3m, 2h, 1d; a bare number is seconds */
    AL_OPTION_REAL,     /* double, finite and positive */
    AL_OPTION_CHOICE,   /* int: position in choices ("a|b|c") */
    AL_OPTION_TEXTS,    /* al_texts: may be given several times */
} al_option_kind;

/** The values of an option that may be given several times, in order; they point into argv. */
typedef struct al_texts {
    const char **at; /* the process's: not freed */
    size_t count;
} al_texts;

typedef struct al_option {
    const char *name; /* long name without dashes */
    char letter;      /* 0: none */
    al_option_kind kind;
    size_t offset;        /* offsetof() in the command's option struct */
    const char *value;    /* what the value is called in help ("FILE"), NULL for a flag */
    const char *choices;  /* AL_OPTION_CHOICE: "i32|i64|f64" */
    uint64_t min, max;    /* COUNT, and DURATION in ns; max 0: no bound */
    const char *fallback; /* what happens without it, for help; NULL: nothing to say */
    const char *help;     /* one sentence, no capital, no full stop */
    size_t seen_offset;   /* offsetof() a bool set when given; SIZE_MAX: none wanted */
} al_option;

/** A subcommand: one row of the table in main.c. */
typedef struct al_command {
    const char *name;         /* "map" */
    const char *summary;      /* one line */
    const char *usage;        /* "EXPR [INPUT ...]", newlines between variants */
    const char *description;  /* paragraphs for help and man page, separated by blank lines */
    const char *examples;     /* "command  # what it does" a line */
    const al_option *options; /* noptions rows; --help is added to every command */
    size_t noptions;
    bool options_first;                /* what comes after the first operand is no option of ours */
    const char *statuses;              /* exit statuses, "0  success" a line */
    int (*run)(int argc, char **argv); /* argv[0] is the subcommand's name; returns the exit status */
} al_command;

/** Parse argv into *options by the command's table; options and operands may mix, "--" ends options.
 * On return argv[1 .. *noperands] are the operands, in order. --help and --version are handled here.
 * @param[out] status  exit status when the result is false: 0 after --help, 2 after a usage error (the
 *                     message, with the nearest option's name, went to stderr)
 * @return true when the command is to run */
bool al_option_parse(const al_command *command, int argc, char **argv, void *options, int *noperands,
                     int *status);

/** Rows of a command with those every command has (--help, --version) after its own, and one of them. */
size_t al_option_count(const al_command *command);
const al_option *al_option_at(const al_command *command, size_t row);

/** Find a command by name; NULL when there is none. */
const al_command *al_command_find(const char *name);
/** Complain that there is no such command, naming the nearest. @return AL_EXIT_USAGE */
int al_command_unknown(const char *name);
extern const al_command *const al_commands[];
extern const size_t al_ncommands;

/** "allot map: " and the text, and a newline, to stderr; red where stderr is a terminal. */
void al_complain(const char *command, const char *format, ...) ALLOT_PRINTF(2, 3);

/** Exit statuses that every command shares. */
enum {
    AL_EXIT_OK = 0,
    AL_EXIT_FAILED = 1,    /* the work failed: bad input, an item that failed */
    AL_EXIT_USAGE = 2,     /* the command line is wrong */
    AL_EXIT_TIMEOUT = 124, /* as timeout(1) */
    AL_EXIT_SIGNAL = 128,  /* plus the signal's number */
};

#endif
