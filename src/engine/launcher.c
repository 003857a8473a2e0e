/* launcher.c - see launcher.h: the table, and what --on says.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "engine/launcher.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "engine/bootstrap.h"

#define SLOTS_MOST 4096u
#define DEPTH_MOST 8 /* files that name files */

/* ssh claims whatever the others do not. */
const al_launcher *const al_launchers[] = {&al_launch_slurm, &al_launch_fake, &al_launch_dryrun,
                                           &al_launch_ssh, NULL};

void al_argv_add(al_buffer *argv, uint32_t *argc, const char *text)
{
    (void)al_buffer_append(argv, text, strlen(text) + 1);
    (*argc)++;
}

allot_err al_argv_add_relay(al_buffer *argv, uint32_t *argc, uint64_t delay_ns, uint64_t bytes_per_s,
                            allot_error *err)
{
    char path[PATH_MAX] = "", number[24];
    if (delay_ns == 0 && bytes_per_s == 0)
        return ALLOT_OK;
    if (!al_agent_path(path, sizeof path))
        return al_fail(err, ALLOT_ENOTFOUND, 0,
                       "%s: the agent for this machine is not there, which would relay", path);
    al_argv_add(argv, argc, path);
    al_argv_add(argv, argc, "--relay");
    (void)snprintf(number, sizeof number, "%" PRIu64, delay_ns);
    al_argv_add(argv, argc, number);
    (void)snprintf(number, sizeof number, "%" PRIu64, bytes_per_s);
    al_argv_add(argv, argc, number);
    return ALLOT_OK;
}

/* ---- one engine -----------------------------------------------------------------------------------------
 */

static bool parse_count(const char *text, size_t length, uint32_t *count)
{
    char digits[12], *end;
    if (length == 0 || length >= sizeof digits)
        return false;
    memcpy(digits, text, length);
    digits[length] = '\0';
    unsigned long value = strtoul(digits, &end, 10);
    *count = (uint32_t)value;
    return digits[0] >= '0' && digits[0] <= '9' && *end == '\0' && value >= 1 && value <= SLOTS_MOST;
}

/** Take "N/" off its beginning or "*N" off its end. @return false: it is no number of tasks */
static bool take_slots(char **text, uint32_t *nslots)
{
    char *slash = strchr(*text, '/'), *star = strrchr(*text, '*');
    *nslots = 0;
    if (slash != NULL && strspn(*text, "0123456789") == (size_t)(slash - *text)) {
        if (!parse_count(*text, (size_t)(slash - *text), nslots))
            return false;
        *text = slash + 1;
    } else if (star != NULL) {
        if (!parse_count(star + 1, strlen(star + 1), nslots))
            return false;
        *star = '\0';
    }
    return true;
}

static allot_err append(al_engine_spec **specs, uint32_t *nspecs, const al_engine_spec *spec,
                        allot_error *err)
{
    al_engine_spec *more = realloc(*specs, (*nspecs + 1) * sizeof *more);
    if (more == NULL || spec->name == NULL || spec->target == NULL) {
        *specs = more != NULL ? more : *specs;
        free(spec->name);
        free(spec->target);
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    }
    *specs = more;
    more[(*nspecs)++] = *spec;
    return ALLOT_OK;
}

static bool is_known(const al_engine_spec *specs, uint32_t nspecs, const char *name)
{
    for (uint32_t k = 0; k < nspecs; k++)
        if (strcmp(specs[k].name, name) == 0)
            return true;
    return false;
}

static allot_err expand(const al_launcher *launcher, const char *target, uint32_t nslots,
                        al_engine_spec **specs, uint32_t *nspecs, allot_error *err)
{
    uint32_t count = 0;
    allot_err code = launcher->expand(target, &count, 0, NULL, err);
    for (uint32_t k = 0; k < count && code == ALLOT_OK; k++) {
        al_engine_spec spec = {.launcher = launcher, .nslots = nslots, .number = k};
        code = launcher->expand(target, &count, k, &spec.name, err);
        if (code == ALLOT_OK && spec.name != NULL && is_known(*specs, *nspecs, spec.name)) {
            code = al_fail(err, ALLOT_EINVAL, 0, "%s is named twice; give it more tasks instead: %s*N",
                           spec.name, target);
            free(spec.name);
        } else if (code == ALLOT_OK) {
            spec.target = strdup(target);
            code = append(specs, nspecs, &spec, err);
        }
    }
    return code;
}

