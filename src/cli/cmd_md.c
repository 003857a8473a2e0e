/* cmd_md.c - `allot md`: molecular dynamics. The work is done by allot-md, a program of its own, as the
 * command that people farm with needs nothing of it; this file checks what was typed, finds that program and
 * becomes it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/companion.h"
#include "cli/commands.h"
#include "cli/md_launch.h"
#include "cli/md_options.h"
#include "cli/md_step.h"

/** Become the program that simulates. @return the exit status, if that cannot be */
static int become(const al_md_options *options, int argc, char **words)
{
    char path[PATH_MAX];
    bool is_rank = al_md_step_is_rank(),
         is_started = !is_rank && (options->nranks > 1 || options->on != NULL);
    bool has_ranks = is_rank || is_started;
    uint32_t ntasks = al_md_step_ntasks();
    const char *name = has_ranks ? "allot-md-mpi" : "allot-md";
    if (options->nranks > 1 && is_rank && options->on == NULL) {
        al_complain("md", "--ranks: an MPI launcher has started this already: leave it out");
        return AL_EXIT_USAGE;
    }
    if (ntasks > 1 && !is_rank && options->nranks != 1) {
        al_md_step_complain(ntasks);
        return AL_EXIT_USAGE;
    }
    if (!al_companion_find(name, X_OK, path, sizeof path)) {
        al_complain("md", "%s is neither beside this program nor in ../libexec/allot: %s", name,
                    has_ranks ? "install libopenmpi-dev and build allot anew" : "install allot anew");
        return AL_EXIT_FAILED;
    }
    if (is_started)
        return al_md_launch(options, path, argc, words);
    if (options->dry_run) {
        printf("%s\n", path);
        return AL_EXIT_OK;
    }
    (void)execv(path, words);
    al_complain("md", "%s: %s", path, strerror(errno));
    return AL_EXIT_FAILED;
}

int al_md_run(int argc, char **argv)
{
    al_md_options options = al_md_options_default();
    int noperands, status;
    char **words = malloc(((size_t)argc + 1) * sizeof *words);
    if (words == NULL) {
        al_complain("md", "out of memory");
        return AL_EXIT_FAILED;
    }
    memcpy(words, argv, ((size_t)argc + 1) * sizeof *words); /* parsing sorts them */
    if (al_option_parse(&al_command_md, argc, argv, &options, &noperands, &status))
        status = al_md_options_check(&options, noperands) && al_md_launch_check(&options)
                     ? become(&options, argc, words)
                     : AL_EXIT_USAGE;
    free(words);
    return status;
}
