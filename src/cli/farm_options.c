/* farm_options.c - the options of `allot farm`, under the names that GNU parallel's users know, and what they
 * mean.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "cli/farm_options.h"

#include <allot/pool.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/quantity.h"
#include "engine/slurm.h"
#include "farm/store.h"

#define AT(member) offsetof(al_farm_options, member)
#define UNSEEN SIZE_MAX
#define SPECULATE 1.5                          /* so many times what nine of ten tasks took, */
#define SPECULATE_LEAST_NS UINT64_C(100000000) /* and no less than what makes a difference, is too long */

const al_option al_farm_options_table[] = {
    {"jobs", 'j', AL_OPTION_TEXT, AT(jobs), "N", NULL, 0, 0, "as many as there are processors",
     "tasks at a time: a number, +N or -N from the number of processors, N% of it, 0 for as many as can be; "
     "on "
     "each engine by its own processors",
     UNSEEN},
    {"keep-order", 'k', AL_OPTION_FLAG, AT(keep_order), NULL, NULL, 0, 0, NULL,
     "show output in the order of the tasks, not of their ends", UNSEEN},
    {"tag", 0, AL_OPTION_FLAG, AT(tag), NULL, NULL, 0, 0, NULL,
     "begin each line of output with the task's arguments and a tab", UNSEEN},
    {"tagstring", 0, AL_OPTION_TEXT, AT(tag_string), "TEXT", NULL, 0, 0, NULL,
     "begin each line of output with this, placeholders replaced, and a tab", UNSEEN},
    {"line-buffer", 0, AL_OPTION_FLAG, AT(line_buffer), NULL, NULL, 0, 0, NULL,
     "show output as it comes, whole lines at a time", UNSEEN},
    {"ungroup", 'u', AL_OPTION_FLAG, AT(ungroup), NULL, NULL, 0, 0, NULL,
     "show output as it comes, byte for byte; lines of several tasks may mix", UNSEEN},
    {"arg-file", 'a', AL_OPTION_TEXTS, AT(arg_files), "FILE", NULL, 0, 0, "standard input",
     "read arguments from FILE, one a line, as :::: FILE does; may be given again", UNSEEN},
    {"null", '0', AL_OPTION_FLAG, AT(null), NULL, NULL, 0, 0, NULL,
     "arguments in files and on standard input end in NUL, not in a newline", UNSEEN},
    {"colsep", 'C', AL_OPTION_TEXT, AT(colsep), "REGEX", NULL, 0, 0, NULL,
     "split each line into columns {1}, {2}, ... where REGEX matches", UNSEEN},
    {"header", 0, AL_OPTION_TEXT, AT(header), ":", NULL, 0, 0, NULL,
     "the first value of each source names its columns, for {name}", UNSEEN},
    {"max-args", 'N', AL_OPTION_COUNT, AT(nper), "N", NULL, 0, 100000, "1",
     "arguments to a task; 0: read one for each task, and use none", UNSEEN},
    {"many", 'X', AL_OPTION_FLAG, AT(many), NULL, NULL, 0, 0, NULL,
     "as many arguments to a task as a command line holds, fewer if that keeps all jobs busy", UNSEEN},
    {"bundle", 0, AL_OPTION_TEXT, AT(bundle), "N|auto", NULL, 0, 0, NULL,
     "as -X, but N arguments to a task; auto: as many as make starting cheap, by what is measured", UNSEEN},
    {"tasks", 0, AL_OPTION_TEXT, AT(tasks), "FILE", NULL, 0, 0, NULL,
     "read tasks from FILE, one JSON object a line (see allot-tasks(5)); - is standard input", UNSEEN},
    {"dry-run", 0, AL_OPTION_FLAG, AT(dry_run), NULL, NULL, 0, 0, NULL, "print the commands, run none",
     UNSEEN},
    {"retries", 0, AL_OPTION_COUNT, AT(retries), "N", NULL, 0, 1000, "0",
     "try a task that failed again, up to N times", UNSEEN},
    {"retry-on", 0, AL_OPTION_TEXT, AT(retry_on), "LIST", NULL, 0, 0, "any failure but a command not found",
     "what is tried again: exit statuses (1,75-78), signals (KILL), timeout, memory, lost, not-found",
     UNSEEN},
    {"backoff", 0, AL_OPTION_DURATION, AT(backoff_ns), "TIME", NULL, 0, 0, "1s",
     "wait before the first retry, doubled for each further one", UNSEEN},
    {"timeout", 0, AL_OPTION_TEXT, AT(timeout), "TIME|N%", NULL, 0, 0, NULL,
     "end a task after this time, or after N% of the median time of tasks done", UNSEEN},
    {"kill-after", 0, AL_OPTION_DURATION, AT(kill_after_ns), "TIME", NULL, 0, 0, "10s",
     "time between TERM and KILL", UNSEEN},
    {"halt", 0, AL_OPTION_TEXT, AT(halt), "WHEN,WHY=N", NULL, 0, 0, "never",
     "stop early: now|soon, fail|success|done = a number or N%, as in soon,fail=3", UNSEEN},
    {"delay", 0, AL_OPTION_DURATION, AT(delay_ns), "TIME", NULL, 0, 0, NULL, "time between two starts",
     UNSEEN},
    {"load", 0, AL_OPTION_TEXT, AT(load), "N|N%", NULL, 0, 0, NULL,
     "start nothing while the machine's load is above N, or N% of the processors", UNSEEN},
    {"memfree", 0, AL_OPTION_TEXT, AT(memfree), "SIZE", NULL, 0, 0, NULL,
     "start nothing while less memory than SIZE is free (500M, 2G)", UNSEEN},
    {"cpus", 0, AL_OPTION_TEXT, AT(cpus), "N", NULL, 0, 0, "1", "processors that a task keeps busy", UNSEEN},
    {"mem", 0, AL_OPTION_TEXT, AT(mem), "SIZE", NULL, 0, 0, NULL,
     "memory that a task may take: no more are run at once than fit, one that takes more is ended", UNSEEN},
    {"mem-grow", 0, AL_OPTION_TEXT, AT(mem_grow), "X", NULL, 0, 0, "2",
     "a task that was ended for memory is retried with X times as much", UNSEEN},
    {"token", 0, AL_OPTION_TEXTS, AT(tokens), "NAME=N", NULL, 0, 0, NULL,
     "there are N of NAME (licence=2): tasks that need one wait for it; each task of a template needs one",
     UNSEEN},
    {"nice", 0, AL_OPTION_COUNT, AT(nice), "N", NULL, 0, 19, "0", "run tasks with a lower priority", UNSEEN},
    {"workdir", 0, AL_OPTION_TEXT, AT(workdir), "DIR", NULL, 0, 0, "the current folder", "run tasks in DIR",
     UNSEEN},
    {"env", 0, AL_OPTION_TEXTS, AT(env), "NAME[=VALUE]", NULL, 0, 0, NULL,
     "set a variable for the tasks; NAME alone must be set (tasks get all variables here)", UNSEEN},
    {"shell", 0, AL_OPTION_CHOICE, AT(use_shell), "WHEN", "auto|always|never", 0, 0,
     "auto: only for commands with shell syntax", "run commands by sh -c", UNSEEN},
    {"on", 'S', AL_OPTION_TEXTS, AT(on), "ENGINES", NULL, 0, 0, "local",
     "run tasks on these, with commas between: HOST or HOST*N (by ssh, N tasks at a time), local, @FILE (one "
     "a line), slurm, slurm:nodes=4,time=2h, dryrun:count=12,slots=8 (runs nothing)",
     UNSEEN},
    {"sshlogin", 0, AL_OPTION_TEXTS, AT(on), "ENGINES", NULL, 0, 0, NULL, "the same as --on; also N/HOST",
     UNSEEN},
    {"send", 0, AL_OPTION_TEXTS, AT(send), "FILE", NULL, 0, 0, NULL,
     "send this file or folder, as --send {}, with each task to engines that do not see our files", UNSEEN},
    {"fetch", 0, AL_OPTION_TEXTS, AT(fetch), "FILE", NULL, 0, 0, NULL,
     "a file or folder that each task makes, as --fetch {.}.png: brought home; without it the task has "
     "failed",
     UNSEEN},
    {"shared", 0, AL_OPTION_TEXTS, AT(shared), "FILE", NULL, 0, 0, NULL,
     "a file or folder that all tasks read: sent once to each engine, and kept there for later runs", UNSEEN},
    {"transferfile", 0, AL_OPTION_TEXTS, AT(send), "FILE", NULL, 0, 0, NULL, "the same as --send", UNSEEN},
    {"return", 0, AL_OPTION_TEXTS, AT(fetch), "FILE", NULL, 0, 0, NULL, "the same as --fetch", UNSEEN},
    {"basefile", 0, AL_OPTION_TEXTS, AT(shared), "FILE", NULL, 0, 0, NULL, "the same as --shared", UNSEEN},
    {"trc", 0, AL_OPTION_TEXT, AT(trc), "FILE", NULL, 0, 0, NULL, "the same as --send {} --fetch FILE",
     UNSEEN},
    {"cleanup", 0, AL_OPTION_FLAG, AT(cleanup), NULL, NULL, 0, 0, NULL,
     "accepted: what was sent is always removed after the task", UNSEEN},
    {"ssh", 0, AL_OPTION_TEXT, AT(ssh), "COMMAND", NULL, 0, 0, "ssh",
     "reach hosts by this command, as --ssh 'ssh -p 2222'", UNSEEN},
    {"lost-after", 0, AL_OPTION_DURATION, AT(lost_after_ns), "TIME", NULL, 1000000000, 0, "30s",
     "an engine that says nothing for so long is lost, and its tasks go elsewhere", UNSEEN},
    {"speculate", 0, AL_OPTION_FLAG, AT(speculate), NULL, NULL, 0, 0, NULL,
     "at the end, start a task that takes much longer than the others did on another engine, too; the first "
     "to succeed counts, the other is ended",
     UNSEEN},
    {"joblog", 0, AL_OPTION_TEXT, AT(joblog), "FILE", NULL, 0, 0, NULL,
     "write a line for each finished task to FILE, with GNU parallel's columns", UNSEEN},
    {"results", 0, AL_OPTION_TEXT, AT(results), "DIR", NULL, 0, 0, NULL,
     "keep each task's output in files below DIR, as GNU parallel does", UNSEEN},
    {"name", 0, AL_OPTION_TEXT, AT(name), "NAME", NULL, 0, 0, "the program's name and a number",
     "what the run is called", UNSEEN},
    {"run-dir", 0, AL_OPTION_TEXT, AT(run_dir), "DIR", NULL, 0, 0, "below ~/.local/state/allot/runs",
     "where the run is kept", UNSEEN},
    {"detach", 0, AL_OPTION_FLAG, AT(detach), NULL, NULL, 0, 0, NULL,
     "print the run's name and return; the run goes on by itself, also after logout; with --on slurm alone, "
     "as "
     "a job of Slurm's",
     UNSEEN},
    {"on-interrupt", 0, AL_OPTION_CHOICE, AT(on_interrupt), "WHAT", "again|fail", 0, 0, "again",
     "resume, of tasks that ran when the controller was killed: run them again, or let them have failed",
     UNSEEN},
    {"bar", 0, AL_OPTION_FLAG, AT(bar), NULL, NULL, 0, 0, NULL, "the same as --progress always", UNSEEN},
    {"eta", 0, AL_OPTION_FLAG, AT(eta), NULL, NULL, 0, 0, NULL, "the same as --progress always", UNSEEN},
    {"progress", 0, AL_OPTION_CHOICE, AT(progress), "WHEN", "auto|always|never", 0, 0,
     "auto: on a terminal, after two seconds", "show how far the run is", UNSEEN},
    {"explain", 0, AL_OPTION_FLAG, AT(explain), NULL, NULL, 0, 0, NULL,
     "say at the end what was measured and how close to ideal the run came", UNSEEN},
    {"json", 0, AL_OPTION_FLAG, AT(json), NULL, NULL, 0, 0, NULL,
     "the summary as one JSON object on standard error", UNSEEN},
    {"quiet", 'q', AL_OPTION_FLAG, AT(quiet), NULL, NULL, 0, 0, NULL, "no progress and no summary", UNSEEN},
};

