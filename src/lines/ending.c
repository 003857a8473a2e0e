/* ending.c - copies that end: well, too early, or by what an item did to them.
 *
 * Which item it was is known when the copy answers each one at once: the first that it did not. Otherwise it
 * was one of those that it had read. These are done again by fresh copies that have nothing else, half of
 * them each, until one of the halves is a single item, or all are answered: some ten copies for a thousand
 * suspects. Only an item that ended two copies all by itself is set aside.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/fail.h"
#include "lines/lines_parts.h"

#define NKILLS_MOST 2
/** So many items may be set aside while nothing at all has been answered. */
#define NHOPELESS 3

#define U(x) ((unsigned long long)(x))

/* ---- words ----------------------------------------------------------------------------------------------
 */

/** "line 17 ('its text')", lines from 1 as an editor shows them. */
static void name_item(const al_lines *l, const al_batch *batch, char *text, size_t nbytes)
{
    struct iovec pieces[8];
    char shown[44];
    size_t n = 0, length = batch->items.nbytes - l->opts->separator.nbytes;
    size_t npieces = al_chain_pieces(&batch->items, 0, pieces, 8);
    for (size_t p = 0; p < npieces; p++)
        for (size_t k = 0; k < pieces[p].iov_len && n < length && n < 40; k++) {
            unsigned char byte = ((unsigned char *)pieces[p].iov_base)[k];
            shown[n++] = byte < 0x80 && isprint(byte) == 0 ? '?' : (char)byte;
        }
    (void)snprintf(text, nbytes, "%s %llu ('%.*s%s')", l->opts->noun, U(batch->first + 1), (int)n, shown,
                   n < length ? "..." : "");
}

static void name_end(const al_lines *l, const al_copy *copy, char *text, size_t nbytes)
{
    if (copy->is_late)
        (void)snprintf(text, nbytes, "it took longer than the %.6g s of --timeout",
                       (double)l->opts->timeout_ns * 1e-9);
    else if (WIFSIGNALED(copy->status))
        (void)snprintf(text, nbytes, "ended by signal %d (%s)", WTERMSIG(copy->status),
                       strsignal(WTERMSIG(copy->status)));
    else
        (void)snprintf(text, nbytes, "ended with status %d", WEXITSTATUS(copy->status));
}

allot_err al_lines_break(al_lines *l, const al_copy *copy, allot_error *err)
{
    bool is_excess = copy->nexcess > 0;
    return al_fail(
        err, ALLOT_EUSER, 0,
        "%s wrote %s %ss than it was given: %llu for %llu; it must write one for each, so that the k-th "
        "answers the k-th",
        copy->command->name, is_excess ? "more" : "fewer", l->opts->noun, U(copy->nanswered + copy->nexcess),
        U(is_excess ? copy->nanswered : copy->ngiven));
}

/* ---- setting aside --------------------------------------------------------------------------------------
 */

#define HOPELESS "; no copy has answered anything yet: does the command work by itself?"

allot_err al_lines_end_at_last(al_lines *l, allot_error *err)
{
    return al_fail(err, l->last_code, 0, "%s%s", l->last_words, l->has_answered ? "" : HOPELESS);
}

/** Which copies come to their items first is chance, and which item ends the run should not be: it is the
 * first of those that would. */
static void end_at(al_lines *l, al_batch *batch, allot_err code, const char *words)
{
    if (l->last != NULL && l->last->first < batch->first)
        return;
    l->last = batch;
    l->last_code = code;
    (void)snprintf(l->last_words, sizeof l->last_words, "%s", words);
}

static allot_err set_aside(al_lines *l, const al_copy *copy, al_batch *batch, allot_error *err)
{
    char item[80], end[80], text[400];
    allot_err code = copy->is_late ? ALLOT_ETIMEDOUT : ALLOT_EUSER;
    name_item(l, batch, item, sizeof item);
    name_end(l, copy, end, sizeof end);
    (void)snprintf(text, sizeof text, "%s: %s did not survive it, twice: %s", item, copy->command->name, end);
    if (l->opts->rule == AL_LINES_STOP) {
        end_at(l, batch, code, text);
        return ALLOT_OK;
    }
    if (!l->has_answered && l->figures->nset_aside + 1 >= NHOPELESS)
        return al_fail(err, code, 0, "%s" HOPELESS, text);
    size_t length = strlen(text);
    (void)snprintf(text + length, sizeof text - length, "; %s",
                   l->opts->rule == AL_LINES_SKIP ? "skipped" : "its answer is empty");
    l->opts->say(l->opts->arg, text);
    batch->is_set_aside = true;
    l->figures->nset_aside++;
    return ALLOT_OK;
}

