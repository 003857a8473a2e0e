/* test_store.c - a run on disk: what goes in comes out, also after its controller was killed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "farm/known.h"
#include "farm/store.h"

static char scratch[64], folder[128];

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st, (void)kind, (void)where;
    return remove(path);
}

static int begin(void **state)
{
    (void)state;
    (void)snprintf(scratch, sizeof scratch, "/tmp/allot-store-XXXXXX");
    if (mkdtemp(scratch) == NULL)
        return -1;
    (void)snprintf(folder, sizeof folder, "%s/a run", scratch);
    return 0;
}

static int end(void **state)
{
    (void)state;
    return nftw(scratch, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static al_args args_of(const char *text)
{
    return (al_args){text, strlen(text)};
}

static al_store *create(void)
{
    allot_error err;
    al_store *store = NULL;
    if (al_store_create(folder, NULL, &store, &err) != ALLOT_OK)
        fail_msg("%s", err.text);
    return store;
}

static al_store *reopen(al_store_mode mode)
{
    allot_error err;
    al_store *store = NULL;
    if (al_store_open(folder, mode, &store, &err) != ALLOT_OK)
        fail_msg("%s", err.text);
    return store;
}

static void add(al_store *store, uint64_t n)
{
    char text[32];
    for (uint64_t k = 1; k <= n; k++) {
        (void)snprintf(text, sizeof text, "task %llu", (unsigned long long)k);
        assert_int_equal(al_store_add(store, args_of(text), NULL, NULL), ALLOT_OK);
    }
}

static al_result result_of(al_task_id task, uint32_t attempt, al_task_state state)
{
    return (al_result){.task = task,
                       .attempt = attempt,
                       .state = state,
                       .cause = AL_CAUSE_EXIT,
                       .exit_status = state == AL_TASK_DONE ? 0 : 3,
                       .slot = 1,
                       .start_us = 1700000000000000,
                       .wall_us = 10,
                       .user_us = 20,
                       .sys_us = 30,
                       .mem_kb = 40,
                       .nout = 3,
                       .nerr = 4};
}

static void finish(al_store *store, al_task_id task, uint32_t attempt, al_task_state state)
{
    al_result result = result_of(task, attempt, state);
    al_store_started(store, 1, task, attempt, result.start_us);
    assert_true(al_store_ended(store, &result, args_of("out"), args_of("err\n")));
}

static void assert_same_result(const al_result *a, const al_result *b)
{
    assert_int_equal(a->task, b->task);
    assert_int_equal(a->attempt, b->attempt);
    assert_int_equal(a->state, b->state);
    assert_int_equal(a->cause, b->cause);
    assert_int_equal(a->exit_status, b->exit_status);
    assert_int_equal(a->slot, b->slot);
    assert_int_equal(a->start_us, b->start_us);
    assert_int_equal(a->wall_us, b->wall_us);
    assert_int_equal(a->user_us, b->user_us);
    assert_int_equal(a->sys_us, b->sys_us);
    assert_int_equal(a->mem_kb, b->mem_kb);
    assert_int_equal(a->nout, b->nout);
    assert_int_equal(a->nerr, b->nerr);
}

static void assert_output(al_store *store, al_task_id task, bool is_err, const char *text)
{
    al_buffer bytes = {.at = NULL};
    int fd;
    assert_int_equal(al_store_output(store, task, is_err, &bytes, &fd, NULL), ALLOT_OK);
    assert_int_equal(fd, -1);
    assert_int_equal(bytes.nbytes, strlen(text));
    assert_memory_equal(bytes.at, text, bytes.nbytes);
    al_buffer_fini(&bytes);
}

/* ---- what goes in comes out -----------------------------------------------------------------------------
 */