void al_farm_options_init(al_farm_options *options)
{
    *options = (al_farm_options){.nper = 1,
                                 .backoff_ns = UINT64_C(1000000000),
                                 .kill_after_ns = UINT64_C(10000000000),
                                 .lost_after_ns = UINT64_C(30000000000)};
}

/* ---- numbers in words -----------------------------------------------------------------------------------
 */

static bool refuse(const char *command, const char *option, const char *value, const char *remedy)
{
    al_complain(command, "--%s %s: %s", option, value, remedy);
    fprintf(stderr, "Try 'allot %s --help'.\n", command);
    return false;
}

/** A number and whether "%" follows. @return false: it is none */
static bool read_number(const char *text, double *value, bool *is_percent)
{
    char *end;
    errno = 0;
    *value = strtod(text, &end);
    *is_percent = *end == '%';
    return end != text && end[*is_percent ? 1 : 0] == '\0' && errno == 0 && *value >= 0 && *value < 1e15;
}

static bool read_jobs(al_farm_options *options, const char *command)
{
    uint32_t nprocessors = allot_pool_nthreads(NULL);
    options->njobs = nprocessors;
    options->engine_jobs = (al_engine_jobs){.per_mille = 1000};
    const char *text = options->jobs;
    if (text == NULL)
        return true;
    double value;
    bool is_percent, is_minus = text[0] == '-', is_more = text[0] == '+' || is_minus;
    if (!read_number(is_more ? text + 1 : text, &value, &is_percent) || (is_percent && is_more))
        return refuse(command, "jobs", text, "a number is wanted, +N, -N or N%");
    if (value > AL_SLOTS_MAX)
        value = AL_SLOTS_MAX;
    if (is_percent)
        options->engine_jobs.per_mille = (uint32_t)(value * 10 + 0.5);
    else if (is_more)
        options->engine_jobs.nmore = (int32_t)(is_minus ? -value : value);
    double jobs = is_percent ? value * nprocessors / 100.0
                  : is_more  ? nprocessors + (is_minus ? -value : value)
                             : value;
    bool is_all = !is_percent && !is_more && value == 0;
    options->njobs = is_all || jobs > AL_SLOTS_MAX ? AL_SLOTS_MAX : jobs < 1 ? 1 : (uint32_t)(jobs + 0.5);
    if (!is_percent && !is_more)
        options->engine_jobs.count = options->njobs;
    return true;
}

