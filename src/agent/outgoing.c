/* outgoing.c - what an agent's tasks made, on its way to the controller. See agent.h.
 *
 * One ended task at a time: its long outputs, its files, its result. Only as much goes out as the controller
 * has given credit for and the pipe takes; meanwhile other tasks run, and what they write lies in files here.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent.h"
#include "base/clock.h"

#define HOLD_NS UINT64_C(1000000000)
#define PIECE (256u << 10)

/* ---- what was made --------------------------------------------------------------------------------------
 */

static void add_made(agent *a, job *j, uint32_t index, const FTSENT *entry, size_t below)
{
    if ((j->nmade & (j->nmade - 1)) == 0) { /* room is the next power of two */
        made_file *more = realloc(j->made, (j->nmade > 0 ? 2 * j->nmade : 1) * sizeof *more);
        if (more == NULL)
            agent_fault(a, "out of memory");
        j->made = more;
    }
    char target[PATH_MAX] = "";
    bool is_link = entry->fts_info == FTS_SL || entry->fts_info == FTS_SLNONE;
    ssize_t n = is_link ? readlink(entry->fts_accpath, target, sizeof target - 1) : 0;
    target[n > 0 ? n : 0] = '\0';
    j->made[j->nmade++] = (made_file){.index = index,
                                      .type = is_link                    ? AL_FILE_LINK
                                              : entry->fts_info == FTS_D ? AL_FILE_FOLDER
                                                                         : AL_FILE_REGULAR,
                                      .mode = entry->fts_statp->st_mode & 0777,
                                      .nbytes = (uint64_t)entry->fts_statp->st_size,
                                      .path = strdup(entry->fts_path),
                                      .target = strdup(target),
                                      .below = below};
}

/** A declared output: a file, or a folder with all in it. A link to a file is that file. @return false: it is
 * not there */
static bool find_output(agent *a, job *j, uint32_t index, const char *path)
{
    char *const paths[] = {(char *)(uintptr_t)path, NULL};
    size_t length = strlen(path);
    bool found = false;
    FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, NULL);
    for (FTSENT *entry; tree != NULL && (entry = fts_read(tree)) != NULL;) {
        bool is_content = entry->fts_info == FTS_F || entry->fts_info == FTS_D || entry->fts_info == FTS_SL ||
                          entry->fts_info == FTS_SLNONE;
        found = found || (entry->fts_level == 0 && is_content && entry->fts_info != FTS_SLNONE);
        if (is_content) /* no sockets, no pipes, no devices */
            add_made(a, j, index, entry, entry->fts_level == 0 ? length : length + 1);
    }
    if (tree != NULL)
        (void)fts_close(tree);
    return found;
}

bool agent_find_made(agent *a, job *j, char missing[PATH_MAX])
{
    char folder[PATH_MAX], path[PATH_MAX];
    agent_job_folder(a, j->task, folder);
    const char *at = j->order.outputs.at, *past = at + j->order.outputs.nbytes;
    for (uint32_t index = 0; at < past; index++) {
        size_t length = strnlen(at, (size_t)(past - at));
        agent_join(path, folder, (al_bytes){at, length});
        if (!find_output(a, j, index, path)) {
            (void)snprintf(missing, PATH_MAX, "%.*s", (int)length, at);
            return false;
        }
        at += length + 1;
    }
    return true;
}

/* ---- sending --------------------------------------------------------------------------------------------
 */

static void append(agent *a, job *j)
{
    j->next = NULL;
    *(a->last_sending != NULL ? &a->last_sending->next : &a->sending) = j;
    a->last_sending = j;
}

/** Whoever ends us as well (a batch system whose time is over, a shutdown) signals our tasks a moment before
 * or after: such an end is told only once it is clear that we stay. If we do not, the task is lost with us,
 * and done again elsewhere; else its end is its own. */
