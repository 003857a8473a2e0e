/* parm_file.c - see parm_file.h. (ambermd.org, "File formats"; J. Swails, "Prmtop file format".)
 *
 * What a section's numbers are is known by its name; where they are, by its format. So formats are looked at
 * when a section is read, and those that nobody asks for may be anything.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/read/parm_file.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "md/read/source.h"

enum { PER_LINE_MOST = 1000, WIDTH_MOST = 80 };

#define VERSION "%VERSION"

bool al_parm_is_one(const char *text, size_t nbytes)
{
    return nbytes >= sizeof VERSION - 1 && memcmp(text, VERSION, sizeof VERSION - 1) == 0;
}

const al_parm_section *al_parm_find(const al_parm_file *file, const char *name)
{
    for (uint32_t k = 0; k < file->nsections; k++)
        if (strcmp(file->sections[k].name, name) == 0)
            return &file->sections[k];
    return NULL;
}

/* ---- sections ------------------------------------------------------------------------------------------ */

static allot_err begin_section(al_parm_file *f)
{
    al_columns *c = &f->c;
    const char *at, *end;
    char text[40];
    al_columns_field(c, sizeof "%FLAG" - 1, AL_COLUMNS_REST, &at, &end);
    size_t n = (size_t)(end - at);
    bool is_name = n > 0 && n <= AL_PARM_NAME;
    for (size_t k = 0; k < n; k++)
        is_name = is_name && (isalnum((unsigned char)at[k]) || at[k] == '_');
    if (!is_name)
        return al_columns_fault(c, at,
                                "\"%s\" is no name of a section; one of letters, digits and _ is needed",
                                al_columns_excerpt(at, end, text));
    al_parm_section made = {.line = c->nlines, .begin = c->next, .end = c->next, .nbefore = c->nlines};
    memcpy(made.name, at, n);
    const al_parm_section *before = al_parm_find(f, made.name);
    if (before != NULL)
        return al_columns_fault(c, at, "a second %%FLAG %s; the first is in line %" PRIu64, made.name,
                                before->line);
    if (!al_source_grow(&f->sections, f->nsections, sizeof *f->sections))
        return al_columns_no_memory(c);
    f->sections[f->nsections++] = made;
    return ALLOT_OK;
}

static allot_err take_line(al_parm_file *f)
{
    al_columns *c = &f->c;
    al_parm_section *now = f->nsections > 0 ? &f->sections[f->nsections - 1] : NULL;
    if (al_columns_have(c, 0, "%FLAG"))
        return begin_section(f);
    if (now == NULL) /* the rest of the head: comments */
        return ALLOT_OK;
    bool is_format = al_columns_have(c, 0, "%FORMAT");
    if (is_format || al_columns_have(c, 0, "%COMMENT")) {
        if (now->end > now->begin)
            return al_columns_fault(c, c->line,
                                    "this stands between the numbers of %%FLAG %s, which ends "
                                    "where the next %%FLAG is",
                                    now->name);
        now->begin = now->end = c->next;
        now->nbefore = c->nlines;
        if (is_format)
            al_columns_field(c, sizeof "%FORMAT" - 1, AL_COLUMNS_REST, &now->format, &now->format_end);
        return ALLOT_OK;
    }
    now->end = c->next;
    return ALLOT_OK;
}

allot_err al_parm_open(al_parm_file *file, const char *text, size_t nbytes, const char *name,
                       allot_error *err)
{
    *file = (al_parm_file){.c = {.name = name, .next = text, .end = text + nbytes, .err = err},
                           .text_end = text + nbytes};
    al_columns *c = &file->c;
    allot_err code = ALLOT_OK;
    if (!al_columns_next(c))
        al_columns_beyond(c);
    if (!al_parm_is_one(text, nbytes))
        return al_columns_fault(
            c, c->line,
            "an AMBER topology begins with %%VERSION; those from before Amber 7, which do "
            "not, are not supported: make it anew with tleap or ParmEd");
    while (code == ALLOT_OK && al_columns_next(c))
        code = take_line(file);
    file->nlines = c->nlines;
    return code;
}

void al_parm_close(al_parm_file *file)
{
    free(file->sections);
    file->sections = NULL;
    file->nsections = 0;
}

/* ---- formats ------------------------------------------------------------------------------------------- */

/** How a section lies in its lines. */
typedef struct layout {
    const al_parm_section *of;
    unsigned per_line, width;
} layout;

static unsigned count_of(const char **at, const char *end, unsigned most)
{
    unsigned n = 0;
    for (; *at < end && isdigit((unsigned char)**at); ++*at)
        n = n <= most ? 10 * n + (unsigned)(**at - '0') : n;
    return n;
}

