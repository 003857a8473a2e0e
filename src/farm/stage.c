/* stage.c - see stage.h.
 *
 * What goes out is one queue an engine: a task's files, then its order, so that the engine can start it the
 * moment it has read the order. A file that several tasks want is known by its content's sum: its sum is
 * found once in a run, and an engine that has it (from an earlier run, too) is not sent it again.
 *
 * Names: a task sees its files under the names that we use for them, relative to its folder there as they are
 * to ours here. So only names below our folder can be sent or fetched.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "farm/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "engine/file_transfer.h"
#include "farm/sched_map.h"

#define SAME_STREAM_NS UINT64_C(20000000)
#define TOLD_LEAST (UINT64_C(1) << 20) /* bytes: fewer say nothing about a line */

/** Something that waits to be sent. */
typedef struct item {
    struct item *next;
    uint64_t task;
    bool is_order;
    al_buffer frame;   /* a message, encoded; empty: a file: */
    char *path, *name; /* where it is, and what the engine calls it */
    bool is_shared;
    al_sum sum; /* of a shared one */
} item;

/** Bytes of files that moved, and the time in which any did. */
typedef struct moved {
    uint64_t nbytes, ns;
    uint64_t since_ns; /* 0: none does at present */
    uint64_t end_ns;   /* when the last one had */
} moved;

struct al_stage {
    char cwd[PATH_MAX];
    al_sums *sums; /* borrowed */
    item *first, *last;
    al_sender sender;
    al_sched_map known; /* low halves of sums that the engine has, or that are on their way to it */
    al_receiver receiver;
    al_held *held; /* takes the file that is being received; NULL: it gets its name at its end */
    moved out, in;
};

/* ---- how fast -------------------------------------------------------------------------------------------
 */

/** A file begins to move. One that follows another at once belongs to the same stream. */
static void begin_move(moved *m)
{
    uint64_t now_ns = al_clock_ns();
    if (m->since_ns == 0)
        m->since_ns = now_ns < m->end_ns + SAME_STREAM_NS ? m->end_ns : now_ns;
}

static void end_move(moved *m)
{
    if (m->since_ns == 0)
        return;
    m->end_ns = al_clock_ns();
    m->ns += m->end_ns - m->since_ns;
    m->since_ns = 0;
}

static double rate_of(const moved *m)
{
    uint64_t ns = m->ns + (m->since_ns > 0 ? al_clock_ns() - m->since_ns : 0);
    return m->nbytes >= TOLD_LEAST && ns > 0 ? (double)m->nbytes * 1e9 / (double)ns : 0;
}

void al_stage_look(const al_stage *stage, al_stage_facts *facts)
{
    *facts = (al_stage_facts){.sent_rate = rate_of(&stage->out),
                              .received_rate = rate_of(&stage->in),
                              .is_packing = stage->sender.packing.is_on,
                              .why_packing = stage->sender.packing.why};
}

/* ---- names ----------------------------------------------------------------------------------------------
 */

void al_stage_files_fini(al_stage_files *files)
{
    al_buffer_fini(&files->shared);
    al_buffer_fini(&files->sent);
    al_buffer_fini(&files->made);
}

static allot_err render(const al_template *template, al_args args, uint64_t number, uint32_t slot,
                        al_buffer *names, allot_error *err)
{
    allot_err code = al_template_render_text(template, args, number, slot, names, err);
    return code == ALLOT_OK && !al_buffer_byte(names, '\0') ? al_fail(err, ALLOT_ENOMEM, 0, "out of memory")
                                                            : code;
}

allot_err al_stage_files_of(const al_stage_opts *opts, al_args args, uint64_t number, uint32_t slot,
                            al_stage_files *files, allot_error *err)
{
    allot_err code = ALLOT_OK;
    al_buffer_clear(&files->shared);
    al_buffer_clear(&files->sent);
    al_buffer_clear(&files->made);
    for (uint32_t k = 0; opts != NULL && k < opts->nshared; k++)
        (void)al_buffer_append(&files->shared, opts->shared[k], strlen(opts->shared[k]) + 1);
    for (uint32_t k = 0; opts != NULL && k < opts->nsend && code == ALLOT_OK; k++)
        code = render(opts->send[k], args, number, slot, &files->sent, err);
    for (uint32_t k = 0; opts != NULL && k < opts->nfetch && code == ALLOT_OK; k++)
        code = render(opts->fetch[k], args, number, slot, &files->made, err);
    return code;
}

/** A name without the "./" and slashes that people put around it. */
static al_bytes plain(const char *name)
{
    while (name[0] == '.' && name[1] == '/')
        name += 2;
    size_t length = strlen(name);
    while (length > 1 && name[length - 1] == '/')
        length--;
    return (al_bytes){name, length};
}