/* ---- giving back ----------------------------------------------------------------------------------------
 */

/** One batch ended its copy. */
static allot_err suspect(al_lines *l, const al_copy *copy, al_batch *batch, allot_error *err)
{
    if (batch->nitems == 1) {
        if (++batch->nkills >= NKILLS_MOST)
            return set_aside(l, copy, batch, err);
        al_queue_put(&l->alone, batch);
        return ALLOT_OK;
    }
    al_batch *rest =
        al_batch_split(batch, &l->opts->separator, copy->is_prompt ? 1 : batch->nitems / 2, &l->order);
    if (rest == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    al_queue_put(&l->alone, batch);
    al_queue_put(copy->is_prompt ? &l->redo : &l->alone, rest);
    return ALLOT_OK;
}

/** The part of a batch that is not answered, as a batch. *rest is NULL: out of memory */
static allot_err unanswered(al_lines *l, al_batch *batch, al_batch **rest, allot_error *err)
{
    *rest = batch;
    batch->copy = NULL;
    if (batch->nanswered == 0) {
        al_chain_cut(&batch->answers, 0);
        batch->nwhole = 0;
        batch->scan.ntail = 0;
        return ALLOT_OK;
    }
    *rest = al_batch_split(batch, &l->opts->separator, batch->nanswered, &l->order);
    return *rest != NULL ? ALLOT_OK : al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
}

/** Take back what a copy owes.
 * @param has_died  something of what it had read is to blame */
static allot_err take_back(al_lines *l, al_copy *copy, bool has_died, allot_error *err)
{
    size_t nread = al_copy_nread_bytes(copy), at = 0;
    al_batch *first = NULL, *batch;
    bool is_single = true;
    allot_err code = ALLOT_OK;
    while (code == ALLOT_OK && (batch = al_queue_take(&copy->owed)) != NULL) {
        bool is_read = has_died && (at == 0 || (at < nread && !copy->is_prompt));
        at += batch->items.nbytes;
        code = unanswered(l, batch, &batch, err);
        if (code == ALLOT_OK && first == NULL && is_read) {
            first = batch;
        } else if (code == ALLOT_OK) {
            is_single = is_single && !is_read;
            al_queue_put(is_read ? &l->alone : &l->redo, batch);
        }
    }
    if (code != ALLOT_OK || first == NULL)
        return code;
    if (is_single)
        return suspect(l, copy, first, err);
    al_queue_put_first(&l->alone, first);
    return ALLOT_OK;
}

static void say_status(al_lines *l, const al_copy *copy)
{
    char end[80], text[200];
    l->figures->nended_badly++;
    if (l->has_said_status)
        return;
    l->has_said_status = true;
    name_end(l, copy, end, sizeof end);
    (void)snprintf(text, sizeof text, "a copy of %s answered everything, and %s", copy->command->name, end);
    l->opts->say(l->opts->arg, text);
}

/** Whether a copy that ended well had read items that it did not answer. One that takes a few and ends may be
 * a program's way; the next copy goes on. */
static bool has_swallowed(const al_lines *l, const al_copy *copy)
{
    const al_batch *batch = copy->owed.head;
    return copy->nanswered == 0 ||
           al_copy_nread_bytes(copy) > al_batch_place(batch, &l->opts->separator, batch->nanswered);
}

allot_err al_lines_end_copy(al_lines *l, al_copy *copy, allot_error *err)
{
    bool is_good = WIFEXITED(copy->status) && WEXITSTATUS(copy->status) == 0 && !copy->is_late;
    allot_err code = ALLOT_OK;
    al_copy_see_read(copy);
    if (is_good)
        code = al_copy_end_last(copy, &l->opts->separator, &l->blocks, err);
    l->has_answered = l->has_answered || copy->nanswered > 0;
    if (code == ALLOT_OK && copy->nexcess > 0)
        code = al_lines_break(l, copy, err);
    else if (code == ALLOT_OK && copy->owed.head == NULL && !is_good)
        say_status(l, copy);
    else if (code == ALLOT_OK && copy->owed.head != NULL && is_good && has_swallowed(l, copy))
        code = al_lines_break(l, copy, err);
    else if (code == ALLOT_OK && copy->owed.head != NULL) {
        l->figures->ndied++;
        code = take_back(l, copy, !is_good, err);
    }
    al_copy_fini(copy);
    return code;
}
