/* lines.c - see lines.h.
 *
 * One thread, which waits for nobody: all pipes to and from copies give and take what they can. It looks at
 * all of them in rounds. A round after each answer would cost more than many a program needs for it, so
 * between rounds it sleeps while the copies have enough to do, for a part of the time that this will last
 * (nap_ns()).
 *
 * Memory. Items stay until they are answered, since their copy may die; answers stay until those before them
 * are written. Once that is more than the window, nothing is given to and read from a copy but the one that
 * the next answer is to come from. So memory is bounded by the window and what that copy may hold. It cannot
 * lock up: that one gets items as long as it wants some, and when it has very many and answers none (it may
 * be sort, or tac), its input is closed, so that it must answer, and a fresh copy gets the rest.
 *
 * Invariants: every batch that is not written is in the order, and if it is not done, in exactly one of redo,
 * alone and a copy's owed. Answers within a batch are in order; a batch whose copy died is split where the
 * answers end.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "lines/lines_parts.h"
#include "plan/batch.h"

#define WINDOW_NBYTES ((size_t)64 << 20)
#define WINDOW_NBYTES_A_COPY ((size_t)1 << 20)
#define HOLD_LEAST ((size_t)1 << 20)
#define HOLD_MOST ((size_t)16 << 20)
/** Answers from items as slow as this are waited for by themselves, and none is given in advance. */
#define SLOW_NS 20e6
#define NAP_LEAST_NS 50e3
#define NAP_MOST_NS 1e6
#define TICK_NS 50e6
/** How long what a copy left running may hold on to its output. */
#define LINGER_NS UINT64_C(1000000000)
#define NPIECES 64
/** At the end of a file no batch is made smaller than this for its number of bytes. */
#define NBYTES_LEAST ((size_t)16 << 10)

/* ---- giving ---------------------------------------------------------------------------------------------
 */

static size_t held_nbytes(const al_lines *l)
{
    return l->blocks.nheld * sizeof(al_block);
}

static bool is_full(const al_lines *l)
{
    return held_nbytes(l) >= l->window;
}

/** Whether the next answer is to come from it. */
static bool is_next(const al_lines *l, const al_copy *copy)
{
    return l->order.head == NULL || l->order.head->copy == copy;
}

static bool is_slow(const al_copy *copy)
{
    return copy->is_prompt && copy->item_ns >= SLOW_NS;
}

/** Whether it has enough to do for now. */
static bool is_busy(const al_copy *copy)
{
    if (is_slow(copy))
        return copy->owed.head != NULL;
    return copy->nunread + copy->nunsent > copy->batch_nbytes / 2;
}

static bool has_read_all(const al_copy *copy)
{
    return copy->nunread + copy->nunsent == 0;
}

/** Whether something may be given to it, if there is something. */
static bool is_open(const al_copy *copy)
{
    return copy->pid > 0 && !copy->is_closing && !copy->is_over;
}

/** A slow copy that has not answered for far longer than its items take lately may have begun to hold
 * answers. */
static bool is_overdue(const al_copy *copy, uint64_t now_ns)
{
    return has_read_all(copy) && (double)(now_ns - copy->moved_ns) > 8 * copy->item_ns + 100e6;
}

/** Items for its next batch. */
static uint64_t next_items(const al_lines *l, const al_copy *copy, uint64_t now_ns)
{
    if (l->opts->batch_items > 0)
        return l->opts->batch_items;
    if (copy->ngiven == 0)
        return l->batch_items > 0 ? l->batch_items : 1;
    /* That it took its first batch tells nothing before it has answered or taken another. */
    bool is_first = copy->ngiven == copy->batch_items && copy->owed.head != NULL;
    if (copy->was_short || is_first)
        return copy->batch_items;
    double busy_ns = copy->busy_ns > copy->given_ns ? (double)(copy->busy_ns - copy->given_ns) : 0;
    return al_plan_batch(copy->batch_items, busy_ns, (double)(now_ns - copy->given_ns));
}

/** Bytes that its next batch may have: as much as its pipe takes well; towards the end of a file, a share of
 * what is left, so that all end together. */
static size_t next_nbytes(const al_lines *l, const al_copy *copy)
{
    size_t most = copy->nroom / 2;
    if (l->items.nbytes == UINT64_MAX || l->items.nbytes < l->nused)
        return most;
    uint64_t share = (l->items.nbytes - l->nused) / (2 * (uint64_t)l->opts->ncopies);
    return share >= most ? most : share > NBYTES_LEAST ? (size_t)share : NBYTES_LEAST;
}

