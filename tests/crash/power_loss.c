/* power_loss.c - power fails at random moments of a run: what was reported is there afterwards.
 *
 * Also what was not reported is whole or not there at all, and the run goes on. The tail, which is memory
 * that the kernel writes when it likes, may be of any age, page by page.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "farm/store.h"
#include "farm/tail.h"

#include "support/power.h"

#define ROUNDS 12
#define CUTS 6
#define TASKS 400

static char scratch[64], folder[128], copy[128];
static _Atomic uint8_t reported[TASKS + 1]; /* attempts */

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st, (void)kind, (void)where;
    return remove(path);
}

static void on_commit(void *arg, const al_result *result, al_args out, al_args err_out)
{
    (void)arg, (void)out, (void)err_out;
    reported[result->task] = (uint8_t)result->attempt;
}

/** The tail as it may be: each page of it as it is now, or as it was when the tail was made. */
static void cut_tail(void)
{
    char from[160], to[160];
    static unsigned char page[4096];
    static const unsigned char zeros[4096];
    (void)snprintf(from, sizeof from, "%s/tail", folder);
    (void)snprintf(to, sizeof to, "%s/tail", copy);
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    if (in == NULL || out == NULL)
        fail_msg("the tail is not there");
    bool is_old = prop_chance(3), is_new = prop_chance(3);
    for (size_t n, k = 0; (n = fread(page, 1, sizeof page, in)) > 0; k++) {
        bool as_made = k > 0 && !is_new && (is_old || prop_chance(2)); /* the first holds what was synced */
        prop_require(fwrite(as_made ? zeros : page, 1, n, out) == n);
    }
    (void)fclose(in);
    prop_require(fclose(out) == 0);
}

static void check_result(al_store *store, al_task_id task, uint8_t attempt)
{
    al_result result;
    al_buffer text = {.at = NULL};
    char expected[64];
    int fd;
    allot_err code = al_store_result(store, task, &result, NULL);
    if (attempt == 0 && code == ALLOT_ENOTFOUND)
        return;
    prop_require(code == ALLOT_OK);
    if (result.cause == AL_CAUSE_INTERRUPTED) {
        prop_require(result.attempt > attempt);
        return;
    }
    prop_require(result.attempt >= attempt && result.exit_status == (int32_t)(task % 7));
    prop_require(result.wall_us == 1000 * task + result.attempt);
    prop_require(al_store_output(store, task, false, &text, &fd, NULL) == ALLOT_OK && fd < 0);
    int n = snprintf(expected, sizeof expected, "output of %llu, attempt %u\n", (unsigned long long)task,
                     result.attempt);
    prop_require(text.nbytes == (size_t)n && memcmp(text.at, expected, text.nbytes) == 0);
    al_buffer_fini(&text);
}

/** Power fails now. */
static void cut_and_look(uint64_t ntasks_promised)
{
    static uint8_t promised[TASKS + 1];
    allot_error err;
    al_store *store = NULL;
    for (al_task_id task = 1; task <= TASKS; task++)
        promised[task] = reported[task];
    (void)nftw(copy, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    prop_require(mkdir(copy, 0700) == 0);
    power_cut(folder, copy);
    cut_tail();
    if (al_store_open(copy, AL_STORE_CONTROL, &store, &err) != ALLOT_OK)
        fail_msg("PROP_SEED=%llu: %s", (unsigned long long)prop_seed, err.text);
    prop_require(al_store_ntasks(store) >= ntasks_promised);
    for (al_task_id task = 1; task <= al_store_ntasks(store); task++)
        check_result(store, task, promised[task]);
    prop_require(al_store_add(store, (al_args){"more", 4}, NULL, NULL) == ALLOT_OK);
    prop_require(al_store_close(store, NULL) == ALLOT_OK);
}

static void end_task(al_store *store, al_task_id task, uint32_t attempt)
{
    char out[64];
    bool fails = prop_chance(5) && attempt < 3;
    al_result result = {.task = task,
                        .attempt = attempt,
                        .state = fails ? AL_TASK_DELAYED : AL_TASK_DONE,
                        .cause = AL_CAUSE_EXIT,
                        .exit_status = (int32_t)(task % 7),
                        .slot = 1,
                        .start_us = 1,
                        .wall_us = 1000 * task + attempt};
    int n = snprintf(out, sizeof out, "output of %llu, attempt %u\n", (unsigned long long)task, attempt);
    result.nout = (uint64_t)n;
    al_store_started(store, 1, task, attempt, 1);
    while (!al_store_ended(store, &result, (al_args){out, (size_t)n}, (al_args){NULL, 0}))
        (void)al_store_sync(store, NULL);
    if (fails)
        end_task(store, task, attempt + 1);
}

static void lose_power(uint64_t seed)
{
    allot_error err;
    al_store *store = NULL;
    prop_begin(seed);
    power_new_disk();
    for (al_task_id task = 0; task <= TASKS; task++)
        reported[task] = 0;
    (void)nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    if (al_store_create(folder, NULL, &store, &err) != ALLOT_OK)
        fail_msg("%s", err.text);
    al_store_on_commit(store, on_commit, NULL, NULL);
    uint64_t ntasks = TASKS / 2 + prop_below(TASKS / 2), cut_every = ntasks / CUTS;
    for (uint64_t k = 0; k < ntasks; k++)
        prop_require(al_store_add(store, (al_args){"argument", 8}, NULL, NULL) == ALLOT_OK);
    prop_require(al_store_sync(store, NULL) == ALLOT_OK);
    for (al_task_id task = 1; task <= ntasks; task++) {
        end_task(store, task, 1);
        if (prop_chance(20))
            (void)usleep((useconds_t)prop_below(3000));
        if (prop_chance(60))
            (void)al_store_sync(store, NULL);
        if (prop_chance(cut_every))
            cut_and_look(ntasks);
    }
    cut_and_look(ntasks);
    prop_require(al_store_close(store, NULL) == ALLOT_OK);
    for (al_task_id task = 1; task <= ntasks; task++)
        prop_require(reported[task] > 0);
}

static void test_power_loss(void **state)
{
    (void)state;
    for (uint64_t k = 0, rounds = prop_rounds(ROUNDS); k < rounds; k++)
        lose_power(k);
    assert_true(power_nsyncs > 0);
}

static void test_power_loss_without_write_ahead_log(void **state)
{
    (void)state;
    assert_int_equal(setenv("ALLOT_TEST_REMOTE", "1", 1), 0);
    for (uint64_t k = 0, rounds = prop_rounds(ROUNDS); k < rounds; k++)
        lose_power(1000000 + k);
    assert_int_equal(unsetenv("ALLOT_TEST_REMOTE"), 0);
}

int main(void)
{
    (void)snprintf(scratch, sizeof scratch, "/tmp/allot-power-XXXXXX");
    if (mkdtemp(scratch) == NULL)
        return 1;
    (void)snprintf(folder, sizeof folder, "%s/run", scratch);
    (void)snprintf(copy, sizeof copy, "%s/copy", scratch);
    power_install();
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_power_loss),
                                       cmocka_unit_test(test_power_loss_without_write_ahead_log)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    power_new_disk();
    (void)nftw(scratch, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    return failed;
}
