/* cmd_engines.c - `allot engines`: where a run's tasks ran, and how these engines are.
 *
 * A run's controller writes down what it knows of its engines every few seconds (docs/formats/run.md); this
 * only looks.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "cli/commands.h"
#include "farm/runs.h"
#include "farm/store.h"

typedef struct engines_options {
    bool json;
} engines_options;

static const al_option engines_table[] = {
    {"json", 0, AL_OPTION_FLAG, offsetof(engines_options, json), NULL, NULL, 0, 0, NULL,
     "print a JSON array of objects", SIZE_MAX},
};

/** What results say of engines, by their numbers. */
typedef struct tally {
    uint64_t *ndone, *nfailed;
    uint32_t count;
} tally;

static bool count_result(void *arg, const al_result *result)
{
    tally *t = arg;
    if (result->engine >= t->count || result->attempt == 0)
        return true;
    t->ndone[result->engine] += result->state == AL_TASK_DONE;
    t->nfailed[result->engine] += result->state == AL_TASK_FAILED;
    return true;
}

/** An engine of the run's as an object; NULL: there is none of that number, or *code. */
static json_t *engine_of(al_store *store, uint32_t number, allot_err *code, allot_error *err)
{
    char key[40], *name = NULL, *facts = NULL;
    (void)snprintf(key, sizeof key, "engine.%u", number);
    *code = al_store_get(store, key, &name, err);
    (void)snprintf(key, sizeof key, "engine.%u.facts", number);
    if (*code == ALLOT_OK && name != NULL)
        *code = al_store_get(store, key, &facts, err);
    json_t *object = name != NULL ? json_object() : NULL;
    json_t *known = facts != NULL ? json_loads(facts, 0, NULL) : NULL;
    if (object != NULL)
        (void)json_object_set_new(object, "name", json_string(name));
    if (object != NULL && json_is_object(known))
        (void)json_object_update(object, known);
    json_decref(known);
    free(name);
    free(facts);
    return object;
}

/** Nobody works on the run: what was up when somebody last wrote it down is not any more. */
static void end_states(json_t *all)
{
    size_t k;
    json_t *one;
    json_array_foreach(all, k, one)
    {
        const char *state = json_string_value(json_object_get(one, "state"));
        if (state != NULL && strcmp(state, "given up") != 0 && strcmp(state, "lost") != 0)
            (void)json_object_set_new(one, "state", json_string("ended"));
        (void)json_object_set_new(one, "running", json_integer(0));
        (void)json_object_set_new(one, "waiting", json_integer(0));
    }
}

/** All engines, this machine's own the first. NULL: *err */
static json_t *engines_of(al_store *store, allot_error *err)
{
    json_t *all = json_array(), *one;
    allot_err code = ALLOT_OK;
    al_store_owner owner;
    (void)json_array_append_new(all, json_pack("{s:s, s:s}", "name", "local", "state", "up"));
    for (uint32_t k = 1; (one = engine_of(store, k, &code, err)) != NULL; k++)
        (void)json_array_append_new(all, one);
    if (!al_store_owner_of(al_store_folder(store), &owner))
        end_states(all);
    uint32_t count = (uint32_t)json_array_size(all);
    tally t = {calloc(count + 1, sizeof *t.ndone), calloc(count + 1, sizeof *t.nfailed), count};
    if (code == ALLOT_OK && (t.ndone == NULL || t.nfailed == NULL))
        code = al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    if (code == ALLOT_OK)
        code = al_store_each_result(store, 0, count_result, &t, err);
    for (uint32_t k = 0; k < count && code == ALLOT_OK; k++) {
        (void)json_object_set_new(json_array_get(all, k), "done", json_integer((json_int_t)t.ndone[k]));
        (void)json_object_set_new(json_array_get(all, k), "failed", json_integer((json_int_t)t.nfailed[k]));
    }
    free(t.ndone);
    free(t.nfailed);
    if (code == ALLOT_OK)
        return all;
    json_decref(all);
    return NULL;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL && text[0] != '\0' ? text : "-";
}

static int64_t number_of(const json_t *object, const char *key)
{
    return (int64_t)json_integer_value(json_object_get(object, key));
}

/** A number of things, or "-" where there is none to speak of. */
static const char *count_text(char text[24], int64_t count)
{
    if (count > 0)
        (void)snprintf(text, 24, "%" PRId64, count);
    else
        (void)snprintf(text, 24, "-");
    return text;
}

static const char *memory_text(char text[24], int64_t nbytes)
{
    if (nbytes >= INT64_C(10) << 30)
        (void)snprintf(text, 24, "%.0f GB", (double)nbytes / (1 << 30));
    else if (nbytes > 0)
        (void)snprintf(text, 24, "%.1f GB", (double)nbytes / (1 << 30));
    else
        (void)snprintf(text, 24, "-");
    return text;
}

