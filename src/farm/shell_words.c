/* shell_words.c - see shell_words.h. The grammar is that of POSIX (Shell Command Language, 2.2 Quoting).
 *
 * To be asked for when in doubt costs half a millisecond; not to be asked for when needed would run another
 * command than what was written. So whatever may mean something to some shell counts.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "farm/shell_words.h"

#include <string.h>

/** Words that a program of that name, if there is one, cannot replace. */
static const char *const builtins[] = {
    "!",       ".",     ":",        "[[",       "alias",   "bg",      "break",  "builtin",
    "case",    "cd",    "command",  "continue", "declare", "do",      "done",   "elif",
    "else",    "esac",  "eval",     "exec",     "exit",    "export",  "fc",     "fg",
    "fi",      "for",   "function", "getopts",  "hash",    "if",      "jobs",   "let",
    "local",   "read",  "readonly", "return",   "select",  "set",     "shift",  "source",
    "then",    "time",  "times",    "trap",     "type",    "typeset", "ulimit", "umask",
    "unalias", "unset", "until",    "wait",     "while",   "{",       "}",
};

static al_shell_step next_in_double(al_shell_walk *walk, char *c)
{
    if (*c == '"') {
        walk->quotes = AL_QUOTES_NONE;
        return AL_STEP_QUOTES;
    }
    if (*c == '\\' && walk->at < walk->end && strchr("$`\"\\\n", *walk->at) != NULL && *walk->at != '\0') {
        *c = *walk->at++;
        return AL_STEP_CHAR;
    }
    return *c == '$' || *c == '`' ? AL_STEP_SYNTAX : AL_STEP_CHAR;
}

static al_shell_step next_bare(al_shell_walk *walk, char *c)
{
    if (*c == ' ' || *c == '\t')
        return AL_STEP_BLANK;
    if (*c == '\'' || *c == '"') {
        walk->quotes = *c == '"' ? AL_QUOTES_DOUBLE : AL_QUOTES_SINGLE;
        walk->opened = walk->at - 1;
        return AL_STEP_QUOTES;
    }
    if (*c == '\\' && walk->at < walk->end) {
        *c = *walk->at++;
        return *c == '\n' ? AL_STEP_SYNTAX : AL_STEP_CHAR;
    }
    return memchr("|&;<>()$`*?[\n\\", *c, 14) != NULL ? AL_STEP_SYNTAX : AL_STEP_CHAR;
}

al_shell_step al_shell_next(al_shell_walk *walk, char *c)
{
    if (walk->at == walk->end)
        return AL_STEP_END;
    *c = *walk->at++;
    if (walk->quotes == AL_QUOTES_DOUBLE)
        return next_in_double(walk, c);
    if (walk->quotes == AL_QUOTES_NONE)
        return next_bare(walk, c);
    if (*c != '\'')
        return AL_STEP_CHAR;
    walk->quotes = AL_QUOTES_NONE;
    return AL_STEP_QUOTES;
}

/** Whether a word makes a shell needed where it stands: by its first letter, or as the command. */
static bool is_special_word(const char *word, size_t length, bool is_first)
{
    if (length == 0)
        return false;
    if (word[0] == '~' || word[0] == '#')
        return true;
    if (length == 1 && strchr("!{}", word[0]) != NULL)
        return true;
    if (!is_first)
        return false;
    size_t name = 0;
    while (name < length &&
           (word[name] == '_' || (word[name] >= '0' && word[name] <= '9' && name > 0) ||
            (word[name] >= 'a' && word[name] <= 'z') || (word[name] >= 'A' && word[name] <= 'Z')))
        name++;
    if (name > 0 && name < length && word[name] == '=')
        return true;
    for (size_t k = 0; k < sizeof builtins / sizeof builtins[0]; k++)
        if (strlen(builtins[k]) == length && memcmp(builtins[k], word, length) == 0)
            return true;
    return false;
}

bool al_shell_is_needed(const char *line, size_t nbytes, al_shell_skip_fn *skip, const void *arg)
{
    al_shell_walk walk = {.at = line, .end = line + nbytes};
    const char *word = NULL; /* where it began, bare; NULL: between words */
    bool is_first = true;
    for (;;) {
        const char *here = walk.at;
        size_t skipped = skip != NULL ? skip(arg, walk.at, walk.end) : 0;
        char c;
        walk.at += skipped;
        al_shell_step step = skipped > 0 ? AL_STEP_CHAR : al_shell_next(&walk, &c);
        if (step == AL_STEP_SYNTAX)
            return true;
        if (step == AL_STEP_BLANK || step == AL_STEP_END) {
            if (word != NULL && is_special_word(word, (size_t)(here - word), is_first))
                return true;
            is_first = is_first && word == NULL;
            word = NULL;
        } else if (word == NULL) {
            word = here;
        }
        if (step == AL_STEP_END)
            return walk.quotes != AL_QUOTES_NONE; /* its complaint is the shell's */
    }
}

/* ---- quoting ---------------------------------------------------------------------------------------------
 */

static bool is_plain(const char *value, size_t nbytes)
{
    static const char others[] = "_-/.,:@%+";
    for (size_t k = 0; k < nbytes; k++) {
        char c = value[k];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              (c != '\0' && strchr(others, c) != NULL)))
            return false;
    }
    return nbytes > 0;
}

bool al_shell_put(al_buffer *text, al_quotes quotes, const char *value, size_t nbytes)
{
    bool opens = quotes == AL_QUOTES_NONE;
    if (opens && is_plain(value, nbytes))
        return al_buffer_append(text, value, nbytes);
    if (opens)
        (void)al_buffer_byte(text, '\'');
    for (size_t k = 0; k < nbytes; k++) {
        char c = value[k];
        if (quotes == AL_QUOTES_DOUBLE && (c == '"' || c == '\\' || c == '$' || c == '`'))
            (void)al_buffer_byte(text, '\\');
        if (quotes != AL_QUOTES_DOUBLE && c == '\'')
            (void)al_buffer_text(text, "'\\'");
        (void)al_buffer_byte(text, c);
    }
    if (opens)
        (void)al_buffer_byte(text, '\'');
    return !text->failed;
}
