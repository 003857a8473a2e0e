/* farm_report.c - what is said of a run: the line while it lasts, the summary at its end.
 *
 * The summary is for people and short: how many, how long, and for failures what they have in common. A run
 * without a fault that nobody watches says nothing, as any filter.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/farm_session.h"
#include "farm/runs.h"
#include "monitor/progress.h"

#define NGROUPS 8
#define LINE_BYTES 120

/** How much of the work is done, by the times of the tasks that ended: those that run count for what they
 * have run.
 * @return negative: not known */
static double work_done(const al_farm_facts *facts, const al_sched_counts *counts, uint64_t nleft)
{
    uint64_t nended = facts->nattempts - counts->nrunning;
    if (facts->ntotal == UINT64_MAX || facts->nattempts <= counts->nrunning || nleft < counts->nrunning)
        return -1;
    double mean_s = facts->busy_s / (double)nended;
    double done_s = facts->busy_s + facts->running_s;
    double left_s = facts->expected_s + mean_s * (double)(nleft - counts->nrunning);
    return done_s + left_s > 0 ? done_s / (done_s + left_s) : -1;
}

void al_session_status(void *arg, char *line, size_t nbytes)
{
    const al_session *session = arg;
    al_sched_counts counts;
    al_farm_facts facts;
    al_sched_count(session->sched, &counts);
    al_farm_facts_of(session->farm, &facts);
    uint64_t nfinal = counts.ndone + counts.nfailed + counts.nskipped + counts.ncanceled;
    al_progress_state state = {.ndone = nfinal - session->nbefore,
                               .ntotal =
                                   facts.ntotal == UINT64_MAX ? UINT64_MAX : facts.ntotal - session->nbefore,
                               .fraction = work_done(&facts, &counts, facts.ntotal - nfinal)};
    char more[96] = "";
    int n = snprintf(more, sizeof more, ", %" PRIu64 " running", counts.nrunning);
    if (counts.nfailed > 0)
        (void)snprintf(more + n, sizeof more - (size_t)n, ", %" PRIu64 " failed", counts.nfailed);
    size_t width = session->is_terminal ? 79 - strlen(more) : 0;
    size_t length = al_progress_format(&state, al_clock_ns() - facts.begin_ns, "tasks", (uint32_t)width, line,
                                       nbytes - sizeof more);
    memcpy(line + length, more, strlen(more) + 1);
    if (!session->is_terminal) {
        fprintf(stderr, "%s\n", line);
        line[0] = '\0';
    }
}

/* ---- failures -------------------------------------------------------------------------------------------
 */

/** Tasks that failed alike. */
typedef struct group {
    al_cause cause;
    int32_t exit_status, signal;
    char line[LINE_BYTES]; /* the last of standard error */
    uint64_t count;
    al_task_id first;
} group;

typedef struct groups {
    al_store *store;
    group at[NGROUPS];
    uint32_t count;
    uint64_t nothers, nseen;
} groups;

/** As much of a text as fits, on one line. */
static void put_printable(char *to, size_t room, const char *from, size_t nbytes)
{
    size_t n = nbytes < room - 1 ? nbytes : room - 1;
    for (size_t k = 0; k < n; k++)
        to[k] = (unsigned char)from[k] < ' ' ? ' ' : from[k];
    to[n] = '\0';
}

/** The last line of what a task wrote to standard error. */
static void last_line(al_store *store, al_task_id task, char line[LINE_BYTES])
{
    al_buffer text = {.at = NULL};
    int fd = -1;
    line[0] = '\0';
    if (al_store_output(store, task, true, &text, &fd, NULL) != ALLOT_OK)
        return;
    if (fd >= 0) {
        char *tail = al_buffer_reserve(&text, 4096);
        off_t end = lseek(fd, 0, SEEK_END);
        ssize_t n = tail != NULL ? pread(fd, tail, 4096, end > 4096 ? end - 4096 : 0) : 0;
        text.nbytes = n > 0 ? (size_t)n : 0;
        (void)close(fd);
    }
    size_t end = text.nbytes;
    while (end > 0 && (text.at[end - 1] == '\n' || text.at[end - 1] == '\r'))
        end--;
    size_t begin = end;
    while (begin > 0 && text.at[begin - 1] != '\n' && end - begin < LINE_BYTES - 1)
        begin--;
    if (end > begin)
        put_printable(line, LINE_BYTES, text.at + begin, end - begin);
    al_buffer_fini(&text);
}

