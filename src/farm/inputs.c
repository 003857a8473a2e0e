/* inputs.c - see inputs.h: sources combined.
 *
 * Sources that are linked make a group; groups are multiplied, the last one varying fastest, as digits of a
 * number that is counted up. Only the first digit may be a file that is read as it comes: its end need not be
 * known.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "farm/inputs.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "farm/columns.h"
#include "farm/input_file.h"

/** Where the values of a source are. */
typedef struct source {
    char *const *values; /* given on the command line; NULL: in text */
    al_buffer text;      /* those of a file, one after the other, each with a NUL */
    size_t *offsets;
    uint64_t nvalues, room;
    uint64_t first; /* 1 where the header is before it */
} source;

/** Linked sources. */
typedef struct group {
    uint32_t first, count;
    uint64_t length, at;
} group;

struct al_inputs {
    al_inputs_opts opts;
    al_columns *columns;
    source *sources;
    group *groups;
    uint32_t ngroups;
    al_input_file stream; /* the first source, if it is read as it comes */
    bool has_stream, has_tuple, began, ended, header_read, has_column;
    al_args streamed; /* its present value */
    al_buffer args;
    uint64_t ntuples, nbatch; /* tuples in args; tuples that make a task at most */
    uint64_t ntasks;          /* given out */
    uint64_t nvalues;         /* tuples in these */
    char **names;
    uint32_t nnames;
};

static allot_err out_of_memory(allot_error *err)
{
    return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
}

/* ---- sources in memory -----------------------------------------------------------------------------------
 */

static al_args value_of(const source *s, uint64_t at)
{
    if (s->values != NULL)
        return (al_args){s->values[at], strlen(s->values[at])};
    const char *text = s->text.at + s->offsets[at];
    return (al_args){text, strlen(text)};
}

static bool keep_value(source *s, al_args value)
{
    if (s->nvalues == s->room) {
        uint64_t room = s->room > 0 ? 2 * s->room : 64;
        size_t *offsets = realloc(s->offsets, room * sizeof *offsets);
        if (offsets == NULL)
            return false;
        s->offsets = offsets;
        s->room = room;
    }
    s->offsets[s->nvalues++] = s->text.nbytes;
    return al_buffer_append(&s->text, value.at, value.nbytes) && al_buffer_byte(&s->text, '\0');
}

static allot_err read_source(source *s, const char *path, char end, allot_error *err)
{
    al_input_file file;
    al_value_state state = AL_VALUE_WAIT;
    al_args value;
    allot_err code = al_input_file_open(&file, path, end, err);
    while (code == ALLOT_OK && state != AL_VALUE_END) {
        code = al_input_file_next(&file, &state, &value, err);
        if (code == ALLOT_OK && state == AL_VALUE_WAIT)
            code = al_input_file_fill(&file, err);
        else if (code == ALLOT_OK && state == AL_VALUE_HERE && !keep_value(s, value))
            code = out_of_memory(err);
    }
    al_input_file_close(&file);
    return code;
}

/* ---- names ------------------------------------------------------------------------------------------------
 */

static bool add_names(al_inputs *inputs, al_args header)
{
    al_args name;
    while (al_columns_next(inputs->columns, &header, &name)) {
        char **names = realloc(inputs->names, (inputs->nnames + 1) * sizeof *names);
        if (names == NULL)
            return false;
        inputs->names = names;
        names[inputs->nnames] = strndup(name.at, name.nbytes);
        if (names[inputs->nnames++] == NULL)
            return false;
    }
    return true;
}

/** The header of each source; that of the stream comes first. */
static allot_err read_headers(al_inputs *inputs, const al_args *streamed, allot_error *err)
{
    bool is_whole = streamed == NULL || add_names(inputs, *streamed);
    for (uint32_t k = inputs->has_stream ? 1 : 0; k < inputs->opts.nsources && is_whole; k++) {
        const source *s = &inputs->sources[k];
        if (s->nvalues == 0)
            return al_fail(err, ALLOT_EFORMAT, 0,
                           "--header: source %u is empty: its first value would name it", k + 1);
        is_whole = add_names(inputs, value_of(s, 0));
    }
    inputs->header_read = true;
    return is_whole ? ALLOT_OK : out_of_memory(err);
}