/** Cut a new batch off the input. *made is NULL when there is none. */
static allot_err cut(al_lines *l, const al_copy *copy, uint64_t nitems, al_batch **made, allot_error *err)
{
    size_t most = next_nbytes(l, copy);
    double each = l->items.nitems > 0 ? (double)l->nused / (double)l->items.nitems : 64;
    double wanted = 1.25 * each * (double)nitems + 4096;
    size_t nbytes = wanted < (double)most ? (size_t)wanted : most;
    *made = NULL;
    allot_err code = al_items_fill(&l->items, nbytes > 0 ? nbytes : 1, err);
    atomic_store_explicit(&l->figures->nread, l->items.nread, memory_order_relaxed);
    if (code == ALLOT_OK)
        code = al_items_cut(&l->items, nitems, most, made, err);
    while (code == ALLOT_OK && *made == NULL && !l->items.at_end) { /* an item longer than that */
        size_t before = l->items.pending.nbytes;
        code = al_items_fill(&l->items, before + 1, err);
        if (code != ALLOT_OK || (l->items.pending.nbytes == before && !l->items.at_end))
            return code;
        code = al_items_cut(&l->items, nitems, most, made, err);
    }
    if (code != ALLOT_OK || *made == NULL)
        return code;
    l->nused += (*made)->items.nbytes;
    atomic_store_explicit(&l->figures->nread_used, l->nused, memory_order_relaxed);
    al_order_put(&l->order, *made, l->order.last);
    return ALLOT_OK;
}

/** Whether new items may be cut off for it. */
static bool may_cut(const al_lines *l, const al_copy *copy)
{
    if (l->last != NULL)
        return false;
    if (copy->ngiven - copy->nanswered <= 1)
        return !is_full(l) || is_next(l, copy);
    return copy->nowed < l->hold && (!is_full(l) || is_next(l, copy));
}

/** The next of a queue that is still wanted. NULL: there is none */
static al_batch *take_wanted(const al_lines *l, al_queue *queue)
{
    al_batch *batch;
    do
        batch = al_queue_take(queue);
    while (batch != NULL && l->last != NULL && batch->first > l->last->first);
    return batch;
}

/** What is to be done next, for a copy. *batch is NULL: nothing at present */
static allot_err take(al_lines *l, const al_copy *copy, uint64_t nitems, al_batch **batch, allot_error *err)
{
    *batch = take_wanted(l, &l->redo);
    if (*batch != NULL || !may_cut(l, copy))
        return ALLOT_OK;
    return cut(l, copy, nitems, batch, err);
}

static void give(al_lines *l, al_copy *copy, al_batch *batch, uint64_t now_ns)
{
    if (l->opts->batch_items == 0 && copy->ngiven > 0 && !copy->was_short && copy->batch_items > 0)
        copy->item_ns = (double)(now_ns - copy->given_ns) / (double)copy->batch_items;
    copy->is_probed = copy->owed.head != NULL && has_read_all(copy);
    copy->probe_bytes = copy->nwritten;
    copy->probe_items = copy->ngiven;
    copy->batch_items = l->batch_items = batch->nitems;
    copy->batch_nbytes = batch->items.nbytes;
    copy->given_ns = copy->busy_ns = now_ns;
    copy->was_short = false;
    al_copy_give(copy, batch, now_ns);
    l->figures->nbatches++;
    if (batch->nitems > l->figures->batch_most)
        l->figures->batch_most = batch->nitems;
}

/** Nothing is left for a copy that is open. What is suspected, or comes back later, is for fresh ones; to
 * wait for that would be to wait for each other. */
static bool is_all_given(const al_lines *l)
{
    return (al_items_are_gone(&l->items) || l->last != NULL) && l->redo.head == NULL;
}

/** Give a copy what it should have. @param[out] l->wants_input  it could have had more */
static allot_err feed(al_lines *l, al_copy *copy, uint64_t now_ns, allot_error *err)
{
    if (!is_open(copy))
        return ALLOT_OK;
    if (is_busy(copy)) {
        copy->busy_ns = now_ns;
        if (!is_slow(copy) || !is_overdue(copy, now_ns))
            return ALLOT_OK;
    }
    al_batch *batch;
    allot_err code = take(l, copy, next_items(l, copy, now_ns), &batch, err);
    if (code != ALLOT_OK)
        return code;
    if (batch != NULL) {
        give(l, copy, batch, now_ns);
        al_copy_send(copy, now_ns);
        return ALLOT_OK;
    }
    copy->was_short = true;
    if (is_all_given(l)) {
        al_copy_close(copy);
        return ALLOT_OK;
    }
    l->wants_input = l->wants_input || may_cut(l, copy);
    bool holds = copy->nowed >= l->hold && copy->ngiven - copy->nanswered > 1;
    if (holds && has_read_all(copy) && (!is_full(l) || is_next(l, copy))) {
        l->figures->nrefreshed++;
        al_copy_close(copy);
    }
    return ALLOT_OK;
}

