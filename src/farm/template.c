/* template.c - see template.h.
 *
 * A template is read once, into a row of parts: texts, and places that values go to. A part knows the word it
 * is in and the quotes around it. What is rendered a million times then is a walk along the row.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include "farm/template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/nearest.h"
#include "farm/shell_words.h"

typedef enum part_kind { TEXT, ALL, NTH, NUMBER, SLOT } part_kind;
typedef enum part_cut { WHOLE, NO_EXTENSION, BASE, FOLDER, BASE_NO_EXTENSION } part_cut;

typedef struct part {
    part_kind kind;
    part_cut cut;
    int32_t nth;       /* of NTH: from 1, or from -1 backwards */
    uint32_t word;     /* which it is part of */
    al_quotes quotes;  /* that it stands in */
    size_t at, nbytes; /* of TEXT: in template->texts */
} part;

struct al_template {
    part *parts;
    size_t nparts, room;
    al_buffer texts;
    bool by_shell, is_command_each, has_places, repeats_words, is_free_text, allows_missing;
    al_shell_use use_shell;
    char *shell;
    char **names;
    uint32_t nnames;
};

/* ---- placeholders ----------------------------------------------------------------------------------------
 */

static const struct {
    const char *text;
    part_cut cut;
} cuts[] = {{"", WHOLE}, {".", NO_EXTENSION}, {"/", BASE}, {"//", FOLDER}, {"/.", BASE_NO_EXTENSION}};

static bool read_cut(const char *at, size_t nbytes, part_cut *cut)
{
    for (size_t k = 0; k < sizeof cuts / sizeof cuts[0]; k++)
        if (strlen(cuts[k].text) == nbytes && memcmp(cuts[k].text, at, nbytes) == 0) {
            *cut = cuts[k].cut;
            return true;
        }
    return false;
}

/** {name}, {name.}: *nth is its column. */
static bool read_name(const al_template *template, const char *in, size_t nbytes, part *place)
{
    for (uint32_t k = 0; k < template->nnames; k++) {
        size_t length = strlen(template->names[k]);
        if (length > 0 && length <= nbytes && memcmp(in, template->names[k], length) == 0 &&
            read_cut(in + length, nbytes - length, &place->cut)) {
            place->kind = NTH;
            place->nth = (int32_t)k + 1;
            return true;
        }
    }
    return false;
}

/** Whether a word is so like a column's name that it was meant to be one. @param[out] name  which; NULL: no
 * matter */
static bool is_near_name(const al_template *template, const char *in, size_t nbytes, char name[64])
{
    char word[64];
    size_t length = 0;
    while (length < nbytes && length < sizeof word - 1 && strchr("./ ", in[length]) == NULL)
        length++;
    (void)snprintf(word, sizeof word, "%.*s", (int)length, in);
    al_nearest nearest = {.word = word};
    for (uint32_t k = 0; k < template->nnames && length > 0; k++)
        al_nearest_try(&nearest, template->names[k], strlen(template->names[k]));
    if (name != NULL)
        memcpy(name, nearest.name, sizeof nearest.name);
    return nearest.name[0] != '\0';
}

typedef enum reading { IS_PLACE, IS_TEXT, IS_WRONG } reading;

/** {2}, {-1/.}: and what begins as one but is none. */
static reading read_number(const char *in, size_t nbytes, part *place)
{
    bool is_negative = in[0] == '-';
    size_t k = is_negative ? 1 : 0, first = k;
    int32_t n = 0;
    while (k < nbytes && in[k] >= '0' && in[k] <= '9' && n < 100000000)
        n = 10 * n + (in[k++] - '0');
    if (k == first)
        return IS_TEXT;
    if (n > 0 && read_cut(in + k, nbytes - k, &place->cut)) {
        place->kind = NTH;
        place->nth = is_negative ? -n : n;
        return IS_PLACE;
    }
    bool is_range = (k < nbytes && in[k] == ',') || (k + 1 < nbytes && in[k] == '.' && in[k + 1] == '.');
    return is_range ? IS_TEXT : IS_WRONG; /* {1..3} and {1,3} are a shell's */
}