uint32_t al_inputs_names(const al_inputs *inputs, char ***names)
{
    *names = inputs->names;
    return inputs->nnames;
}

/* ---- create and destroy
 * ------------------------------------------------------------------------------------ */

static bool is_stdin(const al_input_source *s)
{
    return s->path != NULL && strcmp(s->path, "-") == 0;
}

static allot_err check_stdin(const al_inputs_opts *opts, allot_error *err)
{
    uint32_t n = 0;
    for (uint32_t k = 0; k < opts->nsources; k++)
        n += is_stdin(&opts->sources[k]);
    return n <= 1 ? ALLOT_OK : al_fail(err, ALLOT_EINVAL, 0, "standard input can be read once only");
}

static void make_groups(al_inputs *inputs)
{
    for (uint32_t k = 0; k < inputs->opts.nsources; k++) {
        source *s = &inputs->sources[k];
        s->first = inputs->opts.has_header && s->nvalues > 0;
        uint64_t length = s->nvalues - s->first;
        if (k == 0 || !inputs->opts.sources[k].linked)
            inputs->groups[inputs->ngroups++] = (group){.first = k, .length = length};
        group *g = &inputs->groups[inputs->ngroups - 1];
        /* One without values leaves nothing to go along with. */
        g->length = g->count > 0 && (length == 0 || g->length == 0) ? 0
                    : length > g->length                            ? length
                                                                    : g->length;
        g->count++;
    }
}

/** Tuples of all groups but the first `skip`. */
static uint64_t product(const al_inputs *inputs, uint32_t skip)
{
    uint64_t n = 1;
    for (uint32_t k = skip; k < inputs->ngroups; k++)
        if (__builtin_mul_overflow(n, inputs->groups[k].length, &n))
            return UINT64_MAX;
    return n;
}

/** How many tuples make a task. */
static uint64_t choose_batch(const al_inputs *inputs)
{
    const al_inputs_opts *o = &inputs->opts;
    if (o->is_cut_by_caller)
        return 1;
    if (o->nper != UINT32_MAX)
        return o->nper > 0 ? o->nper : 1;
    uint64_t total = inputs->has_stream ? UINT64_MAX : product(inputs, 0);
    if (total == UINT64_MAX || o->njobs == 0)
        return UINT64_MAX;
    return total > o->njobs ? (total + o->njobs - 1) / o->njobs : 1; /* so that all jobs have some */
}

static allot_err open_sources(al_inputs *inputs, allot_error *err)
{
    const al_inputs_opts *o = &inputs->opts;
    allot_err code = check_stdin(o, err);
    bool is_first_linked = o->nsources > 1 && o->sources[1].linked;
    if (code == ALLOT_OK && o->colsep != NULL)
        code = al_columns_create(o->colsep, &inputs->columns, err);
    for (uint32_t k = 0; k < o->nsources && code == ALLOT_OK; k++) {
        source *s = &inputs->sources[k];
        if (o->sources[k].values != NULL || o->sources[k].path == NULL) {
            s->values = o->sources[k].values;
            s->nvalues = o->sources[k].nvalues;
        } else if (k == 0 && !is_first_linked) {
            inputs->has_stream = true;
            code = al_input_file_open(&inputs->stream, o->sources[0].path, o->end, err);
        } else {
            code = read_source(s, o->sources[k].path, o->end, err);
        }
    }
    return code;
}