static bool read_timeout(al_farm_options *options, const char *command)
{
    double value;
    bool is_percent = false;
    if (options->timeout == NULL)
        return true;
    if (read_number(options->timeout, &value, &is_percent) && is_percent && value > 0) {
        options->sched.timeout_median = value / 100;
        return true;
    }
    if (al_duration_parse(options->timeout, &options->kind.timeout_ns) != 0 || options->kind.timeout_ns == 0)
        return refuse(command, "timeout", options->timeout,
                      "a time is wanted (10, 1.5s, 3m, 2h), or N% of the median");
    return true;
}

static bool read_halt(al_farm_options *options, const char *command)
{
    static const char *const whens[] = {"never", "soon", "now"}, *const whats[] = {"fail", "success", "done"};
    const char *text = options->halt;
    if (text == NULL || strcmp(text, "never") == 0)
        return true;
    int when = 0, what = -1;
    for (int k = 1; k < 3; k++)
        if (strncmp(text, whens[k], strlen(whens[k])) == 0)
            when = k;
    const char *rest = when != 0 ? text + strlen(whens[when]) : text;
    for (int k = 0; k < 3 && *rest == ','; k++)
        if (strncmp(rest + 1, whats[k], strlen(whats[k])) == 0 && rest[1 + strlen(whats[k])] == '=')
            what = k;
    double value = 0;
    bool is_percent = false;
    if (when == 0 || what < 0 || !read_number(strchr(rest, '=') + 1, &value, &is_percent) || value <= 0)
        return refuse(command, "halt", text, "it takes never, or as in now,fail=1 or soon,success=10%");
    options->sched.halt_when = (al_halt_when)when;
    options->sched.halt_what = (al_halt_what)what;
    if (is_percent)
        options->sched.halt_percent = value;
    else
        options->sched.halt_count = (uint64_t)value;
    return true;
}

