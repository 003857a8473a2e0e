/* run_job.c - see run_job.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/run_job.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "farm/runs.h"

allot_err al_run_job_read(al_store *store, al_run_job *job, allot_error *err)
{
    char *id = NULL, *begun = NULL;
    *job = (al_run_job){.is_asked = false};
    allot_err code = al_store_get(store, "batch.job", &id, err);
    if (code == ALLOT_OK && id != NULL)
        code = al_store_get(store, "batch.begun", &begun, err);
    if (code == ALLOT_OK && id != NULL) {
        (void)snprintf(job->id, sizeof job->id, "%s", id);
        job->has_begun = begun != NULL && strcmp(begun, id) == 0;
    }
    free(id);
    free(begun);
    return code;
}

allot_err al_run_job_look(al_store *store, al_run_job *job, allot_error *err)
{
    allot_error why;
    allot_err code = al_run_job_read(store, job, err);
    if (code != ALLOT_OK || job->id[0] == '\0')
        return code;
    allot_err asked = al_slurm_look(job->id, &job->job, &why);
    job->is_asked = asked == ALLOT_OK;
    job->is_elsewhere = asked == ALLOT_ENOTFOUND;
    (void)snprintf(job->fault, sizeof job->fault, "%s", asked == ALLOT_OK ? "" : why.text);
    return ALLOT_OK;
}

allot_err al_run_job_of(const char *path, al_run_job *job, allot_error *err)
{
    al_store *store;
    *job = (al_run_job){.is_asked = false};
    allot_err code = al_store_open(path, AL_STORE_READ, &store, err);
    if (code != ALLOT_OK)
        return code;
    code = al_run_job_look(store, job, err);
    (void)al_store_close(store, NULL);
    return code;
}

bool al_run_job_is_alive(const al_run_job *job)
{
    return job->id[0] != '\0' && !job->is_elsewhere && (!job->is_asked || job->job.state != AL_SLURM_ENDED);
}

bool al_run_is_done(const char *path)
{
    al_store *store;
    al_store_counts c;
    char *complete = NULL;
    if (al_store_open(path, AL_STORE_READ, &store, NULL) != ALLOT_OK)
        return false;
    bool is_done = al_store_count(store, &c, NULL) == ALLOT_OK &&
                   al_store_get(store, "input_complete", &complete, NULL) == ALLOT_OK && complete != NULL &&
                   strcmp(complete, "1") == 0 && c.ndone + c.nfailed + c.nskipped + c.ncanceled == c.ntasks;
    free(complete);
    (void)al_store_close(store, NULL);
    return is_done;
}

allot_err al_run_job_refuse(const char *path, allot_error *err)
{
    al_run_job job;
    allot_err code = al_run_job_of(path, &job, err);
    const char *name = al_runs_word(path);
    if (code != ALLOT_OK || !al_run_job_is_alive(&job))
        return code;
    if (!job.is_asked)
        return al_fail(err, ALLOT_EPERM, 0,
                       "run %s is job %s of Slurm's, which may be working on it: %s; try again later", name,
                       job.id, job.fault);
    return al_fail(
        err, ALLOT_EPERM, 0,
        "run %s is job %s of Slurm's, which %s: wait for it (allot wait %s), or end it (allot cancel "
        "%s)",
        name, job.id, job.job.state == AL_SLURM_QUEUED ? "waits in its queue" : "works on it", name, name);
}

/** The last line of a file; "": there is none. */
static void last_line(const char *path, char *line, size_t nbytes)
{
    char text[1024];
    line[0] = '\0';
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t end = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;
    ssize_t n =
        fd >= 0 ? pread(fd, text, sizeof text, end > (off_t)sizeof text ? end - (off_t)sizeof text : 0) : 0;
    if (fd >= 0)
        (void)close(fd);
    while (n > 0 && text[n - 1] == '\n')
        n--;
    ssize_t begin = n;
    while (begin > 0 && text[begin - 1] != '\n')
        begin--;
    if (n > 0)
        (void)snprintf(line, nbytes, "%.*s", (int)(n - begin), text + begin);
}

void al_run_job_end(const char *path, const al_run_job *job, char *text, size_t nbytes)
{
    char output[PATH_MAX + 16], line[600];
    const char *word = job->job.word[0] != '\0' ? job->job.word : "Slurm has forgotten it";
    (void)snprintf(output, sizeof output, "%s/job.out", path);
    last_line(output, line, sizeof line);
    if (line[0] != '\0')
        (void)snprintf(text, nbytes, "%s of Slurm's is over (%s); the end of %s: %s", job->id, word, output,
                       line);
    else if (job->has_begun)
        (void)snprintf(text, nbytes, "%s of Slurm's is over (%s)", job->id, word);
    else
        (void)snprintf(
            text, nbytes,
            "%s of Slurm's ended (%s) before the run was taken up: do its nodes see %s? If not, make "
            "the run in a folder that they share: --run-dir",
            job->id, word, path);
}