static allot_err check_name(const char *name, allot_error *err)
{
    return al_path_is_below(plain(name))
               ? ALLOT_OK
               : al_fail(err, ALLOT_EINVAL, 0,
                         "%.200s: engines elsewhere get files under the names they have here, so only "
                         "names below the current folder can be sent or fetched (cd to the folder, and name "
                         "it from there)",
                         name);
}

/** The next text of a row. */
static const char *next_name(const al_buffer *names, size_t *at)
{
    if (*at >= names->nbytes)
        return NULL;
    const char *name = names->at + *at;
    *at += strlen(name) + 1;
    return name;
}

void al_stage_sum_ahead(al_sums *sums, const char *cwd, const al_stage_opts *opts)
{
    al_buffer paths = {.at = NULL};
    for (uint32_t k = 0; opts != NULL && k < opts->nshared; k++) {
        al_bytes name = plain(opts->shared[k]);
        (void)al_buffer_text(&paths, cwd);
        (void)al_buffer_byte(&paths, '/');
        (void)al_buffer_append(&paths, name.at, name.nbytes);
        (void)al_buffer_byte(&paths, '\0');
    }
    if (!paths.failed)
        al_sums_begin(sums, (al_bytes){paths.at, paths.nbytes});
    al_buffer_fini(&paths);
}

/* ---- the queue ------------------------------------------------------------------------------------------
 */

al_stage *al_stage_create(const char *cwd, al_sums *sums)
{
    al_stage *stage = calloc(1, sizeof *stage);
    if (stage == NULL)
        return NULL;
    (void)snprintf(stage->cwd, sizeof stage->cwd, "%s", cwd);
    stage->sums = sums;
    stage->sender.fd = stage->receiver.fd = stage->receiver.folder = -1;
    return stage;
}

static void free_item(item *one)
{
    if (one == NULL)
        return;
    al_buffer_fini(&one->frame);
    free(one->path);
    free(one->name);
    free(one);
}

static void forget_items(al_stage *stage)
{
    while (stage->first != NULL) {
        item *next = stage->first->next;
        free_item(stage->first);
        stage->first = next;
    }
    stage->last = NULL;
}

void al_stage_destroy(al_stage *stage)
{
    if (stage == NULL)
        return;
    forget_items(stage);
    al_sender_fini(&stage->sender);
    al_receiver_fini(&stage->receiver);
    al_sched_map_fini(&stage->known);
    free(stage);
}

void al_stage_begin(al_stage *stage, al_bytes cached, al_packing_when packing)
{
    forget_items(stage);
    al_sender_fini(&stage->sender);
    al_receiver_fini(&stage->receiver);
    al_sched_map_fini(&stage->known);
    stage->known = (al_sched_map){0};
    stage->sender.packing.when = packing;
    end_move(&stage->out);
    end_move(&stage->in);
    al_fields fields = {.rest = cached};
    while (fields.rest.nbytes >= 16) {
        uint64_t low = al_get_u64(&fields);
        (void)al_get_u64(&fields);
        (void)al_sched_map_set(&stage->known, low, 1);
    }
}

bool al_stage_is_busy(const al_stage *stage)
{
    return stage->first != NULL || stage->sender.fd >= 0;
}

/** A row of items in the making. */
typedef struct row {
    item *first, *last;
    al_buffer cached; /* for the order */
    allot_err code;
} row;

static item *add_item(row *r, uint64_t task)
{
    item *one = calloc(1, sizeof *one);
    if (one == NULL) {
        r->code = ALLOT_ENOMEM;
        return NULL;
    }
    one->task = task;
    *(r->last != NULL ? &r->last->next : &r->first) = one;
    r->last = one;
    return one;
}

/* ---- a task's files -------------------------------------------------------------------------------------
 */

/** A file that only this task wants, or the first who wants one that others want, too. */
static void queue_file(row *r, uint64_t task, const FTSENT *entry, al_bytes name, const al_sum *sum)
{
    item *one = add_item(r, task);
    if (one == NULL)
        return;
    one->path = strdup(entry->fts_path);
    one->name = strndup(name.at, name.nbytes);
    one->is_shared = sum != NULL;
    if (sum != NULL)
        one->sum = *sum;
    if (one->path == NULL || one->name == NULL)
        r->code = ALLOT_ENOMEM;
}

