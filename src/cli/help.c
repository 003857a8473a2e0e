/* help.c - the text of --help, laid out in 80 columns.
 *
 * Everything comes from the command's table, so that help cannot say what the parser does not do. Nothing
 * but spaces is used to align: the text must read the same in a terminal, a pager and a bug report.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/help.h"

#include <stdlib.h>
#include <string.h>

#include "cli/value.h"

#define WIDTH 79
#define OPTION_INDENT 26 /* where the sentences of the options begin */

static void spaces(FILE *out, size_t count)
{
    fprintf(out, "%*s", (int)count, "");
}

/** Print words up to end, broken at blanks; the cursor stands in column at, further lines begin in indent. */
static void wrap(FILE *out, const char *text, const char *end, size_t indent, size_t at)
{
    bool first = true;
    for (;;) {
        text += strspn(text, " \n");
        size_t length = strcspn(text, " \n");
        if (text >= end || length == 0)
            break;
        if (!first && at + 1 + length > WIDTH) {
            (void)fputc('\n', out);
            spaces(out, indent);
            at = indent;
        } else if (!first) {
            (void)fputc(' ', out);
            at++;
        }
        (void)fwrite(text, 1, length, out);
        at += length;
        text += length;
        first = false;
    }
    (void)fputc('\n', out);
}

/** Print paragraphs, which blank lines separate; one that begins with a blank stands as it is written. */
static void print_paragraphs(FILE *out, const char *text)
{
    while (*text != '\0') {
        const char *end = strstr(text, "\n\n");
        if (end == NULL)
            end = text + strlen(text);
        if (*text == ' ')
            fprintf(out, "%.*s\n\n", (int)(end - text), text);
        else {
            wrap(out, text, end, 0, 0);
            (void)fputc('\n', out);
        }
        text = end + strspn(end, "\n");
    }
}

static void append(char *text, const char *format, const char *words)
{
    size_t length = strlen(text);
    (void)snprintf(text + length, AL_HELP_TEXT_MAX - length, format, words);
}

static void append_choices(char *text, const char *choices)
{
    size_t length;
    const char *separator = ": ";
    for (const char *name; (name = al_choice_next(&choices, &length)) != NULL; separator = ", ") {
        char word[64];
        (void)snprintf(word, sizeof word, "%.*s", (int)length, name);
        append(text, "%s", separator);
        append(text, "%s", word);
    }
}

void al_help_text(const al_option *option, char *text)
{
    char range[64] = "";
    text[0] = '\0';
    append(text, "%s", option->help);
    if (option->kind == AL_OPTION_CHOICE)
        append_choices(text, option->choices);
    if (option->kind == AL_OPTION_COUNT || option->kind == AL_OPTION_DURATION)
        al_range_text(option, range);
    if (range[0] != '\0')
        append(text, ", %s", range);
    if (option->fallback != NULL)
        append(text, " (default: %s)", option->fallback);
}

static void print_option(FILE *out, const al_option *option)
{
    char left[128], text[AL_HELP_TEXT_MAX];
    char letter[8] = "    ";
    if (option->letter != '\0')
        (void)snprintf(letter, sizeof letter, "-%c, ", option->letter);
    (void)snprintf(left, sizeof left, "  %s--%s%s%s", letter, option->name, option->value != NULL ? " " : "",
                   option->value != NULL ? option->value : "");
    al_help_text(option, text);
    size_t length = strlen(left);
    (void)fputs(left, out);
    if (length + 2 > OPTION_INDENT) {
        (void)fputc('\n', out);
        length = 0;
    }
    spaces(out, OPTION_INDENT - length);
    wrap(out, text, text + strlen(text), OPTION_INDENT, OPTION_INDENT);
}

static void cut_blanks(char *text)
{
    size_t length = strlen(text);
    while (length > 0 && text[length - 1] == ' ')
        text[--length] = '\0';
}

void al_help_lines(const char *lines, const char *separator, FILE *out, al_help_line_fn *each)
{
    bool is_first = true;
    while (lines != NULL && *lines != '\0') {
        size_t length = strcspn(lines, "\n");
        char *left = strndup(lines, length);
        if (left == NULL)
            return;
        char *right = strstr(left, separator);
        if (right != NULL) {
            *right = '\0';
            right += strlen(separator);
            right += strspn(right, " ");
        }
        cut_blanks(left);
        if (left[0] != '\0') {
            each(out, left + strspn(left, " "), right != NULL ? right : "", is_first);
            is_first = false;
        }
        free(left);
        lines += length + (lines[length] == '\n');
    }
}

static void print_example(FILE *out, const char *command, const char *what, bool is_first)
{
    (void)is_first;
    fprintf(out, "  %s\n", command);
    if (what[0] == '\0')
        return;
    spaces(out, 6);
    wrap(out, what, what + strlen(what), 6, 6);
}

static void print_status(FILE *out, const char *status, const char *meaning, bool is_first)
{
    (void)is_first;
    fprintf(out, "  %-6s ", status);
    wrap(out, meaning, meaning + strlen(meaning), 9, 9);
}

static void print_usage(FILE *out, const al_command *command)
{
    const char *lead = "Usage:";
    for (const char *usage = command->usage; *usage != '\0'; lead = "      ") {
        size_t length = strcspn(usage, "\n");
        fprintf(out, "%s allot %s [OPTION ...]%s%.*s\n", lead, command->name, length > 0 ? " " : "",
                (int)length, usage);
        usage += length + (usage[length] == '\n');
    }
    if (command->usage[0] == '\0')
        fprintf(out, "Usage: allot %s [OPTION ...]\n", command->name);
}

void al_help_command(const al_command *command, FILE *out)
{
    print_usage(out, command);
    fprintf(out, "\n");
    print_paragraphs(out, command->description);
    fprintf(out, "Options:\n");
    for (size_t row = 0; row < al_option_count(command); row++)
        print_option(out, al_option_at(command, row));
    if (command->examples != NULL) {
        fprintf(out, "\nExamples:\n");
        al_help_lines(command->examples, "  # ", out, print_example);
    }
    if (command->statuses != NULL) {
        fprintf(out, "\nExit status:\n");
        al_help_lines(command->statuses, " ", out, print_status);
    }
}

void al_help_overview(FILE *out)
{
    fprintf(out, "Usage: allot COMMAND [ARGUMENT ...]\n\n"
                 "Takes work, cuts it into pieces of the right size, and farms the pieces out to\n"
                 "every core there is: never slower than doing it in series.\n\n"
                 "Commands:\n");
    for (size_t k = 0; k < al_ncommands; k++) {
        fprintf(out, "  %-10s ", al_commands[k]->name);
        const char *summary = al_commands[k]->summary;
        wrap(out, summary, summary + strlen(summary), 13, 13);
    }
    fprintf(out, "\n'allot help COMMAND' says more about one; 'allot --version' names this version.\n");
}
