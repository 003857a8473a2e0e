/* manual.c - `allot __man`: a command's table as a manual page, in mdoc.
 *
 * The pages in docs/man are this program's output, committed so that they can be read and installed
 * without building; a test compares. What a table cannot hold (files, environment, caveats) is written by
 * hand in docs/man/extra and copied in as it is.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/manual.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/help.h"

/** The day of this version's manual, as mdoc wants it. */
#define MANUAL_DATE "November 22, 2026"

/** Print text so that mdoc shows exactly it: its own characters escaped, minus signs as such. */
static void escape(FILE *out, const char *text, size_t length)
{
    for (size_t at = 0; at < length; at++) {
        static const char special[] = "\\'`^~-";
        static const char *const shown[] = {"\\e", "\\(aq", "\\(ga", "\\(ha", "\\(ti", "\\-"};
        const char *found = text[at] != '\0' ? strchr(special, text[at]) : NULL;
        /* A hyphen within a word stays one, so that lines break there. */
        bool hyphen = text[at] == '-' && at > 0 && isalpha((unsigned char)text[at - 1]) != 0 &&
                      isalpha((unsigned char)text[at + 1]) != 0;
        if (found != NULL && !hyphen)
            (void)fputs(shown[found - special], out);
        else
            (void)fputc(text[at], out);
    }
}

/** Print the start of a line, which may not be taken for a macro. */
static void print_start(FILE *out, const char *text, size_t length)
{
    if (text[0] == '.' || text[0] == '\'')
        (void)fputs("\\&", out);
    escape(out, text, length);
}

/** Print a line as it stands. */
static void print_literal(FILE *out, const char *text, size_t length)
{
    print_start(out, text, length);
    (void)fputc('\n', out);
}

static bool ends_sentence(const char *word, size_t length)
{
    return length > 1 && strchr(".!?", word[length - 1]) != NULL;
}

/** Print running text: mdoc wants each sentence to begin a line, and people want lines under 80 bytes. */
static void print_text(FILE *out, const char *text, size_t length)
{
    const char *end = text + length;
    size_t at = 0;
    for (text += strspn(text, " "); text < end; text += strspn(text, " ")) {
        size_t word = strcspn(text, " \n");
        if (at > 0 && at + 1 + word > 76) {
            (void)fputc('\n', out);
            at = 0;
        } else if (at > 0) {
            (void)fputc(' ', out);
        }
        if (at == 0)
            print_start(out, text, word);
        else
            escape(out, text, word);
        at += word + 1;
        if (ends_sentence(text, word)) {
            (void)fputc('\n', out);
            at = 0;
        }
        text += word;
    }
    if (at > 0)
        (void)fputc('\n', out);
}

/** One word of a usage line as mdoc: [ and ] as an optional part, CAPITALS as an argument. */
static void print_usage_word(FILE *out, const char *word, size_t length)
{
    for (; length > 0 && *word == '['; word++, length--)
        fprintf(out, ".Oo\n");
    size_t nclosing = 0;
    for (; length > 0 && word[length - 1] == ']'; length--)
        nclosing++;
    if (length > 1 && word[0] == '-') {
        fprintf(out, ".Fl ");
        escape(out, word + 1, length - 1);
        fprintf(out, "\n");
    } else if (length > 0) {
        fprintf(out, isupper((unsigned char)word[0]) != 0 ? ".Ar " : ".No ");
        escape(out, word, length);
        fprintf(out, "\n");
    }
    for (; nclosing > 0; nclosing--)
        fprintf(out, ".Oc\n");
}

static void print_usage_line(FILE *out, const char *name, const char *usage, size_t length)
{
    fprintf(out, ".Nm allot %s\n.Op Ar option ...\n", name);
    const char *end = usage + length;
    while (usage < end) {
        size_t word = strcspn(usage, " \n");
        if (word > 0)
            print_usage_word(out, usage, word);
        usage += word;
        usage += strspn(usage, " ");
        if (*usage == '\n')
            break;
    }
}

static void print_synopsis(FILE *out, const al_command *command)
{
    fprintf(out, ".Sh SYNOPSIS\n");
    const char *usage = command->usage;
    do {
        size_t length = strcspn(usage, "\n");
        print_usage_line(out, command->name, usage, length);
        usage += length + (usage[length] == '\n');
    } while (*usage != '\0');
}

/** Paragraphs as in al_command.description; one that begins with a blank is shown as it stands. */
static void print_description(FILE *out, const char *text)
{
    fprintf(out, ".Sh DESCRIPTION\n");
    bool literal = false;
    for (bool first = true; *text != '\0'; first = false) {
        size_t length = strcspn(text, "\n");
        bool blank = length == 0;
        if (!blank && !literal && text[0] == ' ') {
            fprintf(out, ".Bd -literal\n");
            literal = true;
        }
        if (blank && literal)
            fprintf(out, ".Ed\n");
        if (blank && !first)
            fprintf(out, ".Pp\n");
        if (blank)
            literal = false;
        else if (literal)
            print_literal(out, text, length);
        else
            print_text(out, text, length);
        text += length + (text[length] == '\n');
    }
    if (literal)
        fprintf(out, ".Ed\n");
}