static allot_err share_file(al_stage *stage, row *r, uint64_t task, const FTSENT *entry, al_bytes name,
                            allot_error *err)
{
    al_cached_input input = {.mode = entry->fts_statp->st_mode & 0777, .path = name};
    allot_err code = al_sums_find(stage->sums, entry->fts_path, entry->fts_statp, &input.sum, err);
    if (code != ALLOT_OK)
        return code;
    al_cached_input_encode(&r->cached, &input);
    if (al_sched_map_get(&stage->known, input.sum.low, 0) != 0)
        return ALLOT_OK;
    if (!al_sched_map_set(&stage->known, input.sum.low, 1))
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    queue_file(r, task, entry, name, &input.sum);
    return ALLOT_OK;
}

/** A folder, or a link within one. */
static void queue_name(row *r, uint64_t task, const FTSENT *entry, al_bytes name)
{
    char target[PATH_MAX];
    bool is_link = entry->fts_info != FTS_D;
    ssize_t n = is_link ? readlink(entry->fts_accpath, target, sizeof target) : 0;
    item *one = n >= 0 ? add_item(r, task) : NULL;
    if (one == NULL)
        return;
    al_message message = {.kind = AL_MESSAGE_FILE,
                          .file = {.task = task,
                                   .type = is_link ? AL_FILE_LINK : AL_FILE_FOLDER,
                                   .path = name,
                                   .target = {target, (size_t)n}}};
    al_message_encode(&one->frame, &message);
}

/** A file, or a folder with all in it. */
static allot_err add_tree(al_stage *stage, row *r, uint64_t task, const char *given, bool is_shared,
                          allot_error *err)
{
    char path[PATH_MAX];
    al_bytes name = plain(given);
    allot_err code = check_name(given, err);
    if (code != ALLOT_OK)
        return code;
    int n = snprintf(path, sizeof path, "%s/%.*s", stage->cwd, (int)name.nbytes, name.at);
    char *const paths[] = {path, NULL};
    FTS *tree = n > 0 && (size_t)n < sizeof path
                    ? fts_open(paths, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, NULL)
                    : NULL;
    if (tree == NULL)
        return al_fail(err, ALLOT_EIO, errno, "%.200s", given);
    size_t root = strlen(stage->cwd) + 1;
    for (FTSENT *entry; code == ALLOT_OK && (entry = fts_read(tree)) != NULL;) {
        al_bytes below = {entry->fts_path + root, entry->fts_pathlen - root};
        if (entry->fts_info == FTS_NS || entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR)
            code = al_fail(err, ALLOT_ENOTFOUND, entry->fts_errno, "%.*s", (int)below.nbytes, below.at);
        else if (entry->fts_info == FTS_D || entry->fts_info == FTS_SL ||
                 (entry->fts_info == FTS_SLNONE && entry->fts_level > 0))
            queue_name(r, task, entry, below);
        else if (entry->fts_info == FTS_SLNONE)
            code = al_fail(err, ALLOT_ENOTFOUND, ENOENT, "%.200s", given);
        else if (entry->fts_info == FTS_F && is_shared)
            code = share_file(stage, r, task, entry, below, err);
        else if (entry->fts_info == FTS_F)
            queue_file(r, task, entry, below, NULL);
    }
    (void)fts_close(tree);
    return code;
}

static allot_err add_files(al_stage *stage, row *r, uint64_t task, const al_stage_files *files,
                           allot_error *err)
{
    allot_err code = ALLOT_OK;
    const char *name;
    for (size_t at = 0; code == ALLOT_OK && (name = next_name(&files->shared, &at)) != NULL;)
        code = add_tree(stage, r, task, name, true, err);
    for (size_t at = 0; code == ALLOT_OK && (name = next_name(&files->sent, &at)) != NULL;)
        code = add_tree(stage, r, task, name, false, err);
    for (size_t at = 0; code == ALLOT_OK && (name = next_name(&files->made, &at)) != NULL;)
        code = check_name(name, err);
    if (code == ALLOT_OK && (r->code != ALLOT_OK || r->cached.failed))
        code = al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    return code;
}

/** Names that the engine is told, which has no use for a "./". */
static void plain_names(const al_buffer *names, al_buffer *out)
{
    const char *name;
    for (size_t at = 0; (name = next_name(names, &at)) != NULL;) {
        al_bytes bytes = plain(name);
        (void)al_buffer_append(out, bytes.at, bytes.nbytes);
        (void)al_buffer_byte(out, '\0');
    }
}

/** Files that would have been sent, and are not: another task may want them. */
static void forget_shared(al_stage *stage, const item *first)
{
    for (; first != NULL; first = first->next)
        if (first->is_shared)
            al_sched_map_remove(&stage->known, first->sum.low);
}

