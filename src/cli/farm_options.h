/* farm_options.h - what the command line of `allot farm` says.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_FARM_OPTIONS_H
#define AL_CLI_FARM_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/option.h"
#include "engine/launcher.h"
#include "farm/inputs.h"
#include "farm/sched.h"

enum { AL_FARM_INTERRUPTED_AGAIN, AL_FARM_INTERRUPTED_FAIL };
enum { AL_FARM_PROGRESS_AUTO, AL_FARM_PROGRESS_ALWAYS, AL_FARM_PROGRESS_NEVER };

typedef struct al_farm_options {
    /* as typed */
    const char *jobs, *header, *colsep, *joblog, *results, *timeout, *halt, *load, *memfree, *workdir, *mem;
    const char *mem_grow, *bundle;
    const char *tasks, *retry_on, *cpus, *name, *run_dir, *tag_string;
    al_texts arg_files, env, tokens;
    al_texts on, send, fetch, shared;
    const char *ssh, *trc;
    uint64_t lost_after_ns;
    bool cleanup;
    uint64_t nper, retries, delay_ns, nice, backoff_ns, kill_after_ns;
    int use_shell, progress, on_interrupt;
    bool keep_order, tag, line_buffer, ungroup, dry_run, null, many, bar, eta, explain, json, quiet, detach,
        speculate;

    /* worked out of it */
    uint32_t njobs;
    al_sched_opts sched;
    al_task_kind kind;
    char **token_names;
    uint32_t ntokens;
    char **env_texts; /* NAME=VALUE */
    uint32_t nenv;
    bool is_bundling; /* --bundle auto */
    double load_most;
    uint64_t memfree_bytes;

    al_engine_spec *engines; /* of --on, this process not among them */
    uint32_t nengines;
    bool is_elsewhere_only;
    bool is_dry;                /* they run nothing: the run is not kept */
    char *const *batch_words;   /* after --, for the batch system; ends in NULL, or NULL */
    bool has_batch_words;       /* they stand on this command line */
    al_engine_jobs engine_jobs; /* -j as engines are told */

    /* operands */
    char **words; /* the template */
    uint32_t nwords;
    al_input_source *sources;
    uint32_t nsources;
} al_farm_options;

enum { AL_FARM_NOPTIONS = 57 }; /* the compiler checks it */
extern const al_option al_farm_options_table[AL_FARM_NOPTIONS];

/** Values that hold where nothing is said. */
void al_farm_options_init(al_farm_options *options);
/** Make sense of what was typed; complaints go to standard error. @return false: the command line is wrong */
bool al_farm_options_read(al_farm_options *options, const char *command);
/** Colons of a separator (::: or ::::, with a + behind it: linked). @return 3, 4; 0: the word is none */
int al_farm_separator(const char *word, bool *linked);
/** Where words for a batch system begin: after the last -- of the list, if that is followed by an option.
 * @param in_list  only what stands after a separator counts: what is before it is a command template
 * @return position of the first of them, the -- before it; nwords: there are none */
int al_farm_batch_words(char *const *words, int nwords, bool in_list);
/** Whether all engines are a batch system's, and we are in no job of it: --detach is then a job, too. */
bool al_farm_is_for_batch(const al_farm_options *options);
/** Part operands into the template and the sources. @return false: complained about; the result is freed by
 * al_farm_options_fini() */
bool al_farm_operands(al_farm_options *options, char **operands, int noperands);
void al_farm_options_fini(al_farm_options *options);

#endif