/** "20a4", "10I8", "5E16.8", "8(F9.5)"; one of `letters` is wanted. Without the count it is 1. */
static bool parse_format(const char *at, const char *end, const char *letters, layout *l)
{
    if (end - at < 2 || *at != '(' || end[-1] != ')')
        return false;
    at++;
    end--;
    bool has_count = at < end && isdigit((unsigned char)*at);
    l->per_line = has_count ? count_of(&at, end, PER_LINE_MOST) : 1;
    if (at < end && *at == '(' && end[-1] == ')') {
        at++;
        end--;
    }
    if (at == end || strchr(letters, toupper((unsigned char)*at)) == NULL)
        return false;
    at++;
    l->width = count_of(&at, end, WIDTH_MOST);
    if (at < end && *at == '.') {
        at++;
        (void)count_of(&at, end, WIDTH_MOST);
    }
    return at == end && l->per_line > 0 && l->per_line <= PER_LINE_MOST && l->width > 0 &&
           l->width <= WIDTH_MOST;
}

/** Go to the lines of a section, which there is. */
static void go_to(al_parm_file *f, const al_parm_section *section)
{
    f->c.next = section->begin;
    f->c.end = section->end;
    f->c.nlines = section->nbefore;
    f->c.line = f->c.line_end = section->begin;
}

static allot_err lay_out(al_parm_file *f, const char *name, const char *letters, layout *l)
{
    char text[40];
    l->of = al_parm_find(f, name);
    if (l->of == NULL)
        return al_parm_refuse(f, name, "there is no %%FLAG %s, which is needed", name);
    const char *at = l->of->format, *end = l->of->format_end;
    if (at != NULL && parse_format(at, end, letters, l))
        return ALLOT_OK;
    if (at == NULL)
        return al_parm_refuse(f, name, "%%FLAG %s has no %%FORMAT", name);
    return al_parm_refuse(f, name, "%%FORMAT%s is not one that %s can have; %s is, for example",
                          al_columns_excerpt(at, end, text), name,
                          *letters == 'A'   ? "(20a4)"
                          : *letters == 'I' ? "(10I8)"
                                            : "(5E16.8)");
}

/* ---- complaints ---------------------------------------------------------------------------------------- */

allot_err AL_COLD al_parm_refuse(al_parm_file *file, const char *name, const char *format, ...)
{
    char text[300];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const al_parm_section *section = al_parm_find(file, name);
    file->c.line = file->c.line_end = file->text_end;
    file->c.nlines = section != NULL ? section->line : file->nlines;
    return al_columns_fault(&file->c, file->c.line, "%s", text);
}

allot_err AL_COLD al_parm_fault(al_parm_file *file, const char *name, uint64_t k, const char *format, ...)
{
    char text[300];
    layout l = {.of = NULL};
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    allot_err code = lay_out(file, name, "AIEFDG", &l);
    if (code != ALLOT_OK)
        return code;
    go_to(file, l.of);
    for (uint64_t line = 0; line <= k / l.per_line && al_columns_next(&file->c);)
        line++;
    const char *at, *end;
    al_columns_field(&file->c, (size_t)(k % l.per_line) * l.width, l.width, &at, &end);
    return al_columns_fault(&file->c, at, "%s", text);
}

/* ---- arrays -------------------------------------------------------------------------------------------- */

/** Keep the k-th, which stands in columns [first, first + width) of the line. */
typedef allot_err take_fn(al_parm_file *f, size_t first, size_t width, uint64_t k, void *into);

static allot_err AL_COLD another_count(al_parm_file *f, const layout *l, size_t first, uint64_t n,
                                       bool is_more)
{
    const char *at, *end;
    al_columns_field(&f->c, first, AL_COLUMNS_REST, &at, &end);
    return al_columns_fault(&f->c, at,
                            is_more ? "%%FLAG %s goes on here, and has %" PRIu64 " in all, as POINTERS has it"
                                    : "%%FLAG %s ends here, and has %" PRIu64
                                      " in all, as POINTERS has it; is the file cut off?",
                            l->of->name, n);
}

