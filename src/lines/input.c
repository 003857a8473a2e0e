/* input.c - see input.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "lines/input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"

/** A read of less is not worth its call. */
#define READ_LEAST (16u << 10)
#define PIPE_NBYTES (1 << 20)

void al_items_init(al_items *items, int fd, const al_separator *separator, al_blocks *blocks)
{
    struct stat status;
    *items = (al_items){.fd = fd, .separator = *separator, .blocks = blocks, .nbytes = UINT64_MAX};
    if (fstat(fd, &status) != 0)
        return;
    items->is_file = S_ISREG(status.st_mode);
    off_t at = items->is_file ? lseek(fd, 0, SEEK_CUR) : -1;
    if (at >= 0 && status.st_size >= at && status.st_size > 0) /* those of /proc have no size */
        items->nbytes = (uint64_t)(status.st_size - at);
    if (S_ISFIFO(status.st_mode))
        (void)fcntl(fd, F_SETPIPE_SZ, PIPE_NBYTES); /* so that whoever writes need not wait for us */
}

void al_items_fini(al_items *items)
{
    al_block_let_go(items->block);
    items->block = NULL;
    al_chain_fini(&items->pending);
}

/** The last item has its separator, whatever the input ended in. */
static allot_err end_last(al_items *items, allot_error *err)
{
    uint64_t nfound;
    al_record_scan scan = {.ntail = 0};
    size_t ncut = 0, at = 0;
    const al_chain *pending = &items->pending;
    for (size_t s = pending->first; s < pending->first + pending->count; s++) {
        size_t n = al_record_scan_piece(&scan, &items->separator, pending->spans[s].at,
                                        pending->spans[s].nbytes, UINT64_MAX, &nfound);
        ncut = n > 0 ? at + n : ncut;
        at += pending->spans[s].nbytes;
    }
    if (ncut == pending->nbytes)
        return ALLOT_OK;
    al_block *block = al_block_take(items->blocks);
    if (block == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    memcpy(block->at, items->separator.at, items->separator.nbytes);
    block->nbytes = items->separator.nbytes;
    bool good = al_chain_add(&items->pending, block, block->at, block->nbytes);
    al_block_let_go(block);
    items->nscanned = 0; /* the bytes may end in a part of a separator */
    items->scan.ntail = 0;
    return good ? ALLOT_OK : al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
}

static bool is_ready(const al_items *items)
{
    struct pollfd fd = {.fd = items->fd, .events = POLLIN};
    return items->is_file || poll(&fd, 1, 0) > 0;
}

/** Read once. */
static allot_err read_some(al_items *items, allot_error *err)
{
    if (items->block == NULL || AL_BLOCK_ROOM - items->block->nbytes < READ_LEAST) {
        al_block_let_go(items->block);
        items->block = al_block_take(items->blocks);
        if (items->block == NULL)
            return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    }
    al_block *block = items->block;
    ssize_t n = read(items->fd, block->at + block->nbytes, AL_BLOCK_ROOM - block->nbytes);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return ALLOT_OK;
    if (n < 0)
        return al_fail(err, ALLOT_EIO, errno, "standard input cannot be read");
    if (n == 0) {
        items->at_end = true;
        return end_last(items, err);
    }
    char *at = block->at + block->nbytes;
    block->nbytes += (size_t)n;
    items->nread += (uint64_t)n;
    return al_chain_add(&items->pending, block, at, (size_t)n)
               ? ALLOT_OK
               : al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
}

allot_err al_items_fill(al_items *items, size_t nbytes, allot_error *err)
{
    allot_err code = ALLOT_OK;
    while (code == ALLOT_OK && !items->at_end && items->pending.nbytes < nbytes && is_ready(items))
        code = read_some(items, err);
    return code;
}

bool al_items_are_gone(const al_items *items)
{
    return items->at_end && items->pending.nbytes == 0;
}

/** Look for ends in what is pending. @return bytes up to the last one found; *nfound of them */
static size_t find_ends(al_items *items, uint64_t most, size_t nbytes, uint64_t *nfound)
{
    size_t at = 0, end = 0;
    const al_chain *pending = &items->pending;
    *nfound = 0;
    for (size_t s = pending->first; s < pending->first + pending->count; s++) {
        const al_span *span = &pending->spans[s];
        size_t skip = items->nscanned > at ? items->nscanned - at : 0;
        while (skip < span->nbytes) {
            size_t here = at + skip, n = span->nbytes - skip;
            if (*nfound > 0 && here >= nbytes)
                return end;
            if (here < nbytes && n > nbytes - here)
                n = nbytes - here;
            uint64_t nmore;
            size_t past = al_record_scan_piece(&items->scan, &items->separator, span->at + skip, n,
                                               most - *nfound, &nmore);
            *nfound += nmore;
            end = past > 0 ? here + past : end;
            items->nscanned = *nfound == most ? end : here + n;
            if (*nfound == most)
                return end;
            skip += n;
        }
        at += span->nbytes;
    }
    return end;
}

allot_err al_items_cut(al_items *items, uint64_t nitems, size_t nbytes, al_batch **made, allot_error *err)
{
    uint64_t nfound;
    *made = NULL;
    size_t end = find_ends(items, nitems, nbytes, &nfound);
    if (nfound == 0 && items->at_end) /* "a--" ended by "---": the first three end it, and two are left */
        al_chain_cut(&items->pending, 0);
    if (nfound == 0)
        return ALLOT_OK;
    al_batch *batch = al_batch_new();
    if (batch == NULL || !al_chain_move(&items->pending, end, &batch->items)) {
        al_batch_free(batch);
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    }
    items->nscanned -= end;
    batch->first = items->nitems;
    batch->nitems = nfound;
    items->nitems += nfound;
    *made = batch;
    return ALLOT_OK;
}