/** What stands at `at`, which is a brace. @param[out] nbytes  its length */
static reading read_place(const al_template *template, const char *at, const char *end, part *place,
                          size_t *nbytes)
{
    const char *close = memchr(at, '}', (size_t)(end - at));
    if (close == NULL)
        return IS_TEXT;
    const char *in = at + 1;
    size_t inside = (size_t)(close - in);
    *nbytes = inside + 2;
    *place = (part){.kind = ALL};
    if (inside == 1 && (in[0] == '#' || in[0] == '%')) {
        place->kind = in[0] == '#' ? NUMBER : SLOT;
        return IS_PLACE;
    }
    if (read_cut(in, inside, &place->cut) || read_name(template, in, inside, place))
        return IS_PLACE;
    if (template->nnames > 0 && is_near_name(template, in, inside, NULL))
        return IS_WRONG;
    return inside > 0 ? read_number(in, inside, place) : IS_TEXT;
}

/** For al_shell_is_needed(): a place is none of the shell's business. */
static size_t skip_place(const void *arg, const char *at, const char *end)
{
    part place;
    size_t nbytes;
    if (at == end || *at != '{' || read_place(arg, at, end, &place, &nbytes) != IS_PLACE)
        return 0;
    return nbytes;
}

/* ---- the row of parts ------------------------------------------------------------------------------------
 */

static bool add_part(al_template *template, part added)
{
    if (template->nparts == template->room) {
        size_t room = template->room > 0 ? 2 * template->room : 8;
        part *parts = realloc(template->parts, room * sizeof *parts);
        if (parts == NULL)
            return false;
        template->parts = parts;
        template->room = room;
    }
    template->parts[template->nparts++] = added;
    template->has_places = template->has_places || added.kind != TEXT;
    return true;
}

static bool add_text(al_template *template, uint32_t word, const char *bytes, size_t nbytes)
{
    part *last = template->nparts > 0 ? &template->parts[template->nparts - 1] : NULL;
    size_t at = template->texts.nbytes;
    if (!al_buffer_append(&template->texts, bytes, nbytes))
        return false;
    if (last != NULL && last->kind == TEXT && last->word == word) {
        last->nbytes += nbytes;
        return true;
    }
    return add_part(template, (part){.kind = TEXT, .word = word, .at = at, .nbytes = nbytes});
}

static allot_err out_of_memory(allot_error *err)
{
    return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
}

static allot_err refuse_place(const al_template *template, const char *line, const char *at, const char *end,
                              allot_error *err)
{
    char name[64];
    const char *close = memchr(at, '}', (size_t)(end - at));
    if (is_near_name(template, at + 1, (size_t)(close - at) - 1, name))
        return al_fail(
            err, ALLOT_EINVAL, 0,
            "column %zu: there is no column %.*s; did you mean {%s}? A brace that is meant is written \\{",
            (size_t)(at - line) + 1, (int)(close - at + 1), at, name);
    return al_fail(
        err, ALLOT_EINVAL, 0,
        "column %zu: %.*s is no placeholder: there are {} {.} {/} {//} {/.} {#} {%%} and {N} with N from 1; "
        "a brace that is meant is written \\{",
        (size_t)(at - line) + 1, (int)(close - at + 1), at);
}

/** A place at walk->at, if there is one: into the row. @return ALLOT_OK and whether there was */
static allot_err take_place(al_template *template, al_shell_walk *walk, const char *line, uint32_t word,
                            bool *found, allot_error *err)
{
    part place;
    size_t nbytes = 0;
    *found = false;
    if (walk->at == walk->end || *walk->at != '{' || (walk->at > line && walk->at[-1] == '$'))
        return ALLOT_OK;
    reading what = read_place(template, walk->at, walk->end, &place, &nbytes);
    if (what == IS_WRONG)
        return refuse_place(template, line, walk->at, walk->end, err);
    if (what == IS_TEXT)
        return ALLOT_OK;
    place.word = word;
    place.quotes = walk->quotes;
    walk->at += nbytes;
    *found = true;
    return add_part(template, place) ? ALLOT_OK : out_of_memory(err);
}