static bool group_result(void *arg, const al_result *result)
{
    groups *g = arg;
    group one = {.cause = result->cause,
                 .exit_status = result->exit_status,
                 .signal = result->signal,
                 .count = 1,
                 .first = result->task};
    if (++g->nseen <= 1000) /* the text of the first thousand is enough to tell kinds of failures apart */
        last_line(g->store, result->task, one.line);
    for (uint32_t k = 0; k < g->count; k++)
        if (g->at[k].cause == one.cause && g->at[k].exit_status == one.exit_status &&
            g->at[k].signal == one.signal && (g->nseen > 1000 || strcmp(g->at[k].line, one.line) == 0)) {
            g->at[k].count++;
            return true;
        }
    if (g->count < NGROUPS)
        g->at[g->count++] = one;
    else
        g->nothers++;
    return true;
}

static void print_cause(const group *g, char *text, size_t nbytes)
{
    const char *signal = g->signal != 0 ? sigabbrev_np(g->signal) : NULL;
    if (g->cause == AL_CAUSE_EXIT)
        (void)snprintf(text, nbytes, "exit status %d", g->exit_status);
    else if (g->cause == AL_CAUSE_SIGNAL)
        (void)snprintf(text, nbytes, "ended by SIG%s", signal != NULL ? signal : "?");
    else if (g->cause == AL_CAUSE_NOT_STARTED)
        (void)snprintf(text, nbytes, "could not be started");
    else if (g->cause == AL_CAUSE_TIMEOUT)
        (void)snprintf(text, nbytes, "took too long");
    else if (g->cause == AL_CAUSE_MEMORY)
        (void)snprintf(text, nbytes, "took too much memory");
    else if (g->cause == AL_CAUSE_OUTPUT)
        (void)snprintf(text, nbytes, "output could not be kept (%s)", strerror(g->exit_status));
    else
        (void)snprintf(text, nbytes, "%s", al_cause_word(g->cause));
}

static void print_failures(const al_session *session)
{
    groups g = {.store = session->store};
    if (al_store_each_result(session->store, 1u << AL_TASK_FAILED, group_result, &g, NULL) != ALLOT_OK)
        return;
    for (uint32_t k = 0; k < g.count; k++) {
        char cause[80];
        print_cause(&g.at[k], cause, sizeof cause);
        fprintf(stderr, "  %" PRIu64 " x %s%s%s   (task %" PRIu64 ")\n", g.at[k].count, cause,
                g.at[k].line[0] != '\0' ? ": " : "", g.at[k].line, g.at[k].first);
    }
    if (g.nothers > 0)
        fprintf(stderr, "  %" PRIu64 " x otherwise\n", g.nothers);
    if (session->is_passing)
        return;
    const char *name = al_runs_word(session->path);
    fprintf(stderr, "  see: allot log %s TASK      try these again: allot retry %s\n", name, name);
}

/** The tasks that took longest, if some took much longer than the others: where a day's work hangs. */
static void print_slowest(const al_session *session)
{
    al_result slowest[3];
    size_t count = 3;
    double median_s = al_sched_median_ns(session->sched) * 1e-9;
    if (al_store_slowest(session->store, slowest, &count, NULL) != ALLOT_OK)
        return;
    for (size_t k = 0; k < count && (double)slowest[k].wall_us * 1e-6 > 2 * median_s; k++) {
        al_args args, spec;
        char text[61];
        if (al_store_task(session->store, slowest[k].task, &args, &spec, NULL) != ALLOT_OK)
            return;
        al_args shown = spec.at != NULL ? spec : args;
        put_printable(text, sizeof text, shown.at, shown.nbytes);
        fprintf(stderr, "  %s %.3g s: task %" PRIu64 ", %s\n", k == 0 ? "slowest" : "       ",
                (double)slowest[k].wall_us * 1e-6, slowest[k].task, text);
    }
}

/* ---- the summary ----------------------------------------------------------------------------------------
 */

