/* What the compiler said, in our words, with a caret.
 *
 * Only its first error is looked at; what follows is mostly noise about the first. gcc's and clang's
 * sentences are told apart by a few words that both have had for many versions; a sentence that is not
 * in the table is passed on as it is, so a compiler that words things anew costs a hint and no more.
 *
 * A diagnosis is lines: `LABEL: message`, the line of text, the caret under the place, a hint.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "map/expr_parts.h"

/* The widest line of text shown, and how much of it stands before the caret when it is cut. */
enum { WINDOW = 96, BEFORE = 64, MAX_FILE = 16 << 20 };

#define HINT_POWER "C has no power operator: use ipow(x, n) for a whole n, or pow(x, y)"
#define HINT_ASSIGN "an expression changes nothing; to compare, write =="
#define HINT_NAMES                                                                                           \
    "known: x (the item), i (its index), ipow square cube min max clamp abs, i32 i64 u64 i128 f32 f64, "     \
    "<math.h>, <stdlib.h>"
#define HINT_MERGE                                                                                           \
    "a reduction is sum, min, max, mean, count, or an expression in a (what came before) and b (what comes " \
    "next)"
#define HINT_WHOLE "this needs whole numbers: choose them with --type, or convert as in (i64)x"

/* ---- the form --------------------------------------------------------------------------------------- */

static const char *label_of(const char *tag)
{
    return strcmp(tag, AL_EXPR_TAG_ITEM) == 0    ? "expression"
           : strcmp(tag, AL_EXPR_TAG_MERGE) == 0 ? "reduction"
                                                 : tag;
}

/* The part of a line around a place, and a caret under it. */
static void write_window(FILE *out, const char *line, size_t length, size_t column)
{
    size_t from = 0, shown = length;
    if (column > length)
        column = length;
    if (length > WINDOW) {
        from = column > BEFORE ? column - BEFORE : 0;
        if (from > length - WINDOW)
            from = length - WINDOW;
        shown = WINDOW;
    }
    const char *before = from > 0 ? "..." : "", *after = from + shown < length ? "..." : "";
    fprintf(out, "  %s", before);
    for (size_t k = from; k < from + shown; k++)
        fputc(iscntrl((unsigned char)line[k]) ? ' ' : line[k], out);
    fprintf(out, "%s\n  %*s^\n", after, (int)(strlen(before) + column - from), "");
}

