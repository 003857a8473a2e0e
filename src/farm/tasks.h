/* tasks.h - tasks told one JSON object a line (--tasks, allot add). docs/formats/tasks.md has the members.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_FARM_TASKS_H
#define AL_FARM_TASKS_H

#include <stdbool.h>
#include <stdint.h>

#include <allot/error.h>

#include "base/buffer.h"
#include "farm/sched.h"
#include "farm/template.h"

/** One task, read. Texts are terminated and owned by the spec. */
typedef struct al_spec {
    char *id;      /**< NULL: none given */
    char *command; /**< a command line; or NULL and: */
    char **argv;
    uint32_t argc;
    char *stdin_text; /**< NULL: none; holds stdin_nbytes bytes */
    size_t stdin_nbytes;
    char **env; /**< NAME=VALUE */
    uint32_t nenv;
    char *cwd;
    char **after, **in, **out;
    uint32_t nafter, nin, nout;
    al_task_kind kind; /**< the run's own where the line says nothing */
    char number[24];   /* an id that was told as a number */
    void *document;    /* the JSON that the texts belong to */
} al_spec;

/** Read one line.
 * @param text    nbytes of JSON, with or without its newline
 * @param where   "FILE:LINE", for messages: "jobs.jsonl:3: unknown member 'comand'; did you mean 'command'?"
 * @param kind    what holds where the line is silent
 * @param tokens  names of the run's tokens, in the order of kind->tokens (ntokens of them)
 * @param[out] spec  al_spec_fini() when ALLOT_OK
 * @return ALLOT_OK; ALLOT_EFORMAT: no JSON object, an unknown or doubled member, a value of the wrong type or
 * out of range, a NUL in a text, neither command nor argv or both; ALLOT_ENOMEM */
allot_err al_spec_parse(const char *text, size_t nbytes, const char *where, const al_task_kind *kind,
                        char **tokens, uint32_t ntokens, al_spec *spec, allot_error *err);
void al_spec_fini(al_spec *spec);
/** Its command as a person would type it, appended to text without an end. @return false: out of memory */
bool al_spec_display(const al_spec *spec, al_buffer *text);

/** Who comes after whom: ids and files of all tasks of a run, as they are told. */
typedef struct al_names al_names;
/** @param cwd  absolute: where relative names of files count from. @return owned by caller; NULL: out of
 * memory */
al_names *al_names_create(const char *cwd);
void al_names_destroy(al_names *names);
/** Take in task number `task`. Its ids and out files must be new: ALLOT_EFORMAT names where the first one was
 * told (FILE:LINE of both). */
allot_err al_names_add(al_names *names, const al_spec *spec, al_task_id task, const char *where,
                       allot_error *err);
/** Whether one more task could be taken in and linked to those there are: for one that comes while others
 * run, which may come after known tasks only.
 * @return ALLOT_OK; ALLOT_EFORMAT: an id or an out file of another task's, an `after` that is no id */
allot_err al_names_check(const al_names *names, const al_spec *spec, const char *where, allot_error *err);
/** All tasks were taken in: tell sched every dependency (`after`; an `in` that is another's `out`), unblock
 * all that were added since the last call, and if checks_files, check that an `in` that nobody makes is
 * there.
 * @return ALLOT_OK; ALLOT_EFORMAT: an `after` that is no id (nearest one named), a cycle (its ids in order);
 *         ALLOT_ENOTFOUND: a file of `in`; ALLOT_ENOMEM. Each names FILE:LINE */
allot_err al_names_link(al_names *names, al_sched *sched, bool checks_files, allot_error *err);

#endif