static void print_json(const al_session *session, const al_sched_counts *counts, const al_farm_facts *facts,
                       uint64_t nleft, int status)
{
    double wall_s = (double)(facts->end_ns - facts->begin_ns) * 1e-9;
    json_t *o = json_pack(
        "{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:I, s:I, "
        "s:i, "
        "s:i}",
        "run", al_runs_name(session->path), "folder", session->path, "tasks", (json_int_t)counts->ntasks,
        "succeeded", (json_int_t)counts->ndone, "failed", (json_int_t)counts->nfailed, "skipped",
        (json_int_t)counts->nskipped, "canceled", (json_int_t)counts->ncanceled, "left", (json_int_t)nleft,
        "done_before", (json_int_t)session->nbefore, "attempts", (json_int_t)facts->nattempts, "copies",
        (json_int_t)counts->ncopies, "copies_won", (json_int_t)counts->ncopies_won, "wall_s", wall_s,
        "busy_s", facts->busy_s, "user_s", facts->user_s, "sys_s", facts->sys_s, "longest_s",
        facts->longest_s, "peak_memory_kb", (json_int_t)facts->most_mem_kb, "jobs",
        (json_int_t)session->options.njobs, "signal", facts->signal, "exit_status", status);
    if (o != NULL && session->is_passing)
        (void)json_object_set_new(o, "dry_run", json_true());
    char *text = o != NULL ? json_dumps(o, JSON_REAL_PRECISION(9)) : NULL;
    if (text != NULL)
        fprintf(stderr, "%s\n", text);
    free(text);
    json_decref(o);
}

/** How many tasks at a time there was room for. */
static uint64_t count_asked(const al_session *session)
{
    al_farm_engine_facts engine;
    uint64_t n = session->options.is_elsewhere_only ? 0 : session->options.njobs;
    for (uint32_t k = 1; al_farm_engine_facts_of(session->farm, k, &engine); k++)
        n += engine.nslots;
    return n;
}

/** How close the run came to what cannot be beaten: all engines busy all the time, or the longest task. */
static void explain(const al_session *session, const al_sched_counts *counts, const al_farm_facts *facts)
{
    double wall_s = (double)(facts->end_ns - facts->begin_ns) * 1e-9;
    uint64_t asked = count_asked(session);
    /* That an engine began a task can be heard before the end of the one before it. */
    uint32_t engines = facts->nrunning_most < asked ? facts->nrunning_most : (uint32_t)asked;
    if (engines == 0)
        engines = 1;
    double bound_s = facts->busy_s / engines;
    if (bound_s < facts->longest_s)
        bound_s = facts->longest_s;
    double mean_s = facts->nattempts > 0 ? facts->busy_s / (double)facts->nattempts : 0;
    fprintf(stderr,
            "  measured   %" PRIu64
            " starts, %.0f us each; a task took %.3g s in the mean, %.3g s in the median, %.3g s at most\n"
            "  decision   %u at a time (of %" PRIu64 " asked for): %s\n"
            "  makespan   %.4g s; no order could end before %.4g s, so %.1f %% of the best\n"
            "  used       %.4g s of processors (%.4g user, %.4g system), %" PRIu64
            " MB at most by one task\n",
            facts->nattempts,
            facts->nattempts > 0 ? (double)facts->spawn_ns * 1e-3 / (double)facts->nattempts : 0, mean_s,
            al_sched_median_ns(session->sched) * 1e-9, facts->longest_s, engines, asked,
            engines < asked ? "there were no more tasks" : "as many as asked for", wall_s, bound_s,
            wall_s > 0 ? 100 * bound_s / wall_s : 100, facts->user_s + facts->sys_s, facts->user_s,
            facts->sys_s, facts->most_mem_kb / 1024);
    if (session->options.speculate)
        fprintf(stderr,
                "  speculated %" PRIu64 " tasks that took long were started a second time, of these %" PRIu64
                " ended there first\n",
                counts->ncopies, counts->ncopies_won);
}

/** How the run was cut over engines elsewhere: a line each, or where they are many those that had most and
 * least. */
static void explain_engines(const al_session *session)
{
    enum { LINES_MOST = 24 };
    al_farm_engine_facts e, least = {.nended = UINT64_MAX}, most = {.name = NULL};
    uint32_t count = 0, nup = 0;
    for (; al_farm_engine_facts_of(session->farm, count + 1, &e); count++) {
        nup += e.was_up;
        least = e.nended < least.nended ? e : least;
        most = most.name == NULL || e.nended > most.nended ? e : most;
    }
    if (count == 0)
        return;
    fprintf(stderr, "  engines    %u of %u came up; %" PRIu64 " to %" PRIu64 " tasks each\n", nup, count,
            least.nended, most.nended);
    for (uint32_t k = 1; k <= count && count <= LINES_MOST; k++) {
        (void)al_farm_engine_facts_of(session->farm, k, &e);
        fprintf(stderr, "  %10s %" PRIu64 " tasks, %u at a time and %u waiting there%s%s\n", e.name, e.nended,
                e.nslots, e.nwaiting_most, strcmp(e.state, "up") != 0 ? "; at the end: " : "",
                strcmp(e.state, "up") != 0 ? e.state : "");
    }
}