/** Start a copy in an empty place, for what is suspected, or for what the others are too busy for. */
static allot_err fill_place(al_lines *l, al_copy *copy, uint64_t now_ns, allot_error *err)
{
    al_batch *batch = take_wanted(l, &l->alone);
    bool is_alone = batch != NULL;
    *copy = (al_copy){.command = copy->command, .in = -1, .unread = -1, .out = -1, .nroom = 65536};
    allot_err code = batch != NULL ? ALLOT_OK : take(l, copy, next_items(l, copy, now_ns), &batch, err);
    if (code != ALLOT_OK)
        return code;
    if (batch == NULL) {
        l->wants_input = l->wants_input || (!al_items_are_gone(&l->items) && may_cut(l, copy));
        return ALLOT_OK;
    }
    uint64_t before = l->batch_items;
    code = al_copy_start(copy, now_ns, err);
    if (code != ALLOT_OK) {
        al_queue_put_first(&l->redo, batch);
        return code;
    }
    l->figures->nstarted++;
    l->nlive++;
    if (l->nlive > l->figures->ncopies_most)
        l->figures->ncopies_most = l->nlive;
    give(l, copy, batch, now_ns);
    if (is_alone)
        l->batch_items = before;
    al_copy_send(copy, now_ns);
    if (is_alone)
        al_copy_close(copy);
    return ALLOT_OK;
}

/* ---- writing --------------------------------------------------------------------------------------------
 */

static allot_err flush(al_lines *l, uint64_t nitems, allot_error *err)
{
    struct iovec pieces[NPIECES];
    size_t at = 0;
    allot_err code = ALLOT_OK;
    while (code == ALLOT_OK && at < l->out.nbytes) {
        size_t npieces = al_chain_pieces(&l->out, at, pieces, NPIECES);
        for (size_t k = 0; k < npieces; k++)
            at += pieces[k].iov_len;
        code = l->opts->write(l->opts->arg, pieces, npieces, err);
    }
    if (code != ALLOT_OK)
        return code;
    atomic_fetch_add_explicit(&l->figures->nwritten, at, memory_order_relaxed);
    atomic_fetch_add_explicit(&l->figures->nitems, nitems, memory_order_relaxed);
    al_chain_cut(&l->out, 0);
    return ALLOT_OK;
}

/** Write what is answered, as far as it is next. */
static allot_err write_next(al_lines *l, allot_error *err)
{
    uint64_t nitems = 0;
    bool good = true;
    for (al_batch *batch; good && (batch = l->order.head) != NULL;) {
        good = al_chain_move(&batch->answers, batch->nwhole, &l->out);
        batch->nwhole = 0;
        nitems += batch->nanswered - batch->nwritten;
        batch->nwritten = batch->nanswered;
        if (!al_batch_is_done(batch))
            break;
        if (batch->is_set_aside) {
            nitems++;
            if (l->opts->rule == AL_LINES_EMPTY)
                good = good && al_chain_add(&l->out, l->empty, l->empty->at, l->empty->nbytes);
        }
        al_order_remove(&l->order, batch);
        al_batch_free(batch);
    }
    if (!good)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    return flush(l, nitems, err);
}

/* ---- one round ------------------------------------------------------------------------------------------
 */

/** Whether answers of a copy may be read: there is room, or they are what everything waits for, or that waits
 * for a place. */
static bool may_receive(const al_lines *l, const al_copy *copy)
{
    return !is_full(l) || is_next(l, copy) || l->order.head->copy == NULL;
}

/** Items that it has read and not answered, about. */
static double nitems_in_hand(const al_copy *copy)
{
    if (copy->is_prompt || copy->nowed == 0)
        return 1;
    double nitems = (double)(copy->ngiven - copy->nanswered);
    double share = (double)al_copy_nread_bytes(copy) / (double)copy->nowed;
    return nitems * share > 1 ? nitems * share : 1;
}

/** Whether it has had longer for an item than it may. A copy that wants items and gets none is not to blame.
 */
static bool is_late(const al_lines *l, const al_copy *copy, uint64_t now_ns)
{
    if (l->opts->timeout_ns == 0 || copy->owed.head == NULL || copy->is_over)
        return false;
    if (!copy->is_prompt && copy->in >= 0 && has_read_all(copy))
        return false;
    return (double)(now_ns - copy->moved_ns) > (double)l->opts->timeout_ns * nitems_in_hand(copy);
}