static bool read_size(const char *command, const char *option, const char *text, uint64_t *nbytes)
{
    return text == NULL || al_size_parse(text, nbytes) == 0 ||
           refuse(command, option, text, "a size is wanted: 500M, 2G, 1.5G");
}

static bool read_load(al_farm_options *options, const char *command)
{
    bool is_percent;
    if (options->load == NULL)
        return true;
    if (!read_number(options->load, &options->load_most, &is_percent) || options->load_most <= 0)
        return refuse(command, "load", options->load, "a number above 0 is wanted, or N%");
    if (is_percent)
        options->load_most *= allot_pool_nthreads(NULL) / 100.0;
    return true;
}

static bool read_mem_grow(al_farm_options *options, const char *command)
{
    bool is_percent = false;
    options->sched.mem_grow = 2;
    return options->mem_grow == NULL ||
           (read_number(options->mem_grow, &options->sched.mem_grow, &is_percent) && !is_percent &&
            options->sched.mem_grow >= 1) ||
           refuse(command, "mem-grow", options->mem_grow, "a number of at least 1 is wanted, as 1.5");
}

static bool read_bundle(al_farm_options *options, const char *command)
{
    double value = 0;
    bool is_percent = false;
    options->is_bundling = options->bundle != NULL && strcmp(options->bundle, "auto") == 0;
    if (options->bundle == NULL || options->is_bundling)
        return true;
    if (!read_number(options->bundle, &value, &is_percent) || is_percent || value < 1 || value > 100000)
        return refuse(command, "bundle", options->bundle, "a number of arguments is wanted, or auto");
    options->nper = (uint64_t)value;
    return true;
}