/** A row that will not be sent after all. */
static void drop_row(al_stage *stage, row *r)
{
    forget_shared(stage, r->first);
    for (item *one = r->first, *next; one != NULL; one = next) {
        next = one->next;
        free_item(one);
    }
    al_buffer_fini(&r->cached);
}

allot_err al_stage_check(al_stage *stage, const al_stage_files *files, allot_error *err)
{
    row r = {.code = ALLOT_OK};
    allot_err code = add_files(stage, &r, 1, files, err);
    for (const item *one = r.first; one != NULL && code == ALLOT_OK; one = one->next)
        if (one->path != NULL && access(one->path, R_OK) != 0)
            code = al_fail(err, ALLOT_EIO, errno, "%s cannot be read", one->name);
    drop_row(stage, &r);
    return code;
}

allot_err al_stage_give(al_stage *stage, al_task_order *order, const al_stage_files *files, allot_error *err)
{
    row r = {.code = ALLOT_OK};
    al_buffer outputs = {.at = NULL};
    allot_err code = files != NULL ? add_files(stage, &r, order->task, files, err) : ALLOT_OK;
    item *last = code == ALLOT_OK ? add_item(&r, order->task) : NULL;
    if (last != NULL) {
        if (files != NULL)
            plain_names(&files->made, &outputs);
        order->cached = (al_bytes){r.cached.at, r.cached.nbytes};
        order->outputs = (al_bytes){outputs.at, outputs.nbytes};
        al_message message = {.kind = AL_MESSAGE_TASK, .order = *order};
        last->is_order = true;
        al_message_encode(&last->frame, &message);
        if (last->frame.failed || outputs.failed)
            r.code = ALLOT_ENOMEM;
    }
    al_buffer_fini(&outputs);
    if (code == ALLOT_OK && r.code != ALLOT_OK)
        code = al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    if (code != ALLOT_OK) {
        drop_row(stage, &r);
        return code;
    }
    al_buffer_fini(&r.cached);
    *(stage->last != NULL ? &stage->last->next : &stage->first) = r.first;
    stage->last = r.last;
    return ALLOT_OK;
}

bool al_stage_take_back(al_stage *stage, uint64_t task)
{
    bool found = false;
    for (const item *one = stage->first; one != NULL && !found; one = one->next)
        found = one->task == task && one->is_order;
    if (!found)
        return false;
    item *before = NULL;
    for (item *one = stage->first, *next; one != NULL; one = next) {
        next = one->next;
        if (one->task != task || one->is_shared) { /* shared files go all the same */
            before = one;
            continue;
        }
        *(before != NULL ? &before->next : &stage->first) = next;
        if (stage->last == one)
            stage->last = before;
        free_item(one);
    }
    return true;
}

/* ---- sending --------------------------------------------------------------------------------------------
 */

/** A file's first message. One that cannot be opened any more is told as such: its task fails there. */
static void begin_file(al_stage *stage, al_link *link, const item *one)
{
    struct stat st = {.st_size = 0};
    int fd = open(one->path, O_RDONLY | O_CLOEXEC), fault = fd < 0 || fstat(fd, &st) != 0 ? errno : 0;
    al_message message = {.kind = AL_MESSAGE_FILE,
                          .file = {.task = one->is_shared ? 0 : one->task,
                                   .type = AL_FILE_REGULAR,
                                   .mode = st.st_mode & 0777,
                                   .nbytes = (uint64_t)st.st_size,
                                   .sum = one->sum,
                                   .path = {one->name, strlen(one->name)}}};
    al_link_send(link, &message);
    begin_move(&stage->out);
    if (fault == 0 && al_sender_begin(&stage->sender, fd, (uint64_t)st.st_size))
        return;
    const char *why = strerror(fault != 0 ? fault : ENOMEM);
    message = (al_message){.kind = AL_MESSAGE_FILE_END, .tail = {.fault = {why, strlen(why)}}};
    al_link_send(link, &message);
    if (fd >= 0)
        (void)close(fd);
    stage->sender.fd = -1;
}

void al_stage_pump(al_stage *stage, al_link *link)
{
    while (al_stage_is_busy(stage) && al_link_room(link) > 0) {
        if (stage->sender.fd >= 0) {
            uint64_t left = stage->sender.left;
            al_link_send_piece(link, &stage->sender);
            stage->out.nbytes += left - stage->sender.left;
            continue;
        }
        item *one = stage->first;
        stage->first = one->next;
        if (stage->first == NULL)
            stage->last = NULL;
        if (one->path != NULL)
            begin_file(stage, link, one);
        else
            al_link_send_encoded(link, (al_bytes){one->frame.at, one->frame.nbytes});
        free_item(one);
    }
    if (!al_stage_is_busy(stage))
        end_move(&stage->out);
}