static void test_tasks_come_back(void **state)
{
    (void)state;
    enum { N = 5000 };
    al_store *store = create();
    char text[32];
    al_args args, spec;
    add(store, N);
    assert_int_equal(al_store_add(store, (al_args){"a\0b\0", 4}, "{\"x\":1}", NULL), ALLOT_OK);
    assert_int_equal(al_store_add(store, (al_args){"", 0}, NULL, NULL), ALLOT_OK);
    assert_int_equal(al_store_sync(store, NULL), ALLOT_OK);
    assert_int_equal(al_store_ntasks_committed(store), N + 2);
    for (int round = 0; round < 2; round++) {
        for (al_task_id task = N; task >= 1; task -= 7) {
            (void)snprintf(text, sizeof text, "task %llu", (unsigned long long)task);
            assert_int_equal(al_store_task(store, task, &args, &spec, NULL), ALLOT_OK);
            assert_int_equal(args.nbytes, strlen(text));
            assert_memory_equal(args.at, text, args.nbytes);
            assert_null(spec.at);
            if (task < 7)
                break;
        }
        assert_int_equal(al_store_task(store, N + 1, &args, &spec, NULL), ALLOT_OK);
        assert_int_equal(args.nbytes, 4);
        assert_memory_equal(args.at, "a\0b\0", 4);
        assert_int_equal(spec.nbytes, 7);
        assert_memory_equal(spec.at, "{\"x\":1}", 7);
        assert_int_equal(al_store_task(store, N + 2, &args, &spec, NULL), ALLOT_OK);
        assert_int_equal(args.nbytes, 0);
        assert_int_equal(al_store_task(store, N + 3, &args, &spec, NULL), ALLOT_ENOTFOUND);
        assert_int_equal(al_store_close(store, NULL), ALLOT_OK);
        store = reopen(round == 0 ? AL_STORE_READ : AL_STORE_CONTROL);
    }
    assert_int_equal(al_store_ntasks(store), N + 2);
    assert_int_equal(al_store_close(store, NULL), ALLOT_OK);
}

static void test_results_come_back(void **state)
{
    (void)state;
    al_result result, expected = result_of(2, 2, AL_TASK_DONE);
    al_store_counts counts;
    al_store *store = create();
    add(store, 3);
    finish(store, 1, 1, AL_TASK_FAILED);
    finish(store, 2, 1, AL_TASK_DELAYED);
    finish(store, 2, 2, AL_TASK_DONE);
    al_result verdict = {.task = 3, .state = AL_TASK_SKIPPED, .cause = AL_CAUSE_DEPENDENCY};
    assert_true(al_store_ended(store, &verdict, args_of(""), args_of("")));
    assert_int_equal(al_store_sync(store, NULL), ALLOT_OK);
    assert_int_equal(al_store_result(store, 2, &result, NULL), ALLOT_OK);
    assert_same_result(&result, &expected);
    assert_output(store, 2, false, "out");
    assert_output(store, 2, true, "err\n");
    assert_int_equal(al_store_result(store, 3, &result, NULL), ALLOT_OK);
    assert_int_equal(result.cause, AL_CAUSE_DEPENDENCY);
    assert_int_equal(al_store_result(store, 4, &result, NULL), ALLOT_ENOTFOUND);
    assert_int_equal(al_store_count(store, &counts, NULL), ALLOT_OK);
    assert_int_equal(counts.ntasks, 3);
    assert_int_equal(counts.ndone, 1);
    assert_int_equal(counts.nfailed, 1);
    assert_int_equal(counts.nskipped, 1);
    assert_int_equal(counts.nattempts, 3);
    assert_int_equal(al_store_close(store, NULL), ALLOT_OK);
}

static bool count_result(void *arg, const al_result *result)
{
    (void)result;
    ++*(int *)arg;
    return true;
}

static void note_state(void *arg, al_task_id task, al_task_state state, uint32_t attempts, bool interrupted,
                       uint64_t wall_us)
{
    char *text = arg;
    (void)wall_us;
    size_t used = strlen(text);
    (void)snprintf(text + used, 200 - used, "%llu %s %u%s;", (unsigned long long)task,
                   al_task_state_word(state), attempts, interrupted ? " interrupted" : "");
}

