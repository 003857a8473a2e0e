/* farm_session.c - see farm_session.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "cli/farm_session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fail.h"
#include "engine/file_transfer.h"
#include "farm/leftover.h"
#include "farm/runs.h"

#define LINGER_NS UINT64_C(2000000000)
#define SHELL "/bin/sh"

int al_session_fail(const al_session *session, allot_err code, const allot_error *err)
{
    al_complain(session->command, "%s", err->text);
    return code == ALLOT_EINVAL ? AL_FARM_EXIT_USAGE : AL_FARM_EXIT_BROKEN;
}

allot_err al_session_parse(al_session *session, allot_error *err)
{
    const al_farm_options *o = &session->options;
    allot_err code = ALLOT_OK;
    al_template_opts opts = {.words = o->words,
                             .nwords = o->nwords,
                             .names = session->columns,
                             .nnames = session->ncolumns,
                             .use_shell = (al_shell_use)o->use_shell,
                             .shell = SHELL,
                             .many = o->many || o->bundle != NULL ? AL_MANY_CONTEXT : AL_MANY_ONE_WORD,
                             .allows_missing = o->nper > 1,
                             .adds_no_place = o->nper == 0};
    code = al_template_parse(&opts, &session->template, err);
    if (code == ALLOT_OK && session->inputs != NULL && !al_template_uses_shell(session->template))
        al_inputs_limit(session->inputs, AL_SESSION_MANY_BYTES);
    if (code == ALLOT_OK)
        code = al_session_parse_files(session, err);
    const char *tag = o->tag_string != NULL ? o->tag_string : o->tag ? "{}" : NULL;
    if (code == ALLOT_OK && tag != NULL)
        code = al_template_parse_text(tag, session->columns, session->ncolumns, &session->tag, err);
    return code;
}

/* ---- what is known of the run ----------------------------------------------------------------------------
 */

static void restore(void *arg, al_task_id task, al_task_state state, uint32_t attempts, bool interrupted,
                    uint64_t wall_us)
{
    al_session *session = arg;
    session->ninterrupted += interrupted;
    if (al_task_is_final(state)) {
        session->nbefore++;
        if (!al_store_is_recovered(session->store, task))
            al_print_known(session->print, task);
    }
    (void)al_sched_restore(session->sched, task, al_task_is_final(state) ? state : AL_TASK_READY, attempts,
                           wall_us);
}

static allot_err prepare(al_session *session, uint32_t *nslots, allot_error *err)
{
    uint32_t kind;
    uint64_t ntasks = al_store_ntasks_committed(session->store);
    (void)al_leftovers_end(session->store);
    allot_err code = session->options.on_interrupt == AL_FARM_INTERRUPTED_FAIL
                         ? al_store_fail_interrupted(session->store, err)
                         : ALLOT_OK;
    if (code != ALLOT_OK)
        return code;
    if (session->names == NULL) {
        session->sched = al_sched_create(&session->options.sched);
        if (session->sched == NULL ||
            al_sched_kind(session->sched, &session->options.kind, &kind) != ALLOT_OK)
            return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
        if (ntasks > 0)
            code = al_sched_add(session->sched, ntasks, 0, false);
    }
    if (code == ALLOT_OK)
        code = al_session_add_engines(session, nslots, err);
    if (code == ALLOT_OK && ntasks > 0)
        code = al_store_each_state(session->store, restore, session, err);
    if (code == ALLOT_OK)
        code = al_store_announce_recovered(session->store, err);
    if (code == ALLOT_OK && session->names != NULL)
        code = al_names_link(session->names, session->sched, false, err);
    return code;
}

/* ---- output ----------------------------------------------------------------------------------------------
 */

static allot_err open_print(al_session *session, allot_error *err)
{
    const al_farm_options *o = &session->options;
    al_print_opts opts = {.folder = session->path,
                          .command = session->template,
                          .tag = session->tag,
                          .keep_order = o->keep_order,
                          .is_live = o->line_buffer || o->ungroup,
                          .is_quiet = o->detach};
    allot_err code = ALLOT_OK;
    if (o->joblog != NULL)
        code = al_joblog_open(o->joblog, session->is_resumed, &opts.joblog, err);
    if (code == ALLOT_OK && o->results != NULL)
        code = al_results_open(o->results, session->columns, session->ncolumns, &opts.results, err);
    if (code == ALLOT_OK)
        code = al_print_create(&opts, &session->print, err);
    if (code != ALLOT_OK) {
        al_joblog_close(opts.joblog);
        al_results_close(opts.results);
        return code;
    }
    al_store_on_commit(session->store, al_print_result, al_print_group, session->print);
    return ALLOT_OK;
}

static void say(void *arg, const char *text)
{
    const al_session *session = arg;
    al_complain(session->command, "%s", text);
}

