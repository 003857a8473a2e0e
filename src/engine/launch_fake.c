/* launch_fake.c - engines on this machine that can be told to be far away, or to go wrong: for tests, for
 * trying things out, and to see what a run makes of a bad day.
 *
 *     fake                    an agent here, that is all
 *     fake:count=3            three of them
 *     fake:latency=25ms       what is said takes so long, each way
 *     fake:rate=10M           no more bytes than that in a second, each way
 *     fake:apart=1            it is made to believe that it sees another file system
 *     fake:banner=1           its login shell talks a lot first
 *     fake:late=3             it takes 3 s to come up
 *     fake:die=2              it is killed after 2 s, and again 2 s after each return
 *     fake:freeze=2           it is stopped after 2 s, and says nothing more
 *     fake:refuse=1           it cannot be reached at all
 *     fake:corrupt=100000     after so many bytes one of them is wrong
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "engine/launcher.h"
#include "engine/target.h"

enum { COUNT, LATENCY, RATE, APART, BANNER, LATE, DIE, FREEZE, REFUSE, CORRUPT, NKEYS };

static const al_target_key keys[NKEYS] = {
    [COUNT] = {"count", AL_TARGET_COUNT, 1000}, [LATENCY] = {"latency", AL_TARGET_TIME, 0},
    [RATE] = {"rate", AL_TARGET_SIZE, 0},       [APART] = {"apart", AL_TARGET_COUNT, 1},
    [BANNER] = {"banner", AL_TARGET_COUNT, 1},  [LATE] = {"late", AL_TARGET_TIME, 0},
    [DIE] = {"die", AL_TARGET_TIME, 0},         [FREEZE] = {"freeze", AL_TARGET_TIME, 0},
    [REFUSE] = {"refuse", AL_TARGET_COUNT, 1},  [CORRUPT] = {"corrupt", AL_TARGET_COUNT, UINT64_MAX}};

static bool claims(const char *text)
{
    return strcmp(text, "fake") == 0 || strncmp(text, "fake:", 5) == 0;
}

static allot_err expand(const char *target, uint32_t *count, uint32_t number, char **named, allot_error *err)
{
    uint64_t values[NKEYS] = {[COUNT] = 1};
    allot_err code = al_target_read(target, keys, NKEYS, values, err);
    return code == ALLOT_OK ? al_target_name("fake", values[COUNT], number, count, named, err) : code;
}

/** What surrounds the script: the faults, in the shell's words. $$ is the agent once it is executed. */
static void add_faults(al_buffer *text, const uint64_t values[NKEYS])
{
    char line[300];
    if (values[REFUSE] > 0)
        (void)al_buffer_text(text, "echo 'fake: connection refused' >&2; exit 255; ");
    if (values[LATE] > 0) {
        (void)snprintf(line, sizeof line, "sleep %.9g; ", (double)values[LATE] * 1e-9);
        (void)al_buffer_text(text, line);
    }
    if (values[BANNER] > 0)
        (void)al_buffer_text(text, "i=0; while test $i -lt 500; do echo \"Welcome to fake, line $i\"; "
                                   "i=$((i+1)); done; echo 'Last login: yesterday' >&2; ");
    static const struct {
        int key;
        const char *signal;
    } faults[] = {{DIE, "KILL"}, {FREEZE, "STOP"}};
    for (size_t k = 0; k < 2; k++)
        if (values[faults[k].key] > 0) {
            (void)snprintf(line, sizeof line, "(sleep %.9g; kill -%s $$) </dev/null >/dev/null 2>&1 & ",
                           (double)values[faults[k].key] * 1e-9, faults[k].signal);
            (void)al_buffer_text(text, line);
        }
}

static allot_err command(const al_engine_spec *spec, const al_launch_opts *opts, const char *script,
                         al_buffer *argv, uint32_t *argc, allot_error *err)
{
    (void)opts;
    al_buffer text = {.at = NULL};
    char after[200];
    uint64_t values[NKEYS] = {0};
    allot_err code = al_target_read(spec->target, keys, NKEYS, values, err);
    if (code == ALLOT_OK)
        code = al_argv_add_relay(argv, argc, values[LATENCY], values[RATE], err);
    add_faults(&text, values);
    (void)al_buffer_text(&text, script);
    (void)al_buffer_byte(&text, '\0');
    al_argv_add(argv, argc, "sh");
    al_argv_add(argv, argc, "-c");
    if (values[CORRUPT] > 0 && !text.failed) { /* the byte after so many is replaced */
        (void)snprintf(after, sizeof after,
                       "sh -c \"$1\" | { dd bs=1 count=%" PRIu64
                       "; dd bs=1 count=1 >/dev/null; printf x; cat; } 2>/dev/null",
                       values[CORRUPT]);
        al_argv_add(argv, argc, after);
        al_argv_add(argv, argc, "fake");
    }
    if (!text.failed)
        al_argv_add(argv, argc, text.at);
    bool good = !text.failed && !argv->failed;
    al_buffer_fini(&text);
    return code != ALLOT_OK || good ? code : al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
}

static void hello(const al_engine_spec *spec, al_hello *message)
{
    uint64_t values[NKEYS] = {0};
    (void)al_target_read(spec->target, keys, NKEYS, values, NULL);
    if (values[APART] > 0)
        message->cwd.nbytes = 0;
}

const al_launcher al_launch_fake = {.name = "fake",
                                    .claims = claims,
                                    .expand = expand,
                                    .command = command,
                                    .hello = hello,
                                    .start_ns = UINT64_C(20000000000)};