static bool may_be_ours(const job *j)
{
    return !j->was_killed && j->end.cause == AL_CAUSE_SIGNAL &&
           (j->end.signal == SIGTERM || j->end.signal == SIGKILL || j->end.signal == SIGHUP ||
            j->end.signal == SIGINT);
}

void agent_give(agent *a, job *j)
{
    j->state = JOB_SENDS;
    if (j->end.cause != AL_CAUSE_EXIT || j->end.exit_status != 0)
        j->at_made = j->nmade; /* what a task leaves that failed is nobody's result */
    if (!may_be_ours(j)) {
        append(a, j);
        return;
    }
    j->hold_until_ns = al_clock_ns() + HOLD_NS;
    j->next = a->held;
    a->held = j;
}

/** Those that were held long enough are sent. @return when the next is */
static uint64_t release_held(agent *a, uint64_t now_ns)
{
    uint64_t due_ns = UINT64_MAX;
    for (job **at = &a->held; *at != NULL;) {
        job *j = *at;
        if (now_ns >= j->hold_until_ns) {
            *at = j->next;
            append(a, j);
            continue;
        }
        due_ns = j->hold_until_ns < due_ns ? j->hold_until_ns : due_ns;
        at = &j->next;
    }
    return due_ns;
}

/** The next piece of a long output. @return false: there is no more */
static bool send_spool(agent *a, job *j, int k)
{
    static char piece[PIECE];
    ssize_t n;
    do
        n = read(j->spools[k], piece, sizeof piece);
    while (n < 0 && errno == EINTR);
    if (n <= 0) {
        (void)close(j->spools[k]);
        j->spools[k] = -1;
        return false;
    }
    agent_send(a, &(al_message){.kind = AL_MESSAGE_OUTPUT,
                                .piece = {.task = j->task, .is_err = k == 1, .bytes = {piece, (size_t)n}}});
    return true;
}

/** The task's results are not to be had. */
static void spoil(job *j, int fault)
{
    j->end.cause = AL_CAUSE_OUTPUT;
    j->end.exit_status = (uint32_t)fault;
    j->at_made = j->nmade;
}

static void begin_file(agent *a, job *j, const made_file *made)
{
    int fd = made->type == AL_FILE_REGULAR ? open(made->path, O_RDONLY | O_CLOEXEC) : -1;
    if (made->type == AL_FILE_REGULAR && fd < 0) {
        spoil(j, errno);
        return;
    }
    const char *below = made->path + made->below;
    agent_send(a, &(al_message){.kind = AL_MESSAGE_FILE,
                                .file = {.task = j->task,
                                         .index = made->index,
                                         .type = (uint8_t)made->type,
                                         .mode = made->mode,
                                         .nbytes = made->nbytes,
                                         .path = {below, strlen(below)},
                                         .target = {made->target, strlen(made->target)}}});
    if (fd >= 0 && !al_sender_begin(&a->sender, fd, made->nbytes))
        agent_fault(a, "out of memory");
}

/** One message of the first job's. @return false: it is all sent */
static bool send_some(agent *a, job *j)
{
    if (a->sender.fd >= 0) {
        if (!agent_send_piece(a))
            spoil(j, EIO);
        return true;
    }
    for (int k = 0; k < 2; k++)
        if (j->spools[k] >= 0 && send_spool(a, j, k))
            return true;
    if (j->at_made < j->nmade) {
        begin_file(a, j, &j->made[j->at_made]);
        j->at_made++;
        return true;
    }
    agent_send(a, &(al_message){.kind = AL_MESSAGE_RESULT, .end = j->end});
    return false;
}

uint64_t agent_pump(agent *a, uint64_t now_ns)
{
    uint64_t due_ns = release_held(a, now_ns);
    while (a->sending != NULL && a->credit > 0 && al_outbox_pending(&a->out) < AL_OUTBOX_MOST) {
        job *j = a->sending;
        if (send_some(a, j))
            continue;
        a->sending = j->next;
        if (a->sending == NULL)
            a->last_sending = NULL;
        agent_destroy_job(a, j);
    }
    return due_ns;
}
