/* target.c - see target.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "engine/target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/quantity.h"

static const char *const words[] = {"N", "TIME", "SIZE"};

/** All keys, as "count=N, die=TIME". */
static const char *list_keys(const al_target_key *keys, uint32_t nkeys, char *text, size_t room)
{
    size_t length = 0;
    text[0] = '\0';
    for (uint32_t k = 0; k < nkeys && length < room; k++)
        length += (size_t)snprintf(text + length, room - length, "%s%s=%s", k > 0 ? ", " : "", keys[k].name,
                                   words[keys[k].kind]);
    return text;
}

static int parse_count(const char *text, uint64_t most, uint64_t *count)
{
    char *end;
    errno = 0;
    uint64_t value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0')
        return EINVAL;
    if (errno != 0 || value > most)
        return ERANGE;
    *count = value;
    return 0;
}

static int parse_value(const al_target_key *key, const char *text, uint64_t *value)
{
    return key->kind == AL_TARGET_COUNT  ? parse_count(text, key->most, value)
           : key->kind == AL_TARGET_TIME ? al_duration_parse(text, value)
                                         : al_size_parse(text, value);
}

/** One "key=value". */
static allot_err read_pair(const char *pair, size_t length, const al_target_key *keys, uint32_t nkeys,
                           uint64_t *values, allot_error *err)
{
    char value[64], all[300];
    size_t nkey = strcspn(pair, "=");
    for (uint32_t k = 0; k < nkeys && nkey < length; k++) {
        if (strlen(keys[k].name) != nkey || strncmp(keys[k].name, pair, nkey) != 0)
            continue;
        size_t n = length - nkey - 1;
        (void)snprintf(value, sizeof value, "%.*s", (int)(n < sizeof value ? n : sizeof value - 1),
                       pair + nkey + 1);
        int fault = n < sizeof value ? parse_value(&keys[k], value, &values[k]) : EINVAL;
        if (fault == ERANGE && keys[k].kind == AL_TARGET_COUNT)
            return al_fail(err, ALLOT_EINVAL, 0, "%.*s: at most %llu", (int)length, pair,
                           (unsigned long long)keys[k].most);
        return fault == 0 ? ALLOT_OK
                          : al_fail(err, ALLOT_EINVAL, 0, "%.*s: %s is wanted, as %s", (int)length, pair,
                                    keys[k].kind == AL_TARGET_COUNT  ? "a number"
                                    : keys[k].kind == AL_TARGET_TIME ? "a time"
                                                                     : "a size",
                                    keys[k].kind == AL_TARGET_COUNT  ? "3"
                                    : keys[k].kind == AL_TARGET_TIME ? "1.5s or 20ms"
                                                                     : "500k or 10M");
    }
    return al_fail(err, ALLOT_EINVAL, 0, "%.*s: it takes %s", (int)length, pair,
                   list_keys(keys, nkeys, all, sizeof all));
}

allot_err al_target_read(const char *target, const al_target_key *keys, uint32_t nkeys, uint64_t *values,
                         allot_error *err)
{
    allot_err code = ALLOT_OK;
    const char *at = strchr(target, ':');
    while (at != NULL && at[1] != '\0' && code == ALLOT_OK) {
        size_t length = strcspn(++at, ",");
        code = read_pair(at, length, keys, nkeys, values, err);
        at = at[length] == ',' ? at + length : NULL;
    }
    return code;
}

allot_err al_target_name(const char *prefix, uint64_t count, uint32_t number, uint32_t *nengines,
                         char **named, allot_error *err)
{
    *nengines = (uint32_t)count;
    if (count == 0)
        return al_fail(err, ALLOT_EINVAL, 0, "count=0: at least one is wanted");
    if (named != NULL && asprintf(named, "%s%u", prefix, number + 1) < 0) {
        *named = NULL;
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    }
    return ALLOT_OK;
}