static allot_err add(char *text, al_engine_spec **specs, uint32_t *nspecs, allot_error *err)
{
    uint32_t nslots;
    char whole[256];
    (void)snprintf(whole, sizeof whole, "%s", text);
    if (!take_slots(&text, &nslots))
        return al_fail(err, ALLOT_EINVAL, 0,
                       "%s: a number of tasks from 1 to %u is wanted, as host*8 or 8/host", whole,
                       SLOTS_MOST);
    if (text[0] == '\0' || text[0] == '-' || strpbrk(text, " \t") != NULL)
        return al_fail(err, ALLOT_EINVAL, 0, "'%s' is no name of an engine", whole);
    if (strcmp(text, "local") == 0 || strcmp(text, ":") == 0) {
        if (is_known(*specs, *nspecs, "local"))
            return al_fail(err, ALLOT_EINVAL, 0, "local is named twice");
        al_engine_spec spec = {.nslots = nslots, .name = strdup("local"), .target = strdup("")};
        return append(specs, nspecs, &spec, err);
    }
    for (size_t k = 0;; k++)
        if (al_launchers[k]->claims(text))
            return expand(al_launchers[k], text, nslots, specs, nspecs, err);
}

/* ---- lists ----------------------------------------------------------------------------------------------
 */

static allot_err parse(const char *text, int depth, al_engine_spec **specs, uint32_t *nspecs,
                       allot_error *err);

/** A file with an engine a line; # begins a comment. */
static allot_err parse_file(const char *path, int depth, al_engine_spec **specs, uint32_t *nspecs,
                            allot_error *err)
{
    char *line = NULL;
    size_t room = 0;
    allot_err code = ALLOT_OK;
    uint32_t number = 0;
    FILE *file = depth < DEPTH_MOST ? fopen(path, "re") : NULL;
    if (file == NULL)
        return al_fail(err, ALLOT_EIO, depth < DEPTH_MOST ? errno : ELOOP, "@%s", path);
    while (code == ALLOT_OK && getline(&line, &room, file) >= 0) {
        char *at = line + strspn(line, " \t");
        at[strcspn(at, "#\r\n")] = '\0';
        for (size_t n = strlen(at); n > 0 && (at[n - 1] == ' ' || at[n - 1] == '\t'); n--)
            at[n - 1] = '\0';
        number++;
        if (at[0] != '\0')
            code = parse(at, depth + 1, specs, nspecs, err);
        if (code == ALLOT_EINVAL && err != NULL) {
            allot_error inner = *err;
            (void)al_fail(err, code, 0, "%s:%u: %.300s", path, number, inner.text);
        }
    }
    free(line);
    (void)fclose(file);
    return code;
}

/** Where an engine's text ends: at the next comma, unless what follows it is one more "key=value" of a target
 * that has such. */
static size_t length_of(const char *text)
{
    size_t colon = strcspn(text, ":,"), length = strcspn(text, ",");
    if (text[colon] != ':' || colon == 0)
        return length;
    while (text[length] == ',') {
        const char *next = text + length + 1;
        if (next[strcspn(next, "=:,")] != '=') /* "fake:die=1,slurm:nodes=2" are two */
            break;
        length += 1 + strcspn(next, ",");
    }
    return length;
}

static allot_err parse(const char *text, int depth, al_engine_spec **specs, uint32_t *nspecs,
                       allot_error *err)
{
    allot_err code = ALLOT_OK;
    for (const char *at = text; code == ALLOT_OK; at++) {
        size_t length = length_of(at);
        char *one = strndup(at, length);
        if (one == NULL)
            return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
        code = one[0] == '@' ? parse_file(one + 1, depth, specs, nspecs, err) : add(one, specs, nspecs, err);
        free(one);
        at += length;
        if (*at == '\0')
            break;
    }
    return code;
}

allot_err al_engine_specs_parse(const char *text, al_engine_spec **specs, uint32_t *nspecs, allot_error *err)
{
    return parse(text, 0, specs, nspecs, err);
}

void al_engine_specs_free(al_engine_spec *specs, uint32_t nspecs)
{
    for (uint32_t k = 0; k < nspecs; k++) {
        free(specs[k].name);
        free(specs[k].target);
    }
    free(specs);
}