/* ---- results --------------------------------------------------------------------------------------------
 */

/** The declared name with that number; NULL: there are fewer. */
static const char *name_at(al_bytes made, uint32_t index)
{
    const char *at = made.at, *past = made.at + made.nbytes;
    for (; at < past && index > 0; index--)
        at += strlen(at) + 1;
    return at < past ? at : NULL;
}

int al_stage_open_root(const char *cwd, const char *name, bool is_folder, char last[NAME_MAX + 1])
{
    char path[PATH_MAX];
    al_bytes bytes = plain(name);
    int n = snprintf(path, sizeof path, "%s/%.*s", cwd, (int)bytes.nbytes, bytes.at);
    if (n <= 0 || (size_t)n >= sizeof path || !al_path_is_below(bytes)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    char *slash = strrchr(path, '/');
    (void)snprintf(last, NAME_MAX + 1, "%s", slash + 1);
    for (char *at = path + strlen(cwd) + 1; (at = strchr(at, '/')) != NULL; at++) {
        *at = '\0';
        (void)mkdir(path, 0777);
        *at = '/';
    }
    if (is_folder)
        (void)mkdir(path, 0777);
    else
        *slash = '\0';
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

const char *al_stage_cwd(const al_stage *stage)
{
    return stage->cwd;
}

allot_err al_stage_file(al_stage *stage, const al_file_head *file, al_bytes made, al_held *held,
                        allot_error *err)
{
    char last[NAME_MAX + 1];
    const char *name = name_at(made, file->index);
    bool is_whole = file->path.nbytes == 0, is_folder = !is_whole || file->type == AL_FILE_FOLDER;
    if (name == NULL || file->type > AL_FILE_LINK || (is_whole && file->type == AL_FILE_LINK) ||
        (!is_whole && !al_path_is_below(file->path)))
        return al_fail(err, ALLOT_EFORMAT, 0, "it sent a file that nobody asked for");
    int root = al_stage_open_root(stage->cwd, name, is_folder, last);
    if (root < 0)
        return al_fail(err, ALLOT_EIO, errno, "%.200s cannot be written", name);
    int fault = 0;
    stage->held = held;
    if (file->type == AL_FILE_REGULAR) {
        begin_move(&stage->in);
        al_receiver_begin(&stage->receiver, root, is_whole ? (al_bytes){last, strlen(last)} : file->path,
                          file->nbytes, file->mode);
    } else if (!is_whole && (held == NULL || file->type == AL_FILE_FOLDER)) {
        fault = al_make_below(root, file);
    }
    if (held != NULL && file->type != AL_FILE_FOLDER && !al_held_add(held, name, file, stage->receiver.part))
        fault = ENOMEM;
    (void)close(root);
    if (fault == EPERM)
        return al_fail(err, ALLOT_EFORMAT, 0, "it sent a link that leads out of its folder (%.200s)", name);
    return fault == 0 ? ALLOT_OK : al_fail(err, ALLOT_EIO, fault, "%.200s cannot be written", name);
}

allot_err al_stage_data(al_stage *stage, const al_file_data *data, allot_error *err)
{
    stage->in.nbytes += data->nbytes;
    return al_receiver_data(&stage->receiver, data)
               ? ALLOT_OK
               : al_fail(err, ALLOT_EFORMAT, 0, "it sent a damaged piece of a file");
}

allot_err al_stage_file_end(al_stage *stage, const al_file_tail *tail, allot_error *err)
{
    al_sum sum;
    al_receiver *r = &stage->receiver;
    end_move(&stage->in);
    if (!al_receiver_end(r, tail, &sum))
        return al_fail(err, ALLOT_EIO, 0, "%.100s: %s", r->name, r->why);
    if (stage->held != NULL) {
        al_held_whole(stage->held);
        al_receiver_leave(r);
        return ALLOT_OK;
    }
    int fault = al_receiver_name(r);
    return fault == 0 ? ALLOT_OK : al_fail(err, ALLOT_EIO, fault, "%.100s cannot be written", r->name);
}

bool al_stage_has_all(const char *cwd, al_bytes made, char missing[PATH_MAX])
{
    struct stat st;
    for (const char *at = made.at, *past = made.at + made.nbytes; at < past; at += strlen(at) + 1) {
        (void)snprintf(missing, PATH_MAX, "%s%s%s", at[0] == '/' ? "" : cwd, at[0] == '/' ? "" : "/", at);
        if (stat(missing, &st) != 0)
            return false;
    }
    return true;
}