/** A line for the shell: texts stay as they are, quotes and all. */
static allot_err parse_for_shell(al_template *template, const char *line, size_t nbytes, allot_error *err)
{
    al_shell_walk walk = {.at = line, .end = line + nbytes};
    uint32_t word = 0;
    for (;;) {
        bool found, was_blank = false;
        char c;
        allot_err code = take_place(template, &walk, line, word, &found, err);
        if (code != ALLOT_OK)
            return code;
        if (found)
            continue;
        const char *here = walk.at;
        al_shell_step step = al_shell_next(&walk, &c);
        if (step == AL_STEP_END)
            break;
        was_blank = step == AL_STEP_BLANK;
        if (!add_text(template, was_blank ? ++word : word, here, (size_t)(walk.at - here)))
            return out_of_memory(err);
        word += was_blank;
    }
    if (walk.quotes != AL_QUOTES_NONE)
        return al_fail(err, ALLOT_EINVAL, 0,
                       "column %zu: unbalanced quotes: the %c that opens them is not closed",
                       (size_t)(walk.opened - line) + 1, *walk.opened);
    return ALLOT_OK;
}

/** A line that is split into words here: texts are what a shell would make of them. */
static allot_err parse_words(al_template *template, const char *line, size_t nbytes, allot_error *err)
{
    al_shell_walk walk = {.at = line, .end = line + nbytes};
    uint32_t word = 0;
    bool in_word = false;
    for (;;) {
        bool found;
        char c;
        allot_err code = take_place(template, &walk, line, word, &found, err);
        if (code != ALLOT_OK)
            return code;
        if (found) {
            in_word = true;
            continue;
        }
        al_shell_step step = al_shell_next(&walk, &c);
        if (step == AL_STEP_END)
            break;
        if (step == AL_STEP_BLANK) {
            word += in_word;
            in_word = false;
            continue;
        }
        in_word = true;
        if (!add_text(template, word, &c, step != AL_STEP_QUOTES))
            return out_of_memory(err);
    }
    if (walk.quotes != AL_QUOTES_NONE)
        return al_fail(err, ALLOT_EINVAL, 0,
                       "column %zu: unbalanced quotes: the %c that opens them is not closed",
                       (size_t)(walk.opened - line) + 1, *walk.opened);
    return ALLOT_OK;
}

/** One word as it is: quotes and blanks are its own. */
static allot_err parse_verbatim(al_template *template, const char *text, uint32_t word, allot_error *err)
{
    al_shell_walk walk = {.at = text, .end = text + strlen(text)};
    if (!add_text(template, word, "", 0))
        return out_of_memory(err);
    while (walk.at < walk.end) {
        bool found;
        allot_err code = take_place(template, &walk, text, word, &found, err);
        if (code != ALLOT_OK)
            return code;
        if (!found && !add_text(template, word, walk.at++, 1))
            return out_of_memory(err);
    }
    return ALLOT_OK;
}

/* ---- parsing ----------------------------------------------------------------------------------------------
 */

static bool is_operator(const char *word)
{
    static const char *const operators[] = {"|", "||", "&",   "&&",   ";",  ">", ">>",
                                            "<", "2>", "2>>", "2>&1", "&>", "|&"};
    for (size_t k = 0; k < sizeof operators / sizeof operators[0]; k++)
        if (strcmp(word, operators[k]) == 0)
            return true;
    return false;
}

/** Whether the words are arguments, each as it is, rather than a line of a shell's. */
static bool are_arguments(const al_template_opts *opts)
{
    if (opts->nwords < 2 || opts->use_shell == AL_SHELL_ALWAYS)
        return false;
    for (uint32_t k = 0; k < opts->nwords && opts->use_shell == AL_SHELL_AUTO; k++)
        if (is_operator(opts->words[k]))
            return false;
    return opts->use_shell == AL_SHELL_NEVER ||
           !al_shell_is_needed(opts->words[0], strlen(opts->words[0]), NULL, NULL);
}

static allot_err parse_line(al_template *template, const al_template_opts *opts, allot_error *err)
{
    al_buffer line = {.at = NULL};
    for (uint32_t k = 0; k < opts->nwords; k++) {
        if (k > 0)
            (void)al_buffer_byte(&line, ' ');
        (void)al_buffer_text(&line, opts->words[k]);
    }
    if (line.failed)
        return out_of_memory(err);
    template->by_shell =
        opts->use_shell == AL_SHELL_ALWAYS ||
        (opts->use_shell == AL_SHELL_AUTO && al_shell_is_needed(line.at, line.nbytes, skip_place, template));
    allot_err code = template->by_shell ? parse_for_shell(template, line.at, line.nbytes, err)
                                        : parse_words(template, line.at, line.nbytes, err);
    al_buffer_fini(&line);
    return code;
}

