/* launch_slurm.c - engines that Slurm gives: each is one srun of one task on one node.
 *
 * Outside an allocation each srun is a job of its own: it waits in the queue by itself, starts when there is
 * a node for it, and goes back when it is no longer needed, whatever the others do. Inside an allocation
 * (sbatch, salloc) the engines are its steps, one a node. What batch systems are bad at, many short jobs,
 * they are not asked for: an engine takes thousands of tasks.
 *
 *     slurm                       one engine, or all nodes of the allocation that we are in
 *     slurm:nodes=4,cpus=8,partition=p,time=2h,account=a,mem=16G,...
 *
 * A key that is not ours becomes srun's option of that name, so that qos, constraint or gres need no word
 * here. Within an allocation those that only a job can have are passed over.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "engine/launcher.h"
#include "engine/slurm.h"

#define NODES_MOST 1000u

static bool claims(const char *text)
{
    return strcmp(text, "slurm") == 0 || strncmp(text, "slurm:", 6) == 0;
}

/** The next key and value. @return false: no more. *bad: it is none */
static bool next_pair(const char **at, char key[64], char value[512], bool *bad)
{
    *bad = false;
    if (**at == '\0')
        return false;
    size_t length = strcspn(*at, ","), nkey = strcspn(*at, "=,");
    *bad = nkey == 0 || nkey >= 64 || (*at)[nkey] != '=' || length - nkey - 1 >= 512 || length == nkey + 1 ||
           strspn(*at, "abcdefghijklmnopqrstuvwxyz-") < nkey || (*at)[0] == '-';
    if (*bad)
        return false;
    (void)snprintf(key, 64, "%.*s", (int)nkey, *at);
    (void)snprintf(value, 512, "%.*s", (int)(length - nkey - 1), *at + nkey + 1);
    *at += length + ((*at)[length] == ',');
    return true;
}

static const char *pairs_of(const char *target)
{
    return target + (target[5] == ':' ? 6 : 5);
}

uint32_t al_slurm_nodes_here(void)
{
    const char *job = getenv("SLURM_JOB_ID"), *nodes = getenv("SLURM_JOB_NUM_NODES");
    int count = job != NULL && nodes != NULL ? atoi(nodes) : 0;
    return count > 0 && count <= (int)NODES_MOST ? (uint32_t)count : 0;
}

/** "2h", "90m", "30s", "1d" in s; -1: it is something else. */
static double seconds_of(const char *text)
{
    char *end;
    double value = strtod(text, &end);
    return end == text || end[0] == '\0' || end[1] != '\0' ? -1
           : *end == 's'                                   ? value
           : *end == 'm'                                   ? value * 60
           : *end == 'h'                                   ? value * 3600
           : *end == 'd'                                   ? value * 86400
                                                           : -1;
}

double al_slurm_limit_s(const char *target)
{
    char key[64], value[512];
    bool bad;
    double limit_s = 0;
    for (const char *at = pairs_of(target); next_pair(&at, key, value, &bad);)
        if (strcmp(key, "time") == 0)
            limit_s = seconds_of(value);
    return limit_s > 0 ? limit_s : 0;
}

/** A time as srun wants it; what is none of ours as it is. */
static void slurm_time(const char *text, char out[64])
{
    double seconds = seconds_of(text);
    if (seconds < 0) {
        (void)snprintf(out, 64, "%.60s", text);
        return;
    }
    unsigned long whole = (unsigned long)seconds;
    (void)snprintf(out, 64, "%lu:%02lu:%02lu", whole / 3600, whole / 60 % 60, whole % 60);
}

uint32_t al_slurm_nodes_of(const char *target)
{
    char key[64], value[512];
    bool bad;
    uint32_t nnodes = 0;
    for (const char *at = pairs_of(target); next_pair(&at, key, value, &bad);)
        if (strcmp(key, "nodes") == 0)
            nnodes = (uint32_t)atoi(value);
    return nnodes;
}

