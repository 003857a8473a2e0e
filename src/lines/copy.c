/* copy.c - see copy.h.
 *
 * What a program has computed cannot be seen while it holds answers in a buffer; what can be seen is how much
 * it has read. A program that reads, computes and writes reads again only when it is done with what it has.
 * So its pace is taken from what leaves its input's pipe, and not from answers alone.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "lines/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fail.h"
#include "engine/spawn.h"

extern char **environ;

/** As much as a process without privileges may have; less is taken where that is refused. */
#define PIPE_NBYTES (1 << 20)
/** Bytes read from a copy before the others have their turn. */
#define TURN_NBYTES ((size_t)PIPE_NBYTES)
/** A read of less room is not worth its call. */
#define READ_LEAST (16u << 10)
#define NPIECES 64

/** A pipe whose one end is ours and does not wait. @param ours  0: we read; 1: we write */
static int make_pipe(int fds[2], int ours)
{
    if (pipe2(fds, O_CLOEXEC) != 0)
        return errno;
    (void)fcntl(fds[0], F_SETPIPE_SZ, PIPE_NBYTES);
    (void)fcntl(fds[ours], F_SETFL, fcntl(fds[ours], F_GETFL) | O_NONBLOCK);
    return 0;
}

static void close_pipe(int fds[2])
{
    for (int k = 0; k < 2; k++)
        if (fds[k] >= 0)
            (void)close(fds[k]);
}

allot_err al_copy_start(al_copy *copy, uint64_t now_ns, allot_error *err)
{
    int in[2] = {-1, -1}, out[2] = {-1, -1};
    const al_lines_command *command = copy->command;
    const char *failed = "find", *path = al_program_path(command->argv[0]);
    *copy = (al_copy){.command = command, .in = -1, .unread = -1, .out = -1, .moved_ns = now_ns};
    int fault = path == NULL ? errno : 0;
    if (fault == 0 && ((fault = make_pipe(in, 1)) != 0 || (fault = make_pipe(out, 0)) != 0))
        failed = "connect";
    if (fault == 0) {
        al_spawn spawn = {.path = path,
                          .argv = command->argv,
                          .envp = environ,
                          .in_fd = in[0],
                          .out_fd = out[1],
                          .err_fd = STDERR_FILENO,
                          .group_fd = -1};
        fault = al_spawn_start(&spawn, &copy->pid, &failed);
    }
    if (fault != 0) {
        copy->pid = 0;
        close_pipe(in);
        close_pipe(out);
        return al_fail(err, fault == ENOENT ? ALLOT_ENOTFOUND : ALLOT_EIO, fault, "cannot %s %s", failed,
                       command->argv[0]);
    }
    (void)close(out[1]);
    copy->in = in[1];
    copy->unread = in[0];
    copy->out = out[0];
    int room = fcntl(copy->in, F_GETPIPE_SZ);
    copy->nroom = room > 0 ? (size_t)room : 65536;
    return ALLOT_OK;
}

void al_copy_give(al_copy *copy, al_batch *batch, uint64_t now_ns)
{
    if (copy->owed.head == NULL)
        copy->moved_ns = now_ns;
    al_queue_put(&copy->owed, batch);
    copy->nowed += batch->items.nbytes;
    copy->nunsent += batch->items.nbytes;
    copy->ngiven += batch->nitems - batch->nanswered;
    batch->copy = copy;
    if (copy->sending == NULL) {
        copy->sending = batch;
        copy->nsent = 0;
    }
}

static void close_input(al_copy *copy)
{
    if (copy->in >= 0)
        (void)close(copy->in);
    copy->in = -1;
}

void al_copy_close(al_copy *copy)
{
    copy->is_closing = true;
    if (copy->nunsent == 0)
        close_input(copy);
}

/** Write once. @return whether more may be taken */
static bool send_some(al_copy *copy)
{
    struct iovec pieces[NPIECES];
    al_batch *batch = copy->sending;
    size_t npieces = al_chain_pieces(&batch->items, copy->nsent, pieces, NPIECES);
    ssize_t n = writev(copy->in, pieces, (int)npieces);
    if (n <= 0)
        return n < 0 && errno == EINTR;
    copy->nwritten += (size_t)n;
    copy->nunsent -= (size_t)n;
    copy->nsent += (size_t)n;
    if (copy->nsent == batch->items.nbytes) {
        copy->sending = batch->after;
        copy->nsent = 0;
    }
    return true;
}

bool al_copy_see_read(al_copy *copy)
{
    int nunread = 0;
    size_t before = copy->nunread;
    if (copy->unread >= 0 && ioctl(copy->unread, FIONREAD, &nunread) == 0)
        copy->nunread = (size_t)nunread;
    return copy->nunread < before;
}

void al_copy_send(al_copy *copy, uint64_t now_ns)
{
    if (al_copy_see_read(copy))
        copy->moved_ns = now_ns;
    if (copy->in < 0)
        return;
    uint64_t before = copy->nwritten;
    while (copy->sending != NULL && send_some(copy))
        continue;
    copy->nunread += copy->nwritten - before;
    if (copy->is_closing && copy->nunsent == 0)
        close_input(copy);
}