allot_err al_inputs_create(const al_inputs_opts *opts, al_inputs **made, allot_error *err)
{
    al_inputs *inputs = calloc(1, sizeof *inputs);
    if (inputs == NULL)
        return out_of_memory(err);
    inputs->opts = *opts;
    inputs->stream.fd = -1;
    inputs->sources = calloc(opts->nsources, sizeof *inputs->sources);
    inputs->groups = calloc(opts->nsources, sizeof *inputs->groups);
    allot_err code =
        inputs->sources != NULL && inputs->groups != NULL ? open_sources(inputs, err) : out_of_memory(err);
    if (code == ALLOT_OK) {
        make_groups(inputs);
        inputs->nbatch = choose_batch(inputs);
        if (opts->has_header && !inputs->has_stream)
            code = read_headers(inputs, NULL, err);
    }
    if (code == ALLOT_OK)
        *made = inputs;
    else
        al_inputs_destroy(inputs);
    return code;
}

void al_inputs_destroy(al_inputs *inputs)
{
    if (inputs == NULL)
        return;
    for (uint32_t k = 0; inputs->sources != NULL && k < inputs->opts.nsources; k++) {
        al_buffer_fini(&inputs->sources[k].text);
        free(inputs->sources[k].offsets);
    }
    for (uint32_t k = 0; k < inputs->nnames; k++)
        free(inputs->names[k]);
    free(inputs->names);
    free(inputs->sources);
    free(inputs->groups);
    al_input_file_close(&inputs->stream);
    al_columns_destroy(inputs->columns);
    al_buffer_fini(&inputs->args);
    free(inputs);
}

/* ---- counting up
 * ------------------------------------------------------------------------------------------- */

/** The next value of the stream, past its header. */
static allot_err next_streamed(al_inputs *inputs, al_value_state *state, allot_error *err)
{
    allot_err code = al_input_file_next(&inputs->stream, state, &inputs->streamed, err);
    bool is_header =
        code == ALLOT_OK && *state == AL_VALUE_HERE && inputs->opts.has_header && !inputs->header_read;
    if (is_header) {
        code = read_headers(inputs, &inputs->streamed, err);
        if (code == ALLOT_OK)
            code = al_input_file_next(&inputs->stream, state, &inputs->streamed, err);
    }
    if (code == ALLOT_OK && *state == AL_VALUE_END && inputs->opts.has_header && !inputs->header_read)
        return al_fail(err, ALLOT_EFORMAT, 0,
                       "--header: the input is empty: its first line would name the columns");
    return code;
}

/** Go to the next tuple. */
static allot_err advance(al_inputs *inputs, al_value_state *state, allot_error *err)
{
    uint32_t lowest = inputs->has_stream ? 1 : 0;
    *state = AL_VALUE_HERE;
    if (inputs->began) {
        for (uint32_t k = inputs->ngroups; k-- > lowest;) {
            if (++inputs->groups[k].at < inputs->groups[k].length)
                return ALLOT_OK;
            inputs->groups[k].at = 0;
        }
        inputs->began = false;
        if (!inputs->has_stream)
            *state = AL_VALUE_END;
    }
    bool is_empty = product(inputs, lowest) == 0;
    if (*state == AL_VALUE_END || (is_empty && !inputs->opts.has_header)) {
        *state = AL_VALUE_END;
        return ALLOT_OK;
    }
    allot_err code = inputs->has_stream ? next_streamed(inputs, state, err) : ALLOT_OK;
    if (is_empty && *state == AL_VALUE_HERE)
        *state = AL_VALUE_END;
    inputs->began = code == ALLOT_OK && *state == AL_VALUE_HERE;
    return code;
}

/** The tuple's values as arguments, appended; after others with a NUL between. */
static bool put_tuple(al_inputs *inputs)
{
    for (uint32_t g = 0; g < inputs->ngroups; g++)
        for (uint32_t k = 0; k < inputs->groups[g].count; k++) {
            const source *s = &inputs->sources[inputs->groups[g].first + k];
            bool is_streamed = g == 0 && inputs->has_stream;
            al_args column,
                value = is_streamed ? inputs->streamed
                                    : value_of(s, s->first + inputs->groups[g].at % (s->nvalues - s->first));
            while (al_columns_next(inputs->columns, &value, &column)) {
                if (inputs->has_column)
                    (void)al_buffer_byte(&inputs->args, '\0');
                (void)al_buffer_append(&inputs->args, column.at, column.nbytes);
                inputs->has_column = true;
            }
        }
    return !inputs->args.failed;
}

