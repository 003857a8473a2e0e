/* held.c - see held.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "farm/held.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "engine/file_transfer.h"
#include "farm/stage.h"

struct al_held_file {
    char *name, *path, *target; /* declared; below it, "": it is that itself; of a link, NULL: it is none */
    char part[64];
    bool is_whole;
};

static char *copy(al_bytes bytes)
{
    return strndup(bytes.nbytes > 0 ? bytes.at : "", bytes.nbytes);
}

static void free_file(struct al_held_file *file)
{
    free(file->name);
    free(file->path);
    free(file->target);
}

bool al_held_add(al_held *held, const char *name, const al_file_head *file, const char *part)
{
    bool is_link = file->type == AL_FILE_LINK;
    if (held->count == held->room) {
        size_t room = held->room > 0 ? 2 * held->room : 4;
        struct al_held_file *files = realloc(held->files, room * sizeof *files);
        if (files == NULL)
            return false;
        held->files = files;
        held->room = room;
    }
    struct al_held_file *one = &held->files[held->count];
    *one = (struct al_held_file){.name = strdup(name), .path = copy(file->path), .is_whole = is_link};
    one->target = is_link ? copy(file->target) : NULL;
    (void)snprintf(one->part, sizeof one->part, "%s", is_link ? "" : part);
    if (one->name == NULL || one->path == NULL || (is_link && one->target == NULL)) {
        free_file(one);
        return false;
    }
    held->count++;
    return true;
}

void al_held_whole(al_held *held)
{
    if (held->count > 0)
        held->files[held->count - 1].is_whole = true;
}

/** The folder that a file is in. @param[out] last  its name there. @return a descriptor, or -1 with errno */
static int open_folder(const struct al_held_file *file, const char *cwd, char last[NAME_MAX + 1])
{
    int root = al_stage_open_root(cwd, file->name, file->path[0] != '\0', last);
    if (root < 0 || file->path[0] == '\0')
        return root;
    int folder = al_folder_below(root, (al_bytes){file->path, strlen(file->path)}, last), fault = errno;
    (void)close(root);
    errno = fault;
    return folder;
}

/** @return 0 or errno */
static int make_link(const struct al_held_file *file, const char *cwd)
{
    char last[NAME_MAX + 1];
    const al_file_head head = {.type = AL_FILE_LINK,
                               .path = {file->path, strlen(file->path)},
                               .target = {file->target, strlen(file->target)}};
    int root = al_stage_open_root(cwd, file->name, true, last), fault = root < 0 ? errno : 0;
    if (root >= 0) {
        fault = al_make_below(root, &head);
        (void)close(root);
    }
    return fault;
}

/** @return 0 or errno */
static int give_name(const struct al_held_file *file, const char *cwd)
{
    char last[NAME_MAX + 1];
    int folder = open_folder(file, cwd, last);
    if (folder < 0)
        return errno;
    int fault = renameat(folder, file->part, folder, last) == 0 ? 0 : errno;
    (void)close(folder);
    return fault;
}

static void remove_part(const struct al_held_file *file, const char *cwd)
{
    char last[NAME_MAX + 1];
    int folder = file->part[0] != '\0' ? open_folder(file, cwd, last) : -1;
    if (folder < 0)
        return;
    (void)unlinkat(folder, file->part, 0);
    (void)close(folder);
}

allot_err al_held_name(al_held *held, const char *cwd, allot_error *err)
{
    allot_err code = ALLOT_OK;
    for (size_t k = 0; k < held->count; k++) {
        struct al_held_file *file = &held->files[k];
        int fault = code != ALLOT_OK || !file->is_whole ? 0
                    : file->target != NULL              ? make_link(file, cwd)
                                                        : give_name(file, cwd);
        if (fault != 0)
            code = al_fail(err, ALLOT_EIO, fault, "%.200s cannot be written", file->name);
        if (code != ALLOT_OK || !file->is_whole)
            remove_part(file, cwd);
        free_file(file);
    }
    held->count = 0;
    return code;
}

void al_held_drop(al_held *held, const char *cwd)
{
    for (size_t k = 0; k < held->count; k++) {
        remove_part(&held->files[k], cwd);
        free_file(&held->files[k]);
    }
    held->count = 0;
}

void al_held_fini(al_held *held)
{
    for (size_t k = 0; k < held->count; k++)
        free_file(&held->files[k]);
    free(held->files);
    *held = (al_held){.files = NULL};
}
