/* tasks.c - see tasks.h: one line of JSON as a task. Dependencies are in names.c.
 *
 * Strict on purpose: a member that is not known is refused, since it is a known one misspelt, and what it was
 * to say would be lost without a word.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "farm/tasks.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/nearest.h"
#include "base/quantity.h"

/** What a line is read with. */
typedef struct reader {
    const char *where;
    al_spec *spec;
    char **tokens;
    uint32_t ntokens;
    allot_error *err;
} reader;

typedef allot_err read_fn(const reader *r, const char *name, json_t *value);

static allot_err refuse(const reader *r, const char *name, const char *wanted)
{
    return al_fail(r->err, ALLOT_EFORMAT, 0, "%s: '%s' is to be %s", r->where, name, wanted);
}

static allot_err out_of_memory(const reader *r)
{
    return al_fail(r->err, ALLOT_ENOMEM, 0, "%s: out of memory", r->where);
}

/* ---- values
 * ------------------------------------------------------------------------------------------------ */

/** A text without NUL, borrowed from the document. */
static allot_err text_of(const reader *r, const char *name, json_t *value, const char *wanted, char **text)
{
    if (!json_is_string(value))
        return refuse(r, name, wanted);
    *text = (char *)(uintptr_t)json_string_value(value);
    if (strlen(*text) != json_string_length(value))
        return al_fail(r->err, ALLOT_EFORMAT, 0, "%s: there is a NUL in '%s', which no argument can hold",
                       r->where, name);
    return ALLOT_OK;
}

/** Texts: an array of them, or a single one. */
static allot_err texts_of(const reader *r, const char *name, json_t *value, char ***texts, uint32_t *count)
{
    size_t n = json_is_array(value) ? json_array_size(value) : 1;
    *texts = calloc(n + 1, sizeof **texts);
    if (*texts == NULL)
        return out_of_memory(r);
    for (size_t k = 0; k < n; k++) {
        json_t *one = json_is_array(value) ? json_array_get(value, k) : value;
        allot_err code = text_of(r, name, one, "an array of texts", &(*texts)[k]);
        if (code != ALLOT_OK)
            return code;
        ++*count;
    }
    return ALLOT_OK;
}

static allot_err number_of(const reader *r, const char *name, json_t *value, double least, double most,
                           double *number)
{
    *number = json_number_value(value);
    if (json_is_number(value) && *number >= least && *number <= most)
        return ALLOT_OK;
    return al_fail(r->err, ALLOT_EFORMAT, 0, "%s: '%s' is to be a number from %.10g to %.10g", r->where, name,
                   least, most);
}

static allot_err whole_of(const reader *r, const char *name, json_t *value, int64_t least, int64_t most,
                          int64_t *number)
{
    *number = json_integer_value(value);
    if (json_is_integer(value) && *number >= least && *number <= most)
        return ALLOT_OK;
    return al_fail(r->err, ALLOT_EFORMAT, 0, "%s: '%s' is to be a whole number from %lld to %lld", r->where,
                   name, (long long)least, (long long)most);
}

/* ---- members
 * ------------------------------------------------------------------------------------------------- */

static allot_err read_id(const reader *r, const char *name, json_t *value)
{
    if (!json_is_integer(value))
        return text_of(r, name, value, "a text or a whole number", &r->spec->id);
    (void)snprintf(r->spec->number, sizeof r->spec->number, "%lld", (long long)json_integer_value(value));
    r->spec->id = r->spec->number;
    return ALLOT_OK;
}

static allot_err read_command(const reader *r, const char *name, json_t *value)
{
    return text_of(r, name, value, "a text, a command line", &r->spec->command);
}

static allot_err read_argv(const reader *r, const char *name, json_t *value)
{
    if (!json_is_array(value) || json_array_size(value) == 0)
        return refuse(r, name, "an array of texts, the program first");
    return texts_of(r, name, value, &r->spec->argv, &r->spec->argc);
}

static allot_err read_stdin(const reader *r, const char *name, json_t *value)
{
    if (!json_is_string(value))
        return refuse(r, name, "a text, which the task reads from its standard input");
    r->spec->stdin_text = (char *)(uintptr_t)json_string_value(value);
    r->spec->stdin_nbytes = json_string_length(value);
    return ALLOT_OK;
}

