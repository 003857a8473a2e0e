/* tail.c - see tail.h.
 *
 * A mapped file is the kernel's once it is written to: a process that is killed takes nothing of it along,
 * and writing to it costs no system call. So each task's end is safe from our own death at once, and from a
 * loss of power when the store has committed it, a group at a time.
 *
 * A record is written first and counted in second, so what is counted is whole. Sums tell records from what a
 * loss of power left of them. The file's blocks are allocated when it is made: a disk that is full later does
 * no harm here.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "farm/tail.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/fail.h"

#define VERSION 2u

static const char magic[8] = {'a', 'l', 'l', 'o', 't', 't', 'l', '1'};

/** What comes before a record's texts. */
typedef struct head {
    uint64_t sum; /* XXH3-64 of all that follows */
    uint32_t nout, nerr;
    al_result result;
} head;

static size_t record_size(size_t nout, size_t nerr)
{
    return (sizeof(head) + nout + nerr + 7) & ~(size_t)7;
}

bool al_tail_has_room(const al_tail_half *half)
{
    return atomic_load_explicit(&half->nbytes, memory_order_relaxed) +
               record_size(AL_INLINE_MOST, AL_INLINE_MOST) <=
           sizeof half->records;
}

bool al_tail_append(al_tail_half *half, const al_result *result, al_args out, al_args err_out)
{
    uint64_t used = atomic_load_explicit(&half->nbytes, memory_order_relaxed);
    size_t nbytes = record_size(out.nbytes, err_out.nbytes);
    if (used + nbytes > sizeof half->records)
        return false;
    uint8_t *at = half->records + used;
    head h = {.nout = (uint32_t)out.nbytes, .nerr = (uint32_t)err_out.nbytes};
    memcpy(&h.result, result, sizeof h.result); /* padding and all: it is summed */
    memcpy(at, &h, sizeof h);
    if (out.nbytes > 0)
        memcpy(at + sizeof h, out.at, out.nbytes);
    if (err_out.nbytes > 0)
        memcpy(at + sizeof h + out.nbytes, err_out.at, err_out.nbytes);
    uint64_t sum = XXH3_64bits(at + sizeof sum, sizeof h - sizeof sum + out.nbytes + err_out.nbytes);
    memcpy(at, &sum, sizeof sum);
    atomic_store_explicit(&half->nbytes, used + nbytes, memory_order_release);
    return true;
}

bool al_tail_next(const al_tail_half *half, uint64_t *at, al_result *result, al_args *out, al_args *err_out)
{
    uint64_t used = atomic_load_explicit(&half->nbytes, memory_order_acquire);
    head h;
    if (used > sizeof half->records || *at > used || used - *at < sizeof h)
        return false;
    const uint8_t *from = half->records + *at;
    memcpy(&h, from, sizeof h);
    if (h.nout > AL_INLINE_MOST || h.nerr > AL_INLINE_MOST || record_size(h.nout, h.nerr) > used - *at ||
        XXH3_64bits(from + sizeof h.sum, sizeof h - sizeof h.sum + h.nout + h.nerr) != h.sum)
        return false;
    *result = h.result;
    *out = (al_args){(const char *)from + sizeof h, h.nout};
    *err_out = (al_args){(const char *)from + sizeof h + h.nout, h.nerr};
    *at += record_size(h.nout, h.nerr);
    return true;
}

void al_tail_note(al_tail *tail, uint32_t slot, uint64_t task, uint32_t attempt, int64_t start_us)
{
    al_tail_slot *at = &tail->slots[slot];
    atomic_store_explicit(&at->task, 0, memory_order_relaxed); /* never one task with another's attempt */
    at->attempt = attempt;
    at->start_us = start_us;
    at->pid = 0;
    atomic_store_explicit(&at->task, task, memory_order_release);
}

allot_err al_tail_open(const char *folder, al_tail **tail, bool *is_new, allot_error *err)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/tail", folder);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return al_fail(err, ALLOT_EIO, errno, "%s cannot be opened", path);
    char begin[sizeof magic] = {0};
    static const char nothing[sizeof magic];
    (void)!pread(fd, begin, sizeof begin, 0);
    *is_new = memcmp(begin, nothing, sizeof begin) == 0; /* or its maker was killed before it was made */
    int fault = posix_fallocate(fd, 0, sizeof(al_tail));
    void *at =
        fault == 0 ? mmap(NULL, sizeof(al_tail), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
    if (at == MAP_FAILED && fault == 0)
        fault = errno;
    if (at != MAP_FAILED) /* or the kernel reads 2 MB of zeros at the first touch */
        (void)madvise(at, sizeof(al_tail), MADV_RANDOM);
    if (at != MAP_FAILED && *is_new) {
        *tail = at;
        (*tail)->version = VERSION;
        memcpy((*tail)->magic, magic, sizeof magic);
        (void)fsync(fd); /* a loss of power may take records, not the form */
    }
    (void)close(fd);
    if (at == MAP_FAILED)
        return al_fail(err, ALLOT_EIO, fault, "%s: there is no room for it; free some space", path);
    *tail = at;
    if (memcmp((*tail)->magic, magic, sizeof magic) != 0 || (*tail)->version != VERSION) {
        (void)munmap(at, sizeof(al_tail));
        return al_fail(
            err, ALLOT_EFORMAT, 0,
            "%s is damaged; nothing was changed: remove it to go on without what it holds (tasks that ended "
            "in the last moments before the run was killed)",
            path);
    }
    return ALLOT_OK;
}

void al_tail_close(al_tail *tail)
{
    if (tail != NULL)
        (void)munmap(tail, sizeof *tail);
}