static bool read_cpus(al_farm_options *options, const char *command)
{
    double value = 1;
    bool is_percent = false;
    if (options->cpus != NULL &&
        (!read_number(options->cpus, &value, &is_percent) || is_percent || value < 0.001 || value > 1e6))
        return refuse(command, "cpus", options->cpus, "a number of processors is wanted, as 2 or 0.5");
    options->kind.need.cpus_milli = (uint32_t)(value * 1000 + 0.5);
    return true;
}

/* ---- what is tried again --------------------------------------------------------------------------------
 */

static void allow_exits(al_sched_opts *sched, unsigned first, unsigned last)
{
    for (unsigned status = first; status <= last && status < 256; status++)
        sched->retry_exits[status / 8] |= (uint8_t)(1u << status % 8);
}

static bool allow_signal(al_sched_opts *sched, const char *word)
{
    if (strncmp(word, "SIG", 3) == 0)
        word += 3;
    for (int signal = 1; signal < 32; signal++) {
        const char *name = sigabbrev_np(signal);
        if (name != NULL && strcmp(name, word) == 0) {
            sched->retry_signals |= UINT64_C(1) << signal;
            return true;
        }
    }
    return false;
}

static bool allow(al_sched_opts *sched, const char *word)
{
    unsigned first, last;
    int used = 0;
    if (strcmp(word, "timeout") == 0)
        sched->retry_timeouts = true;
    else if (strcmp(word, "memory") == 0)
        sched->retry_memory = true;
    else if (strcmp(word, "lost") == 0)
        sched->retry_lost = true;
    else if (strcmp(word, "not-found") == 0)
        sched->retry_not_started = true;
    else if (sscanf(word, "%u-%u%n", &first, &last, &used) == 2 && word[used] == '\0' && first <= last &&
             last < 256)
        allow_exits(sched, first, last);
    else if (sscanf(word, "%u%n", &first, &used) == 1 && word[used] == '\0' && first < 256)
        allow_exits(sched, first, first);
    else
        return allow_signal(sched, word);
    return true;
}