/** Without a place for the argument it goes to the end, a word of its own. */
static allot_err add_last_place(al_template *template, allot_error *err)
{
    uint32_t word = template->nparts > 0 ? template->parts[template->nparts - 1].word + 1 : 0;
    if (template->by_shell && !add_text(template, word++, " ", 1))
        return out_of_memory(err);
    return add_part(template, (part){.kind = ALL, .word = word}) ? ALLOT_OK : out_of_memory(err);
}

static al_template *allocate(const char *shell, char **names, uint32_t nnames)
{
    al_template *template = calloc(1, sizeof *template);
    if (template == NULL)
        return NULL;
    template->shell = strdup(shell);
    template->names = calloc(nnames + 1, sizeof *template->names);
    bool is_whole = template->shell != NULL && template->names != NULL;
    for (uint32_t k = 0; k < nnames && is_whole; k++, template->nnames++)
        is_whole = (template->names[k] = strdup(names[k])) != NULL;
    if (!is_whole) {
        al_template_destroy(template);
        return NULL;
    }
    return template;
}

void al_template_destroy(al_template *template)
{
    if (template == NULL)
        return;
    for (uint32_t k = 0; k < template->nnames; k++)
        free(template->names[k]);
    free(template->names);
    free(template->shell);
    free(template->parts);
    al_buffer_fini(&template->texts);
    free(template);
}

static allot_err give_or_destroy(al_template *template, allot_err code, al_template **made)
{
    if (code == ALLOT_OK)
        *made = template;
    else
        al_template_destroy(template);
    return code;
}

allot_err al_template_parse(const al_template_opts *opts, al_template **made, allot_error *err)
{
    al_template *template = allocate(opts->shell, opts->names, opts->nnames);
    if (template == NULL)
        return out_of_memory(err);
    template->use_shell = opts->use_shell;
    template->repeats_words = opts->many == AL_MANY_CONTEXT;
    template->allows_missing = opts->allows_missing;
    template->is_command_each = opts->nwords == 0;
    allot_err code = ALLOT_OK;
    if (are_arguments(opts))
        for (uint32_t k = 0; k < opts->nwords && code == ALLOT_OK; k++)
            code = parse_verbatim(template, opts->words[k], k, err);
    else if (opts->nwords > 0)
        code = parse_line(template, opts, err);
    if (code == ALLOT_OK && opts->nwords > 0 && !template->has_places && !opts->adds_no_place)
        code = add_last_place(template, err);
    return give_or_destroy(template, code, made);
}

allot_err al_template_parse_text(const char *text, char **names, uint32_t nnames, al_template **made,
                                 allot_error *err)
{
    al_template *template = allocate("", names, nnames);
    if (template == NULL)
        return out_of_memory(err);
    template->is_free_text = template->allows_missing = true;
    return give_or_destroy(template, parse_verbatim(template, text, 0, err), made);
}

bool al_template_uses_shell(const al_template *template)
{
    return template->by_shell;
}

bool al_template_uses_slot(const al_template *template)
{
    for (size_t k = 0; k < template->nparts; k++)
        if (template->parts[k].kind == SLOT)
            return true;
    return false;
}

/* ---- rendering --------------------------------------------------------------------------------------------
 */

/** Everything that is the same for all parts of one task. */
typedef struct task_values {
    const al_template *template;
    al_args args;
    uint64_t number;
    uint32_t slot, count;
    al_buffer *out;
} task_values;

static al_args drop_extension(al_args value)
{
    for (size_t k = value.nbytes; k > 0 && value.at[k - 1] != '/'; k--)
        if (value.at[k - 1] == '.')
            return (al_args){value.at, k - 1};
    return value;
}

static al_args base_of(al_args value)
{
    const char *slash = value.nbytes > 0 ? memrchr(value.at, '/', value.nbytes) : NULL;
    if (slash == NULL)
        return value;
    return (al_args){slash + 1, (size_t)(value.at + value.nbytes - slash) - 1};
}

/** As dirname(1). */
static al_args folder_of(al_args value)
{
    size_t n = value.nbytes;
    while (n > 1 && value.at[n - 1] == '/')
        n--;
    while (n > 0 && value.at[n - 1] != '/')
        n--;
    if (n == 0)
        return (al_args){".", 1};
    while (n > 1 && value.at[n - 1] == '/')
        n--;
    return (al_args){value.at, n};
}