/** Count what it wrote too much. */
static allot_err note_excess(al_copy *copy, const al_separator *separator, const char *at, size_t nbytes)
{
    uint64_t nfound;
    (void)al_record_scan_piece(&(al_record_scan){.ntail = 0}, separator, at, nbytes, UINT64_MAX, &nfound);
    copy->nexcess = nfound > 0 ? nfound : 1;
    return ALLOT_OK;
}

/** What came belongs to the batches it owes, in order. */
static allot_err take_answers(al_copy *copy, const al_separator *separator, const char *at, size_t nbytes,
                              allot_error *err)
{
    while (nbytes > 0) {
        al_batch *batch = copy->owed.head;
        if (batch == NULL || (batch == copy->sending && copy->nsent == 0))
            return note_excess(copy, separator, at, nbytes); /* an answer to what it was not even given */
        uint64_t before = batch->nanswered;
        size_t n = al_batch_answer(batch, separator, copy->block, at, nbytes);
        if (n == SIZE_MAX)
            return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
        copy->nanswered += batch->nanswered - before;
        at += n;
        nbytes -= n;
        if (batch->nanswered < batch->nitems)
            continue;
        if (batch == copy->sending) /* it answered what it cannot have read */
            return note_excess(copy, separator, at, nbytes);
        (void)al_queue_take(&copy->owed);
        batch->copy = NULL;
        copy->nowed -= batch->items.nbytes;
        al_chain_fini(&batch->items);
        if (copy->owed.head == NULL && !copy->is_closing)
            copy->is_prompt = true;
    }
    return ALLOT_OK;
}

/** Read once. @return bytes; 0: at the end; -1: nothing at present */
static ssize_t receive_some(al_copy *copy, al_blocks *blocks)
{
    if (copy->block == NULL || AL_BLOCK_ROOM - copy->block->nbytes < READ_LEAST) {
        al_block_let_go(copy->block);
        copy->block = al_block_take(blocks);
        if (copy->block == NULL) {
            errno = ENOMEM;
            return -1;
        }
    }
    ssize_t n;
    do
        n = read(copy->out, copy->block->at + copy->block->nbytes, AL_BLOCK_ROOM - copy->block->nbytes);
    while (n < 0 && errno == EINTR);
    return n < 0 && errno != EAGAIN && errno != ENOMEM ? 0 : n;
}

allot_err al_copy_receive(al_copy *copy, const al_separator *separator, al_blocks *blocks, uint64_t now_ns,
                          allot_error *err)
{
    size_t nturn = 0;
    while (nturn < TURN_NBYTES && !copy->is_over && copy->nexcess == 0) {
        ssize_t n = receive_some(copy, blocks);
        if (n < 0 && errno == ENOMEM)
            return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
        if (n < 0)
            break;
        copy->is_over = n == 0;
        if (n == 0)
            break;
        const char *at = copy->block->at + copy->block->nbytes;
        copy->block->nbytes += (size_t)n;
        copy->moved_ns = now_ns;
        nturn += (size_t)n;
        allot_err code = take_answers(copy, separator, at, (size_t)n, err);
        if (code != ALLOT_OK)
            return code;
    }
    if (copy->is_probed && copy->nwritten - copy->nunread > copy->probe_bytes) {
        copy->is_probed = false;
        copy->is_prompt = copy->nanswered >= copy->probe_items;
    }
    return ALLOT_OK;
}

allot_err al_copy_end_last(al_copy *copy, const al_separator *separator, al_blocks *blocks, allot_error *err)
{
    const al_batch *batch = copy->owed.head;
    if (batch == NULL || batch->answers.nbytes == batch->nwhole)
        return ALLOT_OK;
    al_block_let_go(copy->block);
    copy->block = al_block_take(blocks);
    if (copy->block == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    memcpy(copy->block->at, separator->at, separator->nbytes);
    copy->block->nbytes = separator->nbytes;
    return take_answers(copy, separator, copy->block->at, separator->nbytes, err);
}

size_t al_copy_nread_bytes(const al_copy *copy)
{
    size_t nwaiting = copy->nunsent + copy->nunread;
    return copy->nowed > nwaiting ? copy->nowed - nwaiting : 0;
}

bool al_copy_has_ended(const al_copy *copy)
{
    siginfo_t info = {.si_pid = 0};
    return waitid(P_PID, (id_t)copy->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == copy->pid;
}

bool al_copy_reap(al_copy *copy)
{
    if (copy->pid == 0)
        return true;
    if (!al_copy_has_ended(copy))
        return false;
    (void)kill(-copy->pid,
               SIGKILL); /* what it left running; its number is not another's before it is reaped */
    while (waitpid(copy->pid, &copy->status, 0) < 0 && errno == EINTR)
        continue;
    copy->pid = 0;
    return true;
}

void al_copy_signal(const al_copy *copy, int number)
{
    if (copy->pid == 0)
        return;
    (void)kill(-copy->pid, number);
    (void)kill(-copy->pid, SIGCONT); /* a stopped one would not hear it */
}

void al_copy_fini(al_copy *copy)
{
    if (copy->in >= 0)
        (void)close(copy->in);
    if (copy->unread >= 0)
        (void)close(copy->unread);
    if (copy->out >= 0)
        (void)close(copy->out);
    copy->in = copy->unread = copy->out = -1;
    al_block_let_go(copy->block);
    copy->block = NULL;
}
