/* launcher.h - ways to get a shell on some machine, one a file: launch_*.c. docs/launchers.md tells how to
 * add one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_ENGINE_LAUNCHER_H
#define AL_ENGINE_LAUNCHER_H

#include <stdbool.h>
#include <stdint.h>

#include <allot/error.h>

#include "base/buffer.h"
#include "engine/message.h"

/** An engine that somebody asked for. */
typedef struct al_engine_spec {
    const struct al_launcher *launcher; /**< NULL: this process itself */
    char *name;                         /**< for people and for the job log: "host1"; owned */
    char *target;    /**< what the launcher reads: "user@host1", "nodes=4,partition=p"; owned */
    uint32_t nslots; /**< tasks at a time; 0: not said */
    uint32_t number; /**< of several with one target, from 0 */
} al_engine_spec;

/** Tasks at a time at an engine that says nothing itself. */
typedef struct al_engine_jobs {
    uint32_t count;     /**< 0: by its processors: */
    uint32_t per_mille; /**< so many thousandths of them, */
    int32_t nmore;      /**< and so many more */
} al_engine_jobs;

/** What all engines of a run have in common. */
typedef struct al_launch_opts {
    const char *run;          /**< its name */
    const char *ssh;          /**< command of --ssh; NULL: ssh */
    char *const *batch_words; /**< what stood after --, for the batch system; ends in NULL, or NULL */
} al_launch_opts;

/** A launcher: a row of al_launchers[]. Nothing in it waits for the engine. */
typedef struct al_launcher {
    const char *name; /**< "ssh" */
    /** Whether the text of --on is for it; text has no count of slots any more. The first that claims it gets
     * it. Pure. */
    bool (*claims)(const char *text);
    /** Check the target, say how many engines it stands for (at most 1,000), and, with `named` not NULL, give
     * the name of number `number`, owned by caller. Pure.
     * @return ALLOT_OK; ALLOT_EINVAL with the remedy; ALLOT_ENOMEM */
    allot_err (*expand)(const char *target, uint32_t *count, uint32_t number, char **named, allot_error *err);
    /** Append the command that connects its standard input and output to `sh -c script` on the engine: *argc
     * texts, each with its end. Called for each attempt to reach it. The connection's end is the engine's
     * end; its standard error is for people.
     * @return ALLOT_OK; ALLOT_EINVAL; ALLOT_ENOTFOUND; ALLOT_ENOMEM */
    allot_err (*command)(const al_engine_spec *spec, const al_launch_opts *opts, const char *script,
                         al_buffer *argv, uint32_t *argc, allot_error *err);
    /** Change what its agent is told first; NULL: nothing. Texts may be cut, not replaced. */
    void (*hello)(const al_engine_spec *spec, al_hello *hello);
    uint64_t start_ns; /**< time that an engine has to come up; a queue's is long */
    bool is_dry;       /**< it runs nothing: a run on it is not kept, and has no other engines */
    bool is_lent;      /**< others wait for it: asked for when there is work, given back when there is none */
    /** Whether what kept an engine from coming up will pass by itself, so that it is tried again for ever.
     * NULL: nothing does. Pure. */
    bool (*is_passing)(const char *why);
    bool takes_words; /**< a batch system: al_launch_opts.batch_words are for it */
} al_launcher;

extern const al_launcher al_launch_ssh, al_launch_slurm, al_launch_fake, al_launch_dryrun;
/** All of them, NULL at the end. */
extern const al_launcher *const al_launchers[];

/** The engines of one --on text: "host", "host*8", "8/host", "a,b", "@file", "local", "slurm:nodes=4".
 * @param[out] specs, nspecs  appended to; owned by caller: al_engine_specs_free()
 * @return ALLOT_OK; ALLOT_EINVAL: what is wrong, with file and line where it is in one; ALLOT_EIO;
 * ALLOT_ENOMEM */
allot_err al_engine_specs_parse(const char *text, al_engine_spec **specs, uint32_t *nspecs, allot_error *err);
void al_engine_specs_free(al_engine_spec *specs, uint32_t nspecs);

/** Append a text with its end. */
void al_argv_add(al_buffer *argv, uint32_t *argc, const char *text);
/** Append the beginning of a command that reaches what follows it over a way of this delay, each way, and
 * this rate (0: any); with neither, nothing.
 * @return ALLOT_OK; ALLOT_ENOTFOUND: there is no agent for this machine, which is what relays */
allot_err al_argv_add_relay(al_buffer *argv, uint32_t *argc, uint64_t delay_ns, uint64_t bytes_per_s,
                            allot_error *err);

#endif
