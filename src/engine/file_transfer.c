/* file_transfer.c - see file_transfer.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "engine/file_transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/clock.h"

static al_sum digest(const XXH3_state_t *state)
{
    XXH128_hash_t sum = XXH3_128bits_digest(state);
    return (al_sum){sum.low64, sum.high64};
}

/* ---- sending --------------------------------------------------------------------------------------------
 */

bool al_sender_begin(al_sender *sender, int fd, uint64_t nbytes)
{
    sender->fd = fd;
    sender->left = nbytes;
    if (sender->summing == NULL)
        sender->summing = XXH3_createState();
    if (sender->summing == NULL)
        return false;
    XXH3_128bits_reset(sender->summing);
    if (nbytes > AL_TRANSFER_CHUNK)
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return true;
}

static bool end_sending(al_sender *sender, const char *fault, al_outbox *out)
{
    al_message message = {.kind = AL_MESSAGE_FILE_END,
                          .tail = {digest(sender->summing), {fault, strlen(fault)}}};
    al_message_encode(&out->bytes, &message);
    (void)close(sender->fd);
    sender->fd = -1;
    return fault[0] == '\0';
}

/** The file's next bytes. @return how many; 0: it has become shorter; -1: errno */
static ssize_t read_piece(al_sender *sender, char *at, size_t wanted)
{
    ssize_t n;
    do
        n = read(sender->fd, at, wanted);
    while (n < 0 && errno == EINTR);
    if (n > 0) {
        sender->left -= (uint64_t)n;
        (void)XXH3_128bits_update(sender->summing, at, (size_t)n);
    }
    return n;
}

/** The next bytes where they will be written from. @return as read_piece() */
static ssize_t put_plain(al_sender *sender, size_t wanted, char *to)
{
    ssize_t n = read_piece(sender, to, wanted);
    if (n > 0)
        al_packing_passed(&sender->packing, (size_t)n);
    return n;
}

/** The same, packed if they become shorter. @param[out] nput  bytes that it takes, if not as many */
static ssize_t put_packed(al_sender *sender, size_t wanted, char *to, size_t *nput)
{
    ssize_t n = read_piece(sender, sender->chunk, wanted);
    if (n <= 0)
        return n;
    uint64_t begin_ns = al_clock_ns();
    *nput = al_pack(&sender->packing.packer, sender->chunk, (size_t)n, to, (size_t)n - 1);
    double took_ns = (double)(al_clock_ns() - begin_ns) / al_cpu_share_now(&sender->share);
    al_packing_tried(&sender->packing, (size_t)n, *nput, (uint64_t)took_ns);
    if (*nput == 0)
        memcpy(to, sender->chunk, (size_t)n);
    return n;
}

bool al_sender_next(al_sender *sender, al_outbox *out)
{
    size_t wanted = sender->left < AL_TRANSFER_CHUNK ? (size_t)sender->left : AL_TRANSFER_CHUNK;
    if (wanted == 0)
        return end_sending(sender, "", out);
    bool packs = al_packing_wants(&sender->packing, wanted, out->rate);
    if (packs && sender->chunk == NULL)
        sender->chunk = malloc(AL_TRANSFER_CHUNK);
    size_t npacked = 0, mark = al_message_begin_data(&out->bytes);
    char *to = al_buffer_reserve(&out->bytes, wanted);
    errno = ENOMEM;
    ssize_t n = to == NULL                       ? -1
                : packs && sender->chunk != NULL ? put_packed(sender, wanted, to, &npacked)
                                                 : put_plain(sender, wanted, to);
    if (n <= 0) {
        const char *why = n < 0 ? strerror(errno) : "it became shorter while it was read";
        out->bytes.nbytes = mark;
        return end_sending(sender, why, out);
    }
    out->bytes.nbytes += npacked > 0 ? npacked : (size_t)n;
    al_message_end_data(&out->bytes, mark, (uint32_t)n, npacked > 0);
    return true;
}

void al_sender_fini(al_sender *sender)
{
    if (sender->fd >= 0)
        (void)close(sender->fd);
    (void)XXH3_freeState(sender->summing);
    al_packing_fini(&sender->packing);
    free(sender->chunk);
    *sender = (al_sender){.fd = -1};
}

