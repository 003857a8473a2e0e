/* cache.c - files that several tasks want, kept by their sums for later runs. See agent.h.
 *
 * The folder is shared by all agents of a user on a host (or on several, where the home is on a network). A
 * file stays for KEEP_DAYS after it was last wanted, and as long as all together take no more than they may:
 * then those go first that were wanted longest ago. A file's time of access is when it was last wanted.
 *
 * What an agent has told its controller of, or was sent, has to stay while that agent lives: a task may come
 * for it hours later. So it holds a lock on the byte of ".locks" whose number is the file's sum, modulo
 * AGENT_LOCKS since the kernel goes through all locks for each new one; who removes a file needs that byte
 * for itself. The kernel lets go of the locks of an agent that is killed. Where locks cannot be had, nothing
 * is removed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "agent/agent.h"

#define LISTED_MOST 4096u /* sums in the answer to hello */
#define KEEP_DAYS 30
#define BYTES_MOST UINT64_C(20000000000) /* unless ALLOT_CACHE_BYTES says something else */
#define LOCKS ".locks"

/** A file that is there. */
typedef struct cached {
    al_sum sum;
    uint64_t nbytes;
    struct timespec used;
} cached;

/** All of them. */
typedef struct listing {
    cached *all;
    size_t count;
    uint64_t nbytes;
} listing;

void agent_cache_name(const al_sum *sum, char name[40])
{
    (void)snprintf(name, 40, "%016llx%016llx", (unsigned long long)sum->high, (unsigned long long)sum->low);
}

/** @return whether name is that of a file in the cache */
static bool parse_name(const char *name, al_sum *sum)
{
    unsigned long long high, low;
    if (strlen(name) != 32 || strspn(name, "0123456789abcdef") != 32 ||
        sscanf(name, "%16llx%16llx", &high, &low) != 2)
        return false;
    *sum = (al_sum){low, high};
    return true;
}

/* ---- locks ----------------------------------------------------------------------------------------------
 */

static bool lock(int fd, const al_sum *sum, short type, int how)
{
    struct flock place = {
        .l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)(sum->low % AGENT_LOCKS), .l_len = 1};
    return fd >= 0 && fcntl(fd, how, &place) == 0;
}

/** @param how  whether to wait for an agent that is about to remove one of that name. @return whether it
 * stays */
static bool keep(agent *a, const al_sum *sum, int how)
{
    uint64_t number = sum->low % AGENT_LOCKS;
    uint8_t bit = (uint8_t)(1u << number % 8), *bits = &a->kept[number / 8];
    if ((*bits & bit) == 0 && lock(a->keeps, sum, F_RDLCK, how))
        *bits |= bit;
    return (*bits & bit) != 0;
}

/** Remove a file that nobody counts on. The descriptor is another one than a->keeps, so that our own locks
 * are in our way as well. */
static bool remove_unkept(agent *a, const al_sum *sum)
{
    char name[40];
    if (!lock(a->takes, sum, F_WRLCK, F_OFD_SETLK))
        return false;
    agent_cache_name(sum, name);
    bool gone = unlinkat(a->cache_fd, name, 0) == 0 || errno == ENOENT;
    (void)lock(a->takes, sum, F_UNLCK, F_OFD_SETLK);
    return gone;
}

/* ---- what is there --------------------------------------------------------------------------------------
 */

static void add(agent *a, listing *list, const al_sum *sum, const struct stat *st)
{
    if ((list->count & (list->count - 1)) == 0) { /* room is the next power of two */
        cached *more = realloc(list->all, (list->count > 0 ? 2 * list->count : 1) * sizeof *more);
        if (more == NULL)
            agent_fault(a, "out of memory");
        list->all = more;
    }
    list->all[list->count++] = (cached){*sum, (uint64_t)st->st_size, st->st_atim};
    list->nbytes += (uint64_t)st->st_size;
}