/** What a run would have been whose engines only pretended. */
static void print_dry(const al_session *session, const al_sched_counts *counts, const al_farm_facts *facts,
                      uint64_t nleft)
{
    double wall_s = (double)(facts->end_ns - facts->begin_ns) * 1e-9;
    al_complain(session->command,
                "dry run: nothing was run and nothing is kept; %" PRIu64 " of %" PRIu64
                " tasks would have gone to engines, %" PRIu64 " could not, %" PRIu64 " left; %.3g s",
                counts->ndone, counts->ntasks, counts->nfailed + counts->nskipped, nleft, wall_s);
}

static void print_summary(const al_session *session, const al_sched_counts *counts,
                          const al_farm_facts *facts, uint64_t nleft)
{
    const char *name = al_runs_word(session->path);
    double wall_s = (double)(facts->end_ns - facts->begin_ns) * 1e-9;
    bool is_worth = session->is_passing || nleft > 0 || counts->nfailed > 0 || counts->nskipped > 0 ||
                    session->options.explain || (session->is_terminal && wall_s > 2);
    if (!is_worth || session->options.quiet)
        return;
    char text[400] = "";
    int n = snprintf(text, sizeof text, "run %s: %" PRIu64 " of %" PRIu64 " tasks succeeded in %.3g s", name,
                     counts->ndone, counts->ntasks, wall_s);
    const struct {
        uint64_t count;
        const char *word;
    } others[] = {{counts->nfailed, "failed"},
                  {counts->nskipped, "skipped"},
                  {counts->ncanceled, "canceled"},
                  {nleft, "left"}};
    for (size_t k = 0; k < 4; k++)
        if (others[k].count > 0 && n > 0 && (size_t)n < sizeof text)
            n += snprintf(text + n, sizeof text - (size_t)n, ", %" PRIu64 " %s", others[k].count,
                          others[k].word);
    if (session->is_passing)
        print_dry(session, counts, facts, nleft);
    else
        al_complain(session->command, "%s", text);
    if (session->options.explain) {
        explain(session, counts, facts);
        explain_engines(session);
    }
    if (counts->ndone + counts->nfailed > 3 && wall_s > 2)
        print_slowest(session);
    if (counts->nfailed > 0)
        print_failures(session);
    if (!facts->is_input_read)
        fprintf(stderr, "  not all of the list was read\n");
    if (nleft > 0 && !session->is_passing)
        fprintf(stderr, "  go on with: allot resume %s\n", name);
}

int al_session_report(al_session *session, allot_err code, const allot_error *err)
{
    al_sched_counts counts;
    al_farm_facts facts;
    allot_error late = {.code = ALLOT_OK};
    al_sched_count(session->sched, &counts);
    al_farm_facts_of(session->farm, &facts);
    uint64_t nleft = counts.nblocked + counts.nready + counts.ndelayed + counts.nrunning;
    session->has_more = nleft > 0 || !facts.is_input_read;
    session->nended = facts.nnew;
    uint64_t nbad = counts.nfailed + counts.nskipped;
    int status = nbad < AL_FARM_FAILED_MOST ? (int)nbad : AL_FARM_FAILED_MOST;
    if (code != ALLOT_OK) {
        al_complain(session->command, "%s", err->text);
        status = AL_FARM_EXIT_BROKEN;
    }
    if (facts.signal != 0)
        status = AL_EXIT_SIGNAL + facts.signal;
    else if (session->lacks_input || facts.lacks_input) {
        const char *name = al_runs_word(session->path);
        al_complain(
            session->command,
            "run %s was stopped before its list was read to the end; give it again: allot resume %s <LIST",
            name, name);
        status = AL_FARM_EXIT_BROKEN;
    }
    if (session->options.json)
        print_json(session, &counts, &facts, nleft, status);
    else if (facts.signal != SIGPIPE)
        print_summary(session, &counts, &facts, nleft);
    allot_err closed = al_store_close(session->store, &late); /* what it prints comes before it is closed */
    session->store = NULL;
    allot_err printed = al_print_destroy(session->print, closed == ALLOT_OK ? &late : NULL);
    session->print = NULL;
    if ((closed != ALLOT_OK || printed != ALLOT_OK) && code == ALLOT_OK) {
        al_complain(session->command, "%s", late.text);
        status = AL_FARM_EXIT_BROKEN;
    }
    return status;
}
