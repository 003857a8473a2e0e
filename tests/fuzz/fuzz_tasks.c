/* fuzz_tasks.c - any bytes as lines of --tasks: read, linked and shown, or a complaint that names the line.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "farm/tasks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes);

static char token[] = "licence", *tokens[] = {token};

static void take(al_names *names, al_sched *sched, const char *line, size_t nbytes, al_task_id *task)
{
    static const al_task_kind plain = {.need = {.cpus_milli = 1000}};
    al_spec spec;
    al_buffer text = {.at = NULL};
    uint32_t kind;
    char where[32];
    allot_error err = {.code = ALLOT_OK};
    (void)snprintf(where, sizeof where, "file:%llu", (unsigned long long)*task + 1);
    if (al_spec_parse(line, nbytes, where, &plain, tokens, 1, &spec, &err) != ALLOT_OK) {
        if (strncmp(err.text, where, strlen(where)) != 0)
            abort();
        return;
    }
    if ((spec.command == NULL) == (spec.argv == NULL) || !al_spec_display(&spec, &text))
        abort();
    if (al_names_check(names, &spec, where, &err) == ALLOT_OK &&
        al_sched_kind(sched, &spec.kind, &kind) == ALLOT_OK &&
        al_sched_add(sched, 1, kind, true) == ALLOT_OK &&
        al_names_add(names, &spec, ++*task, where, &err) != ALLOT_OK)
        --*task;
    al_buffer_fini(&text);
    al_spec_fini(&spec);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes)
{
    al_sched_opts opts = {.tokens = {2}};
    al_sched *sched = al_sched_create(&opts);
    al_names *names = al_names_create("/tmp");
    al_task_id task = 0;
    const char *text = (const char *)data;
    while (nbytes > 0) {
        const char *newline = memchr(text, '\n', nbytes);
        size_t length = newline != NULL ? (size_t)(newline - text) : nbytes;
        take(names, sched, text, length, &task);
        length += newline != NULL;
        text += length;
        nbytes -= length;
    }
    (void)al_names_link(names, sched, false, NULL);
    al_names_destroy(names);
    al_sched_destroy(sched);
    return 0;
}