/** See what a copy did. */
static allot_err look(al_lines *l, al_copy *copy, uint64_t now_ns, allot_error *err)
{
    al_copy_send(copy, now_ns);
    if (!may_receive(l, copy)) {
        copy->moved_ns = now_ns;
        return ALLOT_OK;
    }
    allot_err code = al_copy_receive(copy, &l->opts->separator, &l->blocks, now_ns, err);
    if (code != ALLOT_OK)
        return code;
    if (copy->nexcess > 0)
        return al_lines_break(l, copy, err);
    if (!copy->is_late && is_late(l, copy, now_ns)) {
        copy->is_late = true;
        al_copy_signal(copy, SIGKILL);
    }
    /* Where the process has ended, and something it left running holds its output. */
    bool is_quiet =
        now_ns - copy->moved_ns > (uint64_t)TICK_NS || (copy->is_closing && copy->owed.head == NULL);
    if (!copy->is_over && is_quiet && al_copy_has_ended(copy)) {
        if (copy->ended_ns == 0)
            copy->ended_ns = now_ns;
        copy->is_over = copy->owed.head == NULL || copy->is_late || now_ns - copy->ended_ns > LINGER_NS;
    }
    if (!copy->is_over || !al_copy_reap(copy))
        return ALLOT_OK;
    l->nlive--;
    return al_lines_end_copy(l, copy, err);
}

static allot_err round_of(al_lines *l, allot_error *err)
{
    uint64_t now_ns = al_clock_ns();
    allot_err code = ALLOT_OK;
    l->wants_input = false;
    for (uint32_t k = 0; code == ALLOT_OK && k < l->opts->ncopies; k++)
        if (l->copies[k].pid > 0)
            code = look(l, &l->copies[k], now_ns, err);
    if (code == ALLOT_OK) /* it makes room for what is given now */
        code = write_next(l, err);
    for (uint32_t k = 0; code == ALLOT_OK && k < l->opts->ncopies; k++)
        code = feed(l, &l->copies[k], now_ns, err);
    for (uint32_t k = 0; code == ALLOT_OK && k < l->opts->ncopies; k++)
        if (l->copies[k].pid == 0)
            code = fill_place(l, &l->copies[k], now_ns, err);
    if (held_nbytes(l) > l->figures->nheld_most)
        l->figures->nheld_most = held_nbytes(l);
    return code;
}

/* ---- waiting --------------------------------------------------------------------------------------------
 */

/** How long all copies have enough to do, in part: until then nothing need be looked at. 0: watch them. */
static double nap_ns(const al_lines *l)
{
    double nap = NAP_MOST_NS;
    for (uint32_t k = 0; k < l->opts->ncopies; k++) {
        const al_copy *copy = &l->copies[k];
        if (copy->pid == 0)
            continue;
        bool has_enough = copy->is_closing ? copy->in >= 0 : is_busy(copy) && !is_slow(copy);
        if (!has_enough || copy->is_over)
            return 0;
        double lasts = copy->item_ns * (double)copy->batch_items / 4;
        nap = lasts < nap ? lasts : nap;
    }
    return l->nlive == 0 ? 0 : nap < NAP_LEAST_NS ? NAP_LEAST_NS : nap;
}

/** When to look again though no descriptor says so: at what was read, at ends, at the time. */
static double look_again_ns(const al_lines *l)
{
    double due = TICK_NS;
    for (uint32_t k = 0; k < l->opts->ncopies; k++) {
        const al_copy *copy = &l->copies[k];
        if (copy->pid == 0)
            continue;
        if (copy->is_over)
            return NAP_MOST_NS;
        bool is_taking = !has_read_all(copy) && copy->in >= 0;
        bool is_wanting = is_open(copy) && !is_busy(copy) && !copy->was_short;
        double idle = (double)(l->now_ns - copy->moved_ns) / 4; /* less often, the longer nothing happens */
        idle = idle < NAP_LEAST_NS ? NAP_LEAST_NS : idle > TICK_NS / 5 ? TICK_NS / 5 : idle;
        if ((is_taking || is_wanting) && idle < due)
            due = idle;
    }
    return due;
}

static struct timespec span_of(double ns)
{
    return (struct timespec){.tv_sec = (time_t)(ns * 1e-9), .tv_nsec = (long)ns % 1000000000};
}

