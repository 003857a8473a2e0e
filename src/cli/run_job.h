/* run_job.h - the batch system's job that works on a run, for the commands that look at a run or ask
 * something of it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_RUN_JOB_H
#define AL_CLI_RUN_JOB_H

#include "engine/slurm.h"
#include "farm/store.h"

typedef struct al_run_job {
    char id[AL_SLURM_ID_BYTES]; /* "": the run was never given to a batch system */
    bool is_asked;              /* job is how it is; otherwise Slurm could not be asked, and fault says why */
    bool is_elsewhere;          /* nor can it be from this machine, which has none of its commands */
    bool has_begun;             /* a controller has taken the run up in this job */
    al_slurm_job job;
    char fault[600];
} al_run_job;

/** What the run itself says of its job. @return as al_store_get() */
allot_err al_run_job_read(al_store *store, al_run_job *job, allot_error *err);
/** Ask about the job of a run. @return ALLOT_OK, also if Slurm does not answer; as al_store_get() */
allot_err al_run_job_look(al_store *store, al_run_job *job, allot_error *err);
/** The same of the run in a folder. */
allot_err al_run_job_of(const char *path, al_run_job *job, allot_error *err);
/** Whether the job waits, runs, or may for all we know. */
bool al_run_job_is_alive(const al_run_job *job);
/** Whether nothing of a run is left to do. false also: it cannot be read */
bool al_run_is_done(const char *path);
/** Refuse to work on a run that a job will, or does, work on.
 * @return ALLOT_OK; ALLOT_EPERM, with the remedy */
allot_err al_run_job_refuse(const char *path, allot_error *err);
/** A sentence about a job that is over though the run is not, with the last line that it wrote. */
void al_run_job_end(const char *path, const al_run_job *job, char *text, size_t nbytes);

#endif
