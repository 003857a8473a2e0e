/* Shared objects kept from run to run. docs/formats/expression-cache.md has the layout.
 *
 * The folder holds code that will run as the user, so it is trusted only as far as nobody else can have
 * written in it: folder and object must belong to this user (or to root), must not be writable by
 * others, and must be what they seem (no links). An object that is not so is refused, with the remedy;
 * it is never quietly replaced, since somebody put it there.
 *
 * An object that is merely damaged (cut short by a full disk, a bad block) is told by the sum in its
 * trailer, and compiled anew.
 *
 * Invariants: an object appears under its name complete, by rename, or not at all; nothing here depends
 * on the lock, which only saves work; and but for an object that cannot be trusted nothing here is ever a
 * reason to fail: a folder that cannot be had means that nothing is kept.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

#include "base/fail.h"
#include "base/user_folder.h"
#include "map/expr_parts.h"

/* Objects kept, and how many are left after there were too many. */
enum { KEPT_MOST = 256, KEPT_AFTER = 192, MAX_OBJECT = 64 << 20, LOCK_WAIT_MS = 30000 };

/* Seconds after which a file that was being written is litter. */
enum { LITTER_AGE_S = 3600 };

/* What an object ends in. Numbers are little-endian, the sum is in xxHash's canonical (big-endian) form. */
typedef struct trailer {
    char magic[8];
    uint64_t nbytes; /* of what comes before */
    uint8_t sum[16]; /* XXH3-128 of it */
    char key[32];
} trailer;

_Static_assert(sizeof(trailer) == 64, "the trailer is 64 bytes on disk");

static const char magic[8] = {'a', 'l', 'l', 'o', 't', 'x', 'p', '1'};

/* ---- the key ---------------------------------------------------------------------------------------- */

/* The sums of all that goes into a key, in order; the key is the sum of these. So no field can be taken for
 * a part of its neighbour, and nothing needs memory. */
typedef struct fields {
    XXH128_canonical_t sum[AL_COMPILER_WORDS + 16];
    size_t count;
} fields;

static void add(fields *f, const void *at, size_t nbytes)
{
    XXH128_canonicalFromHash(&f->sum[f->count++], XXH3_128bits(at, nbytes));
}

#if defined(__x86_64__) || defined(__i386__)
/* Vendor, family, model, stepping and all feature bits. The identity of the core that answers is in some
 * of the registers (leaf 1 EBX), and left out. */
static void add_processor(fields *f)
{
    unsigned r[16] = {0};
    __get_cpuid_count(0, 0, &r[0], &r[1], &r[2], &r[3]);
    unsigned core = 0;
    __get_cpuid_count(1, 0, &r[4], &core, &r[5], &r[6]);
    unsigned count = 0;
    __get_cpuid_count(7, 0, &count, &r[7], &r[8], &r[9]);
    unsigned unused[3];
    __get_cpuid_count(7, 1, &r[10], &unused[0], &unused[1], &unused[2]);
    __get_cpuid_count(0x80000001, 0, &unused[0], &unused[1], &r[11], &r[12]);
    /* What the system saves on a switch: without it a feature is there and cannot be used. */
    __get_cpuid_count(0xd, 0, &r[13], &unused[0], &unused[1], &r[14]);
    add(f, r, sizeof r);
}
#else
static void add_processor(fields *f)
{
    const unsigned long features[2] = {getauxval(AT_HWCAP), getauxval(AT_HWCAP2)};
    const char *platform = (const char *)getauxval(AT_PLATFORM);
    char model[64] = "";
    const int fd = open("/sys/devices/system/cpu/cpu0/regs/identification/midr_el1", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        if (read(fd, model, sizeof model - 1) < 0)
            model[0] = '\0';
        close(fd);
    }
    add(f, features, sizeof features);
    add(f, model, strlen(model));
    if (platform)
        add(f, platform, strlen(platform));
}
#endif

void al_expr_key_make(const char *source, const al_compiler *compiler, al_build build, al_expr_key *key)
{
    const uint64_t figures[3] = {compiler->nbytes, compiler->inode, (uint64_t)compiler->mtime_ns};
    fields f = {.count = 0};
    add(&f, ALLOT_VERSION, strlen(ALLOT_VERSION));
    add(&f, source, strlen(source));
    add(&f, al_compiler_flags(build), strlen(al_compiler_flags(build)));
    add(&f, compiler->path, strlen(compiler->path));
    for (int k = 0; k < compiler->argc; k++)
        add(&f, compiler->argv[k], strlen(compiler->argv[k]));
    add(&f, figures, sizeof figures);
    add_processor(&f);
    const XXH128_hash_t hash = XXH3_128bits(f.sum, f.count * sizeof f.sum[0]);
    snprintf(key->text, sizeof key->text, "%016llx%016llx", (unsigned long long)hash.high64,
             (unsigned long long)hash.low64);
}