static void test_reset_and_filters(void **state)
{
    (void)state;
    char text[200] = "";
    uint64_t nreset;
    int n = 0;
    al_store *store = create();
    add(store, 4);
    finish(store, 1, 1, AL_TASK_DONE);
    finish(store, 2, 1, AL_TASK_FAILED);
    finish(store, 4, 1, AL_TASK_FAILED);
    assert_int_equal(al_store_sync(store, NULL), ALLOT_OK);
    assert_int_equal(al_store_each_result(store, 1u << AL_TASK_FAILED, count_result, &n, NULL), ALLOT_OK);
    assert_int_equal(n, 2);
    assert_int_equal(al_store_each_result(store, 0, count_result, &n, NULL), ALLOT_OK);
    assert_int_equal(n, 5);
    assert_int_equal(al_store_reset(store, 1u << AL_TASK_FAILED, &nreset, NULL), ALLOT_OK);
    assert_int_equal(nreset, 2);
    assert_int_equal(al_store_each_state(store, note_state, text, NULL), ALLOT_OK);
    assert_string_equal(text, "1 done 1;2 ready 1;4 ready 1;");
    assert_int_equal(al_store_close(store, NULL), ALLOT_OK);
}

static void test_keys(void **state)
{
    (void)state;
    char *value;
    al_store *store = create();
    assert_int_equal(al_store_set(store, "a", "1", NULL), ALLOT_OK);
    assert_int_equal(al_store_set(store, "a", "", NULL), ALLOT_OK);
    assert_int_equal(al_store_set(store, "b", "two words", NULL), ALLOT_OK);
    assert_int_equal(al_store_close(store, NULL), ALLOT_OK);
    store = reopen(AL_STORE_READ);
    assert_int_equal(al_store_get(store, "a", &value, NULL), ALLOT_OK);
    assert_null(value); /* an empty value takes the key away */
    assert_int_equal(al_store_get(store, "b", &value, NULL), ALLOT_OK);
    assert_string_equal(value, "two words");
    free(value);
    assert_int_equal(al_store_get(store, "c", &value, NULL), ALLOT_OK);
    assert_null(value);
    assert_int_equal(al_store_close(store, NULL), ALLOT_OK);
}

static bool next_spec(void *arg, al_args *spec)
{
    unsigned *count = arg;
    *spec = args_of("{\"command\": \"x\"}");
    return (*count)++ < 3;
}

static void test_made_with_content(void **state)
{
    (void)state;
    unsigned count = 0;
    al_store *store = NULL;
    al_args args, spec;
    char *value;
    const char *const keys[] = {"a", "1", "left out", NULL, "b", "2", NULL};
    al_store_content content = {keys, next_spec, &count};
    assert_int_equal(al_store_create(folder, &content, &store, NULL), ALLOT_OK);
    assert_int_equal(al_store_ntasks_committed(store), 3);
    assert_int_equal(al_store_get(store, "b", &value, NULL), ALLOT_OK);
    assert_string_equal(value, "2");
    free(value);
    assert_int_equal(al_store_get(store, "left out", &value, NULL), ALLOT_OK);
    assert_null(value);
    assert_int_equal(al_store_task(store, 3, &args, &spec, NULL), ALLOT_OK);
    assert_int_equal(args.nbytes, 0);
    assert_int_equal(spec.nbytes, 16);
    assert_int_equal(al_store_close(store, NULL), ALLOT_OK);
}

