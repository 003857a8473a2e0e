/* A shared object in memory becomes functions.
 *
 * What is loaded is always a copy in memory, never the file in the cache: the bytes whose sum was checked
 * are the bytes that run, a file that another process cuts short under a mapping cannot end this one,
 * and a home that is mounted `noexec` is no obstacle. Where the kernel gives no such file, a file in
 * $TMPDIR without a name takes its place.
 *
 * The loader knows an object by its name, and would take a second file of the same name for the first;
 * so the descriptor, which is in the name, stays open as long as the object is loaded.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "map/expr_parts.h"

static const char *temporary_folder(void)
{
    const char *dir = getenv("TMPDIR");
    return dir && dir[0] == '/' ? dir : "/tmp";
}

int al_memory_file(const char *name)
{
    int fd = memfd_create(name, MFD_CLOEXEC);
    if (fd < 0)
        fd = open(temporary_folder(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0700);
    if (fd < 0 || fd > 2)
        return fd;
    /* 0 to 2 are about to be given another meaning in a child. */
    const int above = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    close(fd);
    return above;
}

int al_work_folder_make(char *path, size_t nbytes)
{
    if (snprintf(path, nbytes, "%s/allot-XXXXXX", temporary_folder()) >= (int)nbytes) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return mkdtemp(path) ? 0 : -1;
}

void al_work_folder_remove(const char *path)
{
    DIR *dir = opendir(path);
    if (dir) {
        for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
            if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                unlinkat(dirfd(dir), entry->d_name, 0);
        closedir(dir);
    }
    rmdir(path);
}

int al_expr_in_memory(const al_bytes *object)
{
    const int fd = al_memory_file("allot-expression");
    if (fd < 0)
        return -1;
    if (al_bytes_write(fd, object->at, object->nbytes) == 0)
        return fd;
    const int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static allot_err take_table(const al_expr_table *table, const al_expr_key *key, al_expr *expr,
                            allot_error *err)
{
    if (!table || table->abi != AL_EXPR_ABI || memcmp(table->key, key->text, sizeof table->key) != 0)
        return al_fail(err, ALLOT_EIO, 0, "the compiled expression is not the one that was asked for");
    expr->in_type = (al_type)table->in_type;
    expr->out_type = (al_type)table->out_type;
    expr->map = table->map;
    expr->overflowed = table->overflowed;
    expr->overflow_text = table->overflow_text;
    expr->locate = table->locate;
    if (table->fold) {
        expr->reduce_type = (al_type)table->reduce_type;
        expr->acc_nbytes = table->acc_nbytes;
        expr->exact = table->exact != 0;
        expr->fold = table->fold;
        expr->combine = table->combine;
        expr->finish = table->finish;
    }
    return ALLOT_OK;
}

allot_err al_expr_open(const al_bytes *object, const al_expr_key *key, al_expr *expr, allot_error *err)
{
    char name[64];
    const int fd = al_expr_in_memory(object);
    if (fd < 0)
        return al_fail(err, ALLOT_EIO, errno, "cannot copy the compiled expression into memory");
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        const char *why = dlerror();
        al_fail(err, ALLOT_EIO, 0, "cannot load the compiled expression: %s", why ? why : "unknown reason");
        close(fd);
        return ALLOT_EIO;
    }
    const allot_err result = take_table(dlsym(handle, "al_expr_table"), key, expr, err);
    if (result != ALLOT_OK) {
        dlclose(handle);
        close(fd);
        return result;
    }
    expr->handle = handle;
    expr->fd = fd;
    return ALLOT_OK;
}

void al_expr_unload(al_expr *expr)
{
    if (!expr)
        return;
    if (expr->handle) {
        dlclose(expr->handle);
        close(expr->fd);
    }
    memset(expr, 0, sizeof *expr);
}