static const char *latency_text(char text[24], double ms)
{
    if (ms > 0)
        (void)snprintf(text, 24, ms < 10 ? "%.1f ms" : "%.0f ms", ms);
    else
        (void)snprintf(text, 24, "-");
    return text;
}

/** The faster of both ways. */
static const char *bandwidth_text(char text[24], const json_t *one)
{
    int64_t sent = number_of(one, "sent_bytes_per_s"), received = number_of(one, "received_bytes_per_s");
    double mb = (double)(sent > received ? sent : received) * 1e-6;
    if (mb > 0)
        (void)snprintf(text, 24, mb < 10 ? "%.1f MB/s" : "%.0f MB/s", mb);
    else
        (void)snprintf(text, 24, "-");
    return text;
}

static bool is_state(const json_t *one, const char *state)
{
    return strcmp(text_of(one, "state"), state) == 0;
}

static void print_row(const json_t *one, int width)
{
    char texts[6][24];
    printf("%-*s  %-14s %5s %5s %8s %8s %10s %8" PRId64 " %7s %8s %8s  %s\n", width, text_of(one, "name"),
           text_of(one, "state"), count_text(texts[0], number_of(one, "slots")),
           count_text(texts[1], number_of(one, "cpus")), memory_text(texts[2], number_of(one, "mem_bytes")),
           latency_text(texts[3], json_number_value(json_object_get(one, "latency_ms"))),
           bandwidth_text((char[24]){0}, one), number_of(one, "done"),
           count_text(texts[4], number_of(one, "failed")), count_text(texts[5], number_of(one, "running")),
           count_text((char[24]){0}, number_of(one, "waiting")), text_of(one, "host"));
    if (json_object_get(one, "why") == NULL)
        return;
    bool was = is_state(one, "up") || is_state(one, "ended") || is_state(one, "waits for work");
    printf("%*s  %s%s\n", width, "", was ? "before: " : "", text_of(one, "why"));
}

static void print_table(const json_t *all)
{
    size_t k;
    const json_t *one;
    int width = 6; /* of "ENGINE" */
    json_array_foreach(all, k, one)
    {
        int length = (int)strlen(text_of(one, "name"));
        width = length > width && length <= 40 ? length : width;
    }
    printf("%-*s  %-14s %5s %5s %8s %8s %10s %8s %7s %8s %8s  %s\n", width, "ENGINE", "STATE", "SLOTS",
           "CPUS", "MEMORY", "LATENCY", "BANDWIDTH", "DONE", "FAILED", "RUNNING", "WAITING", "HOST");
    json_array_foreach(all, k, one)
    {
        bool ran = number_of(one, "done") + number_of(one, "failed") > 0;
        if (k > 0 || ran || json_array_size(all) == 1) /* this machine, only where something ran here */
            print_row(one, width);
    }
}

static int run_engines(int argc, char **argv)
{
    engines_options options = {false};
    int noperands, status;
    char path[PATH_MAX];
    al_store *store = NULL;
    allot_error err;
    if (!al_option_parse(&al_command_engines, argc, argv, &options, &noperands, &status))
        return status;
    allot_err code = al_runs_find(noperands > 0 ? argv[1] : NULL, path, sizeof path, &err);
    if (code == ALLOT_OK)
        code = al_store_open(path, AL_STORE_READ, &store, &err);
    json_t *all = code == ALLOT_OK ? engines_of(store, &err) : NULL;
    if (all == NULL)
        al_complain("engines", "%s", err.text);
    else if (options.json && json_dumpf(all, stdout, JSON_COMPACT) == 0)
        printf("\n");
    else
        print_table(all);
    (void)al_store_close(store, NULL);
    status = all != NULL ? AL_EXIT_OK : AL_EXIT_FAILED;
    json_decref(all);
    return status;
}

const al_command al_command_engines = {
    .name = "engines",
    .summary = "where a run's tasks ran",
    .usage = "[RUN]",
    .description =
        "Lists the engines of a run: what each has, how far away it is, how many bytes a second of "
        "files moved (the faster of both ways, \"-\" where hardly any did), what became of the tasks "
        "that it was given. Without RUN, of the one that was worked on last. What it says of a run "
        "that is being worked on is a few seconds old at most.",
    .examples = "allot engines  # of the latest run\nallot engines sim-3 --json  # for a program\n",
    .options = engines_table,
    .noptions = 1,
    .statuses = "0  success\n1  there is no such run, or it cannot be read\n2  the command line is wrong\n",
    .run = run_engines,
};
