/* source.c - see source.h. The preprocessor is GROMACS's (manual, "Topology file: preprocessing"): directives
 * are whole lines, names are replaced where they stand as words, and files are searched beside the one that
 * includes them, in -I folders, $GMXLIB, $GMXDATA/top and where Debian has them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/read/source.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/fail.h"
#include "md/file.h"

enum { DEPTH_MOST = 32, NESTED_MOST = 64, PATH_MOST = 4096, REPLACED_MOST = 16 };
enum { TEXT_MOST = 1 << 28 }; /* names that contain names grow without end otherwise */

typedef struct definition {
    char *name, *value;
} definition;

typedef struct reader {
    al_source *source;
    const al_source_options *options;
    definition *definitions;
    uint32_t ndefinitions;
    uint32_t file, line, depth;
    allot_error *err;
} reader;

/** Branches of #ifdef in one file. */
typedef struct branches {
    uint32_t line[NESTED_MOST];
    bool is_on[NESTED_MOST], has_else[NESTED_MOST];
    uint32_t depth;
} branches;

bool al_source_grow(void *array, uint32_t n, size_t nbytes)
{
    void *old, *grown;
    memcpy(&old, array, sizeof old);
    if ((n & (n - 1)) != 0)
        return true;
    grown = realloc(old, (n == 0 ? 1 : 2 * (size_t)n) * nbytes);
    if (grown == NULL)
        return false;
    memcpy(array, &grown, sizeof grown);
    return true;
}

static allot_err AL_COLD no_memory(reader *r)
{
    return al_fail(r->err, ALLOT_ENOMEM, 0, "out of memory for a topology");
}

allot_err AL_COLD al_source_fault(const al_source *source, const al_source_line *line, allot_err code,
                                  allot_error *err, const char *format, va_list args)
{
    char text[300], from[200] = "";
    (void)vsnprintf(text, sizeof text, format, args);
    for (char *at = text; *at != '\0'; at++)
        if (*at < ' ' || *at > '~')
            *at = '?';
    const al_source_file *file = &source->files[line->file];
    if (file->parent != UINT32_MAX)
        (void)snprintf(from, sizeof from, " (included from %s:%u)", source->files[file->parent].path,
                       file->parent_line);
    return al_fail(err, code, 0, "%s:%u: %s%s", file->path, line->line, text, from);
}