static void test_slowest(void **state)
{
    (void)state;
    al_store *store = create();
    al_result slowest[2];
    size_t count = 2;
    add(store, 5);
    assert_int_equal(al_store_sync(store, NULL), ALLOT_OK);
    assert_int_equal(al_store_slowest(store, slowest, &count, NULL), ALLOT_OK);
    assert_int_equal(count, 0);
    for (al_task_id task = 1; task <= 5; task++) {
        al_result result = result_of(task, 1, AL_TASK_DONE);
        result.wall_us = task * 7 % 5;
        assert_true(al_store_ended(store, &result, args_of(""), args_of("")));
    }
    assert_int_equal(al_store_sync(store, NULL), ALLOT_OK);
    count = 2;
    assert_int_equal(al_store_slowest(store, slowest, &count, NULL), ALLOT_OK);
    assert_int_equal(count, 2);
    assert_int_equal(slowest[0].task, 2);
    assert_int_equal(slowest[1].task, 4);
    assert_int_equal(al_store_close(store, NULL), ALLOT_OK);
}

/* ---- known ----------------------------------------------------------------------------------------------
 */

static void assert_known(al_known *known, const char *text, bool expected)
{
    bool is_known;
    assert_int_equal(al_known_take(known, args_of(text), &is_known, NULL), ALLOT_OK);
    if (is_known != expected)
        fail_msg("%s: %s", text, is_known ? "known" : "not known");
}

static void test_known_by_content(void **state)
{
    (void)state;
    static const char *const texts[] = {"a", "b", "b", "", "c"};
    al_store *store = create();
    for (size_t k = 0; k < 5; k++)
        assert_int_equal(al_store_add(store, args_of(texts[k]), NULL, NULL), ALLOT_OK);
    assert_int_equal(al_store_sync(store, NULL), ALLOT_OK);
    al_known *known = al_known_create(store, false);
    for (size_t k = 0; k < 5; k++) /* the same list */
        assert_known(known, texts[k], true);
    assert_false(al_known_is_going(known));
    assert_known(known, "a", false);
    al_known_destroy(known);
    known = al_known_create(store, false); /* edited: each of the run's answers once */
    assert_known(known, "a", true);
    assert_known(known, "new", false);
    assert_known(known, "c", true);
    assert_known(known, "b", true);
    assert_known(known, "b", true);
    assert_known(known, "b", false);
    assert_known(known, "a", false);
    assert_true(al_known_is_going(known));
    assert_known(known, "", true);
    assert_false(al_known_is_going(known));
    assert_int_equal(al_known_nread(known), 8);
    al_known_destroy(known);
    assert_int_equal(al_store_close(store, NULL), ALLOT_OK);
}

static void test_known_whatever_the_cut(void **state)
{
    (void)state;
    al_store *store = create();
    assert_int_equal(al_store_add(store, (al_args){"a\0bb\0c", 6}, NULL, NULL), ALLOT_OK);
    assert_int_equal(al_store_add(store, (al_args){"d\0", 2}, NULL, NULL), ALLOT_OK);
    assert_int_equal(al_store_sync(store, NULL), ALLOT_OK);
    al_known *known = al_known_create(store, true);
    static const char *const same[] = {"a", "bb", "c", "d", ""};
    for (size_t k = 0; k < 5; k++)
        assert_known(known, same[k], true);
    assert_false(al_known_is_going(known));
    al_known_destroy(known);
    known = al_known_create(store, true);
    assert_known(known, "a", true);
    assert_known(known, "b", false); /* no more than the beginning of a value */
    assert_known(known, "d", true);
    assert_known(known, "c", true);
    assert_known(known, "a", false);
    assert_known(known, "bb", true);
    al_known_destroy(known);
    assert_int_equal(al_store_close(store, NULL), ALLOT_OK);
}

/* ---- commits and their order ----------------------------------------------------------------------------
 */

typedef struct heard {
    al_store *reader;
    uint64_t nresults, ngroups;
    bool is_ordered, is_on_disk;
} heard;