/** As many descriptors as may be: each running task takes two. */
static void raise_limits(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static allot_err open_farm(al_session *session, uint32_t nslots, allot_error *err)
{
    const al_farm_options *o = &session->options;
    bool shows = !o->quiet && !o->detach &&
                 (o->progress == AL_FARM_PROGRESS_ALWAYS ||
                  (o->progress == AL_FARM_PROGRESS_AUTO && session->is_terminal && !isatty(STDOUT_FILENO)) ||
                  (o->progress == AL_FARM_PROGRESS_AUTO && session->is_terminal && !o->ungroup));
    al_farm_opts opts = {.store = session->store,
                         .sched = session->sched,
                         .print = session->print,
                         .inputs = session->inputs,
                         .is_bundling = o->is_bundling,
                         .known = session->known,
                         .command = session->template,
                         .names = session->names,
                         .kind = &o->kind,
                         .tokens = o->token_names,
                         .ntokens = o->ntokens,
                         .cwd = strcmp(session->cwd, session->here) != 0 ? session->cwd
                                                                         : NULL, /* we are there */
                         .shell = SHELL,
                         .use_shell = (al_shell_use)o->use_shell,
                         .env = o->env_texts,
                         .nenv = o->nenv,
                         .nice = (int)o->nice,
                         .is_live = o->line_buffer || o->ungroup,
                         .is_raw = o->ungroup,
                         .nslots = nslots,
                         .engines = o->engines,
                         .engine_ids = session->engine_ids,
                         .nengines = o->nengines,
                         .launch = {.run = al_runs_name(session->path),
                                    .ssh = o->ssh,
                                    .batch_words = session->is_in_job ? NULL : o->batch_words},
                         .engine_jobs = o->engine_jobs,
                         .cpus_milli = o->tasks == NULL ? o->kind.need.cpus_milli : 0,
                         .lost_ns = o->lost_after_ns,
                         .stage = &session->stage,
                         .njobs = o->njobs,
                         .load_most = o->load_most,
                         .memfree_bytes = o->memfree_bytes,
                         .linger_ns = LINGER_NS,
                         .kill_after_ns = o->kill_after_ns,
                         .drain_ns = al_session_drain_ns(session),
                         .status = shows ? al_session_status : NULL,
                         .status_arg = session,
                         .status_every_ms = session->is_terminal ? 100 : 2000,
                         .say = say,
                         .say_arg = session};
    raise_limits();
    return al_farm_create(&opts, &session->farm, err);
}

int al_session_detach(al_session *session)
{
    int ends[2];
    char name[256];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return AL_FARM_EXIT_BROKEN;
    pid_t child = fork();
    if (child == 0) {
        (void)setsid();
        (void)close(ends[0]);
        session->ready_fd = ends[1];
        return -1;
    }
    (void)close(ends[1]);
    ssize_t n = child > 0 ? read(ends[0], name, sizeof name - 1) : -1;
    (void)close(ends[0]);
    if (n <= 0) { /* it has complained, or given the run to a batch system */
        int status = 0;
        if (child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status))
            return WEXITSTATUS(status);
        return AL_FARM_EXIT_BROKEN;
    }
    printf("%.*s\n", (int)n, name);
    fprintf(stderr, "allot %s: the run %.*s goes on by itself: allot status %.*s, allot wait %.*s\n",
            session->command, (int)n, name, (int)n, name, (int)n, name);
    return AL_EXIT_OK;
}

/** With --detach: the caller may go now. Whoever reads our output must not wait for the end of the run. */
static void let_go(al_session *session)
{
    if (session->ready_fd < 0)
        return;
    const char *name = al_runs_word(session->path);
    int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (nowhere >= 0) {
        (void)dup2(nowhere, STDOUT_FILENO);
        (void)dup2(nowhere, STDERR_FILENO);
        (void)close(nowhere);
    }
    (void)!write(session->ready_fd, name, strlen(name));
    (void)close(session->ready_fd);
    session->ready_fd = -1;
}

int al_session_run(al_session *session)
{
    allot_error err = {.code = ALLOT_OK};
    uint32_t nslots = 1;
    session->is_terminal = isatty(STDERR_FILENO) == 1;
    allot_err code = session->names != NULL ? al_session_parse_files(session, &err) : ALLOT_OK;
    if (code == ALLOT_OK)
        code = open_print(session, &err);
    if (code == ALLOT_OK)
        code = prepare(session, &nslots, &err);
    if (code == ALLOT_OK)
        code = open_farm(session, nslots, &err);
    if (code != ALLOT_OK)
        return al_session_fail(session, code, &err);
    let_go(session);
    code = al_farm_run(session->farm, &err);
    return al_session_report(session, code, &err);
}

allot_err al_session_make_passing(al_session *session, allot_error *err)
{
    const char *tmp = getenv("TMPDIR");
    (void)snprintf(session->path, sizeof session->path, "%s/allot-dryrun-XXXXXX",
                   tmp != NULL && tmp[0] == '/' ? tmp : "/tmp");
    if (mkdtemp(session->path) == NULL)
        return al_fail(err, ALLOT_EIO, errno, "%s: no folder can be made there", session->path);
    session->is_passing = true;
    return ALLOT_OK;
}

void al_session_fini(al_session *session)
{
    al_farm_destroy(session->farm);
    (void)al_store_close(session->store, NULL);
    if (session->is_passing)
        al_folder_remove(session->path);
    (void)al_print_destroy(session->print, NULL);
    al_sched_destroy(session->sched);
    al_inputs_destroy(session->inputs);
    al_known_destroy(session->known);
    al_template_destroy(session->template);
    al_template_destroy(session->tag);
    al_names_destroy(session->names);
    al_session_fleet_fini(session);
    al_buffer_fini(&session->specs);
    al_farm_options_fini(&session->options);
    for (size_t k = 0; k < sizeof session->recalled / sizeof session->recalled[0]; k++)
        free(session->recalled[k]);
    free(session->typed);
}