static al_args cut(al_args value, part_cut how)
{
    switch (how) {
    case WHOLE:
        return value;
    case NO_EXTENSION:
        return drop_extension(value);
    case BASE:
        return base_of(value);
    case FOLDER:
        return folder_of(value);
    case BASE_NO_EXTENSION:
        return drop_extension(base_of(value));
    }
    return value;
}

static void put(const task_values *v, const part *place, al_args value)
{
    if (v->template->by_shell)
        (void)al_shell_put(v->out, place->quotes, value.at, value.nbytes);
    else
        (void)al_buffer_append(v->out, value.at, value.nbytes);
}

static void put_number(const task_values *v, uint64_t number)
{
    char digits[24], *at = digits + sizeof digits;
    do
        *--at = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    (void)al_buffer_append(v->out, at, (size_t)(digits + sizeof digits - at));
}

/** All arguments. */
static void put_all(const task_values *v, const part *place)
{
    al_args rest = v->args, arg;
    for (uint32_t k = 0; al_args_next(&rest, &arg); k++) {
        if (k > 0)
            (void)al_buffer_byte(v->out, ' ');
        put(v, place, cut(arg, place->cut));
    }
}

static allot_err put_nth(const task_values *v, const part *place, allot_error *err)
{
    int64_t at = place->nth > 0 ? place->nth - 1 : (int64_t)v->count + place->nth;
    if (at >= 0 && at < (int64_t)v->count) {
        al_args rest = v->args, arg = {"", 0};
        for (int64_t k = 0; k <= at; k++)
            (void)al_args_next(&rest, &arg);
        put(v, place, cut(arg, place->cut));
        return ALLOT_OK;
    }
    if (!v->template->allows_missing)
        return al_fail(err, ALLOT_EINVAL, 0, "task %llu has %u argument%s: there is none for {%d}",
                       (unsigned long long)v->number, v->count, v->count == 1 ? "" : "s", place->nth);
    put(v, place, (al_args){"", 0});
    return ALLOT_OK;
}

/** @param one  of several arguments, the one that {} stands for here; NULL: all */
static allot_err put_part(const task_values *v, const part *p, const al_args *one, allot_error *err)
{
    switch (p->kind) {
    case TEXT:
        (void)al_buffer_append(v->out, v->template->texts.at + p->at, p->nbytes);
        return ALLOT_OK;
    case ALL:
        if (one != NULL)
            put(v, p, cut(*one, p->cut));
        else
            put_all(v, p);
        return ALLOT_OK;
    case NTH:
        return put_nth(v, p, err);
    case NUMBER:
        put_number(v, v->number);
        return ALLOT_OK;
    case SLOT:
        put_number(v, v->slot);
        return ALLOT_OK;
    }
    return ALLOT_OK;
}

/** Whether a word, parts [first, last), is made once for each of several arguments: {} alone, or any with -X.
 */
static bool is_repeated(const task_values *v, size_t first, size_t last)
{
    const part *parts = v->template->parts;
    bool has_all = false, is_alone = true;
    for (size_t k = first; k < last; k++) {
        has_all = has_all || parts[k].kind == ALL;
        is_alone =
            is_alone && (parts[k].kind == ALL || parts[k].nbytes == 0) && parts[k].quotes == AL_QUOTES_NONE;
    }
    return v->count > 1 && has_all &&
           (v->template->repeats_words || (is_alone && !v->template->is_free_text));
}

static allot_err put_word(const task_values *v, size_t first, size_t last, const al_args *one,
                          allot_error *err)
{
    allot_err code = ALLOT_OK;
    for (size_t k = first; k < last && code == ALLOT_OK; k++)
        code = put_part(v, &v->template->parts[k], one, err);
    return code;
}

/** All words; between two, and between repetitions of one, comes `end`. */
static allot_err put_words(const task_values *v, char end, uint32_t *nwords, allot_error *err)
{
    const al_template *t = v->template;
    allot_err code = ALLOT_OK;
    *nwords = 0;
    for (size_t first = 0, last; first < t->nparts && code == ALLOT_OK; first = last) {
        for (last = first + 1; last < t->nparts && t->parts[last].word == t->parts[first].word;)
            last++;
        bool repeats = is_repeated(v, first, last);
        uint32_t times = repeats ? v->count : 1;
        al_args rest = v->args, one;
        for (uint32_t k = 0; k < times && code == ALLOT_OK; k++, ++*nwords) {
            if (t->by_shell && k > 0)
                (void)al_buffer_byte(v->out, ' ');
            (void)al_args_next(&rest, &one);
            code = put_word(v, first, last, repeats ? &one : NULL, err);
            if (!t->by_shell)
                (void)al_buffer_byte(v->out, end);
        }
    }
    if (code == ALLOT_OK && v->out->failed)
        return out_of_memory(err);
    return code;
}