static void hear(void *arg, const al_result *result, al_args out, al_args err_out)
{
    heard *h = arg;
    al_result stored;
    h->is_ordered =
        h->is_ordered && result->task == h->nresults + 1 && out.nbytes == 3 && err_out.nbytes == 4;
    h->nresults++;
    if (result->task % 100 == 0)
        h->is_on_disk = h->is_on_disk && al_store_result(h->reader, result->task, &stored, NULL) == ALLOT_OK;
}

static void hear_group(void *arg)
{
    ((heard *)arg)->ngroups++;
}

/** Many more than the tail holds: each is heard of once, in order, after it can be read by others. */
static void test_results_are_announced_when_on_disk(void **state)
{
    (void)state;
    enum { N = 40000 };
    al_store *store = create();
    add(store, N);
    assert_int_equal(al_store_sync(store, NULL), ALLOT_OK);
    heard h = {.reader = reopen(AL_STORE_READ), .is_ordered = true, .is_on_disk = true};
    al_store_on_commit(store, hear, hear_group, &h);
    for (al_task_id task = 1; task <= N; task++) {
        al_result result = result_of(task, 1, AL_TASK_DONE);
        al_store_started(store, 1, task, 1, result.start_us);
        while (!al_store_ended(store, &result, args_of("out"), args_of("err\n"))) {
            struct pollfd fd = {.fd = al_store_fd(store), .events = POLLIN};
            assert_int_equal(poll(&fd, 1, 10000), 1);
            assert_int_equal(al_store_check(store, NULL), ALLOT_OK);
        }
    }
    assert_int_equal(al_store_sync(store, NULL), ALLOT_OK);
    assert_int_equal(h.nresults, N);
    assert_true(h.is_ordered);
    assert_true(h.is_on_disk);
    assert_true(h.ngroups >= 1 && h.ngroups < N / 10);
    assert_int_equal(al_store_close(store, NULL), ALLOT_OK);
    assert_int_equal(al_store_close(h.reader, NULL), ALLOT_OK);
}

/* ---- requests -------------------------------------------------------------------------------------------
 */

static void test_requests(void **state)
{
    (void)state;
    al_request request;
    bool found;
    al_store *store = create();
    assert_int_equal(al_store_ask(folder, "add", "x\ny\n", 4, NULL), ALLOT_OK);
    assert_int_equal(al_store_ask(folder, "cancel", "", 0, NULL), ALLOT_OK);
    assert_int_equal(al_store_next_request(store, &request, &found, NULL), ALLOT_OK);
    assert_true(found);
    assert_string_equal(request.verb, "add");
    assert_string_equal(request.text, "x\ny\n");
    assert_int_equal(al_store_next_request(store, &request, &found, NULL), ALLOT_OK);
    assert_true(found);
    assert_string_equal(request.verb, "cancel");
    assert_int_equal(al_store_close(store, NULL), ALLOT_OK); /* before the second one was done with */
    store = reopen(AL_STORE_CONTROL);
    assert_int_equal(al_store_next_request(store, &request, &found, NULL), ALLOT_OK);
    assert_true(found);
    assert_string_equal(request.verb, "cancel");
    assert_int_equal(al_store_next_request(store, &request, &found, NULL), ALLOT_OK);
    assert_false(found);
    assert_int_equal(al_store_close(store, NULL), ALLOT_OK);
}

/* ---- who controls it ------------------------------------------------------------------------------------
 */

static void test_second_controller_is_refused(void **state)
{
    (void)state;
    allot_error err;
    al_store_owner owner;
    al_store *second = NULL, *store = create();
    char pid[32], host[256];
    assert_true(al_store_owner_of(folder, &owner));
    assert_int_equal(owner.pid, getpid());
    assert_true(owner.is_here && owner.since_us > 1700000000000000);
    assert_int_equal(al_store_open(folder, AL_STORE_CONTROL, &second, &err), ALLOT_EPERM);
    (void)snprintf(pid, sizeof pid, "process %d ", getpid());
    assert_int_equal(gethostname(host, sizeof host), 0);
    assert_non_null(strstr(err.text, pid));
    assert_non_null(strstr(err.text, host));
    assert_int_equal(al_store_create(folder, NULL, &second, &err), ALLOT_EPERM);
    assert_int_equal(al_store_close(store, NULL), ALLOT_OK);
    assert_false(al_store_owner_of(folder, &owner));
    assert_int_equal(al_store_create(folder, NULL, &second, &err), ALLOT_EPERM);
}

