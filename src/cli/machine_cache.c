/* machine_cache.c - keeping what was measured until the machine starts again.
 *
 * A file for each boot, in the user's cache folder: $XDG_CACHE_HOME/allot/machine-BOOT.json, or
 * ~/.cache/allot/... It is written under a temporary name and renamed, so a reader sees all of it or
 * none, and two writers at once leave one whole file. Folder and file must belong to the user (or to root)
 * and nobody else may be able to write them, otherwise somebody else could say how fast this machine is.
 * Links are not followed. All steps go through the folder's descriptor, so that it is the checked one.
 *
 * Invariant: a cache that is missing, unreadable, foreign, malformed or of another machine is the same as
 * none; nothing here fails, nothing here complains.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/user_folder.h"
#include "cli/machine.h"

/** A document has about 3 kB. */
#define DOCUMENT_NBYTES_MAX 65536
/** Files of earlier boots are removed after this long; a home folder may serve many machines. */
#define FORGOTTEN_S (INT64_C(30) * 24 * 3600)

#define PREFIX "machine-"
#define SUFFIX ".json"

/** Ours or root's, and for nobody else to write. */
static bool is_trusted(const struct stat *stat, mode_t type)
{
    return (stat->st_mode & S_IFMT) == type && (stat->st_uid == geteuid() || stat->st_uid == 0) &&
           (stat->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/** @return a descriptor of the cache folder, -1 when there is none that can be trusted */
static int open_folder(bool make)
{
    char path[PATH_MAX];
    if (!al_user_folder_path(AL_USER_CACHE, path, sizeof path))
        return -1;
    if (make)
        al_folder_make(path);
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat stat;
    if (folder >= 0 && (fstat(folder, &stat) != 0 || !is_trusted(&stat, S_IFDIR))) {
        (void)close(folder);
        folder = -1;
    }
    return folder;
}

static void name_file(const al_machine *machine, char name[NAME_MAX])
{
    (void)snprintf(name, NAME_MAX, PREFIX "%s" SUFFIX, machine->boot_id);
}

bool al_machine_load(al_machine *machine)
{
    int folder = machine->boot_id[0] != '\0' ? open_folder(false) : -1;
    if (folder < 0)
        return false;
    char name[NAME_MAX];
    name_file(machine, name);
    /* O_NONBLOCK: a FIFO would keep us waiting before it can be seen to be one */
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    (void)close(folder);
    struct stat stat;
    json_t *document = NULL;
    if (fd >= 0 && fstat(fd, &stat) == 0 && is_trusted(&stat, S_IFREG) && stat.st_size <= DOCUMENT_NBYTES_MAX)
        document = json_loadfd(fd, JSON_REJECT_DUPLICATES, NULL);
    if (fd >= 0)
        (void)close(fd);
    bool usable = document != NULL && al_machine_decode(document, machine);
    json_decref(document);
    return usable;
}

/** Remove the files of boots that nobody has measured since long ago, and what killed writers left. */
static void forget_old(int folder)
{
    int own = dup(folder);
    DIR *entries = own >= 0 ? fdopendir(own) : NULL;
    if (entries == NULL) {
        if (own >= 0)
            (void)close(own);
        return;
    }
    int64_t now_s = (int64_t)time(NULL);
    const struct dirent *entry;
    while ((entry = readdir(entries)) != NULL) {
        struct stat stat;
        if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0 &&
            fstatat(folder, entry->d_name, &stat, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(stat.st_mode) &&
            now_s - (int64_t)stat.st_mtime > FORGOTTEN_S)
            (void)unlinkat(folder, entry->d_name, 0);
    }
    (void)closedir(entries);
}

static bool write_whole(int fd, const char *text, size_t nbytes)
{
    while (nbytes > 0) {
        ssize_t n = write(fd, text, nbytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        text += n;
        nbytes -= (size_t)n;
    }
    return true;
}

static void write_file(int folder, const char *name, const char *text)
{
    /* Not the process's number: the folder may be shared by machines and containers that number alike. */
    uint64_t salt;
    if (getrandom(&salt, sizeof salt, GRND_NONBLOCK) != (ssize_t)sizeof salt)
        return;
    char temporary[NAME_MAX];
    (void)snprintf(temporary, sizeof temporary, PREFIX "%016" PRIx64 ".tmp", salt);
    int fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    bool whole = write_whole(fd, text, strlen(text));
    whole = close(fd) == 0 && whole;
    if (!whole || renameat(folder, temporary, folder, name) != 0)
        (void)unlinkat(folder, temporary, 0);
}

void al_machine_store(const al_machine *machine)
{
    if (machine->boot_id[0] == '\0' || machine->cpus[0] == '\0')
        return;
    json_t *document = al_machine_encode(machine);
    char *text = document != NULL ? json_dumps(document, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) : NULL;
    int folder = text != NULL ? open_folder(true) : -1;
    if (folder >= 0) {
        char name[NAME_MAX];
        name_file(machine, name);
        write_file(folder, name, text);
        forget_old(folder);
        (void)close(folder);
    }
    free(text);
    json_decref(document);
}