static bool read_retry_on(al_farm_options *options, const char *command)
{
    al_sched_opts *sched = &options->sched;
    sched->retry_lost = true;
    if (options->retry_on == NULL) {
        allow_exits(sched, 1, 255);
        sched->retry_signals = ~UINT64_C(0);
        sched->retry_timeouts = sched->retry_memory = true;
        return true;
    }
    char *list = strdup(options->retry_on), *at = list, *word;
    bool good = list != NULL;
    while (good && (word = strsep(&at, ",")) != NULL)
        good = allow(sched, word);
    free(list);
    return good ||
           refuse(command, "retry-on", options->retry_on,
                  "it takes exit statuses (1,75-78), signals (KILL), timeout, memory, lost, not-found");
}

/* ---- lists ----------------------------------------------------------------------------------------------
 */

static bool read_env(al_farm_options *options, const char *command)
{
    options->env_texts = calloc(options->env.count + 1, sizeof *options->env_texts);
    for (size_t k = 0; options->env_texts != NULL && k < options->env.count; k++) {
        const char *text = options->env.at[k], *value = getenv(text);
        char *joined = NULL;
        if (strchr(text, '=') != NULL)
            joined = strdup(text);
        else if (value == NULL)
            return refuse(command, "env", text, "it is not set; give it a value: NAME=VALUE");
        else if (asprintf(&joined, "%s=%s", text, value) < 0)
            return false;
        options->env_texts[options->nenv++] = joined;
    }
    return options->env_texts != NULL;
}

static bool read_tokens(al_farm_options *options, const char *command)
{
    options->token_names = calloc(AL_TOKENS_MAX, sizeof *options->token_names);
    for (size_t k = 0; options->token_names != NULL && k < options->tokens.count; k++) {
        const char *text = options->tokens.at[k], *equals = strchr(text, '=');
        unsigned count;
        int used = 0;
        if (equals == NULL || equals == text || sscanf(equals + 1, "%u%n", &count, &used) != 1 ||
            equals[1 + used] != '\0')
            return refuse(command, "token", text, "a name and how many there are of it is wanted: licence=2");
        if (options->ntokens == AL_TOKENS_MAX)
            return refuse(command, "token", text, "there can be 8 kinds of tokens");
        options->sched.tokens[options->ntokens] = count;
        options->kind.tokens[options->ntokens] = options->tasks == NULL;
        options->token_names[options->ntokens++] = strndup(text, (size_t)(equals - text));
    }
    return options->token_names != NULL;
}

/** Whether we are in a Slurm allocation of which this process is not all: another node's, or several. */
static bool is_in_allocation(void)
{
    const char *nodes = getenv("SLURM_JOB_NUM_NODES");
    return getenv("SLURM_JOB_ID") != NULL && nodes != NULL &&
           (atoi(nodes) > 1 || getenv("SLURMD_NODENAME") == NULL);
}

/** What is pretended is not to be mixed with what is done. Files that say what became of tasks are not
 * written. */
static bool check_dry(al_farm_options *options, const char *command)
{
    uint32_t ndry = 0;
    for (uint32_t k = 0; k < options->nengines; k++)
        ndry += options->engines[k].launcher->is_dry;
    options->is_dry = ndry > 0;
    if (ndry == 0)
        return true;
    if (ndry < options->nengines || !options->is_elsewhere_only)
        return refuse(command, "on", "dryrun", "it runs nothing, so it cannot stand beside engines that do");
    if (strcmp(command, "farm") != 0)
        return refuse(command, "on", "dryrun", "it runs nothing: a run that is kept cannot go on there");
    if (options->detach)
        return refuse(command, "on", "dryrun",
                      "nothing of it is kept, so it cannot be left alone (--detach)");
    options->joblog = options->results = NULL;
    return true;
}

