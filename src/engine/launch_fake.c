/* launch_fake.c - engines on this machine that can be told to go wrong: for tests, for trying things out, and
 * to see what a run makes of a bad day.
 *
 *     fake                    an agent here, that is all
 *     fake:count=3            three of them
 *     fake:banner=1           its login shell talks a lot first
 *     fake:die=2              it is killed after 2 s, and again 2 s after each return
 *     fake:freeze=2           it is stopped after 2 s, and says nothing more
 *     fake:refuse=1           it cannot be reached at all
 *     fake:corrupt=100000     after so many bytes one of them is wrong
 *     fake:late=3             it takes 3 s to come up
 *     fake:apart=1            it is made to believe that it sees another file system
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "engine/launcher.h"

static const char *const keys[] = {"count", "banner", "die", "freeze", "refuse", "corrupt", "late", "apart"};

static bool claims(const char *text)
{
    return strcmp(text, "fake") == 0 || strncmp(text, "fake:", 5) == 0;
}

/** The value of a key in "fake:key=value,..."; fallback: it is not there. */
static double value_of(const char *target, const char *key, double fallback)
{
    size_t length = strlen(key);
    for (const char *at = strchr(target, ':'); at != NULL; at = strchr(at, ',')) {
        at++;
        if (strncmp(at, key, length) == 0 && at[length] == '=')
            return atof(at + length + 1);
    }
    return fallback;
}

static allot_err check(const char *target, allot_error *err)
{
    for (const char *at = strchr(target, ':'); at != NULL; at = strchr(at, ',')) {
        size_t length = strcspn(++at, "=,");
        bool known = false;
        for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++)
            known = known || (strlen(keys[k]) == length && strncmp(keys[k], at, length) == 0);
        if (!known || at[length] != '=')
            return al_fail(err, ALLOT_EINVAL, 0,
                           "%s: it takes count, banner, die, freeze, refuse, corrupt, late and apart, each "
                           "with =NUMBER",
                           target);
    }
    return ALLOT_OK;
}

static allot_err expand(const char *target, uint32_t *count, uint32_t number, char **named, allot_error *err)
{
    allot_err code = check(target, err);
    double wanted = value_of(target, "count", 1);
    *count = wanted >= 1 && wanted <= 1000 ? (uint32_t)wanted : 1;
    if (code == ALLOT_OK && named != NULL && asprintf(named, "fake%u", number + 1) < 0) {
        *named = NULL;
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    }
    return code;
}

/** What surrounds the script: the faults, in the shell's words. $$ is the agent once it is executed. */
static void add_faults(al_buffer *text, const char *target)
{
    char line[300];
    double seconds;
    if (value_of(target, "refuse", 0) > 0)
        (void)al_buffer_text(text, "echo 'fake: connection refused' >&2; exit 255; ");
    if ((seconds = value_of(target, "late", 0)) > 0) {
        (void)snprintf(line, sizeof line, "sleep %g; ", seconds);
        (void)al_buffer_text(text, line);
    }
    if (value_of(target, "banner", 0) > 0)
        (void)al_buffer_text(text, "i=0; while test $i -lt 500; do echo \"Welcome to fake, line $i\"; "
                                   "i=$((i+1)); done; echo 'Last login: yesterday' >&2; ");
    static const char *const faults[][2] = {{"die", "KILL"}, {"freeze", "STOP"}};
    for (size_t k = 0; k < 2; k++)
        if ((seconds = value_of(target, faults[k][0], 0)) > 0) {
            (void)snprintf(line, sizeof line, "(sleep %g; kill -%s $$) </dev/null >/dev/null 2>&1 & ",
                           seconds, faults[k][1]);
            (void)al_buffer_text(text, line);
        }
}

static allot_err command(const al_engine_spec *spec, const al_launch_opts *opts, const char *script,
                         al_buffer *argv, uint32_t *argc, allot_error *err)
{
    (void)opts;
    al_buffer text = {.at = NULL};
    char after[200];
    double corrupt = value_of(spec->target, "corrupt", 0);
    add_faults(&text, spec->target);
    (void)al_buffer_text(&text, script);
    (void)al_buffer_byte(&text, '\0');
    al_argv_add(argv, argc, "sh");
    al_argv_add(argv, argc, "-c");
    if (corrupt > 0 && !text.failed) { /* the byte after so many is replaced */
        (void)snprintf(
            after, sizeof after,
            "sh -c \"$1\" | { dd bs=1 count=%.0f; dd bs=1 count=1 >/dev/null; printf x; cat; } 2>/dev/null",
            corrupt);
        al_argv_add(argv, argc, after);
        al_argv_add(argv, argc, "fake");
    }
    if (!text.failed)
        al_argv_add(argv, argc, text.at);
    bool good = !text.failed && !argv->failed;
    al_buffer_fini(&text);
    return good ? ALLOT_OK : al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
}

const al_launcher al_launch_fake = {.name = "fake",
                                    .claims = claims,
                                    .expand = expand,
                                    .command = command,
                                    .start_ns = UINT64_C(20000000000)};