static bool put_shell(al_buffer *argv, const char *shell)
{
    return al_buffer_append(argv, shell, strlen(shell) + 1) && al_buffer_append(argv, "-c", 3);
}

allot_err al_template_render(const al_template *template, al_args args, uint64_t number, uint32_t slot,
                             al_buffer *argv, uint32_t *argc, allot_error *err)
{
    if (template->is_command_each)
        return al_command_render(args.at, args.nbytes, template->use_shell, template->shell, argv, argc, err);
    task_values v = {template, args, number, slot, al_args_count(args), argv};
    if (!template->by_shell)
        return put_words(&v, '\0', argc, err);
    (void)put_shell(argv, template->shell);
    allot_err code = put_words(&v, '\0', argc, err);
    (void)al_buffer_byte(argv, '\0');
    *argc = 3;
    return code == ALLOT_OK && argv->failed ? out_of_memory(err) : code;
}

allot_err al_template_display(const al_template *template, al_args args, uint64_t number, uint32_t slot,
                              al_buffer *text, allot_error *err)
{
    if (template->is_command_each)
        return al_buffer_append(text, args.at, args.nbytes) ? ALLOT_OK : out_of_memory(err);
    al_buffer argv = {.at = NULL};
    uint32_t argc;
    allot_err code = al_template_render(template, args, number, slot, &argv, &argc, err);
    if (code == ALLOT_OK && template->by_shell) {
        const char *line = argv.at + strlen(template->shell) + 1 + 3;
        (void)al_buffer_text(text, line);
    } else if (code == ALLOT_OK) {
        al_argv_display(argv.at, argc, text);
    }
    al_buffer_fini(&argv);
    return code == ALLOT_OK && text->failed ? out_of_memory(err) : code;
}

void al_argv_display(const char *argv, uint32_t argc, al_buffer *text)
{
    for (uint32_t k = 0; k < argc; k++) {
        if (k > 0)
            (void)al_buffer_byte(text, ' ');
        (void)al_shell_quote(text, argv, strlen(argv));
        argv += strlen(argv) + 1;
    }
}

allot_err al_template_render_text(const al_template *template, al_args args, uint64_t number, uint32_t slot,
                                  al_buffer *text, allot_error *err)
{
    task_values v = {template, args, number, slot, al_args_count(args), text};
    allot_err code = put_word(&v, 0, template->nparts, NULL, err);
    return code == ALLOT_OK && text->failed ? out_of_memory(err) : code;
}

/* ---- commands of their own --------------------------------------------------------------------------------
 */

allot_err al_command_render(const char *command, size_t nbytes, al_shell_use use_shell, const char *shell,
                            al_buffer *argv, uint32_t *argc, allot_error *err)
{
    bool by_shell = use_shell == AL_SHELL_ALWAYS ||
                    (use_shell == AL_SHELL_AUTO && al_shell_is_needed(command, nbytes, NULL, NULL));
    al_shell_walk walk = {.at = command, .end = command + nbytes};
    al_shell_step step;
    bool in_word = false;
    char c;
    *argc = 0;
    if (by_shell) {
        (void)put_shell(argv, shell);
        (void)al_buffer_append(argv, command, nbytes);
        (void)al_buffer_byte(argv, '\0');
        *argc = 3;
        return argv->failed ? out_of_memory(err) : ALLOT_OK;
    }
    do {
        step = al_shell_next(&walk, &c);
        bool ends = step == AL_STEP_BLANK || step == AL_STEP_END;
        if (ends && in_word) {
            (void)al_buffer_byte(argv, '\0');
            ++*argc;
        } else if (step == AL_STEP_CHAR || step == AL_STEP_SYNTAX) {
            (void)al_buffer_byte(argv, c);
        }
        in_word = !ends;
    } while (step != AL_STEP_END);
    return argv->failed ? out_of_memory(err) : ALLOT_OK;
}

bool al_shell_quote(al_buffer *text, const char *word, size_t nbytes)
{
    return al_shell_put(text, AL_QUOTES_NONE, word, nbytes);
}
