/* md_launch.c - see md_launch.h.
 *
 * In Slurm there are two of us: one where it was typed, which waits for salloc, and one in the allocation,
 * which waits for mpirun, as one that started ranks of this machine does. Both pass on what asks for an end,
 * so that ranks write what they can go on from.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "cli/md_launch.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <allot/pool.h>

#include "cli/supervise.h"
#include "engine/launcher.h"
#include "engine/slurm.h"
#include "farm/template.h"

/* Slurm tells a job so long before its time is up. */
#define NOTICE_S 60

bool al_md_launch_check(const al_md_options *options)
{
    al_engine_spec *specs = NULL;
    uint32_t nspecs = 0;
    allot_error err;
    bool good = true;
    if (options->on == NULL)
        return true;
    if (al_engine_specs_parse(options->on, &specs, &nspecs, &err) != ALLOT_OK) {
        al_complain("md", "--on %s: %s", options->on, err.text);
        good = false;
    } else if (nspecs == 0 || specs[0].launcher != &al_launch_slurm || specs[0].nslots > 0 ||
               specs[nspecs - 1].number + 1 != nspecs) {
        al_complain(
            "md",
            "--on %s: one allocation of Slurm's is wanted, as in --on slurm:nodes=2,time=2h; on other "
            "machines, start it by their MPI: mpirun --host a,b -n 8 allot md ...",
            options->on);
        good = false;
    }
    al_engine_specs_free(specs, nspecs);
    return good;
}

/** Words of a command that is being put together: each with its end. */
typedef struct command {
    al_buffer text;
    uint32_t nwords;
} command;

static void add(command *c, const char *word)
{
    al_argv_add(&c->text, &c->nwords, word);
}

static void add_number(command *c, const char *option, uint64_t value)
{
    char digits[24];
    (void)snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);
    add(c, option);
    add(c, digits);
}

/** What was typed, but for --dry-run. */
static void add_typed(command *c, int argc, char **words)
{
    for (int k = 1; k < argc; k++)
        if (strcmp(words[k], "--dry-run") != 0)
            add(c, words[k]);
}

/** Ranks: those that were asked for, or one a node. */
static uint64_t nranks_of(const al_md_options *o)
{
    uint32_t nnodes = o->on != NULL ? al_slurm_nodes_of(o->on) : 1;
    nnodes = nnodes > 0 ? nnodes : al_slurm_nodes_here();
    return o->nranks > 0 ? o->nranks : nnodes > 0 ? nnodes : 1;
}

/** Threads of a rank, where they must be said: 0: it sees for itself. */
static uint64_t nthreads_of(const al_md_options *o)
{
    const char *given = getenv("SLURM_CPUS_PER_TASK");
    if (o->on != NULL)
        return given != NULL && atoi(given) > 0 ? (uint64_t)atoi(given) : 0;
    uint64_t all = allot_pool_nthreads(NULL), each = all / o->nranks;
    return each > 0 ? each : 1;
}

/** mpirun and what it starts. On this machine ranks give way to each other while they wait, as there may be
 * more of them than processors. */
static void add_mpirun(command *c, const al_md_options *o, const char *path, int argc, char **words)
{
    static const char *const always[] = {"mpirun", "-q", "--bind-to", "none"};
    static const char *const here[] = {"--oversubscribe", "--mca", "mpi_yield_when_idle", "1"};
    bool is_here = o->on == NULL, has_terminal = isatty(STDERR_FILENO) != 0 || getenv(AL_MD_TERMINAL) != NULL;
    uint32_t nnodes = is_here ? 0 : al_slurm_nodes_of(o->on);
    uint64_t nranks = nranks_of(o), nthreads = o->nthreads > 0 ? 0 : nthreads_of(o);
    for (size_t k = 0; k < sizeof always / sizeof always[0]; k++)
        add(c, always[k]);
    for (size_t k = 0; is_here && k < sizeof here / sizeof here[0]; k++)
        add(c, here[k]);
    if (nnodes > 0)
        add_number(c, "-N", (nranks + nnodes - 1) / nnodes);
    if (has_terminal) { /* they do not see it behind mpirun */
        add(c, "-x");
        add(c, AL_MD_TERMINAL "=1");
    }
    add_number(c, "-n", nranks);
    add(c, path);
    add_typed(c, argc, words);
    if (nthreads > 0)
        add_number(c, "-j", nthreads);
}