static allot_err read_env(const reader *r, const char *name, json_t *value)
{
    const char *key;
    json_t *one;
    if (!json_is_object(value))
        return refuse(r, name, "an object, {\"NAME\": \"value\"}");
    r->spec->env = calloc(json_object_size(value) + 1, sizeof *r->spec->env);
    if (r->spec->env == NULL)
        return out_of_memory(r);
    json_object_foreach(value, key, one)
    {
        char *text, *pair;
        allot_err code = text_of(r, name, one, "an object of texts, {\"NAME\": \"value\"}", &text);
        if (code != ALLOT_OK)
            return code;
        if (key[0] == '\0' || strchr(key, '=') != NULL)
            return al_fail(r->err, ALLOT_EFORMAT, 0, "%s: 'env': no variable can be called '%s'", r->where,
                           key);
        if (asprintf(&pair, "%s=%s", key, text) < 0)
            return out_of_memory(r);
        r->spec->env[r->spec->nenv++] = pair;
    }
    return ALLOT_OK;
}

static allot_err read_cwd(const reader *r, const char *name, json_t *value)
{
    return text_of(r, name, value, "a text, a folder", &r->spec->cwd);
}

static allot_err read_after(const reader *r, const char *name, json_t *value)
{
    json_t *array = json_is_array(value) ? value : json_array();
    if (array == value)
        (void)json_incref(array);
    else
        (void)json_array_append(array, value);
    for (size_t k = 0; k < json_array_size(array); k++) { /* ids may be told as numbers */
        char digits[24];
        json_t *one = json_array_get(array, k);
        (void)snprintf(digits, sizeof digits, "%lld", (long long)json_integer_value(one));
        if (json_is_integer(one))
            (void)json_array_set_new(array, k, json_string(digits));
    }
    allot_err code = texts_of(r, name, array, &r->spec->after, &r->spec->nafter);
    (void)json_object_set_new(r->spec->document, name, array); /* which keeps its texts alive */
    return code;
}

static allot_err read_in(const reader *r, const char *name, json_t *value)
{
    return texts_of(r, name, value, &r->spec->in, &r->spec->nin);
}

static allot_err read_out(const reader *r, const char *name, json_t *value)
{
    return texts_of(r, name, value, &r->spec->out, &r->spec->nout);
}

static allot_err read_cpus(const reader *r, const char *name, json_t *value)
{
    double number;
    allot_err code = number_of(r, name, value, 0.001, 1e6, &number);
    if (code == ALLOT_OK)
        r->spec->kind.need.cpus_milli = (uint32_t)(number * 1000 + 0.5);
    return code;
}

static allot_err read_gpus(const reader *r, const char *name, json_t *value)
{
    int64_t number;
    allot_err code = whole_of(r, name, value, 0, 1000, &number);
    if (code == ALLOT_OK)
        r->spec->kind.need.gpus = (uint32_t)number;
    return code;
}

static allot_err read_mem(const reader *r, const char *name, json_t *value)
{
    int64_t number;
    if (json_is_string(value))
        return al_size_parse(json_string_value(value), &r->spec->kind.need.mem_bytes) == 0
                   ? ALLOT_OK
                   : refuse(r, name, "a size: \"2G\", \"500M\", or bytes");
    allot_err code = whole_of(r, name, value, 1, INT64_MAX, &number);
    if (code == ALLOT_OK)
        r->spec->kind.need.mem_bytes = (uint64_t)number;
    return code;
}

static allot_err read_timeout(const reader *r, const char *name, json_t *value)
{
    double number;
    if (json_is_string(value))
        return al_duration_parse(json_string_value(value), &r->spec->kind.timeout_ns) == 0
                   ? ALLOT_OK
                   : refuse(r, name, "a time: \"10m\", \"1.5s\", or seconds");
    allot_err code = number_of(r, name, value, 0, 1e9, &number);
    if (code == ALLOT_OK)
        r->spec->kind.timeout_ns = (uint64_t)(number * 1e9);
    return code;
}

static allot_err read_retries(const reader *r, const char *name, json_t *value)
{
    int64_t number;
    allot_err code = whole_of(r, name, value, 0, 1000, &number);
    if (code == ALLOT_OK)
        r->spec->kind.retries = (uint32_t)number;
    return code;
}

static allot_err read_priority(const reader *r, const char *name, json_t *value)
{
    int64_t number;
    allot_err code = whole_of(r, name, value, -1000000, 1000000, &number);
    if (code == ALLOT_OK)
        r->spec->kind.priority = (int32_t)number;
    return code;
}