static allot_err expand(const char *target, uint32_t *count, uint32_t number, char **named, allot_error *err)
{
    char key[64], value[512];
    bool bad;
    const char *at = pairs_of(target);
    uint32_t here = al_slurm_nodes_here();
    *count = here > 0 ? here : 1;
    while (next_pair(&at, key, value, &bad))
        if (strcmp(key, "nodes") == 0) {
            int wanted = atoi(value);
            if (wanted < 1 || wanted > (int)NODES_MOST || (here > 0 && (uint32_t)wanted > here))
                return al_fail(err, ALLOT_EINVAL, 0, "nodes=%s: a number from 1 to %u is wanted", value,
                               here > 0 ? here : NODES_MOST);
            *count = (uint32_t)wanted;
        }
    if (bad)
        return al_fail(err, ALLOT_EINVAL, 0,
                       "%s: KEY=VALUE is wanted, as in slurm:nodes=4,partition=p,time=2h,cpus=8", target);
    if (named != NULL && asprintf(named, "slurm%u", number + 1) < 0) {
        *named = NULL;
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    }
    return ALLOT_OK;
}

static void add_option(al_buffer *argv, uint32_t *argc, const char *key, const char *value)
{
    char text[600], when[64];
    if (strcmp(key, "nodes") == 0)
        return;
    if (strcmp(key, "time") == 0) {
        slurm_time(value, when);
        value = when;
    }
    (void)snprintf(text, sizeof text, "--%s=%s", strcmp(key, "cpus") == 0 ? "cpus-per-task" : key, value);
    al_argv_add(argv, argc, text);
}

/** Whether a step has this option, too; the others are the job's, and were heard when that was made: a step
 * that is told to begin in an hour would wait for it. */
static bool is_of_step(const char *key)
{
    static const char *const beginnings[] = {"cpu",   "mem",  "gpu",          "gres",   "tres", "threads",
                                             "cores", "hint", "distribution", "export", NULL};
    for (size_t k = 0; beginnings[k] != NULL; k++)
        if (strncmp(key, beginnings[k], strlen(beginnings[k])) == 0)
            return true;
    return false;
}

bool al_slurm_add_options(const char *target, bool is_step, al_buffer *argv, uint32_t *argc)
{
    char key[64], value[512];
    bool bad, has_cpus = false;
    for (const char *at = pairs_of(target); next_pair(&at, key, value, &bad);) {
        if (is_step && !is_of_step(key))
            continue;
        add_option(argv, argc, key, value);
        has_cpus = has_cpus || strcmp(key, "cpus") == 0 || strncmp(key, "cpus-", 5) == 0;
    }
    return has_cpus;
}

bool al_slurm_is_passing(const char *why)
{
    static const char *const texts[] = {"Unable to contact",  "Socket timed out",
                                        "not responding",     "temporarily unable",
                                        "Connection refused", "Zero Bytes were transmitted"};
    for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++)
        if (strcasestr(why, texts[k]) != NULL)
            return true;
    return false;
}

static allot_err command(const al_engine_spec *spec, const al_launch_opts *opts, const char *script,
                         al_buffer *argv, uint32_t *argc, allot_error *err)
{
    char text[300];
    al_argv_add(argv, argc, "srun");
    static const char *const always[] = {"--nodes=1",    "--ntasks=1", "--input=all",         "--output=all",
                                         "--unbuffered", "--mpi=none", "--kill-on-bad-exit=0"};
    for (size_t k = 0; k < sizeof always / sizeof always[0]; k++)
        al_argv_add(argv, argc, always[k]);
    bool is_step = al_slurm_nodes_here() > 0;
    bool has_cpus = al_slurm_add_options(spec->target, is_step, argv, argc);
    if (is_step) { /* one step a node, beside whatever else runs in the allocation */
        (void)snprintf(text, sizeof text, "--relative=%u", spec->number);
        al_argv_add(argv, argc, text);
        al_argv_add(argv, argc, "--overlap");
    } else {
        (void)snprintf(text, sizeof text, "--job-name=allot-%.200s", opts->run);
        al_argv_add(argv, argc, text);
        if (!has_cpus)
            al_argv_add(argv, argc, "--exclusive");
    }
    for (char *const *word = opts->batch_words; word != NULL && *word != NULL; word++)
        al_argv_add(argv, argc, *word);
    al_argv_add(argv, argc, "sh");
    al_argv_add(argv, argc, "-c");
    al_argv_add(argv, argc, script);
    return argv->failed ? al_fail(err, ALLOT_ENOMEM, 0, "out of memory") : ALLOT_OK;
}

const al_launcher al_launch_slurm = {.name = "slurm",
                                     .claims = claims,
                                     .expand = expand,
                                     .command = command,
                                     .start_ns = UINT64_C(365) * 86400 * 1000000000,
                                     .is_lent = true,
                                     .is_passing = al_slurm_is_passing,
                                     .takes_words = true};