/** salloc, and this command in it. @return false: nobody knows where we are */
static bool add_salloc(command *c, const al_md_options *o, int argc, char **words)
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    double limit_s = al_slurm_limit_s(o->on);
    al_slurm_room room = {.name = "allot-md",
                          .ntasks = (uint32_t)nranks_of(o),
                          .ncpus = (uint32_t)(o->nthreads > 0 ? o->nthreads
                                              : o->nranks > 0 ? 1
                                                              : 0),
                          .notice_s =
                              limit_s > 0 && limit_s < 10 * NOTICE_S ? (uint32_t)(limit_s / 10) : NOTICE_S,
                          .is_quiet = o->quiet};
    if (n <= 0)
        return false;
    self[n] = '\0';
    al_slurm_add_room(o->on, &room, &c->text, &c->nwords);
    add(c, self);
    add(c, "md");
    add_typed(c, argc, words);
    return true;
}

static void print(const command *c)
{
    al_buffer line = {.at = NULL};
    const char *word = c->text.at;
    for (uint32_t k = 0; k < c->nwords; k++, word += strlen(word) + 1) {
        if (k > 0)
            (void)al_buffer_byte(&line, ' ');
        (void)al_shell_quote(&line, word, strlen(word));
    }
    printf("%.*s\n", (int)line.nbytes, line.nbytes > 0 ? line.at : "");
    al_buffer_fini(&line);
}

static void allow_root(void)
{
    if (geteuid() != 0) /* who is root on a machine of his own may do this, too */
        return;
    (void)setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 0);
    (void)setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 0);
}

/** @return the exit status */
static int run(const command *c, bool is_salloc)
{
    char tell[64];
    int fds[2] = {-1, -1}, status = AL_EXIT_FAILED;
    allot_error err;
    char **argv = c->text.failed ? NULL : calloc((size_t)c->nwords + 1, sizeof *argv), *at = c->text.at;
    for (uint32_t k = 0; argv != NULL && k < c->nwords; k++, at += strlen(at) + 1)
        argv[k] = at;
    if (argv == NULL) {
        al_complain("md", "out of memory");
        return AL_EXIT_FAILED;
    }
    if (is_salloc)
        al_supervise_listen(fds, tell);
    al_supervised what = {.argv = argv,
                          .end_by = is_salloc ? SIGTERM : SIGUSR1,
                          .inner_fd = fds[0],
                          .tell = is_salloc && fds[0] >= 0 ? tell : NULL};
    allot_err code = al_supervise(&what, &status, &err);
    if (code != ALLOT_OK)
        al_complain("md", "%s (Debian's package %s has it)", err.text,
                    is_salloc ? "slurm-client" : "openmpi-bin");
    free(argv);
    return code == ALLOT_OK ? status : AL_EXIT_FAILED;
}

int al_md_launch(const al_md_options *options, const char *path, int argc, char **words)
{
    command c = {.nwords = 0};
    int status = AL_EXIT_OK;
    bool is_salloc = options->on != NULL && al_slurm_nodes_here() == 0;
    al_supervise_tell();
    allow_root();
    if (is_salloc && isatty(STDERR_FILENO))
        (void)setenv(AL_MD_TERMINAL, "1", 1);
    if (!is_salloc)
        add_mpirun(&c, options, path, argc, words);
    else if (!add_salloc(&c, options, argc, words))
        c.text.failed = true;
    if (options->dry_run && !c.text.failed)
        print(&c);
    else
        status = run(&c, is_salloc);
    al_buffer_fini(&c.text);
    return status;
}