/** --on: engines elsewhere, and whether this process is one. */
static bool read_on(al_farm_options *options, const char *command)
{
    allot_error err;
    al_engine_spec *all = NULL;
    uint32_t nall = 0;
    bool takes_all = options->on.count == 0 && is_in_allocation();
    bool has_local = options->on.count == 0 && !takes_all;
    if (takes_all && al_engine_specs_parse("slurm", &all, &nall, &err) != ALLOT_OK)
        return refuse(command, "on", "slurm", err.text);
    for (size_t k = 0; k < options->on.count; k++)
        if (al_engine_specs_parse(options->on.at[k], &all, &nall, &err) != ALLOT_OK) {
            al_engine_specs_free(all, nall);
            return refuse(command, "on", options->on.at[k], err.text);
        }
    options->engines = calloc(nall + 1, sizeof *options->engines);
    for (uint32_t k = 0; k < nall && options->engines != NULL; k++)
        if (all[k].launcher != NULL) {
            options->engines[options->nengines++] = all[k];
        } else {
            has_local = true;
            if (all[k].nslots > 0)
                options->njobs = all[k].nslots;
            free(all[k].name);
            free(all[k].target);
        }
    free(all);
    options->is_elsewhere_only = !has_local;
    return options->engines != NULL && check_dry(options, command);
}

bool al_farm_is_for_batch(const al_farm_options *options)
{
    bool is_batch = options->nengines > 0 && options->is_elsewhere_only && al_slurm_nodes_here() == 0;
    for (uint32_t k = 0; k < options->nengines; k++)
        is_batch = is_batch && options->engines[k].launcher->takes_words;
    return is_batch;
}

static bool check_batch_words(const al_farm_options *options, const char *command)
{
    for (uint32_t k = 0; k < options->nengines; k++)
        if (options->engines[k].launcher->takes_words)
            return true;
    if (!options->has_batch_words)
        return true;
    al_complain(
        command,
        "-- %s: what stands after -- is for a batch system, and no engine is one: add --on slurm; or, "
        "if these are arguments, give them in a file (:::: FILE)",
        options->batch_words[0]);
    return false;
}

/** Files that go with tasks mean nothing to those that are told by specs, which name their own. */
static bool check_files(const al_farm_options *options, const char *command)
{
    if (options->tasks != NULL && (options->send.count + options->fetch.count > 0 || options->trc != NULL))
        return refuse(command, "tasks", options->tasks, "tasks name their files themselves: in and out");
    return true;
}

static bool check_together(const al_farm_options *options, const char *command)
{
    if (options->header != NULL && strcmp(options->header, ":") != 0)
        return refuse(command, "header", options->header, "it takes : (the first value is the header)");
    if (options->line_buffer && options->keep_order)
        return refuse(command, "line-buffer", "--keep-order",
                      "output cannot be shown as it comes and in order: choose one");
    if (options->ungroup && (options->keep_order || options->line_buffer))
        return refuse(command, "ungroup", options->keep_order ? "--keep-order" : "--line-buffer",
                      "they exclude each other: choose one");
    if (options->speculate && (options->ungroup || options->line_buffer))
        return refuse(command, "speculate", options->ungroup ? "--ungroup" : "--line-buffer",
                      "a task that runs twice would be seen twice: choose one");
    if (options->tasks != NULL && (options->nwords > 0 || options->nsources > 0))
        return refuse(command, "tasks", options->tasks,
                      "tasks come whole from that file: give no command and no arguments");
    if (options->name != NULL && (strchr(options->name, '/') != NULL || options->name[0] == '.' ||
                                  options->name[0] == '\0' || strlen(options->name) > 200))
        return refuse(command, "name", options->name,
                      "a name without / that does not begin with a dot is wanted");
    return true;
}