/** A child does `what` to a new run and is killed. */
static void in_killed_child(void (*what)(al_store *store))
{
    pid_t child = fork();
    if (child == 0) {
        al_store *store = NULL;
        if (al_store_create(folder, NULL, &store, NULL) != ALLOT_OK)
            _exit(1);
        what(store);
        (void)kill(getpid(), SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void leave_uncommitted(al_store *store)
{
    add(store, 5);
    (void)al_store_sync(store, NULL);
    al_result result = result_of(1, 1, AL_TASK_DONE);
    for (al_task_id task = 1; task <= 3; task++) { /* the first begins a group at once, the others gather */
        result.task = task;
        al_store_started(store, 1, task, 1, result.start_us);
        (void)al_store_ended(store, &result, args_of("out"), args_of("err\n"));
    }
    al_store_started(store, 1, 4, 1, result.start_us);
    al_store_started(store, 2, 5, 2, result.start_us);
}

static void test_killed_controller_loses_nothing(void **state)
{
    (void)state;
    char text[200] = "";
    in_killed_child(leave_uncommitted);
    al_store *store = reopen(AL_STORE_CONTROL);
    assert_int_equal(al_store_each_state(store, note_state, text, NULL), ALLOT_OK);
    assert_string_equal(text, "1 done 1;2 done 1;3 done 1;4 ready 1 interrupted;5 ready 2 interrupted;");
    assert_output(store, 3, true, "err\n");
    assert_int_equal(al_store_close(store, NULL), ALLOT_OK);
    store = reopen(AL_STORE_CONTROL);
    text[0] = '\0';
    assert_int_equal(al_store_each_state(store, note_state, text, NULL), ALLOT_OK);
    assert_string_equal(text, "1 done 1;2 done 1;3 done 1;4 ready 1 interrupted;5 ready 2 interrupted;");
    assert_int_equal(al_store_close(store, NULL), ALLOT_OK);
}

/** Tasks that ran twice: of the first a copy had decided, of the second neither. */
static void leave_twice(al_store *store)
{
    add(store, 2);
    (void)al_store_sync(store, NULL);
    al_result result = result_of(1, 1, AL_TASK_DONE);
    al_store_started(store, 1, 1, 1, result.start_us);
    al_store_started(store, 2, 1, 2, result.start_us);
    al_store_started(store, 3, 2, 2, result.start_us);
    al_store_started(store, 4, 2, 1, result.start_us);
    (void)al_store_ended(store, &result, args_of("first"), args_of(""));
}

static void test_killed_while_tasks_run_twice(void **state)
{
    (void)state;
    char text[200] = "";
    size_t count;
    in_killed_child(leave_twice);
    al_store *store = reopen(AL_STORE_CONTROL);
    assert_int_equal(al_store_each_state(store, note_state, text, NULL), ALLOT_OK);
    assert_string_equal(text, "1 done 1;2 ready 2 interrupted;");
    assert_output(store, 1, false, "first");
    const al_task_id *inflight = al_store_interrupted(store, &count);
    assert_int_equal(count, 2);
    assert_true(inflight[0] == 1 && inflight[1] == 2);
    assert_int_equal(al_store_close(store, NULL), ALLOT_OK);
}

typedef struct shown {
    char text[100];
    unsigned ngroups;
} shown;

static void show(void *arg, const al_result *result, al_args out, al_args err_out)
{
    shown *s = arg;
    (void)err_out;
    (void)snprintf(s->text + strlen(s->text), sizeof s->text - strlen(s->text), "%llu %.*s;",
                   (unsigned long long)result->task, (int)out.nbytes, out.at);
}

static void show_group(void *arg)
{
    ((shown *)arg)->ngroups++;
}

/** What was not committed was not shown: whoever finds it shows it, once. What was, is not shown again. */
static void test_what_was_found_is_shown(void **state)
{
    (void)state;
    shown s = {.text = ""};
    size_t count;
    in_killed_child(leave_uncommitted);
    al_store *store = reopen(AL_STORE_CONTROL);
    al_store_on_commit(store, show, show_group, &s);
    assert_int_equal(al_store_announce_recovered(store, NULL), ALLOT_OK);
    bool is_first_found = al_store_is_recovered(store, 1); /* its group may have come first */
    assert_string_equal(s.text, is_first_found ? "1 out;2 out;3 out;" : "2 out;3 out;");
    assert_int_equal(s.ngroups, 1);
    assert_true(al_store_is_recovered(store, 2) && al_store_is_recovered(store, 3));
    assert_false(al_store_is_recovered(store, 4));
    const al_task_id *inflight = al_store_interrupted(store, &count);
    assert_int_equal(count, 2);
    assert_int_equal(inflight[0], 4);
    assert_int_equal(inflight[1], 5);
    assert_int_equal(al_store_close(store, NULL), ALLOT_OK);
    store = reopen(AL_STORE_CONTROL);
    s.text[0] = '\0';
    al_store_on_commit(store, show, show_group, &s);
    assert_int_equal(al_store_announce_recovered(store, NULL), ALLOT_OK);
    assert_string_equal(s.text, "");
    (void)al_store_interrupted(store, &count);
    assert_int_equal(count, 0);
    assert_int_equal(al_store_fail_interrupted(store, NULL), ALLOT_OK);
    assert_int_equal(al_store_close(store, NULL), ALLOT_OK);
    char text[200] = "";
    store = reopen(AL_STORE_READ);
    assert_int_equal(al_store_each_state(store, note_state, text, NULL), ALLOT_OK);
    assert_string_equal(text, "1 done 1;2 done 1;3 done 1;4 failed 1 interrupted;5 failed 2 interrupted;");
    assert_int_equal(al_store_close(store, NULL), ALLOT_OK);
}

/* ---- damage ---------------------------------------------------------------------------------------------
 */

static void damage(const char *file, off_t at, const void *bytes, size_t nbytes)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", folder, file);
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, nbytes, at), nbytes);
    (void)close(fd);
}

