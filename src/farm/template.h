/* template.h - from a command template and a task's arguments to what is executed. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_FARM_TEMPLATE_H
#define AL_FARM_TEMPLATE_H

#include <stdbool.h>
#include <stdint.h>

#include <allot/error.h>

#include "base/buffer.h"
#include "farm/args.h"

typedef enum al_shell_use {
    AL_SHELL_AUTO,   /**< only for commands with shell syntax */
    AL_SHELL_ALWAYS, /**< */
    AL_SHELL_NEVER,  /**< shell syntax is passed on as it is */
} al_shell_use;

typedef enum al_template_many {
    AL_MANY_ONE_WORD, /**< {} is all arguments of the task, separated by blanks, within one place */
    AL_MANY_CONTEXT,  /**< -X: the word around {} is repeated for each argument */
} al_template_many;

typedef struct al_template_opts {
    char **words; /**< the command line, borrowed until return; nwords 0: each argument is a command line
                     itself */
    uint32_t nwords;
    char **names; /**< of the columns, for {name}; from --header */
    uint32_t nnames;
    al_shell_use use_shell;
    const char *shell; /**< path of the shell, "/bin/sh" */
    al_template_many many;
    bool allows_missing; /**< {N} beyond a task's arguments is empty, not an error: -N, whose last task is
                            short */
    bool adds_no_place;  /**< a template without a placeholder stays one: -N0 */
} al_template_opts;

typedef struct al_template al_template;

/** Read a template. One word is a command line, as somebody would type it: it is split at blanks, quotes mean
 * what they mean to a shell. Several words are arguments, each as it is (the user's shell has been at them
 * already), unless one of them is an operator by itself ('|' '>' '&&' ';' ...): then they are a command line,
 * joined by blanks.
 *
 * A template without a placeholder gets {} at its end. Placeholders: {} {.} {/} {//} {/.} {#} {%} {N} {N.}
 * {N/} {N//} {N/.} {name} {name.} ..., N may be negative (counted from the last). Anything else in braces
 * (awk's {print}) is left as it is, and so is a brace after $ or a backslash; what looks like a placeholder
 * that cannot be filled ({2x}, {0}) is an error that names it and its column.
 * @param[out] made  owned by caller
 * @return ALLOT_OK; ALLOT_EINVAL (unbalanced quotes, unknown placeholder; text with a caret's column);
 *         ALLOT_ENOMEM */
allot_err al_template_parse(const al_template_opts *opts, al_template **made, allot_error *err);
void al_template_destroy(al_template *template);

/** Whether tasks are run by the shell. For a template without words that is for each command to say: false.
 */
bool al_template_uses_shell(const al_template *template);
/** Whether the slot's number ({%}) is used: only where a task runs is it known. */
bool al_template_uses_slot(const al_template *template);

/** What to execute: *argc strings, each with its end, one after the other, appended to argv.
 * Values are quoted for where they stand: bare, in double quotes or in single quotes, when a shell reads
 * them.
 * @param number  {#}, from 1
 * @param slot    {%}, from 1
 * @return ALLOT_OK; ALLOT_EINVAL (a task with fewer arguments than {N} asks for; a command of an argument
 * with unbalanced quotes goes to the shell, whose complaint it is); ALLOT_ENOMEM */
allot_err al_template_render(const al_template *template, al_args args, uint64_t number, uint32_t slot,
                             al_buffer *argv, uint32_t *argc, allot_error *err);

/** The command line as a person would type it into a shell, appended to text without an end: for --dry-run,
 * the job log and reports. */
allot_err al_template_display(const al_template *template, al_args args, uint64_t number, uint32_t slot,
                              al_buffer *text, allot_error *err);

/** argc texts one after the other, as a person would type them. */
void al_argv_display(const char *argv, uint32_t argc, al_buffer *text);

/** A command line of its own (a task's "command"), as al_template_render() gives it: split when there is no
 * shell syntax in it, else {shell, "-c", command}. */
allot_err al_command_render(const char *command, size_t nbytes, al_shell_use use_shell, const char *shell,
                            al_buffer *argv, uint32_t *argc, allot_error *err);

/** Append word, quoted for a shell if it needs to be. */
bool al_shell_quote(al_buffer *text, const char *word, size_t nbytes);

/** Placeholders that a name of a file may hold (--results, --tagstring): replaced, nothing is quoted. Use the
 * same parser: a template made with al_template_parse() of one word and AL_SHELL_NEVER, no {} added. */
allot_err al_template_parse_text(const char *text, char **names, uint32_t nnames, al_template **made,
                                 allot_error *err);
allot_err al_template_render_text(const al_template *template, al_args args, uint64_t number, uint32_t slot,
                                  al_buffer *text, allot_error *err);

#endif