/* ---- the folder ------------------------------------------------------------------------------------- */

/* @param noun  "the cache folder" or "the cached object" */
static allot_err check_owner(const struct stat *st, const char *noun, const char *path, allot_error *err)
{
    if (st->st_uid != geteuid() && st->st_uid != 0)
        return al_fail(err, ALLOT_EPERM, 0,
                       "%s %.300s belongs to another user (uid %u): remove it, or set XDG_CACHE_HOME to a "
                       "folder of your own",
                       noun, path, (unsigned)st->st_uid);
    if (st->st_mode & (S_IWGRP | S_IWOTH))
        return al_fail(err, ALLOT_EPERM, 0,
                       "%s %.200s can be written by others (mode %04o): remove it, or if you trust it: chmod "
                       "go-w %.200s",
                       noun, path, (unsigned)(st->st_mode & 07777), path);
    return ALLOT_OK;
}

allot_err al_cache_open(al_cache *cache, const char *dir, allot_error *err)
{
    struct stat st;
    memset(cache, 0, sizeof *cache);
    cache->fd = cache->lock_fd = -1;
    if (dir ? snprintf(cache->path, sizeof cache->path, "%s", dir) >= (int)sizeof cache->path
            : !al_user_folder_path(AL_USER_CACHE, cache->path, sizeof cache->path))
        return ALLOT_OK;
    size_t length = strlen(cache->path);
    while (length > 1 && cache->path[length - 1] == '/')
        cache->path[--length] = '\0';
    if (length == 0)
        return ALLOT_OK;
    al_folder_make(cache->path);
    if (lstat(cache->path, &st) == 0 && S_ISLNK(st.st_mode))
        return al_fail(err, ALLOT_EPERM, 0,
                       "the cache folder %.300s is a symbolic link: remove it, or name the folder itself by "
                       "XDG_CACHE_HOME",
                       cache->path);
    const int fd = open(cache->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return ALLOT_OK;
    if (fstat(fd, &st) != 0) {
        close(fd);
        return ALLOT_OK;
    }
    const allot_err result = check_owner(&st, "the cache folder", cache->path, err);
    if (result == ALLOT_OK)
        cache->fd = fd;
    else
        close(fd);
    return result;
}

void al_cache_close(al_cache *cache)
{
    al_cache_unlock(cache);
    if (cache->fd >= 0)
        close(cache->fd);
    cache->fd = -1;
}

/* ---- objects ---------------------------------------------------------------------------------------- */

static void object_name(const al_expr_key *key, char name[40])
{
    snprintf(name, 40, "%.32s.so", key->text);
}

void al_cache_name(const al_cache *cache, const al_expr_key *key, char *path, size_t nbytes)
{
    if (snprintf(path, nbytes, "%s/%.32s.so", cache->path, key->text) >= (int)nbytes)
        path[0] = '\0';
}

/* Whether the bytes are an object of this key, complete and unchanged; cuts the trailer off if so. */
static bool take_trailer(const al_expr_key *key, al_bytes *bytes)
{
    trailer end;
    XXH128_canonical_t sum;
    if (bytes->nbytes < sizeof end)
        return false;
    const size_t nbytes = bytes->nbytes - sizeof end;
    memcpy(&end, bytes->at + nbytes, sizeof end);
    XXH128_canonicalFromHash(&sum, XXH3_128bits(bytes->at, nbytes));
    if (memcmp(end.magic, magic, sizeof magic) != 0 || le64toh(end.nbytes) != nbytes ||
        memcmp(end.key, key->text, sizeof end.key) != 0 || memcmp(end.sum, sum.digest, sizeof end.sum) != 0)
        return false;
    bytes->nbytes = nbytes;
    return true;
}

/* Open an object that may be trusted. @return its descriptor, or -1 (result says whether that is an error) */
static int open_object(const al_cache *cache, const al_expr_key *key, allot_err *result, allot_error *err)
{
    char name[40], path[4200];
    struct stat st;
    object_name(key, name);
    snprintf(path, sizeof path, "%s/%s", cache->path, name);
    *result = ALLOT_OK;
    const int fd = openat(cache->fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        if (errno == ELOOP)
            *result =
                al_fail(err, ALLOT_EPERM, 0, "the cached object %.300s is a symbolic link: remove it", path);
        return -1;
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        *result =
            al_fail(err, ALLOT_EPERM, 0, "the cached object %.300s is not a plain file: remove it", path);
    else
        *result = check_owner(&st, "the cached object", path, err);
    if (*result == ALLOT_OK)
        return fd;
    close(fd);
    return -1;
}

allot_err al_cache_get(al_cache *cache, const al_expr_key *key, al_bytes *object, allot_error *err)
{
    allot_err result;
    *object = (al_bytes){NULL, 0};
    if (cache->fd < 0)
        return ALLOT_OK;
    const int fd = open_object(cache, key, &result, err);
    if (fd < 0)
        return result;
    if (al_bytes_read(fd, MAX_OBJECT, object) == 0 && !take_trailer(key, object)) {
        free(object->at);
        *object = (al_bytes){NULL, 0};
    }
    /* Its last use, for when there are too many; not ours or a read-only disk: it stays as old as it is. */
    if (object->at && futimens(fd, NULL) != 0)
        errno = 0;
    close(fd);
    return ALLOT_OK;
}

static bool write_object(int fd, const al_expr_key *key, const al_bytes *object)
{
    trailer end = {.nbytes = htole64(object->nbytes)};
    XXH128_canonical_t sum;
    XXH128_canonicalFromHash(&sum, XXH3_128bits(object->at, object->nbytes));
    memcpy(end.magic, magic, sizeof magic);
    memcpy(end.sum, sum.digest, sizeof end.sum);
    memcpy(end.key, key->text, sizeof end.key);
    return al_bytes_write(fd, object->at, object->nbytes) == 0 && al_bytes_write(fd, &end, sizeof end) == 0;
}

/* ---- not too many ----------------------------------------------------------------------------------- */

typedef struct kept {
    char name[40];
    struct timespec used;
} kept;

static int older_first(const void *left, const void *right)
{
    const kept *a = left, *b = right;
    if (a->used.tv_sec != b->used.tv_sec)
        return a->used.tv_sec < b->used.tv_sec ? -1 : 1;
    return a->used.tv_nsec < b->used.tv_nsec ? -1 : a->used.tv_nsec > b->used.tv_nsec;
}

static bool is_object_name(const char *name)
{
    return strspn(name, "0123456789abcdef") == 32 && strcmp(name + 32, ".so") == 0;
}

/* All objects in the folder, and litter removed on the way. @return how many, or -1 */
static int list_objects(const al_cache *cache, kept **list)
{
    int count = 0, room = 0;
    struct stat st;
    *list = NULL;
    const int fd = openat(cache->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        const bool is_litter = strncmp(entry->d_name, "new.", 4) == 0;
        if ((!is_litter && !is_object_name(entry->d_name)) ||
            fstatat(cache->fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if (is_litter) {
            if (time(NULL) - st.st_mtim.tv_sec > LITTER_AGE_S)
                unlinkat(cache->fd, entry->d_name, 0);
            continue;
        }
        if (count == room) {
            room = room ? room * 2 : KEPT_MOST * 2;
            kept *more = realloc(*list, (size_t)room * sizeof **list);
            if (!more)
                break;
            *list = more;
        }
        memcpy((*list)[count].name, entry->d_name, 36);
        (*list)[count++].used = st.st_mtim;
    }
    closedir(dir);
    return count;
}

static void remove_oldest(const al_cache *cache)
{
    kept *list;
    const int count = list_objects(cache, &list);
    if (count > KEPT_MOST) {
        qsort(list, (size_t)count, sizeof *list, older_first);
        for (int k = 0; k < count - KEPT_AFTER; k++)
            unlinkat(cache->fd, list[k].name, 0);
    }
    free(list);
}

bool al_cache_put(al_cache *cache, const al_expr_key *key, const al_bytes *object)
{
    static unsigned serial;
    char name[40], temporary[64];
    if (cache->fd < 0)
        return false;
    object_name(key, name);
    snprintf(temporary, sizeof temporary, "new.%ld.%u", (long)getpid(),
             __atomic_fetch_add(&serial, 1, __ATOMIC_RELAXED));
    unlinkat(cache->fd, temporary, 0); /* of a process that had our number, and died */
    const int fd = openat(cache->fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    const bool written = write_object(fd, key, object);
    const bool closed = close(fd) == 0;
    if (!written || !closed || renameat(cache->fd, temporary, cache->fd, name) != 0) {
        unlinkat(cache->fd, temporary, 0);
        return false;
    }
    remove_oldest(cache);
    return true;
}

/* ---- one compiles ----------------------------------------------------------------------------------- */

void al_cache_lock(al_cache *cache, const al_expr_key *key)
{
    /* Sixteen files for all keys, so that they need not be removed. */
    const char name[] = {'l', 'o', 'c', 'k', '.', key->text[0], '\0'};
    const struct timespec pause = {0, 5000000};
    if (cache->fd < 0)
        return;
    cache->lock_fd = openat(cache->fd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    for (int waited_ms = 0; cache->lock_fd >= 0 && waited_ms < LOCK_WAIT_MS; waited_ms += 5) {
        if (flock(cache->lock_fd, LOCK_EX | LOCK_NB) == 0 || (errno != EWOULDBLOCK && errno != EINTR))
            return;
        nanosleep(&pause, NULL);
    }
}

void al_cache_unlock(al_cache *cache)
{
    if (cache->lock_fd >= 0)
        close(cache->lock_fd); /* which unlocks */
    cache->lock_fd = -1;
}