static void fill(void)
{
    al_store *store = create();
    add(store, 3000);
    assert_int_equal(al_store_close(store, NULL), ALLOT_OK);
}

static void assert_refused(allot_err code, const char *word)
{
    allot_error err = {.text = ""};
    al_store *store = NULL;
    for (int mode = AL_STORE_READ; mode <= AL_STORE_CONTROL; mode++) {
        allot_err said = al_store_open(folder, (al_store_mode)mode, &store, &err);
        if (said != code || strstr(err.text, word) == NULL)
            fail_msg("mode %d: code %d, '%s'", mode, said, err.text);
        assert_null(store);
    }
}

static void test_no_run_there(void **state)
{
    (void)state;
    assert_refused(ALLOT_ENOTFOUND, "no run");
}

static void test_scribbled_on(void **state)
{
    (void)state;
    fill();
    damage("run.db", 0, "not a database at all", 21);
    assert_refused(ALLOT_EFORMAT, "damaged");
}

static void test_truncated(void **state)
{
    (void)state;
    char path[256];
    fill();
    (void)snprintf(path, sizeof path, "%s/run.db", folder);
    assert_int_equal(truncate(path, 9000), 0);
    assert_refused(ALLOT_EFORMAT, "damaged");
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 9000);
}

static void test_empty_file(void **state)
{
    (void)state;
    char path[256];
    fill();
    (void)snprintf(path, sizeof path, "%s/run.db", folder);
    assert_int_equal(truncate(path, 0), 0);
    assert_refused(ALLOT_EFORMAT, "damaged");
}