/** All of a section, by its lines. Of names any may be blank. */
static allot_err walk(al_parm_file *f, const layout *l, uint64_t n, bool has_blanks, take_fn *take,
                      void *into)
{
    al_columns *c = &f->c;
    allot_err code = ALLOT_OK;
    go_to(f, l->of);
    for (uint64_t k = 0; k < n && code == ALLOT_OK; k++) {
        size_t first = (size_t)(k % l->per_line) * l->width;
        const char *at, *end;
        if (first == 0 && !al_columns_next(c)) {
            al_columns_beyond(c);
            return another_count(f, l, 0, n, false);
        }
        if (first == 0 && (size_t)(c->line_end - c->line) > (size_t)l->per_line * l->width)
            return al_columns_fault(c, c->line + (size_t)l->per_line * l->width,
                                    "the line is longer than its %%FORMAT has it");
        al_columns_field(c, first, l->width, &at, &end);
        if (at == end && !has_blanks)
            return another_count(f, l, first, n, false);
        code = take(f, first, l->width, k, into);
    }
    size_t beyond = n > 0 ? ((size_t)((n - 1) % l->per_line) + 1) * l->width : 0;
    if (code == ALLOT_OK && n > 0 && (size_t)(c->line_end - c->line) > beyond)
        return another_count(f, l, beyond, n, true);
    while (code == ALLOT_OK && al_columns_next(c))
        if (c->line_end > c->line)
            return another_count(f, l, 0, n, true);
    return code;
}

/** Make room for a section, and read it. */
static allot_err read_section(al_parm_file *f, const char *name, uint64_t n, const char *letters,
                              size_t nbytes, take_fn *take, void *values)
{
    layout l = {.of = NULL};
    void **made = values, *room;
    allot_err code = n > 0 || al_parm_find(f, name) != NULL ? lay_out(f, name, letters, &l) : ALLOT_OK;
    if (code != ALLOT_OK)
        return code;
    /* so many lines the file does not have: what is wanted is no measure of memory */
    if (l.of != NULL && n / l.per_line > (uint64_t)(l.of->end - l.of->begin)) {
        go_to(f, l.of);
        return another_count(f, &l, 0, n, false);
    }
    room = calloc((size_t)n + 1, nbytes);
    if (room == NULL)
        return al_columns_no_memory(&f->c);
    if (l.of != NULL)
        code = walk(f, &l, n, *letters == 'A', take, room);
    if (code == ALLOT_OK)
        *made = room;
    else
        free(room);
    return code;
}

static allot_err take_integer(al_parm_file *f, size_t first, size_t width, uint64_t k, void *into)
{
    const char *at, *end;
    char text[40];
    int32_t *values = into;
    int64_t value;
    al_columns_field(&f->c, first, width, &at, &end);
    if (!al_columns_integer(at, end, &value) || value < -INT32_MAX || value > INT32_MAX)
        return al_columns_fault(&f->c, at, "\"%s\" is no integer; columns %zu to %zu are for one",
                                al_columns_excerpt(at, end, text), first + 1, first + width);
    values[k] = (int32_t)value;
    return ALLOT_OK;
}

static allot_err take_number(al_parm_file *f, size_t first, size_t width, uint64_t k, void *into)
{
    const char *at, *end;
    char text[40];
    double *values = into;
    al_columns_field(&f->c, first, width, &at, &end);
    if (!al_columns_number(at, end, &values[k]))
        return al_columns_fault(&f->c, at, "\"%s\" is no number; columns %zu to %zu are for one",
                                al_columns_excerpt(at, end, text), first + 1, first + width);
    return ALLOT_OK;
}

static allot_err take_name(al_parm_file *f, size_t first, size_t width, uint64_t k, void *into)
{
    al_parm_name *values = into;
    const char *at, *end;
    al_columns_field(&f->c, first, width, &at, &end);
    if (end - at > AL_TOPOLOGY_NAME)
        return al_columns_fault(&f->c, at, "a name has at most %d characters", AL_TOPOLOGY_NAME);
    return al_columns_name(&f->c, first, width, values[k]);
}

allot_err al_parm_integers(al_parm_file *file, const char *name, uint64_t n, int32_t **values)
{
    return read_section(file, name, n, "I", sizeof **values, take_integer, values);
}

allot_err al_parm_numbers(al_parm_file *file, const char *name, uint64_t n, double **values)
{
    return read_section(file, name, n, "EFDG", sizeof **values, take_number, values);
}

allot_err al_parm_names(al_parm_file *file, const char *name, uint64_t n, al_parm_name **values)
{
    return read_section(file, name, n, "A", sizeof **values, take_name, values);
}

allot_err al_parm_count(al_parm_file *file, const char *name, uint64_t *n)
{
    layout l = {.of = NULL};
    *n = 0;
    if (al_parm_find(file, name) == NULL)
        return ALLOT_OK;
    allot_err code = lay_out(file, name, "AIEFDG", &l);
    if (code != ALLOT_OK)
        return code;
    go_to(file, l.of);
    for (uint64_t line = 0; al_columns_next(&file->c); line++) {
        size_t length = (size_t)(file->c.line_end - file->c.line);
        if (length > 0)
            *n = line * l.per_line + (length + l.width - 1) / l.width;
    }
    return ALLOT_OK;
}
