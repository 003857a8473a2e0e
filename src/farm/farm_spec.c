/* farm_spec.c - a task with a spec: its own command, variables, folder and standard input. See farm_parts.h.
 *
 * The spec is read again when its task starts: keeping a million of them parsed would cost a gigabyte.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "farm/farm_parts.h"

/** The command of a spec as a row of texts. */
static allot_err render(const al_farm *farm, const al_spec *spec, al_buffer *argv, uint32_t *argc,
                        allot_error *err)
{
    if (spec->command != NULL)
        return al_command_render(spec->command, strlen(spec->command), farm->opts.use_shell, farm->opts.shell,
                                 argv, argc, err);
    for (uint32_t k = 0; k < spec->argc; k++)
        (void)al_buffer_append(argv, spec->argv[k], strlen(spec->argv[k]) + 1);
    *argc = spec->argc;
    return argv->failed ? al_fail(err, ALLOT_ENOMEM, 0, "out of memory") : ALLOT_OK;
}

/** Our variables but for those that the spec sets, and the spec's. */
static allot_err join_env(const al_farm *farm, const al_spec *spec, char ***envp, allot_error *err)
{
    size_t count = 0, n = 0;
    while (farm->envp[count] != NULL)
        count++;
    char **joined = calloc(count + spec->nenv + 1, sizeof *joined);
    if (joined == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    for (uint32_t k = 0; k < spec->nenv; k++)
        joined[n++] = spec->env[k];
    for (size_t k = 0; k < count; k++) {
        size_t length = strcspn(farm->envp[k], "=") + 1;
        bool is_set = false;
        for (uint32_t own = 0; own < spec->nenv && !is_set; own++)
            is_set = strncmp(spec->env[own], farm->envp[k], length) == 0;
        if (!is_set)
            joined[n++] = farm->envp[k];
    }
    *envp = joined;
    return ALLOT_OK;
}

/** A file that only we know of, with the text: a task may read it at its leisure, and none is left over. */
static allot_err hold_stdin(const al_spec *spec, int *fd, allot_error *err)
{
    *fd = memfd_create("stdin", MFD_CLOEXEC);
    size_t written = 0;
    while (*fd >= 0 && written < spec->stdin_nbytes) {
        ssize_t n = write(*fd, spec->stdin_text + written, spec->stdin_nbytes - written);
        if (n < 0)
            break;
        written += (size_t)n;
    }
    if (*fd < 0 || written < spec->stdin_nbytes || lseek(*fd, 0, SEEK_SET) != 0)
        return al_fail(err, ALLOT_EIO, errno, "standard input cannot be prepared");
    return ALLOT_OK;
}

static void path_of(const al_farm *farm, const al_spec *spec, const char *name, char path[PATH_MAX])
{
    const char *cwd = farm->opts.cwd != NULL ? farm->opts.cwd : ".";
    bool is_absolute = name[0] == '/' || (spec->cwd != NULL && spec->cwd[0] == '/');
    (void)snprintf(path, PATH_MAX, "%s%s%s%s%s", is_absolute ? "" : cwd, is_absolute ? "" : "/",
                   name[0] == '/' || spec->cwd == NULL ? "" : spec->cwd,
                   name[0] == '/' || spec->cwd == NULL ? "" : "/", name);
}

allot_err al_farm_own_read(al_farm *farm, al_args text, al_farm_own *own, uint32_t *argc, allot_error *err)
{
    *own = (al_farm_own){.in_fd = -1};
    allot_err code = al_spec_parse(text.at, text.nbytes, "task", farm->opts.kind, farm->opts.tokens,
                                   farm->opts.ntokens, &own->spec, err);
    if (code != ALLOT_OK)
        return code;
    own->is_read = true;
    code = render(farm, &own->spec, &farm->argv, argc, err);
    if (code == ALLOT_OK && own->spec.nenv > 0)
        code = join_env(farm, &own->spec, &own->envp, err);
    if (code == ALLOT_OK && own->spec.stdin_text != NULL)
        code = hold_stdin(&own->spec, &own->in_fd, err);
    if (code == ALLOT_OK && own->spec.cwd != NULL)
        path_of(farm, &own->spec, "", own->cwd);
    return code;
}

void al_farm_own_fini(al_farm_own *own)
{
    if (own->in_fd >= 0)
        (void)close(own->in_fd);
    free(own->envp);
    if (own->is_read)
        al_spec_fini(&own->spec);
    *own = (al_farm_own){.in_fd = -1};
}

/** Files that --fetch names for a task. */
static bool has_fetched(const al_farm *farm, const al_place *place, al_args args, char missing[PATH_MAX])
{
    al_stage_files files = {.made = {.at = NULL}};
    const al_stage_opts only_made = {.fetch = farm->opts.stage->fetch, .nfetch = farm->opts.stage->nfetch};
    char cwd[PATH_MAX];
    const char *from = farm->opts.cwd != NULL ? farm->opts.cwd : getcwd(cwd, sizeof cwd);
    bool all =
        al_stage_files_of(&only_made, args, place->task, place->result.slot, &files, NULL) != ALLOT_OK ||
        from == NULL || al_stage_has_all(from, (al_bytes){files.made.at, files.made.nbytes}, missing);
    al_stage_files_fini(&files);
    return all;
}

bool al_farm_has_outputs(al_farm *farm, const al_place *place, char missing[PATH_MAX])
{
    al_args args, text;
    al_spec spec;
    struct stat st;
    bool all = true;
    if (al_store_task(farm->opts.store, place->task, &args, &text, NULL) != ALLOT_OK)
        return true;
    if (text.at == NULL)
        return farm->opts.stage == NULL || has_fetched(farm, place, args, missing);
    if (al_spec_parse(text.at, text.nbytes, "task", farm->opts.kind, farm->opts.tokens, farm->opts.ntokens,
                      &spec, NULL) != ALLOT_OK)
        return true;
    for (uint32_t k = 0; k < spec.nout && all; k++) {
        path_of(farm, &spec, spec.out[k], missing);
        all = stat(missing, &st) == 0;
    }
    al_spec_fini(&spec);
    return all;
}
