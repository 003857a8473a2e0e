/* store_lock.c - who controls a run: a lock on FOLDER/lock, and in it, for people, whose it is.
 *
 * The lock is the kernel's and goes with the process, however that ends. It is one of the open file (OFD), so
 * that nothing else in this process can drop it by closing the same file.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fail.h"
#include "farm/store_parts.h"

static int try_lock(int fd, int command, short type, struct flock *lock)
{
    *lock = (struct flock){.l_type = type, .l_whence = SEEK_SET};
    return fcntl(fd, command, lock);
}

static bool read_owner(int fd, al_store_owner *owner)
{
    char text[512] = "", host[256] = "", here[256] = "";
    *owner = (al_store_owner){.pid = 0};
    if (pread(fd, text, sizeof text - 1, 0) <= 0 ||
        sscanf(text, "{\"host\": \"%255[^\"]\", \"pid\": %" SCNd64 ", \"since_us\": %" SCNd64, host,
               &owner->pid, &owner->since_us) != 3)
        return false;
    memcpy(owner->host, host, sizeof host);
    (void)gethostname(here, sizeof here - 1);
    owner->is_here = strcmp(here, host) == 0;
    return true;
}

bool al_store_owner_of(const char *folder, al_store_owner *owner)
{
    char path[PATH_MAX + 16];
    struct flock lock;
    (void)snprintf(path, sizeof path, "%s/lock", folder);
    *owner = (al_store_owner){.pid = 0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool is_held = try_lock(fd, F_OFD_GETLK, F_WRLCK, &lock) == 0 && lock.l_type != F_UNLCK;
    if (is_held)
        (void)read_owner(fd, owner);
    (void)close(fd);
    return is_held;
}

static allot_err refuse(const char *folder, int fd, allot_error *err)
{
    al_store_owner owner;
    char since[64] = "";
    struct tm parts;
    if (!read_owner(fd, &owner))
        return al_fail(err, ALLOT_EPERM, 0, "run %s is being worked on by another process", folder);
    time_t seconds = (time_t)(owner.since_us / 1000000);
    if (localtime_r(&seconds, &parts) != NULL)
        (void)strftime(since, sizeof since, "%Y-%m-%d %H:%M:%S", &parts);
    return al_fail(err, ALLOT_EPERM, 0,
                   "run %s is being worked on by process %" PRId64
                   " on %s since %s: wait for it (allot wait), or end it (allot cancel)",
                   folder, owner.pid, owner.host, since);
}

/** Whether the lock's owner was a process of this machine that is gone. Then a child of its, which it was
 * about to make a task of, still shares the lock, and has it until it is one: a matter of microseconds. */
static bool is_orphaned(int fd)
{
    al_store_owner owner;
    return read_owner(fd, &owner) && owner.is_here && owner.pid != getpid() &&
           kill((pid_t)owner.pid, 0) != 0 && errno == ESRCH;
}

/** @return 0 or errno */
static int wait_for_lock(int fd)
{
    struct flock lock;
    for (int tries = 0;; tries++) {
        if (try_lock(fd, F_OFD_SETLK, F_WRLCK, &lock) == 0)
            return 0;
        if (errno != EAGAIN && errno != EACCES)
            return errno;
        if (tries == 100 || !is_orphaned(fd))
            return EAGAIN;
        (void)usleep(10000);
    }
}

allot_err al_store_lock(const char *folder, int *fd, allot_error *err)
{
    char path[PATH_MAX + 16], text[512], host[256] = "";
    struct timespec now;
    (void)snprintf(path, sizeof path, "%s/lock", folder);
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*fd < 0)
        return al_fail(err, ALLOT_EPERM, errno,
                       "%s cannot be written: a run can only be worked on by who may write its folder", path);
    int fault = wait_for_lock(*fd);
    if (fault != 0)
        return fault == EAGAIN ? refuse(folder, *fd, err)
                               : al_fail(err, ALLOT_EIO, fault, "%s cannot be locked", path);
    (void)gethostname(host, sizeof host - 1);
    (void)clock_gettime(CLOCK_REALTIME, &now);
    int n = snprintf(text, sizeof text, "{\"host\": \"%s\", \"pid\": %lld, \"since_us\": %lld}\n", host,
                     (long long)getpid(), (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    if (ftruncate(*fd, 0) != 0 || pwrite(*fd, text, (size_t)n, 0) != n)
        return al_fail(err, ALLOT_EIO, errno, "%s cannot be written", path);
    return ALLOT_OK;
}