/** Wait for something to do. @return whether the run is to end */
static bool wait_for(al_lines *l)
{
    struct pollfd *fds = l->fds;
    nfds_t count = 1;
    fds[0] = (struct pollfd){.fd = l->opts->stop_fd, .events = POLLIN};
    l->now_ns = al_clock_ns();
    double nap = nap_ns(l);
    struct timespec span = span_of(nap > 0 ? nap : look_again_ns(l));
    if (nap == 0) {
        fds[count++] =
            (struct pollfd){.fd = l->wants_input && !l->items.at_end ? l->opts->in_fd : -1, .events = POLLIN};
        for (uint32_t k = 0; k < l->opts->ncopies; k++)
            if (l->copies[k].pid > 0 && !l->copies[k].is_over && may_receive(l, &l->copies[k]))
                fds[count++] = (struct pollfd){.fd = l->copies[k].out, .events = POLLIN};
    }
    (void)ppoll(fds, count, &span, NULL);
    return fds[0].revents != 0;
}

/* ---- beginning and end ----------------------------------------------------------------------------------
 */

static allot_err begin(al_lines *l, allot_error *err)
{
    const al_lines_opts *opts = l->opts;
    size_t least = opts->ncopies * WINDOW_NBYTES_A_COPY;
    l->window = opts->window_nbytes > 0 ? opts->window_nbytes : least > WINDOW_NBYTES ? least : WINDOW_NBYTES;
    least = (3 + 2 * (size_t)opts->ncopies) * sizeof(al_block); /* what is being filled */
    l->window = l->window < least ? least : l->window;
    size_t share = l->window / (4 * (size_t)opts->ncopies);
    l->hold = share < HOLD_LEAST ? HOLD_LEAST : share > HOLD_MOST ? HOLD_MOST : share;
    al_items_init(&l->items, opts->in_fd, &opts->separator, &l->blocks);
    l->figures->nbytes = l->items.nbytes;
    l->copies = calloc(opts->ncopies, sizeof *l->copies);
    l->fds = calloc((size_t)opts->ncopies + 2, sizeof *l->fds);
    l->empty = al_block_take(&l->blocks);
    if (l->copies == NULL || l->fds == NULL || l->empty == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    memcpy(l->empty->at, opts->separator.at, opts->separator.nbytes);
    l->empty->nbytes = opts->separator.nbytes;
    for (uint32_t k = 0; k < opts->ncopies; k++)
        l->copies[k] = (al_copy){.command = &opts->commands[k], .in = -1, .unread = -1, .out = -1};
    return ALLOT_OK;
}

static bool is_finished(const al_lines *l)
{
    return l->nlive == 0 && l->order.head == NULL && al_items_are_gone(&l->items);
}

/** End the copies that are left: politely, and then not. */
static void end_copies(al_lines *l)
{
    for (int turn = 0; turn < 100 && l->nlive > 0; turn++) {
        for (uint32_t k = 0; k < l->opts->ncopies; k++) {
            al_copy *copy = &l->copies[k];
            if (copy->pid == 0)
                continue;
            if (turn == 0 || turn >= 60)
                al_copy_signal(copy, turn == 0 ? SIGTERM : SIGKILL);
            if (turn == 0) { /* one that writes is not kept waiting */
                al_copy_fini(copy);
            }
            if (al_copy_reap(copy))
                l->nlive--;
        }
        if (l->nlive > 0)
            (void)poll(NULL, 0, 5);
    }
}

static void finish(al_lines *l)
{
    if (l->copies != NULL)
        end_copies(l);
    for (uint32_t k = 0; l->copies != NULL && k < l->opts->ncopies; k++)
        al_copy_fini(&l->copies[k]);
    while (l->order.head != NULL) {
        al_batch *batch = l->order.head;
        al_order_remove(&l->order, batch);
        al_batch_free(batch);
    }
    al_chain_fini(&l->out);
    al_items_fini(&l->items);
    al_block_let_go(l->empty);
    al_blocks_fini(&l->blocks);
    free(l->copies);
    free(l->fds);
}

allot_err al_lines_run(const al_lines_opts *opts, al_lines_figures *figures, allot_error *err)
{
    al_lines l = {.opts = opts, .figures = figures};
    uint64_t begin_ns = al_clock_ns();
    allot_err code = begin(&l, err);
    while (code == ALLOT_OK) {
        code = round_of(&l, err);
        if (code == ALLOT_OK && l.last != NULL && l.order.head == l.last)
            code = al_lines_end_at_last(&l, err);
        if (code != ALLOT_OK || is_finished(&l))
            break;
        if (wait_for(&l))
            code = al_fail(err, ALLOT_ECANCELED, 0, "stopped");
    }
    finish(&l);
    figures->run_ns = al_clock_ns() - begin_ns;
    return code;
}
