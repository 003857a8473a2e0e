/* value.c - numbers, durations and choices on a command line.
 *
 * Strict on purpose: "10x", "", "-1" and "1e3" are not counts, and a number that does not fit is refused
 * rather than cut. Nothing here prints: the reason goes back as a sentence.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/value.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "base/quantity.h"

static const char digits[] = "0123456789";

static int read_count(const char *text, uint64_t *value)
{
    if (text[0] == '\0' || text[strspn(text, digits)] != '\0')
        return EINVAL;
    errno = 0;
    *value = strtoull(text, NULL, 10);
    return errno;
}

/** A duration in the largest unit that it is a whole number of. */
static void duration_text(uint64_t ns, char *text, size_t nbytes)
{
    static const struct {
        const char *name;
        uint64_t ns;
    } units[] = {{"ns", 1},           {"us", 1000},          {"ms", 1000000},       {"s", 1000000000},
                 {"m", 60000000000u}, {"h", 3600000000000u}, {"d", 86400000000000u}};
    size_t best = 0;
    for (size_t k = 0; k < sizeof units / sizeof units[0]; k++)
        if (ns != 0 && ns % units[k].ns == 0)
            best = k; /* they are in order of size */
    (void)snprintf(text, nbytes, "%llu%s", (unsigned long long)(ns / units[best].ns), units[best].name);
}

static void number_text(const al_option *option, uint64_t value, char *text, size_t nbytes)
{
    if (option->kind == AL_OPTION_DURATION)
        duration_text(value, text, nbytes);
    else
        (void)snprintf(text, nbytes, "%llu", (unsigned long long)value);
}

void al_range_text(const al_option *option, char *text)
{
    char low[24], high[24];
    text[0] = '\0';
    number_text(option, option->min, low, sizeof low);
    number_text(option, option->max, high, sizeof high);
    if (option->max != 0)
        (void)snprintf(text, 64, "%s to %s", low, high);
    else if (option->min != 0)
        (void)snprintf(text, 64, "%s or more", low);
}

static bool set_number(const al_option *option, const char *text, void *place, char *reason)
{
    uint64_t value;
    bool is_count = option->kind == AL_OPTION_COUNT;
    int fault = is_count ? read_count(text, &value) : al_duration_parse(text, &value);
    if (fault == 0 && value >= option->min && (option->max == 0 || value <= option->max)) {
        memcpy(place, &value, sizeof value);
        return true;
    }
    char range[64];
    al_range_text(option, range);
    if (fault == EINVAL)
        (void)snprintf(reason, AL_VALUE_REASON_MAX, "'%.80s' is not a %s", text,
                       is_count ? "whole number"
                                : "duration: write 10 (seconds), 1.5s, 200ms, 3m, 1h30m or 1d");
    else if (range[0] != '\0')
        (void)snprintf(reason, AL_VALUE_REASON_MAX, "%.80s is out of range: it takes %s", text, range);
    else
        (void)snprintf(reason, AL_VALUE_REASON_MAX, "%.80s is too large", text);
    return false;
}

static bool set_real(const char *text, void *place, char *reason)
{
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(value) || value <= 0) {
        (void)snprintf(reason, AL_VALUE_REASON_MAX, "'%.80s' is not a positive number", text);
        return false;
    }
    memcpy(place, &value, sizeof value);
    return true;
}

const char *al_choice_next(const char **choices, size_t *length)
{
    const char *name = *choices;
    if (*name == '\0')
        return NULL;
    *length = strcspn(name, "|");
    *choices = name + *length + (name[*length] == '|');
    return name;
}

static bool set_choice(const al_option *option, const char *text, void *place, char *reason)
{
    al_nearest nearest = {.word = text};
    const char *choices = option->choices, *name;
    size_t length;
    for (int at = 0; (name = al_choice_next(&choices, &length)) != NULL; at++) {
        if (strlen(text) == length && memcmp(text, name, length) == 0) {
            memcpy(place, &at, sizeof at);
            return true;
        }
        al_nearest_try(&nearest, name, length);
    }
    int written = snprintf(reason, AL_VALUE_REASON_MAX, "'%.40s' is none of", text);
    choices = option->choices;
    for (const char *comma = ""; (name = al_choice_next(&choices, &length)) != NULL; comma = ",")
        if (written < AL_VALUE_REASON_MAX)
            written += snprintf(reason + written, AL_VALUE_REASON_MAX - (size_t)written, "%s %.*s", comma,
                                (int)length, name);
    if (nearest.name[0] != '\0' && written < AL_VALUE_REASON_MAX)
        (void)snprintf(reason + written, AL_VALUE_REASON_MAX - (size_t)written, "; did you mean '%s'?",
                       nearest.name);
    return false;
}

static bool add_text(const char *text, al_texts *texts, char *reason)
{
    const char **at = realloc(texts->at, (texts->count + 1) * sizeof *at);
    if (at == NULL) {
        (void)snprintf(reason, AL_VALUE_REASON_MAX, "out of memory");
        return false;
    }
    texts->at = at;
    at[texts->count++] = text;
    return true;
}

bool al_value_read(const al_option *option, const char *text, void *place, char *reason)
{
    switch (option->kind) {
    case AL_OPTION_FLAG:
        *(bool *)place = true;
        return true;
    case AL_OPTION_TEXT:
        memcpy(place, &text, sizeof text);
        return true;
    case AL_OPTION_COUNT:
    case AL_OPTION_DURATION:
        return set_number(option, text, place, reason);
    case AL_OPTION_REAL:
        return set_real(text, place, reason);
    case AL_OPTION_CHOICE:
        return set_choice(option, text, place, reason);
    case AL_OPTION_TEXTS:
        return add_text(text, place, reason);
    }
    return false;
}