int al_file_sum(int fd, const atomic_bool *stop, al_sum *sum)
{
    XXH3_state_t *state = XXH3_createState();
    char *chunk = malloc(AL_TRANSFER_CHUNK);
    int fault = state == NULL || chunk == NULL ? ENOMEM : 0;
    off_t at = 0;
    if (fault == 0)
        XXH3_128bits_reset(state);
    while (fault == 0) {
        ssize_t n = pread(fd, chunk, AL_TRANSFER_CHUNK, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            fault = errno;
        else if (stop != NULL && atomic_load_explicit(stop, memory_order_relaxed))
            fault = ECANCELED;
        if (n <= 0)
            break;
        (void)XXH3_128bits_update(state, chunk, (size_t)n);
        at += n;
    }
    if (fault == 0)
        *sum = digest(state);
    (void)XXH3_freeState(state);
    free(chunk);
    return fault;
}

/* ---- names ----------------------------------------------------------------------------------------------
 */

int al_folder_below(int root, al_bytes path, char name[NAME_MAX + 1])
{
    if (!al_path_is_below(path)) {
        errno = EPERM;
        return -1;
    }
    int folder = fcntl(root, F_DUPFD_CLOEXEC, 3);
    const char *at = path.at, *past = path.at + path.nbytes;
    while (folder >= 0) {
        const char *slash = memchr(at, '/', (size_t)(past - at));
        size_t length = (size_t)((slash != NULL ? slash : past) - at);
        if (length > NAME_MAX) {
            (void)close(folder);
            errno = ENAMETOOLONG;
            return -1;
        }
        memcpy(name, at, length);
        name[length] = '\0';
        if (slash == NULL)
            return folder;
        if (mkdirat(folder, name, 0777) != 0 && errno != EEXIST) {
            int fault = errno;
            (void)close(folder);
            errno = fault;
            return -1;
        }
        int next = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int fault = errno;
        (void)close(folder);
        errno = fault;
        folder = next;
        at = slash + 1;
    }
    return -1;
}

/** Whether a link's target stays below the folder that holds the tree: relative, and going up no more often
 * than the link lies deep. */
static bool stays_below(al_bytes path, al_bytes target)
{
    int depth = 0;
    if (target.nbytes == 0 || target.at[0] == '/' || memchr(target.at, '\0', target.nbytes) != NULL)
        return false;
    for (size_t k = 0; k < path.nbytes; k++)
        depth += path.at[k] == '/';
    for (const char *at = target.at, *past = at + target.nbytes; at < past;) {
        const char *slash = memchr(at, '/', (size_t)(past - at));
        size_t length = (size_t)((slash != NULL ? slash : past) - at);
        if (length == 2 && at[0] == '.' && at[1] == '.')
            depth--;
        else if (length > 0 && !(length == 1 && at[0] == '.'))
            depth++;
        if (depth < 0)
            return false;
        at += length + 1;
    }
    return true;
}

int al_make_below(int root, const al_file_head *file)
{
    char name[NAME_MAX + 1], target[PATH_MAX];
    int folder = al_folder_below(root, file->path, name), fault = 0;
    if (folder < 0)
        return errno;
    if (file->type == AL_FILE_FOLDER) {
        if (mkdirat(folder, name, 0777) != 0 && errno != EEXIST)
            fault = errno;
    } else if (!stays_below(file->path, file->target) || file->target.nbytes >= sizeof target) {
        fault = EPERM;
    } else {
        memcpy(target, file->target.at, file->target.nbytes);
        target[file->target.nbytes] = '\0';
        (void)unlinkat(folder, name, 0); /* of a file or link by that name, not of a folder */
        if (symlinkat(target, folder, name) != 0)
            fault = errno;
    }
    (void)close(folder);
    return fault;
}

void al_folder_remove(const char *path)
{
    char *const paths[] = {(char *)(uintptr_t)path, NULL};
    FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
    if (tree == NULL)
        return;
    for (FTSENT *entry; (entry = fts_read(tree)) != NULL;) {
        if (entry->fts_info == FTS_D)
            (void)chmod(entry->fts_accpath, 0700); /* what a task made read-only */
        else if (entry->fts_info == FTS_DP || entry->fts_info == FTS_DNR)
            (void)rmdir(entry->fts_accpath);
        else
            (void)unlink(entry->fts_accpath);
    }
    (void)fts_close(tree);
}

/* ---- receiving ------------------------------------------------------------------------------------------
 */

static void fail(al_receiver *receiver, int fault)
{
    if (receiver->fault != 0 || receiver->why[0] != '\0')
        return;
    receiver->fault = fault;
    (void)snprintf(receiver->why, sizeof receiver->why, "%s", strerror(fault));
}

/** Let go of what is not named yet. */
static void drop(al_receiver *receiver)
{
    if (receiver->fd >= 0)
        (void)close(receiver->fd);
    if (receiver->folder >= 0) {
        if (receiver->part[0] != '\0')
            (void)unlinkat(receiver->folder, receiver->part, 0);
        (void)close(receiver->folder);
    }
    receiver->folder = receiver->fd = -1;
}

void al_receiver_begin(al_receiver *receiver, int root, al_bytes path, uint64_t nbytes, uint32_t mode)
{
    static unsigned long count;
    drop(receiver);
    void *summing = receiver->summing != NULL ? receiver->summing : XXH3_createState();
    *receiver = (al_receiver){.folder = -1,
                              .fd = -1,
                              .wanted = nbytes,
                              .mode = mode & 0777,
                              .summing = summing,
                              .chunk = receiver->chunk,
                              .packer = receiver->packer};
    if (summing == NULL) {
        fail(receiver, ENOMEM);
        return;
    }
    XXH3_128bits_reset(summing);
    receiver->folder = al_folder_below(root, path, receiver->name);
    if (receiver->folder < 0) {
        fail(receiver, errno);
        return;
    }
    (void)snprintf(receiver->part, sizeof receiver->part, ".allot-%d-%lu.part", (int)getpid(), ++count);
    receiver->fd =
        openat(receiver->folder, receiver->part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (receiver->fd < 0)
        fail(receiver, errno);
}

/** The piece as it is in the file; .at NULL: it is damaged, or there is no memory for it (receiver->fault) */
static al_bytes unpack(al_receiver *receiver, const al_file_data *data)
{
    if (data->is_zstd == 0)
        return data->bytes;
    if (receiver->chunk == NULL)
        receiver->chunk = malloc(AL_TRANSFER_CHUNK);
    if (receiver->chunk == NULL)
        fail(receiver, ENOMEM);
    else if (al_unpack(&receiver->packer, data->bytes.at, data->bytes.nbytes, receiver->chunk, data->nbytes))
        return (al_bytes){receiver->chunk, data->nbytes};
    return (al_bytes){NULL, 0};
}

static void write_piece(al_receiver *receiver, al_bytes bytes)
{
    while (bytes.nbytes > 0) {
        ssize_t n = write(receiver->fd, bytes.at, bytes.nbytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            fail(receiver, errno);
            return;
        }
        bytes = (al_bytes){bytes.at + n, bytes.nbytes - (size_t)n};
    }
}

bool al_receiver_data(al_receiver *receiver, const al_file_data *data)
{
    if (data->nbytes > AL_TRANSFER_CHUNK || data->is_zstd > 1 ||
        (data->is_zstd == 0 && data->nbytes != data->bytes.nbytes))
        return false;
    if (receiver->nbytes + data->nbytes > receiver->wanted) {
        receiver->fault = receiver->fault != 0 ? receiver->fault : EBADMSG;
        (void)snprintf(receiver->why, sizeof receiver->why, "more came than was said");
    }
    if (receiver->fault != 0)
        return true;
    al_bytes bytes = unpack(receiver, data);
    if (bytes.at == NULL)
        return receiver->fault != 0;
    (void)XXH3_128bits_update(receiver->summing, bytes.at, bytes.nbytes);
    receiver->nbytes += bytes.nbytes;
    write_piece(receiver, bytes);
    return true;
}

bool al_receiver_end(al_receiver *receiver, const al_file_tail *tail, al_sum *sum)
{
    if (receiver->fault == 0 && tail->fault.nbytes > 0)
        (void)snprintf(receiver->why, sizeof receiver->why, "%.*s",
                       (int)(tail->fault.nbytes < 150 ? tail->fault.nbytes : 150), tail->fault.at);
    if (receiver->fault == 0 && receiver->why[0] == '\0') {
        *sum = digest(receiver->summing);
        if (receiver->nbytes != receiver->wanted)
            (void)snprintf(receiver->why, sizeof receiver->why, "not all of it came");
        else if (sum->low != tail->sum.low || sum->high != tail->sum.high)
            (void)snprintf(receiver->why, sizeof receiver->why, "its sum is wrong");
    }
    if (receiver->fault == 0 && receiver->fd >= 0 && fchmod(receiver->fd, receiver->mode) != 0)
        fail(receiver, errno);
    if (receiver->fd >= 0 && close(receiver->fd) != 0) /* where a quota shows, on some file systems */
        fail(receiver, errno);
    receiver->fd = -1;
    if (receiver->fault == 0 && receiver->why[0] == '\0')
        return true;
    drop(receiver);
    return false;
}

int al_receiver_name(al_receiver *receiver)
{
    int fault = renameat(receiver->folder, receiver->part, receiver->folder, receiver->name) == 0 ? 0 : errno;
    if (fault == 0)
        receiver->part[0] = '\0';
    (void)close(receiver->folder);
    receiver->folder = -1;
    return fault;
}

void al_receiver_leave(al_receiver *receiver)
{
    receiver->part[0] = '\0';
    (void)close(receiver->folder);
    receiver->folder = -1;
}

void al_receiver_fini(al_receiver *receiver)
{
    drop(receiver);
    (void)XXH3_freeState(receiver->summing);
    al_packer_fini(&receiver->packer);
    free(receiver->chunk);
    receiver->summing = NULL;
    receiver->chunk = NULL;
}