/* @param line  NULL: there is nothing to point to */
static char *compose(const char *label, const char *message, const char *line, size_t length, size_t column,
                     const char *hint)
{
    char *text = NULL;
    size_t nbytes = 0;
    FILE *out = open_memstream(&text, &nbytes);
    if (!out)
        return NULL;
    fprintf(out, "%s: %s\n", label, message);
    if (line)
        write_window(out, line, length, column);
    if (hint && hint[0] != '\0')
        fprintf(out, "  %s\n", hint);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

allot_err al_complaint_at(const char *tag, const char *text, size_t offset, const char *message,
                          const char *hint, char **diagnosis, allot_error *err)
{
    size_t start = offset;
    while (start > 0 && text[start - 1] != '\n')
        start--;
    if (diagnosis)
        *diagnosis =
            compose(label_of(tag), message, text + start, strcspn(text + start, "\n"), offset - start, hint);
    return al_fail(err, ALLOT_ECOMPILE, 0, "%s, at character %zu: %.400s", label_of(tag), offset + 1,
                   message);
}

/* ---- reading it ------------------------------------------------------------------------------------- */

/* One line of the compiler's, taken apart. */
typedef struct complaint {
    char file[1024]; /* "" when it names no place */
    unsigned line, column;
    char message[1024];
} complaint;

static void copy(char *to, size_t nbytes, const char *from, size_t length)
{
    if (length >= nbytes)
        length = nbytes - 1;
    memcpy(to, from, length);
    to[length] = '\0';
}

/* FILE:LINE[:COLUMN] from the text before ": error: ". */
static void read_place(const char *line, size_t length, complaint *c)
{
    char place[1200];
    unsigned number[2] = {0, 0};
    int n = 0;
    copy(place, sizeof place, line, length);
    for (char *colon; n < 2 && (colon = strrchr(place, ':')) != NULL; n++) {
        char *end = NULL;
        number[n] = (unsigned)strtoul(colon + 1, &end, 10);
        if (end == colon + 1 || *end != '\0')
            break;
        *colon = '\0';
    }
    c->file[0] = '\0';
    c->line = c->column = 0;
    if (n == 0)
        return;
    copy(c->file, sizeof c->file, place, strlen(place));
    c->line = n == 2 ? number[1] : number[0];
    c->column = n == 2 ? number[0] : 0;
}

/* Find `what` inside one line. */
static const char *find_in_line(const char *line, size_t length, const char *what)
{
    const char *found = memmem(line, length, what, strlen(what));
    return found;
}

static bool read_error(const char *line, size_t length, complaint *c)
{
    static const char *const words[] = {": fatal error: ", ": error: "};
    for (size_t k = 0; k < 2; k++) {
        const char *found = find_in_line(line, length, words[k]);
        if (!found)
            continue;
        const char *message = found + strlen(words[k]);
        read_place(line, (size_t)(found - line), c);
        copy(c->message, sizeof c->message, message, length - (size_t)(message - line));
        return true;
    }
    return false;
}

/* The first error. gcc puts a mistake in a macro's arguments where the macro is written, and says in a
 * note after it where the macro was used: that place is the user's. */
static bool first_error(const char *text, complaint *c)
{
    bool found = false;
    for (size_t length; *text != '\0'; text += length + (text[length] == '\n')) {
        complaint other;
        length = strcspn(text, "\n");
        if (!found) {
            found = read_error(text, length, c);
            if (found && strcmp(c->file, AL_EXPR_TAG_OURS) != 0)
                return true;
            continue;
        }
        if (read_error(text, length, &other))
            return true;
        const char *note = find_in_line(text, length, ": note: ");
        if (!note)
            continue;
        read_place(text, (size_t)(note - text), &other);
        if (other.file[0] != '\0' && strcmp(other.file, AL_EXPR_TAG_OURS) != 0) {
            memcpy(c->file, other.file, sizeof c->file);
            c->line = other.line;
            c->column = other.column;
            return true;
        }
    }
    return found;
}

int al_complaint_arguments(const char *text)
{
    complaint c;
    if (!first_error(text, &c) || strcmp(c.file, AL_EXPR_TAG_ITEM) != 0)
        return 0;
    return strstr(c.message, "too few arguments") ? -1 : strstr(c.message, "too many arguments") ? 1 : 0;
}

/* ---- wording it ------------------------------------------------------------------------------------- */

typedef struct rule {
    const char *words;    /* that a message of the compiler's has */
    const char *sentence; /* ours, with the first quoted name for %s; NULL: keep the compiler's */
    const char *hint;
} rule;

static const rule rules[] = {
    {"poisoned", "x and i are not known in a reduction", HINT_MERGE},
    {"undeclared function", "there is no function %s", HINT_NAMES},
    {"implicit declaration of function", "there is no function %s", HINT_NAMES},
    {"undeclared", "%s is not known here", HINT_NAMES},
    {"read-only", "%s cannot be changed", HINT_ASSIGN},
    {"cannot assign to", "%s cannot be changed", HINT_ASSIGN},
    {"lvalue required", "there is nothing to assign to", HINT_ASSIGN},
    {"is not assignable", "there is nothing to assign to", HINT_ASSIGN},
    {"invalid suffix", NULL, "a product needs its sign, as in 2*x"},
    {"is not a function", "what stands before the parenthesis is not a function",
     "a product needs its sign, as in 2*(x+1)"},
    {"_Generic", "this takes numbers only, and ipow a whole exponent",
     "for any other exponent use pow(x, y)"},
    {"generic association", "this takes numbers only, and ipow a whole exponent",
     "for any other exponent use pow(x, y)"},
    {"wrong type argument to unary plus", "this takes numbers only", NULL},
};

/* The first name in the compiler's quotes, with them. */
static void quoted_name(const char *message, char *name, size_t nbytes)
{
    const char *open = strchr(message, '\'');
    const char *close = open ? strchr(open + 1, '\'') : NULL;
    copy(name, nbytes, open && close ? open : "it", open && close ? (size_t)(close - open) + 1 : 2);
}

static void cut_off(char *message, const char *from)
{
    char *at = strstr(message, from);
    if (at)
        *at = '\0';
}

/* A static assertion of ours holds our own sentence in its last quotes. */
static bool take_assertion(complaint *c)
{
    char *close = strrchr(c->message, '"');
    if (!close ||
        (!strstr(c->message, "static assertion failed") && !strstr(c->message, "static_assert failed")))
        return false;
    *close = '\0';
    char *open = strrchr(c->message, '"');
    if (!open)
        return false;
    memmove(c->message, open + 1, strlen(open + 1) + 1);
    return true;
}

/* The operator at a place says more than the compiler's sentence about its operands. */
static const char *operator_hint(complaint *c, const char *line, size_t length, size_t column)
{
    static const char no_power[] = "there is no operator **";
    const char at = column < length ? line[column] : '\0';
    if (strstr(c->message, "unary '*'") || strstr(c->message, "indirection requires")) {
        if (at != '*' || column == 0 || line[column - 1] != '*')
            return NULL;
        memcpy(c->message, no_power, sizeof no_power);
        return HINT_POWER;
    }
    if (!strstr(c->message, "invalid operands to binary"))
        return NULL;
    if (at == '%')
        return "for floating point use fmod(x, y)";
    return at == '^' ? HINT_POWER : at != '\0' && strchr("&|<>", at) ? HINT_WHOLE : NULL;
}

/* 'al_in' {aka 'double'} is 'double': our names for the types are nobody else's. */
static void drop_our_types(char *message)
{
    static const char *const forms[] = {"' {aka '", "' (aka '"};
    for (size_t k = 0; k < 2; k++) {
        for (char *aka; (aka = strstr(message, forms[k])) != NULL;) {
            char *name = aka;
            while (name > message && name[-1] != '\'')
                name--;
            char *type = aka + strlen(forms[k]);
            char *end = strchr(type, '\'');
            if (!end || end[1] == '\0')
                return;
            const size_t length = (size_t)(end + 1 - type);
            memmove(name, type, length);
            memmove(name + length, end + 2, strlen(end + 2) + 1);
        }
    }
}

static const char *reword(complaint *c)
{
    char name[200], sentence[1024];
    if (take_assertion(c))
        return NULL;
    cut_off(c->message, " [-W");
    drop_our_types(c->message);
    for (size_t k = 0; k < sizeof rules / sizeof *rules; k++) {
        if (!strstr(c->message, rules[k].words))
            continue;
        if (rules[k].sentence) {
            const char *guess = strstr(c->message, "; did you mean ");
            quoted_name(c->message, name, sizeof name);
            /* One of two forms: a table of formats would hide them from the compiler's own check. */
            const char *gap = strstr(rules[k].sentence, "%s");
            const int before = gap ? (int)(gap - rules[k].sentence) : (int)strlen(rules[k].sentence);
            snprintf(sentence, sizeof sentence, "%.*s%s%s%.200s", before, rules[k].sentence, gap ? name : "",
                     gap ? gap + 2 : "", guess ? guess : "");
            copy(c->message, sizeof c->message, sentence, strlen(sentence));
        }
        return rules[k].hint;
    }
    return NULL;
}

/* ---- where it is ------------------------------------------------------------------------------------ */

/* Line number `line` of a text. */
static const char *line_of(const char *text, unsigned line, size_t *length)
{
    for (; line > 1; line--) {
        const char *end = strchr(text, '\n');
        if (!end)
            break;
        text = end + 1;
    }
    *length = strcspn(text, "\n");
    return text;
}

/* A mistake in what was typed. */
static allot_err explain_typed(const char *text, complaint *c, char **diagnosis, allot_error *err)
{
    static const char incomplete[] = "the expression is not complete";
    const bool is_merge = strcmp(c->file, AL_EXPR_TAG_MERGE) == 0;
    unsigned lines = 1;
    for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    if (c->line > lines) { /* on what we wrote after it */
        if (strstr(c->message, "expected "))
            return al_complaint_at(c->file, text, strlen(text), incomplete, NULL, diagnosis, err);
        c->line = lines;
    }
    size_t length = 0;
    const char *line = line_of(text, c->line, &length);
    const size_t column = c->column > 0 ? c->column - 1 : 0;
    const size_t place = column < length ? column : length;
    if (c->line == lines && place == length && strstr(c->message, "expected "))
        return al_complaint_at(c->file, text, strlen(text), incomplete, NULL, diagnosis, err);
    const char *hint = operator_hint(c, line, length, place);
    const char *reworded = reword(c);
    if (!hint)
        hint = reworded && is_merge && strcmp(reworded, HINT_NAMES) == 0 ? HINT_MERGE : reworded;
    return al_complaint_at(c->file, text, (size_t)(line - text) + place, c->message, hint, diagnosis, err);
}

/* A mistake in a file: its line is read anew, and is left out when that fails. */
static allot_err explain_file(complaint *c, char **diagnosis, allot_error *err)
{
    char label[1100];
    al_bytes bytes = {NULL, 0};
    const char *line = NULL;
    size_t length = 0;
    snprintf(label, sizeof label, "%s:%u:%u", c->file, c->line, c->column);
    cut_off(c->message, " [-W");
    const int fd = open(c->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0 && al_bytes_read(fd, MAX_FILE, &bytes) == 0)
        line = line_of(bytes.at, c->line, &length);
    if (fd >= 0)
        close(fd);
    if (diagnosis)
        *diagnosis = compose(label, c->message, line, length, c->column > 0 ? c->column - 1 : 0, NULL);
    free(bytes.at);
    return al_fail(err, ALLOT_ECOMPILE, 0, "%.250s: %.250s", label, c->message);
}

/* ---- functions of a file ---------------------------------------------------------------------------- */

/* Walks the preprocessed text of a file and writes down the functions that are defined in the file
 * itself: a name, parentheses and a brace, outside of all braces. */
typedef struct names {
    const char *file;
    FILE *out;
    bool here; /* between line markers of the file itself */
    int braces, parentheses;
    char last[128]; /* the name before the parenthesis that was opened last, outside of all others */
    bool closed;    /* and that parenthesis was just closed */
    int count;
} names;

static void read_marker(names *n, const char *line, size_t length)
{
    const char *open = memchr(line, '"', length);
    const char *close = open ? memchr(open + 1, '"', length - (size_t)(open + 1 - line)) : NULL;
    if (!close)
        return;
    const char *file = open + 1;
    const size_t file_length = (size_t)(close - file);
    const char *wanted = n->file;
    n->here = (strlen(wanted) == file_length && memcmp(file, wanted, file_length) == 0) ||
              (file_length == strlen(wanted) + 2 && memcmp(file, "./", 2) == 0 && strcmp(wanted, "") != 0 &&
               memcmp(file + 2, wanted, file_length - 2) == 0);
}

static size_t skip_constant(const char *at)
{
    size_t k = 1;
    while (at[k] != '\0' && at[k] != '\n' && at[k] != at[0])
        k += at[k] == '\\' && at[k + 1] != '\0' ? 2 : 1;
    return at[k] == at[0] ? k + 1 : k;
}

static size_t read_name(names *n, const char *at)
{
    size_t length = 0;
    while (isalnum((unsigned char)at[length]) || at[length] == '_')
        length++;
    n->closed = false;
    if (n->parentheses == 0 && n->braces == 0 && strncmp(at, "__attribute__", length) != 0)
        copy(n->last, sizeof n->last, at, length);
    return length;
}

static void read_mark(names *n, char c)
{
    if (c == '{' && n->braces == 0 && n->closed && n->here && n->last[0] != '\0' && n->count < 12)
        fprintf(n->out, "%s%s", n->count++ > 0 ? ", " : "", n->last);
    n->braces += c == '{' ? 1 : c == '}' && n->braces > 0 ? -1 : 0;
    n->parentheses += c == '(' ? 1 : c == ')' && n->parentheses > 0 ? -1 : 0;
    n->closed = c == ')' && n->parentheses == 0;
    if (c == ';' && n->braces == 0)
        n->last[0] = '\0';
}

/* @return "f, g", owned by caller, or NULL */
static char *functions_of(const char *user, const char *file)
{
    char *text = NULL;
    size_t nbytes = 0;
    names n = {.file = file, .out = open_memstream(&text, &nbytes)};
    if (!n.out)
        return NULL;
    for (const char *at = user; *at != '\0';) {
        if (*at == '#' && (at == user || at[-1] == '\n')) {
            read_marker(&n, at, strcspn(at, "\n"));
            at += strcspn(at, "\n");
        } else if (*at == '"' || *at == '\'') {
            at += skip_constant(at);
        } else if (isalnum((unsigned char)*at) || *at == '_') {
            at += read_name(&n, at);
        } else {
            if (!isspace((unsigned char)*at))
                read_mark(&n, *at);
            at++;
        }
    }
    if (fclose(n.out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

/* The call of the user's function is ours; a mistake in it is one about the function. */
static allot_err explain_call(const al_expr_spec *spec, const char *user, complaint *c, char **diagnosis,
                              allot_error *err)
{
    char message[1400], hint[2048] = "";
    char *functions = user ? functions_of(user, spec->file) : NULL;
    if (strstr(c->message, "undeclared") || strstr(c->message, "implicit declaration")) {
        snprintf(message, sizeof message, "there is no function `%.100s` in it", spec->function);
        if (functions && functions[0] != '\0')
            snprintf(hint, sizeof hint, "it has: %.1500s", functions);
        else
            snprintf(hint, sizeof hint, "it defines no function at all");
    } else if (strstr(c->message, "too few arguments") || strstr(c->message, "too many arguments")) {
        snprintf(message, sizeof message,
                 "function `%.100s` takes neither one item nor an item and its index", spec->function);
        snprintf(hint, sizeof hint,
                 "declare it as in: double %.100s(double x) or double %.100s(double x, int64_t i)",
                 spec->function, spec->function);
    } else {
        reword(c);
        snprintf(message, sizeof message, "function `%.100s`: %.1000s", spec->function, c->message);
    }
    free(functions);
    if (diagnosis)
        *diagnosis = compose(spec->file, message, NULL, 0, 0, hint);
    return al_fail(err, ALLOT_ECOMPILE, 0, "%.150s: %.200s%s%.120s", spec->file, message,
                   hint[0] != '\0' ? "; " : "", hint);
}

/* ---- no place at all -------------------------------------------------------------------------------- */

/* A compiler that lacks a part of itself. */
static bool lacks_part(const char *text)
{
    return strstr(text, "cannot execute") || strstr(text, "cannot find 'ld'") || strstr(text, "crti.o") ||
           strstr(text, "unable to execute command") ||
           (strstr(text, "<stdin>:") && strstr(text, ".h: No such file")) ||
           (strstr(text, "<stdin>:") && strstr(text, "file not found"));
}

static allot_err explain_rest(const al_expr_spec *spec, const char *text, char **diagnosis, allot_error *err)
{
    const char *undefined = strstr(text, "undefined reference to ");
    char message[1200], name[200];
    complaint c;
    const char *hint = NULL, *label = spec->file ? spec->file : "expression";
    if (undefined) {
        /* The linker quotes `name'. */
        const char *from = undefined + strlen("undefined reference to ");
        from += strspn(from, "`'");
        copy(name, sizeof name, from, strcspn(from, "'\n"));
        snprintf(message, sizeof message, "function '%s' is declared, but nowhere defined", name);
        hint = "only the C library and libm are linked; more can be named in CC, as in CC='cc "
               "-Wl,--no-as-needed -lfoo'";
    } else if (first_error(text, &c)) {
        snprintf(message, sizeof message, "the compiler says: %s", c.message);
    } else {
        snprintf(message, sizeof message, "the compiler failed%s%.900s",
                 text[0] != '\0' ? ": " : " without a word", text);
    }
    message[strcspn(message, "\n")] = '\0';
    if (diagnosis)
        *diagnosis = compose(label, message, NULL, 0, 0, hint);
    return al_fail(err, ALLOT_ECOMPILE, 0, "%.100s: %.380s", label, message);
}

allot_err al_complaint_explain(const al_expr_spec *spec, const char *user, const char *text, char **diagnosis,
                               allot_error *err)
{
    complaint c = {.file = ""};
    const bool found = first_error(text, &c);
    if (found && strcmp(c.file, AL_EXPR_TAG_ITEM) == 0)
        return spec->file ? explain_call(spec, user, &c, diagnosis, err)
                          : explain_typed(spec->expr, &c, diagnosis, err);
    if (found && strcmp(c.file, AL_EXPR_TAG_MERGE) == 0)
        return explain_typed(spec->reduce, &c, diagnosis, err);
    if (lacks_part(text))
        return al_fail(
            err, ALLOT_ENOTFOUND, 0,
            "the C compiler is not complete (%.200s); install the rest with: apt-get install gcc libc6-dev",
            found ? c.message : "a part of it is missing");
    if (found && c.file[0] != '\0' && strcmp(c.file, AL_EXPR_TAG_OURS) != 0 && strcmp(c.file, "<stdin>") != 0)
        return explain_file(&c, diagnosis, err);
    return explain_rest(spec, text, diagnosis, err);
}