static allot_err read_tokens(const reader *r, const char *name, json_t *value)
{
    const char *key;
    json_t *one;
    if (!json_is_object(value))
        return refuse(r, name, "an object, {\"licence\": 1}");
    memset(r->spec->kind.tokens, 0, sizeof r->spec->kind.tokens);
    json_object_foreach(value, key, one)
    {
        int64_t number;
        uint32_t k = 0;
        while (k < r->ntokens && strcmp(r->tokens[k], key) != 0)
            k++;
        if (k == r->ntokens)
            return al_fail(r->err, ALLOT_EFORMAT, 0,
                           "%s: there is no token '%s'; say how many there are: --token %s=N", r->where, key,
                           key);
        allot_err code = whole_of(r, name, one, 0, UINT32_MAX, &number);
        if (code != ALLOT_OK)
            return code;
        r->spec->kind.tokens[k] = (uint32_t)number;
    }
    return ALLOT_OK;
}

static const struct {
    const char *name;
    read_fn *read;
} members[] = {
    {"id", read_id},           {"command", read_command}, {"argv", read_argv},
    {"stdin", read_stdin},     {"env", read_env},         {"cwd", read_cwd},
    {"after", read_after},     {"in", read_in},           {"out", read_out},
    {"cpus", read_cpus},       {"gpus", read_gpus},       {"mem", read_mem},
    {"timeout", read_timeout}, {"retries", read_retries}, {"priority", read_priority},
    {"tokens", read_tokens},
};
enum { NMEMBERS = sizeof members / sizeof members[0] };

/* ---- a line
 * ---------------------------------------------------------------------------------------------------- */

static allot_err refuse_unknown(const reader *r, const char *name)
{
    al_nearest nearest = {.word = name};
    for (size_t k = 0; k < NMEMBERS; k++)
        al_nearest_try(&nearest, members[k].name, strlen(members[k].name));
    if (nearest.name[0] != '\0')
        return al_fail(r->err, ALLOT_EFORMAT, 0, "%s: unknown member '%s'; did you mean '%s'?", r->where,
                       name, nearest.name);
    return al_fail(r->err, ALLOT_EFORMAT, 0, "%s: unknown member '%s'; man allot-tasks lists them", r->where,
                   name);
}

static allot_err read_members(const reader *r, json_t *document)
{
    const char *name;
    json_t *value;
    void *next;
    json_object_foreach_safe(document, next, name, value)
    {
        size_t k = 0;
        while (k < NMEMBERS && strcmp(members[k].name, name) != 0)
            k++;
        allot_err code = k < NMEMBERS ? members[k].read(r, members[k].name, value) : refuse_unknown(r, name);
        if (code != ALLOT_OK)
            return code;
    }
    if (r->spec->command == NULL && r->spec->argv == NULL)
        return al_fail(r->err, ALLOT_EFORMAT, 0,
                       "%s: a task needs a \"command\" (a command line) or an \"argv\" (an array of words)",
                       r->where);
    if (r->spec->command != NULL && r->spec->argv != NULL)
        return al_fail(r->err, ALLOT_EFORMAT, 0, "%s: there are both \"command\" and \"argv\": which is it?",
                       r->where);
    return ALLOT_OK;
}

allot_err al_spec_parse(const char *text, size_t nbytes, const char *where, const al_task_kind *kind,
                        char **tokens, uint32_t ntokens, al_spec *spec, allot_error *err)
{
    json_error_t wrong;
    *spec = (al_spec){.kind = *kind};
    reader r = {.where = where, .spec = spec, .tokens = tokens, .ntokens = ntokens, .err = err};
    json_t *document = json_loadb(text, nbytes, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &wrong);
    if (document == NULL)
        return al_fail(err, ALLOT_EFORMAT, 0, "%s: column %d: %s", where, wrong.column, wrong.text);
    spec->document = document;
    allot_err code =
        json_is_object(document)
            ? read_members(&r, document)
            : al_fail(err, ALLOT_EFORMAT, 0, "%s: a JSON object is wanted, {\"command\": ...}", where);
    if (code != ALLOT_OK)
        al_spec_fini(spec);
    return code;
}

void al_spec_fini(al_spec *spec)
{
    for (uint32_t k = 0; k < spec->nenv; k++)
        free(spec->env[k]);
    free(spec->env);
    free(spec->argv);
    free(spec->after);
    free(spec->in);
    free(spec->out);
    json_decref(spec->document);
    *spec = (al_spec){.id = NULL};
}

bool al_spec_display(const al_spec *spec, al_buffer *text)
{
    if (spec->command != NULL)
        return al_buffer_text(text, spec->command);
    for (uint32_t k = 0; k < spec->argc; k++) {
        if (k > 0)
            (void)al_buffer_byte(text, ' ');
        (void)al_shell_quote(text, spec->argv[k], strlen(spec->argv[k]));
    }
    return !text->failed;
}