/* ---- tasks
 * -------------------------------------------------------------------------------------------------- */

static bool is_full(const al_inputs *inputs)
{
    return inputs->ntuples >= inputs->nbatch ||
           (inputs->opts.nper == UINT32_MAX && inputs->args.nbytes > inputs->opts.nbytes_max);
}

static void give(al_inputs *inputs, al_input_state *state, al_args *args)
{
    *state = AL_INPUT_TASK;
    *args = (al_args){inputs->args.at, inputs->args.nbytes};
    inputs->ntasks++;
    inputs->nvalues += inputs->ntuples;
    inputs->ntuples = 0; /* args is cleared by the next call: it is borrowed until then */
}

/** Add a tuple. One too many for the system's limit is left for the next task. @return whether the task is
 * complete */
static bool take_tuple(al_inputs *inputs)
{
    size_t before = inputs->args.nbytes;
    (void)put_tuple(inputs);
    if (inputs->opts.nper == UINT32_MAX && inputs->ntuples > 0 &&
        inputs->args.nbytes > inputs->opts.nbytes_max) {
        inputs->args.nbytes = before;
        inputs->has_tuple = true;
        return true;
    }
    inputs->ntuples++;
    return is_full(inputs);
}

allot_err al_inputs_next(al_inputs *inputs, al_input_state *state, al_args *args, allot_error *err)
{
    if (inputs->ntuples == 0) {
        al_buffer_clear(&inputs->args);
        inputs->has_column = false;
    }
    for (;;) {
        al_value_state value = inputs->has_tuple ? AL_VALUE_HERE : AL_VALUE_END;
        if (!inputs->has_tuple && !inputs->ended) {
            allot_err code = advance(inputs, &value, err);
            if (code != ALLOT_OK)
                return code;
        }
        inputs->has_tuple = false;
        inputs->ended = value == AL_VALUE_END;
        if (value == AL_VALUE_WAIT && inputs->opts.is_cut_by_caller && inputs->ntuples > 0 &&
            is_full(inputs)) {
            give(inputs, state, args);
            return ALLOT_OK;
        }
        if (value == AL_VALUE_WAIT) {
            *state = AL_INPUT_WAIT;
            return ALLOT_OK;
        }
        bool is_complete = value == AL_VALUE_HERE ? take_tuple(inputs) : true;
        if (inputs->args.failed)
            return out_of_memory(err);
        if (inputs->ended && inputs->ntuples == 0) {
            *state = AL_INPUT_END;
            return ALLOT_OK;
        }
        if (is_complete) {
            give(inputs, state, args);
            return ALLOT_OK;
        }
    }
}

int al_inputs_fd(const al_inputs *inputs)
{
    return inputs->has_stream ? inputs->stream.fd : -1;
}

allot_err al_inputs_fill(al_inputs *inputs, allot_error *err)
{
    return inputs->has_stream ? al_input_file_fill(&inputs->stream, err) : ALLOT_OK;
}

void al_inputs_batch(al_inputs *inputs, uint64_t nbatch)
{
    inputs->nbatch = nbatch;
}

void al_inputs_limit(al_inputs *inputs, size_t nbytes_max)
{
    inputs->opts.nbytes_max = nbytes_max;
}

uint64_t al_inputs_left(const al_inputs *inputs)
{
    uint64_t total = inputs->has_stream ? UINT64_MAX : product(inputs, 0);
    return total == UINT64_MAX ? UINT64_MAX : total > inputs->nvalues ? total - inputs->nvalues : 0;
}

uint64_t al_inputs_total(const al_inputs *inputs)
{
    if (inputs->ended)
        return inputs->ntasks;
    uint64_t total = product(inputs, 0);
    if (inputs->has_stream || inputs->opts.is_cut_by_caller || inputs->nbatch == UINT64_MAX ||
        total == UINT64_MAX)
        return UINT64_MAX;
    return total / inputs->nbatch + (total % inputs->nbatch != 0);
}