bool al_farm_options_read(al_farm_options *options, const char *command)
{
    options->kind.retries = (uint32_t)options->retries;
    options->sched.delay_ns = options->delay_ns;
    options->sched.kill_after_ns = options->kill_after_ns;
    options->sched.backoff_ns = options->backoff_ns;
    options->sched.backoff_most_ns = UINT64_C(600000000000);
    options->sched.guess_mem = true;
    options->sched.speculate = options->speculate ? SPECULATE : 0;
    options->sched.speculate_least_ns = SPECULATE_LEAST_NS;
    if (options->bar || options->eta)
        options->progress = AL_FARM_PROGRESS_ALWAYS;
    return check_together(options, command) && read_jobs(options, command) &&
           read_timeout(options, command) && read_halt(options, command) && read_load(options, command) &&
           read_cpus(options, command) &&
           read_size(command, "mem", options->mem, &options->kind.need.mem_bytes) &&
           read_size(command, "memfree", options->memfree, &options->memfree_bytes) &&
           read_bundle(options, command) && read_mem_grow(options, command) &&
           read_retry_on(options, command) && read_on(options, command) &&
           check_batch_words(options, command) && check_files(options, command) &&
           read_env(options, command) && read_tokens(options, command);
}

/* ---- operands -------------------------------------------------------------------------------------------
 */

int al_farm_separator(const char *word, bool *linked)
{
    size_t colons = strspn(word, ":");
    *linked = word[colons] == '+';
    return (colons == 3 || colons == 4) && word[colons + (*linked ? 1u : 0u)] == '\0' ? (int)colons : 0;
}

int al_farm_batch_words(char *const *words, int nwords, bool in_list)
{
    bool linked, is_found = false;
    int at = nwords;
    for (int k = nwords - 1; k >= 0; k--) {
        const char *next = k + 1 < nwords ? words[k + 1] : "";
        if (al_farm_separator(words[k], &linked) != 0)
            return is_found ? at : nwords;
        if (!is_found && strcmp(words[k], "--") == 0 && next[0] == '-' && next[1] != '\0' &&
            strcmp(next, "--") != 0) {
            is_found = true;
            at = k + 1;
        }
    }
    return is_found && !in_list ? at : nwords;
}

static al_input_source *add_source(al_farm_options *options)
{
    al_input_source *more = realloc(options->sources, (options->nsources + 1) * sizeof *more);
    if (more == NULL)
        return NULL;
    options->sources = more;
    more[options->nsources] = (al_input_source){.values = NULL};
    return &more[options->nsources++];
}

/** The words after one separator: a list of values (:::), or files (::::). */
static bool add_sources(al_farm_options *options, int colons, bool linked, char **words, int nwords)
{
    static char *no_values[] = {NULL};
    for (int k = 0; k < (colons == 3 ? 1 : nwords); k++) {
        al_input_source *source = add_source(options);
        if (source == NULL)
            return false;
        source->linked = linked;
        if (colons == 4) {
            source->path = words[k];
        } else {
            source->values = nwords > 0 ? words : no_values;
            source->nvalues = (uint64_t)nwords;
        }
    }
    if (colons == 4 && nwords == 0)
        al_complain("farm", ":::: names no file; standard input is -");
    return colons == 3 || nwords > 0;
}

bool al_farm_operands(al_farm_options *options, char **operands, int noperands)
{
    bool linked, good = true;
    int at = 0, colons;
    while (at < noperands && al_farm_separator(operands[at], &linked) == 0)
        at++;
    options->words = operands;
    options->nwords = (uint32_t)at;
    for (size_t k = 0; k < options->arg_files.count && good; k++) {
        char *path = (char *)(uintptr_t)options->arg_files.at[k];
        good = add_sources(options, 4, false, &path, 1);
    }
    while (at < noperands && good) {
        colons = al_farm_separator(operands[at++], &linked);
        bool link = linked;
        int begin = at;
        while (at < noperands && al_farm_separator(operands[at], &linked) == 0)
            at++;
        good = add_sources(options, colons, link, operands + begin, at - begin);
    }
    if (good && options->nsources == 0 && options->tasks == NULL) {
        static char dash[] = "-";
        char *path = dash;
        good = add_sources(options, 4, false, &path, 1);
    }
    return good;
}

static void free_all(char **texts, uint32_t count)
{
    for (uint32_t k = 0; texts != NULL && k < count; k++)
        free(texts[k]);
    free(texts);
}

void al_farm_options_fini(al_farm_options *options)
{
    free(options->sources);
    free_all(options->env_texts, options->nenv);
    free_all(options->token_names, options->ntokens);
    al_engine_specs_free(options->engines, options->nengines);
}
