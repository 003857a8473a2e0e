/* Is this text one expression? Looked at before any compiler sees it.
 *
 * An expression is C code by design: who may name it may run it. But it is pasted into a program, and
 * text that closed the parenthesis around it, opened a comment or began a line with # would change what
 * is around it, and be answered with a complaint about a program nobody wrote. So brackets must pair,
 * quotes and comments must end, and there are no statements and no directives. Whether it means anything
 * is for the compiler to say.
 *
 * Invariant: text that passes, on lines of its own, leaves the compiler's state after it as it was.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "base/fail.h"
#include "map/expr_parts.h"

/* Brackets inside brackets; compilers have a limit of 256 themselves. */
enum { MAX_DEPTH = 200, MAX_NBYTES = 1 << 20 };

static const char no_backslash[] = "a line cannot end in a backslash here";

typedef struct scan {
    const char *text;
    size_t at;
    size_t open[MAX_DEPTH]; /* where the brackets that are open stand */
    int depth;
    bool line_is_blank; /* nothing but blanks and comments so far on this line */
    bool any;           /* a token was seen */
    /* The first fault. */
    size_t fault_at;
    const char *fault, *hint;
} scan;

static void fault(scan *s, size_t at, const char *message, const char *hint)
{
    s->fault_at = at;
    s->fault = message;
    s->hint = hint;
}

/* A string or character constant; `at` is on its first quote, and afterwards on its last. */
static void skip_quotes(scan *s)
{
    const size_t start = s->at;
    const char quote = s->text[start];
    for (s->at++; s->text[s->at] != quote; s->at++) {
        if (s->text[s->at] == '\\' && s->text[s->at + 1] != '\0')
            s->at++;
        if (s->text[s->at] == '\0' || s->text[s->at] == '\n') {
            fault(s, start,
                  quote == '"' ? "this string does not end" : "this character constant does not end", NULL);
            return;
        }
    }
}

/* A backslash there would join this line with what we write after it. */
static bool ends_line(const char *backslash)
{
    const char *rest = backslash + 1 + strspn(backslash + 1, " \t\r\v\f");
    return *rest == '\0' || *rest == '\n';
}

/* A comment; `at` is afterwards on its last character. */
static void skip_comment(scan *s)
{
    const char *start = s->text + s->at;
    if (start[1] == '*') {
        const char *end = strstr(start + 2, "*/");
        if (end)
            s->at = (size_t)(end - s->text) + 1;
        else
            fault(s, s->at, "this comment does not end", NULL);
        return;
    }
    const size_t length = strcspn(start, "\n");
    for (size_t k = 2; k < length; k++)
        if (start[k] == '\\' && ends_line(start + k))
            fault(s, s->at + k, no_backslash, NULL);
    s->at += length - 1;
}

static char closer(char open)
{
    return open == '(' ? ')' : open == '[' ? ']' : '}';
}

static void open_bracket(scan *s)
{
    const char c = s->text[s->at];
    const bool after_parenthesis =
        s->depth > 0 && s->text[s->open[s->depth - 1]] == '(' &&
        strspn(s->text + s->open[s->depth - 1] + 1, " \t\n") == s->at - s->open[s->depth - 1] - 1;
    if (c == '{' && after_parenthesis)
        fault(s, s->at, "statements are not possible here",
              "write a function into a file and name it: -f FILE.c:FUNCTION");
    else if (s->depth == MAX_DEPTH)
        fault(s, s->at, "more than 200 brackets inside each other", NULL);
    else
        s->open[s->depth++] = s->at;
}

static void close_bracket(scan *s)
{
    if (s->depth == 0)
        fault(s, s->at, "this bracket was never opened", NULL);
    else if (closer(s->text[s->open[s->depth - 1]]) != s->text[s->at])
        fault(s, s->at, "this bracket does not close the one that is open", NULL);
    else
        s->depth--;
}

static bool is_digraph(const char *at)
{
    return strncmp(at, "%:", 2) == 0 || strncmp(at, "<%", 2) == 0 || strncmp(at, "%>", 2) == 0 ||
           strncmp(at, "<:", 2) == 0 || strncmp(at, ":>", 2) == 0;
}

static void look_at_token(scan *s)
{
    const char *at = s->text + s->at;
    const bool first = s->line_is_blank;
    s->line_is_blank = false;
    s->any = true;
    if (strchr("([{", *at))
        open_bracket(s);
    else if (strchr(")]}", *at))
        close_bracket(s);
    else if (*at == '"' || *at == '\'')
        skip_quotes(s);
    else if (*at == ';')
        fault(s, s->at, "an expression has no `;`",
              "leave it out; for several steps, name a function: -f FILE.c:FUNCTION");
    else if (*at == '#' && first)
        fault(s, s->at, "preprocessor directives are not possible here",
              "put them into a file: -f FILE.c:FUNCTION");
    else if (is_digraph(at))
        fault(s, s->at, "digraphs are not possible here", "put a blank between the two characters");
    else if (*at == '\\' && ends_line(at))
        fault(s, s->at, no_backslash, NULL);
    else if ((unsigned char)*at < ' ' || *at == 0x7f)
        fault(s, s->at, "there is a control character here", "type it as an escape, as in '\\033'");
}

static void look(scan *s)
{
    const char *text = s->text;
    for (s->line_is_blank = true; !s->fault && text[s->at] != '\0'; s->at++) {
        const char c = text[s->at];
        if (c == '\n')
            s->line_is_blank = true;
        else if (c == '/' && (text[s->at + 1] == '/' || text[s->at + 1] == '*'))
            skip_comment(s);
        else if (c != ' ' && c != '\t')
            look_at_token(s);
    }
    if (!s->fault && s->depth > 0)
        fault(s, s->open[s->depth - 1], "this bracket is never closed", NULL);
    else if (!s->fault && !s->any)
        fault(s, 0, "there is no expression", "one in x (the item) and i (its index) is needed, as in 'x*x'");
}

allot_err al_expr_check(const char *tag, const char *text, char **diagnosis, allot_error *err)
{
    if (strnlen(text, MAX_NBYTES + 1) > MAX_NBYTES)
        return al_fail(err, ALLOT_EINVAL, 0,
                       "the expression is longer than 1 MiB; put it into a file: -f FILE.c:FUNCTION");
    scan s = {.text = text};
    look(&s);
    if (!s.fault)
        return ALLOT_OK;
    return al_complaint_at(tag, text, s.fault_at, s.fault, s.hint, diagnosis, err);
}
