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
    bool keep_order, tag, line_buffer, ungroup, dry_run, null, many, bar, eta, explain, json, quiet, detach;

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
    uint32_t engine_jobs; /* -j as engines are told: 0: as many as their processors */

    /* operands */
    char **words; /* the template */
    uint32_t nwords;
    al_input_source *sources;
    uint32_t nsources;
} al_farm_options;

enum { AL_FARM_NOPTIONS = 56 }; /* the compiler checks it */
extern const al_option al_farm_options_table[AL_FARM_NOPTIONS];

/** Values that hold where nothing is said. */
void al_farm_options_init(al_farm_options *options);
/** Make sense of what was typed; complaints go to standard error. @return false: the command line is wrong */
bool al_farm_options_read(al_farm_options *options, const char *command);
/** Colons of a separator (::: or ::::, with a + behind it: linked). @return 3, 4; 0: the word is none */
int al_farm_separator(const char *word, bool *linked);
/** Part operands into the template and the sources. @return false: complained about; the result is freed by
 * al_farm_options_fini() */
bool al_farm_operands(al_farm_options *options, char **operands, int noperands);
void al_farm_options_fini(al_farm_options *options);

#endif
