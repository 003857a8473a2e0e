/* files.c - what comes for an agent's tasks, and where it is put. See agent.h.
 *
 * A file that is for one task goes straight into that task's folder. One that several tasks want comes once,
 * into the cache, under its sum (cache.c). A task gets a copy of what is small, and a link to what is large,
 * which it is not to write to: its file in the cache is read-only, and is thrown away should it have changed
 * all the same.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <linux/fs.h>

#include "agent/agent.h"

#define COPY_MOST (16 << 20) /* a task's own copy rather than a link */

static bool make_folder(const char *path)
{
    struct stat st;
    return (mkdir(path, 0700) == 0 || errno == EEXIST) && lstat(path, &st) == 0 && S_ISDIR(st.st_mode) &&
           st.st_uid == geteuid();
}

/** Scratch folders of agents that were killed: theirs are those whose lock nobody holds. */
static void clear_up(const char *tmp)
{
    char path[PATH_MAX], prefix[40];
    struct stat st;
    DIR *folder = opendir(tmp);
    (void)snprintf(prefix, sizeof prefix, "allot-%u-", (unsigned)geteuid());
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
            continue;
        agent_join(path, tmp, (al_bytes){entry->d_name, strlen(entry->d_name)});
        if (lstat(path, &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid())
            continue;
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        /* One that is a moment old may not have been locked yet. */
        if (fd >= 0 && st.st_mtime < time(NULL) - 2 && flock(fd, LOCK_EX | LOCK_NB) == 0)
            al_folder_remove(path);
        if (fd >= 0)
            (void)close(fd);
    }
    if (folder != NULL)
        (void)closedir(folder);
}