static allot_err AL_COLD ALLOT_PRINTF(3, 4) fault(reader *r, allot_err code, const char *format, ...)
{
    const al_source_line here = {.file = r->file, .line = r->line};
    va_list args;
    va_start(args, format);
    code = al_source_fault(r->source, &here, code, r->err, format, args);
    va_end(args);
    return code;
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static definition *find(reader *r, const char *name, size_t nbytes)
{
    for (uint32_t k = 0; k < r->ndefinitions; k++)
        if (strlen(r->definitions[k].name) == nbytes && memcmp(r->definitions[k].name, name, nbytes) == 0)
            return &r->definitions[k];
    return NULL;
}

static allot_err define(reader *r, const char *name, size_t nbytes, const char *value)
{
    definition *known = find(r, name, nbytes);
    char *copy = strdup(value);
    if (copy == NULL)
        return no_memory(r);
    if (known != NULL) {
        free(known->value);
        known->value = copy;
        return ALLOT_OK;
    }
    char *kept = strndup(name, nbytes);
    if (kept == NULL || !al_source_grow(&r->definitions, r->ndefinitions, sizeof *r->definitions)) {
        free(kept);
        free(copy);
        return no_memory(r);
    }
    r->definitions[r->ndefinitions++] = (definition){.name = kept, .value = copy};
    return ALLOT_OK;
}

static void undefine(reader *r, definition *known)
{
    if (known == NULL)
        return;
    free(known->name);
    free(known->value);
    *known = r->definitions[--r->ndefinitions];
}

/** Append a text with its names replaced. */
static allot_err replace(reader *r, const char *at, uint32_t depth)
{
    al_buffer *text = &r->source->text;
    if (depth > REPLACED_MOST)
        return fault(r, ALLOT_EFORMAT, "a #define that contains itself");
    while (*at != '\0') {
        size_t n = 0;
        while (is_word(at[n]))
            n++;
        const definition *known = n > 0 ? find(r, at, n) : NULL;
        if (known != NULL && known->value[0] != '\0') {
            allot_err code = replace(r, known->value, depth + 1);
            if (code != ALLOT_OK)
                return code;
        } else if (!al_buffer_append(text, at, n > 0 ? n : 1)) {
            return no_memory(r);
        }
        if (text->nbytes > TEXT_MOST)
            return fault(r, ALLOT_EFORMAT, "the topology is longer than 256 MiB after #define and #include");
        at += n > 0 ? n : 1;
    }
    return ALLOT_OK;
}

static allot_err parse(reader *r, char *text);

/** Read what an #include found; `file` and `line` are the includer's again afterwards. */
static allot_err enter(reader *r, const char *path, char *text)
{
    al_source *s = r->source;
    uint32_t file = r->file, line = r->line;
    char *copy = strdup(path);
    if (copy == NULL || !al_source_grow(&s->files, s->nfiles, sizeof *s->files)) {
        free(copy);
        return no_memory(r);
    }
    s->files[s->nfiles] =
        (al_source_file){.path = copy, .parent = s->nfiles == 0 ? UINT32_MAX : file, .parent_line = line};
    r->file = s->nfiles++;
    r->depth++;
    allot_err code = parse(r, text);
    r->depth--;
    r->file = file;
    r->line = line;
    return code;
}

static bool is_there(char path[PATH_MOST], const char *folder, size_t nfolder, const char *name)
{
    int n = nfolder > 0 ? snprintf(path, PATH_MOST, "%.*s/%s", (int)nfolder, folder, name)
                        : snprintf(path, PATH_MOST, "%s", name);
    return n < PATH_MOST && access(path, R_OK) == 0;
}

static bool search(reader *r, const char *name, char path[PATH_MOST])
{
    const char *own = r->source->files[r->file].path, *slash = strrchr(own, '/');
    if (name[0] == '/')
        return is_there(path, NULL, 0, name);
    if (is_there(path, own, slash != NULL ? (size_t)(slash - own) : 0, name))
        return true;
    for (size_t k = 0; k < r->options->nfolders; k++)
        if (is_there(path, r->options->folders[k], strlen(r->options->folders[k]), name))
            return true;
    for (const char *at = getenv("GMXLIB"); at != NULL && *at != '\0';) {
        size_t n = strcspn(at, ":");
        if (n > 0 && is_there(path, at, n, name))
            return true;
        at += n + (at[n] == ':');
    }
    const char *data = getenv("GMXDATA");
    char folder[PATH_MOST];
    if (data != NULL && snprintf(folder, sizeof folder, "%s/top", data) < PATH_MOST &&
        is_there(path, folder, strlen(folder), name))
        return true;
    static const char debian[] = "/usr/share/gromacs/top";
    return is_there(path, debian, sizeof debian - 1, name);
}

static allot_err include(reader *r, char *rest)
{
    char path[PATH_MOST];
    char close = rest[0] == '<' ? '>' : '"';
    char *end = rest[0] == '<' || rest[0] == '"' ? strchr(rest + 1, close) : NULL;
    if (end == NULL)
        return fault(r, ALLOT_EFORMAT, "#include wants a name in \"\" or <>");
    *end = '\0';
    if (!search(r, rest + 1, path))
        return fault(r, ALLOT_ENOTFOUND,
                     "there is no \"%s\", neither beside this file nor in -I folders, GMXLIB or "
                     "/usr/share/gromacs/top",
                     rest + 1);
    for (uint32_t f = r->file; f != UINT32_MAX; f = r->source->files[f].parent)
        if (strcmp(r->source->files[f].path, path) == 0)
            return fault(r, ALLOT_EFORMAT, "\"%s\" includes itself", rest + 1);
    if (r->depth >= DEPTH_MOST)
        return fault(r, ALLOT_EFORMAT, "files include each other more than %d deep", DEPTH_MOST);
    al_buffer bytes = {.at = NULL};
    allot_err code = al_file_read(path, &bytes, r->err);
    if (code == ALLOT_OK && !al_buffer_byte(&bytes, '\0'))
        code = no_memory(r);
    if (code == ALLOT_OK)
        code = memchr(bytes.at, '\0', bytes.nbytes - 1) != NULL
                   ? fault(r, ALLOT_EFORMAT, "\"%s\" is no text", rest + 1)
                   : enter(r, path, bytes.at);
    al_buffer_fini(&bytes);
    return code;
}

static bool is_live(const branches *b)
{
    for (uint32_t k = 0; k < b->depth; k++)
        if (!b->is_on[k])
            return false;
    return true;
}

/** #ifdef, #ifndef, #else, #endif. @param is  set to false: it is none of them */
static allot_err branch(reader *r, branches *b, const char *word, const char *name, size_t nname, bool *is)
{
    *is = true;
    if (strcmp(word, "ifdef") == 0 || strcmp(word, "ifndef") == 0) {
        if (nname == 0)
            return fault(r, ALLOT_EFORMAT, "#%s wants a name", word);
        if (b->depth == NESTED_MOST)
            return fault(r, ALLOT_EFORMAT, "#ifdef more than %d deep", NESTED_MOST);
        b->line[b->depth] = r->line;
        b->has_else[b->depth] = false;
        b->is_on[b->depth++] = (find(r, name, nname) != NULL) == (word[2] == 'd');
    } else if (strcmp(word, "else") == 0) {
        if (b->depth == 0 || b->has_else[b->depth - 1])
            return fault(r, ALLOT_EFORMAT, "#else without #ifdef");
        b->is_on[b->depth - 1] = !b->is_on[b->depth - 1];
        b->has_else[b->depth - 1] = true;
    } else if (strcmp(word, "endif") == 0) {
        if (b->depth == 0)
            return fault(r, ALLOT_EFORMAT, "#endif without #ifdef");
        b->depth--;
    } else {
        *is = false;
    }
    return ALLOT_OK;
}

static allot_err directive(reader *r, branches *b, char *at)
{
    char word[16];
    at += strspn(at, " \t");
    size_t n = 0;
    while (is_word(at[n]))
        n++;
    (void)snprintf(word, sizeof word, "%.*s", (int)(n < 15 ? n : 15), at);
    char *rest = at + n + strspn(at + n, " \t");
    size_t nname = strcspn(rest, " \t;");
    bool is_branch;
    allot_err code = branch(r, b, word, rest, nname, &is_branch);
    if (is_branch || !is_live(b))
        return code;
    if (strcmp(word, "include") == 0)
        return include(r, rest);
    if (strcmp(word, "error") == 0)
        return fault(r, ALLOT_EFORMAT, "#error %s", rest);
    if (strcmp(word, "define") != 0 && strcmp(word, "undef") != 0)
        return fault(r, ALLOT_EFORMAT,
                     "#%s is not known; include, define, undef, ifdef, ifndef, else, endif and "
                     "error are",
                     word);
    if (nname == 0)
        return fault(r, ALLOT_EFORMAT, "#%s wants a name", word);
    if (word[0] == 'u') {
        undefine(r, find(r, rest, nname));
        return ALLOT_OK;
    }
    char *value = rest + nname + strspn(rest + nname, " \t");
    value[strcspn(value, ";")] = '\0';
    return define(r, rest, nname, value);
}

/** The next line, ended by 0; a continued one with the lines that go on. */
static char *take(char **next, uint32_t *line, bool is_joined)
{
    char *at = *next, *end = at;
    for (;; end++) {
        if (*end == '\r' && (end[1] == '\n' || end[1] == '\0'))
            *end = ' ';
        if (*end == '\0' || *end == '\n') {
            char *last = end;
            while (last > at && (last[-1] == ' ' || last[-1] == '\t'))
                last--;
            bool goes_on = *end == '\n' && last > at && last[-1] == '\\' && is_joined;
            ++*line;
            if (!goes_on)
                break;
            last[-1] = ' ';
            *end = ' ';
        }
    }
    *next = *end == '\0' ? end : end + 1;
    *end = '\0';
    return at;
}

static allot_err keep(reader *r, char *at, uint32_t line)
{
    al_source *s = r->source;
    at[strcspn(at, ";")] = '\0';
    if (at[strspn(at, " \t")] == '\0')
        return ALLOT_OK;
    if (!al_source_grow(&s->lines, s->nlines, sizeof *s->lines))
        return no_memory(r);
    s->lines[s->nlines++] = (al_source_line){.begin = s->text.nbytes, .file = r->file, .line = line};
    allot_err code = replace(r, at, 0);
    if (code == ALLOT_OK && !al_buffer_byte(&s->text, '\0'))
        code = no_memory(r);
    return code;
}

static allot_err parse(reader *r, char *text)
{
    branches b = {.depth = 0};
    uint32_t line = 0;
    allot_err code = ALLOT_OK;
    while (*text != '\0' && code == ALLOT_OK) {
        char *first = text + strspn(text, " \t");
        r->line = line + 1;
        char *at = take(&text, &line, *first != '#');
        if (*first == '#')
            code = directive(r, &b, first + 1);
        else if (is_live(&b))
            code = keep(r, at, r->line);
    }
    if (code == ALLOT_OK && b.depth > 0) {
        r->line = b.line[b.depth - 1];
        code = fault(r, ALLOT_EFORMAT, "#ifdef without #endif");
    }
    return code;
}

static allot_err predefine(reader *r)
{
    allot_err code = ALLOT_OK;
    for (size_t k = 0; k < r->options->ndefines && code == ALLOT_OK; k++) {
        const char *at = r->options->defines[k];
        size_t n = strcspn(at, "=");
        code = n == 0 ? al_fail(r->err, ALLOT_EINVAL, 0, "-D: a name is wanted, as in -D FLEXIBLE")
                      : define(r, at, n, at[n] == '=' ? at + n + 1 : "");
    }
    return code;
}

allot_err al_source_parse(const char *text, size_t nbytes, const char *name, const al_source_options *options,
                          al_source *source, allot_error *err)
{
    *source = (al_source){.nlines = 0};
    reader r = {.source = source, .options = options, .err = err};
    if (nbytes > 0 && memchr(text, '\0', nbytes) != NULL)
        return al_fail(err, ALLOT_EFORMAT, 0, "%s:1: this is no text", name);
    char *copy = malloc(nbytes + 1);
    if (copy == NULL)
        return no_memory(&r);
    if (nbytes > 0)
        memcpy(copy, text, nbytes);
    copy[nbytes] = '\0';
    allot_err code = predefine(&r);
    if (code == ALLOT_OK)
        code = enter(&r, name, copy);
    free(copy);
    while (r.ndefinitions > 0)
        undefine(&r, &r.definitions[0]);
    free(r.definitions);
    return code;
}

allot_err al_source_read(const char *path, const al_source_options *options, al_source *source,
                         allot_error *err)
{
    al_buffer bytes = {.at = NULL};
    *source = (al_source){.nlines = 0};
    allot_err code = al_file_read(path, &bytes, err);
    if (code == ALLOT_OK)
        code = al_source_parse(bytes.at != NULL ? bytes.at : "", bytes.nbytes, path, options, source, err);
    al_buffer_fini(&bytes);
    return code;
}

void al_source_fini(al_source *source)
{
    for (uint32_t k = 0; k < source->nfiles; k++)
        free(source->files[k].path);
    free(source->files);
    free(source->lines);
    al_buffer_fini(&source->text);
    *source = (al_source){.nlines = 0};
}