static void test_pages_scribbled_on(void **state)
{
    (void)state;
    char bytes[8192];
    fill();
    memset(bytes, 0x5a, sizeof bytes);
    damage("run.db", 3 * 4096, bytes, sizeof bytes);
    allot_error err;
    al_store *store = NULL;
    assert_int_equal(al_store_open(folder, AL_STORE_CONTROL, &store, &err), ALLOT_EFORMAT);
    assert_non_null(strstr(err.text, "damaged"));
}

static void test_newer_version(void **state)
{
    (void)state;
    fill();
    damage("run.db", 60, "\0\0\0\x63", 4); /* user_version, at its place in SQLite's header */
    assert_refused(ALLOT_EFORMAT, "newer");
}

static void test_damaged_tail(void **state)
{
    (void)state;
    allot_error err;
    al_store *store = NULL;
    in_killed_child(leave_uncommitted);
    damage("tail", 0, "xxxxxxxx", 8);
    assert_int_equal(al_store_open(folder, AL_STORE_CONTROL, &store, &err), ALLOT_EFORMAT);
    assert_non_null(strstr(err.text, "tail is damaged"));
}

/** Records that a loss of power left half written are passed over, and so is what was in slots that never
 * were. */
static void test_torn_tail(void **state)
{
    (void)state;
    char text[200] = "", bytes[4096];
    in_killed_child(leave_uncommitted);
    memset(bytes, 0xff, sizeof bytes);
    struct stat st;
    char path[256];
    (void)snprintf(path, sizeof path, "%s/tail", folder);
    assert_int_equal(stat(path, &st), 0);
    for (off_t at = 4096; at + 4096 < st.st_size; at += 8192)
        damage("tail", at, bytes, sizeof bytes);
    al_store *store = reopen(AL_STORE_CONTROL);
    assert_int_equal(al_store_each_state(store, note_state, text, NULL), ALLOT_OK);
    assert_int_equal(al_store_close(store, NULL), ALLOT_OK);
}

static void test_without_write_ahead_log(void **state)
{
    (void)state;
    assert_int_equal(setenv("ALLOT_TEST_REMOTE", "1", 1), 0);
    test_results_come_back(state);
    char path[256];
    (void)snprintf(path, sizeof path, "%s/run.db-wal", folder);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(unsetenv("ALLOT_TEST_REMOTE"), 0);
}

int main(void)
{
#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(test_tasks_come_back),
        IN_SCRATCH(test_results_come_back),
        IN_SCRATCH(test_reset_and_filters),
        IN_SCRATCH(test_keys),
        IN_SCRATCH(test_made_with_content),
        IN_SCRATCH(test_slowest),
        IN_SCRATCH(test_known_by_content),
        IN_SCRATCH(test_known_whatever_the_cut),
        IN_SCRATCH(test_what_was_found_is_shown),
        IN_SCRATCH(test_results_are_announced_when_on_disk),
        IN_SCRATCH(test_requests),
        IN_SCRATCH(test_second_controller_is_refused),
        IN_SCRATCH(test_killed_controller_loses_nothing),
        IN_SCRATCH(test_killed_while_tasks_run_twice),
        IN_SCRATCH(test_no_run_there),
        IN_SCRATCH(test_scribbled_on),
        IN_SCRATCH(test_truncated),
        IN_SCRATCH(test_empty_file),
        IN_SCRATCH(test_pages_scribbled_on),
        IN_SCRATCH(test_newer_version),
        IN_SCRATCH(test_damaged_tail),
        IN_SCRATCH(test_torn_tail),
        IN_SCRATCH(test_without_write_ahead_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