static void print_option(FILE *out, const al_option *option)
{
    char text[AL_HELP_TEXT_MAX];
    fprintf(out, ".It ");
    if (option->letter != '\0')
        fprintf(out, "Fl %c , ", option->letter);
    fprintf(out, "Fl \\-");
    escape(out, option->name, strlen(option->name));
    if (option->value != NULL)
        fprintf(out, " Ar %s", option->value);
    fprintf(out, "\n");
    al_help_text(option, text);
    if (islower((unsigned char)text[0]) != 0)
        text[0] = (char)toupper((unsigned char)text[0]);
    size_t length = strlen(text);
    if (length + 1 < sizeof text)
        memcpy(text + length, ".", 2);
    print_text(out, text, strlen(text));
}

static void print_example(FILE *out, const char *command, const char *what, bool is_first)
{
    if (!is_first)
        fprintf(out, ".Pp\n");
    if (what[0] != '\0')
        print_text(out, what, strlen(what));
    fprintf(out, ".Dl ");
    print_literal(out, command, strlen(command));
}

static void print_status(FILE *out, const char *status, const char *meaning, bool is_first)
{
    (void)is_first;
    fprintf(out, ".It ");
    print_literal(out, status, strlen(status));
    print_text(out, meaning, strlen(meaning));
}

/** Copy the sections written by hand. @return false: complained about them */
static bool print_extra(FILE *out, const char *path)
{
    if (path == NULL)
        return true;
    FILE *file = fopen(path, "re");
    char line[1024];
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        (void)fputs(line, out);
    bool failed = file == NULL || ferror(file) != 0;
    if (failed)
        al_complain("__man", "%s: %s", path, strerror(errno));
    if (file != NULL)
        (void)fclose(file);
    return !failed;
}

static void print_title(FILE *out, const char *name, const char *nominal, const char *summary)
{
    char title[64];
    size_t length = 0;
    for (; name[length] != '\0' && length + 1 < sizeof title; length++)
        title[length] = (char)toupper((unsigned char)name[length]);
    title[length] = '\0';
    fprintf(out, ".\\\" Made by `make docs` from the command's table of options; edit that.\n");
    fprintf(out, ".Dd " MANUAL_DATE "\n.Dt %s 1\n.Os allot " ALLOT_VERSION "\n", title);
    fprintf(out, ".Sh NAME\n.Nm %s\n.Nd %s\n", nominal, summary);
}

static int print_command(FILE *out, const al_command *command, const char *extra)
{
    char name[64];
    (void)snprintf(name, sizeof name, "allot-%s", command->name);
    print_title(out, name, name, command->summary);
    print_synopsis(out, command);
    print_description(out, command->description);
    fprintf(out, ".Pp\nThe options are:\n.Bl -tag -width Ds\n");
    for (size_t row = 0; row < al_option_count(command); row++)
        print_option(out, al_option_at(command, row));
    fprintf(out, ".El\n");
    if (!print_extra(out, extra))
        return AL_EXIT_FAILED;
    if (command->statuses != NULL) {
        fprintf(out, ".Sh EXIT STATUS\n.Bl -tag -width Ds\n");
        al_help_lines(command->statuses, " ", out, print_status);
        fprintf(out, ".El\n");
    }
    if (command->examples != NULL) {
        fprintf(out, ".Sh EXAMPLES\n");
        al_help_lines(command->examples, "  # ", out, print_example);
    }
    fprintf(out, ".Sh SEE ALSO\n.Xr allot 1 ,\n.Xr allot 3\n");
    return AL_EXIT_OK;
}

/** The command whose name is next in the alphabet, which is the order of references; NULL at its end. */
static const char *name_after(const char *name)
{
    const char *next = NULL;
    for (size_t k = 0; k < al_ncommands; k++) {
        const char *other = al_commands[k]->name;
        if (strcmp(other, name) > 0 && (next == NULL || strcmp(other, next) < 0))
            next = other;
    }
    return next;
}

static int print_overview(FILE *out, const char *extra)
{
    print_title(out, "allot", "allot", "parallel work as if on one very fast computer");
    fprintf(out, ".Sh SYNOPSIS\n.Nm\n.Ar command\n.Op Ar argument ...\n.Nm\n.Fl \\-version\n");
    fprintf(out, ".Sh DESCRIPTION\n.Nm\n"
                 "takes work, cuts it into pieces of the right size, and farms the pieces out to\n"
                 "every core there is.\n"
                 "It measures what a piece costs, and is never slower than doing it in series.\n"
                 ".Pp\nThe commands are:\n.Bl -tag -width Ds\n");
    for (size_t k = 0; k < al_ncommands; k++)
        fprintf(out, ".It Cm %s\n%c%s.\n", al_commands[k]->name,
                toupper((unsigned char)al_commands[k]->summary[0]), al_commands[k]->summary + 1);
    fprintf(out, ".El\n");
    if (!print_extra(out, extra))
        return AL_EXIT_FAILED;
    fprintf(out, ".Sh SEE ALSO\n");
    for (const char *name = ""; (name = name_after(name)) != NULL;)
        if (strcmp(name, "help") != 0)
            fprintf(out, ".Xr allot-%s 1 ,\n", name);
    fprintf(out, ".Xr allot 3\n");
    return AL_EXIT_OK;
}

int al_manual_run(int argc, char **argv)
{
    const char *extra = argc > 2 ? argv[2] : NULL;
    if (argc < 2 || strcmp(argv[1], "allot") == 0)
        return print_overview(stdout, extra);
    const al_command *command = al_command_find(argv[1]);
    if (command == NULL)
        return al_command_unknown(argv[1]);
    return print_command(stdout, command, extra);
}