/** Read the folder; what has lain there for too long goes. */
static listing look(agent *a)
{
    listing list = {.all = NULL};
    int fd = openat(a->cache_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    time_t oldest = time(NULL) - KEEP_DAYS * (time_t)86400;
    struct stat st;
    al_sum sum;
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] == '.' && strstr(entry->d_name, ".part") == NULL)
            continue;
        if (fstatat(a->cache_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        bool is_file = parse_name(entry->d_name, &sum) && S_ISREG(st.st_mode) && st.st_uid == geteuid();
        /* ctime moves when the content does; utimensat() on use moves it, too, but sets atime to the same */
        if (!is_file && st.st_ctime < oldest)
            (void)unlinkat(a->cache_fd, entry->d_name, 0);
        else if (is_file && !(st.st_atime < oldest && remove_unkept(a, &sum)))
            add(a, &list, &sum, &st);
    }
    if (folder != NULL)
        (void)closedir(folder);
    else if (fd >= 0)
        (void)close(fd);
    return list;
}

/* ---- how much may be there ------------------------------------------------------------------------------
 */

/** Half of what the disk would have for us without the cache, and BYTES_MOST, at most. */
static uint64_t bytes_most(const agent *a, const listing *list)
{
    struct statvfs disk;
    const char *given = getenv("ALLOT_CACHE_BYTES");
    if (given != NULL && given[0] >= '0' && given[0] <= '9')
        return strtoull(given, NULL, 10);
    if (fstatvfs(a->cache_fd, &disk) != 0)
        return BYTES_MOST;
    uint64_t half = ((uint64_t)disk.f_bavail * disk.f_frsize + list->nbytes) / 2;
    return half < BYTES_MOST ? half : BYTES_MOST;
}

static int by_use(const void *x, const void *y)
{
    const struct timespec a = ((const cached *)x)->used, b = ((const cached *)y)->used;
    if (a.tv_sec != b.tv_sec)
        return a.tv_sec < b.tv_sec ? -1 : 1;
    return a.tv_nsec < b.tv_nsec ? -1 : a.tv_nsec > b.tv_nsec;
}

/** Remove files until there is room for so much more, or none is left that may go. */
static void shrink(agent *a, listing *list, uint64_t wanted)
{
    uint64_t most = bytes_most(a, list);
    if (list->nbytes + wanted > most && list->count > 0)
        qsort(list->all, list->count, sizeof *list->all, by_use);
    size_t kept = 0;
    for (size_t k = 0; k < list->count; k++) {
        const cached one = list->all[k];
        if (list->nbytes + wanted > most && remove_unkept(a, &one.sum))
            list->nbytes -= one.nbytes;
        else
            list->all[kept++] = one;
    }
    list->count = kept;
    a->cache_bytes = list->nbytes;
    /* Where all that is left has to stay, looking again at each file would take longer than the files do. */
    a->cache_look_at = list->nbytes + wanted > most ? list->nbytes + wanted + most / 16 : most;
}

void agent_cache_expect(agent *a, const al_sum *sum, uint64_t nbytes)
{
    (void)keep(a, sum, F_OFD_SETLKW);
    if (a->cache_bytes + nbytes > a->cache_look_at) {
        listing list = look(a);
        shrink(a, &list, nbytes);
        free(list.all);
    }
    a->cache_bytes += nbytes;
}

void agent_cache_list(agent *a, al_buffer *sums)
{
    char name[40];
    listing list = look(a);
    shrink(a, &list, 0);
    /* The latest first, should there be more than are told. */
    if (list.count > 0)
        qsort(list.all, list.count, sizeof *list.all, by_use);
    for (size_t k = list.count; k > 0 && sums->nbytes < LISTED_MOST * 16; k--) {
        const al_sum *sum = &list.all[k - 1].sum;
        agent_cache_name(sum, name);
        if (!keep(a, sum, F_OFD_SETLK) || faccessat(a->cache_fd, name, R_OK, 0) != 0)
            continue; /* another agent has removed it, or does so now */
        al_put_u64(sums, sum->low);
        al_put_u64(sums, sum->high);
    }
    free(list.all);
}

bool agent_cache_open(agent *a)
{
    a->cache_fd = open(a->cache, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (a->cache_fd < 0)
        return false;
    a->keeps = openat(a->cache_fd, LOCKS, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    a->takes = openat(a->cache_fd, LOCKS, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    return true;
}
