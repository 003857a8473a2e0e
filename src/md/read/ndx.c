/* ndx.c - see ndx.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/read/ndx.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "md/file.h"
#include "md/read/columns.h"

enum { NAME_MOST = 255 };

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/** [ name ], and nothing after it. */
static allot_err read_name(al_columns *c, const char *at, const char *end, al_index *made)
{
    const char *close = memchr(at, ']', (size_t)(end - at));
    char name[NAME_MOST + 1], text[40];
    const char *first = at + 1, *last = close;
    if (close == NULL)
        return al_columns_fault(c, at, "the name of a group is to end in ]");
    while (first < last && is_blank(*first))
        first++;
    while (last > first && is_blank(last[-1]))
        last--;
    for (const char *k = first; k < last; k++)
        if ((unsigned char)*k <= ' ' || *k == 0x7f)
            return al_columns_fault(c, k,
                                    "the name of a group is one word, as GROMACS drops the rest of \"%s\"",
                                    al_columns_excerpt(first, last, text));
    if (first == last || last - first > NAME_MOST)
        return al_columns_fault(c, at, "the name of a group has 1 to %d characters", NAME_MOST);
    if (close + 1 < end)
        return al_columns_fault(c, close + 1, "atoms begin on the next line, not behind the name of a group");
    memcpy(name, first, (size_t)(last - first));
    name[last - first] = '\0';
    al_index_group *group = al_index_add(made, name);
    if (group == NULL)
        return al_columns_no_memory(c);
    group->line = c->nlines;
    return ALLOT_OK;
}

static bool list(al_index_group *group, uint64_t atom)
{
    uint64_t n = group->nlisted;
    if ((n & (n - 1)) == 0) { /* 0, or a power of two: the room is used */
        uint64_t *more = realloc(group->listed, (n == 0 ? 1 : 2 * (size_t)n) * sizeof *more);
        if (more == NULL)
            return false;
        group->listed = more;
    }
    group->listed[group->nlisted++] = atom;
    return true;
}

static allot_err read_atoms(al_columns *c, const char *at, const char *end, al_index *made)
{
    if (made->ngroups == 0)
        return al_columns_fault(c, at, "a group begins with its name: [ name ]");
    for (const char *word = at; word < end; word = at) {
        int64_t number;
        char text[40];
        while (at < end && !is_blank(*at))
            at++;
        if (!al_columns_integer(word, at, &number) || number < 1)
            return al_columns_fault(c, word, "\"%s\" is no number of an atom, which are counted from 1",
                                    al_columns_excerpt(word, at, text));
        if (!list(&made->groups[made->ngroups - 1], (uint64_t)number - 1))
            return al_columns_no_memory(c);
        while (at < end && is_blank(*at))
            at++;
    }
    return ALLOT_OK;
}

/** What is behind a semicolon is a comment. */
static allot_err read_line(al_columns *c, al_index *made)
{
    const char *at, *end = memchr(c->line, ';', (size_t)(c->line_end - c->line));
    al_columns_field(c, 0, end != NULL ? (size_t)(end - c->line) : AL_COLUMNS_REST, &at, &end);
    if (at == end)
        return ALLOT_OK;
    return *at == '[' ? read_name(c, at, end, made) : read_atoms(c, at, end, made);
}

allot_err al_ndx_parse(const char *text, size_t nbytes, const char *name, al_index *index, allot_error *err)
{
    al_columns c = {.name = name, .next = text, .end = text + nbytes, .err = err};
    al_index made = {.source = strdup(name)};
    allot_err code = made.source != NULL ? ALLOT_OK : al_columns_no_memory(&c);
    while (code == ALLOT_OK && al_columns_next(&c))
        code = read_line(&c, &made);
    if (code == ALLOT_OK && made.ngroups == 0) {
        al_columns_beyond(&c);
        code = al_columns_fault(&c, c.line, "the file ends without a group; a .ndx file is needed");
    }
    if (code == ALLOT_OK)
        *index = made;
    else
        al_index_fini(&made);
    return code;
}

allot_err al_ndx_read(const char *path, al_index *index, allot_error *err)
{
    al_buffer text = {.at = NULL};
    allot_err code = al_file_read(path, &text, err);
    if (code == ALLOT_OK)
        code = al_ndx_parse(text.at, text.nbytes, path, index, err);
    al_buffer_fini(&text);
    return code;
}
