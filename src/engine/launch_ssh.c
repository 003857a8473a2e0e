/* launch_ssh.c - engines on other machines by the user's own ssh: its configuration, keys and jump hosts.
 *
 * One connection an engine, for as long as the run lasts. ssh asks nothing (BatchMode): what needs a password
 * fails at once and says so, and a host whose key changed is refused in ssh's own words.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "engine/launcher.h"

static bool claims(const char *text)
{
    (void)text;
    return true;
}

static allot_err expand(const char *target, uint32_t *count, uint32_t number, char **named, allot_error *err)
{
    (void)number;
    *count = 1;
    if (strpbrk(target, "/\\'\"$`;&|<>()") != NULL)
        return al_fail(err, ALLOT_EINVAL, 0, "'%s' is no name of a host", target);
    if (named != NULL && (*named = strdup(target)) == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    return ALLOT_OK;
}

static allot_err command(const al_engine_spec *spec, const al_launch_opts *opts, const char *script,
                         al_buffer *argv, uint32_t *argc, allot_error *err)
{
    al_buffer remote = {.at = NULL};
    char *words = strdup(opts->ssh != NULL ? opts->ssh : "ssh"), *rest = words, *word;
    while (words != NULL && (word = strsep(&rest, " \t")) != NULL)
        if (word[0] != '\0')
            al_argv_add(argv, argc, word);
    static const char *const options[] = {"-T",
                                          "-x",
                                          "-oBatchMode=yes",
                                          "-oEscapeChar=none",
                                          "-oConnectTimeout=20",
                                          "-oServerAliveInterval=15",
                                          "-oLogLevel=ERROR"};
    for (size_t k = 0; k < sizeof options / sizeof options[0]; k++)
        al_argv_add(argv, argc, options[k]);
    al_argv_add(argv, argc, "--");
    al_argv_add(argv, argc, spec->target);
    /* One word for the login shell there, whichever it is. */
    bool whole = al_buffer_text(&remote, "exec sh -c '") && al_buffer_text(&remote, script) &&
                 al_buffer_append(&remote, "'", 2);
    if (whole)
        al_argv_add(argv, argc, remote.at);
    bool good = whole && words != NULL && !argv->failed;
    al_buffer_fini(&remote);
    free(words);
    return good ? ALLOT_OK : al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
}

const al_launcher al_launch_ssh = {
    .name = "ssh", .claims = claims, .expand = expand, .command = command, .start_ns = UINT64_C(60000000000)};