bool agent_open_folders(agent *a)
{
    const char *tmp = getenv("TMPDIR");
    ssize_t n = readlink("/proc/self/exe", a->cache, sizeof a->cache - 16);
    char *slash = n > 0 ? memrchr(a->cache, '/', (size_t)n) : NULL;
    if (slash == NULL)
        return false;
    (void)strcpy(slash, "/files");
    tmp = tmp != NULL && tmp[0] == '/' ? tmp : "/tmp";
    clear_up(tmp);
    (void)snprintf(a->scratch, sizeof a->scratch, "%s/allot-%u-XXXXXX", tmp, (unsigned)geteuid());
    if (mkdtemp(a->scratch) == NULL) { /* no such folder, or nothing may be written there: the cache's then */
        (void)snprintf(a->scratch, sizeof a->scratch, "%.*s/scratch-XXXXXX", (int)(slash - a->cache),
                       a->cache);
        if (mkdtemp(a->scratch) == NULL) {
            a->scratch[0] = '\0';
            return false;
        }
    }
    a->scratch_fd = open(a->scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (a->scratch_fd >= 0)
        (void)flock(a->scratch_fd, LOCK_EX | LOCK_NB); /* for as long as we live */
    return a->scratch_fd >= 0 && make_folder(a->cache) && agent_cache_open(a);
}

/* ---- a file comes ---------------------------------------------------------------------------------------
 */

void agent_job_folder(const agent *a, uint64_t task, char path[PATH_MAX])
{
    (void)snprintf(path, PATH_MAX, "%s/task-%llu", a->scratch, (unsigned long long)task);
}

void agent_join(char path[PATH_MAX], const char *folder, al_bytes below)
{
    size_t length = strlen(folder), slash = length > 0 && below.nbytes > 0;
    if (length + slash + below.nbytes >= PATH_MAX) {
        path[0] = '\0';
        return;
    }
    memmove(path, folder, length);
    if (slash)
        path[length] = '/';
    memcpy(path + length + slash, below.at, below.nbytes);
    path[length + slash + below.nbytes] = '\0';
}

static void set_fault(job *j, const char *what, const char *why)
{
    char text[PATH_MAX + 300];
    (void)snprintf(text, sizeof text, "%s: %s", what, why);
    if (j->fault == NULL)
        j->fault = strdup(text);
}

bool agent_need_folder(agent *a, job *j)
{
    char path[PATH_MAX];
    if (j->has_folder)
        return true;
    agent_job_folder(a, j->task, path);
    j->has_folder = mkdir(path, 0700) == 0;
    if (!j->has_folder && (errno == ENOSPC || errno == EDQUOT))
        agent_fault(a, "its disk is full (%s)", a->scratch);
    if (!j->has_folder)
        set_fault(j, path, strerror(errno));
    return j->has_folder;
}

static int open_job_folder(agent *a, job *j)
{
    char path[PATH_MAX];
    agent_job_folder(a, j->task, path);
    return agent_need_folder(a, j) ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
}

void agent_file(agent *a, const al_file_head *file)
{
    char name[40];
    a->receiving = file->task;
    a->receiving_sum = file->sum;
    if (file->task == 0) {
        agent_cache_expect(a, &file->sum, file->nbytes);
        agent_cache_name(&file->sum, name);
        al_receiver_begin(&a->receiver, a->cache_fd, (al_bytes){name, strlen(name)}, file->nbytes, 0444);
        return;
    }
    job *j = agent_job(a, file->task, true);
    int folder = open_job_folder(a, j);
    if (folder < 0)
        return;
    if (file->type == AL_FILE_REGULAR) {
        al_receiver_begin(&a->receiver, folder, file->path, file->nbytes, file->mode);
    } else {
        int fault = al_make_below(folder, file);
        if (fault != 0)
            set_fault(j, "its input could not be put there", strerror(fault));
    }
    (void)close(folder);
}

void agent_file_end(agent *a, const al_file_tail *tail)
{
    al_receiver *r = &a->receiver;
    al_sum sum = {0, 0};
    bool whole = al_receiver_end(r, tail, &sum);
    if (whole && a->receiving == 0 &&
        (sum.low != a->receiving_sum.low || sum.high != a->receiving_sum.high)) {
        (void)snprintf(r->why, sizeof r->why, "it changed while it was sent");
        whole = false; /* its name is its sum: it is left as a part, which goes with the next file */
    }
    if (r->fault == ENOSPC || r->fault == EDQUOT)
        agent_fault(a, "its disk is full");
    int fault = whole ? al_receiver_name(r) : 0;
    if (whole && fault == 0)
        return;
    if (fault != 0)
        (void)snprintf(r->why, sizeof r->why, "%s", strerror(fault));
    if (a->receiving != 0)
        set_fault(agent_job(a, a->receiving, true), r->name, r->why);
}

/* ---- files of the cache ---------------------------------------------------------------------------------
 */

/** A copy that shares blocks where the file system can, otherwise one of its own if it is small. */
static int copy(int from, int folder, const char *name, mode_t mode, off_t nbytes)
{
    int to = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (to < 0)
        return errno;
    int fault = 0;
    if (ioctl(to, FICLONE, from) != 0) {
        off_t at = 0;
        while (fault == 0 && at < nbytes && nbytes <= COPY_MOST) {
            ssize_t n = sendfile(to, from, &at, (size_t)(nbytes - at));
            if (n <= 0)
                fault = n < 0 ? errno : EIO;
        }
        if (nbytes > COPY_MOST)
            fault = EFBIG; /* a link, then */
    }
    if (fault == 0 && fchmod(to, mode & 0777) != 0)
        fault = errno;
    (void)close(to);
    if (fault != 0)
        (void)unlinkat(folder, name, 0);
    return fault;
}

/** A file that is older than its last status change by a hair is as it was when it got its name. */
static bool is_untouched(const struct stat *st)
{
    return (st->st_mode & 0222) == 0;
}

/** @return 0 or errno */
static int place(agent *a, int folder, const al_cached_input *input)
{
    char name[NAME_MAX + 1], cached[40], target[PATH_MAX + 40];
    struct stat st;
    agent_cache_name(&input->sum, cached);
    int from = openat(a->cache_fd, cached, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (from < 0)
        return errno;
    if (fstat(from, &st) != 0 || !is_untouched(&st)) {
        (void)unlinkat(a->cache_fd, cached, 0);
        (void)close(from);
        return ESTALE;
    }
    const struct timespec now[2] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_OMIT}};
    (void)futimens(from, now);
    int into = al_folder_below(folder, input->path, name);
    int fault = into < 0 ? errno : copy(from, into, name, input->mode, st.st_size);
    if (fault == EFBIG) {
        (void)snprintf(target, sizeof target, "%s/%s", a->cache, cached);
        fault = symlinkat(target, into, name) == 0 ? 0 : errno;
    }
    (void)close(from);
    if (into >= 0)
        (void)close(into);
    return fault;
}

bool agent_place_inputs(agent *a, job *j)
{
    al_fields rest = {.rest = j->order.cached};
    al_cached_input input;
    int folder = j->order.cached.nbytes > 0 ? open_job_folder(a, j) : -1;
    while (j->fault == NULL && al_cached_input_next(&rest, &input)) {
        int fault = folder >= 0 ? place(a, folder, &input) : EIO;
        if (fault == ENOSPC || fault == EDQUOT)
            agent_fault(a, "its disk is full (%s)", a->scratch);
        char name[256];
        (void)snprintf(name, sizeof name, "%.*s", (int)(input.path.nbytes < 200 ? input.path.nbytes : 200),
                       input.path.at);
        if (fault != 0)
            set_fault(j, name, fault == ENOENT ? "it did not arrive whole" : strerror(fault));
    }
    if (folder >= 0)
        (void)close(folder);
    return j->fault == NULL && !rest.is_bad;
}
