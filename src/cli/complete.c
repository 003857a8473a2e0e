/* complete.c - `allot __complete`: what bash, zsh and fish need to complete a command line.
 *
 * Each shell gets a plain script with every name in it, so that pressing Tab starts no program. The three
 * differ only in their quoting and their words, hence one walk over the tables and three printers.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/complete.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/value.h"

static const char header[] = "Made by `make docs` from the tables of options; edit those.";

/** Print text inside single quotes of a shell; fish escapes with a backslash what the others reopen for. */
static void quote(const char *text, bool is_fish)
{
    for (; *text != '\0'; text++)
        if (*text == '\'')
            (void)fputs(is_fish ? "\\'" : "'\\''", stdout);
        else if (*text == '\\' && is_fish)
            (void)fputs("\\\\", stdout);
        else
            (void)putchar(*text);
}

/** The names in "a|b|c", separated by blanks. */
static void print_choices(const char *choices)
{
    size_t length;
    const char *blank = "";
    for (const char *name; (name = al_choice_next(&choices, &length)) != NULL; blank = " ")
        printf("%s%.*s", blank, (int)length, name);
}

static bool takes_file(const al_option *option)
{
    return (option->kind == AL_OPTION_TEXT || option->kind == AL_OPTION_TEXTS) && option->value != NULL &&
           strstr(option->value, "FILE") != NULL;
}

/* ---- bash ---------------------------------------------------------------------------------------------- */

static void bash_values(const al_command *command)
{
    for (size_t row = 0; row < al_option_count(command); row++) {
        const al_option *option = al_option_at(command, row);
        if (option->kind == AL_OPTION_FLAG || takes_file(option))
            continue;
        printf("    %s:--%s", command->name, option->name);
        if (option->letter != '\0')
            printf(" | %s:-%c", command->name, option->letter);
        if (option->kind == AL_OPTION_CHOICE) {
            printf(") COMPREPLY=($(compgen -W '");
            print_choices(option->choices);
            printf("' -- \"$word\")); return ;;\n");
        } else {
            printf(") return ;;\n");
        }
    }
}

static void bash_names(const al_command *command)
{
    printf("    %s) names='", command->name);
    for (size_t row = 0; row < al_option_count(command); row++)
        printf("%s--%s", row > 0 ? " " : "", al_option_at(command, row)->name);
    printf("' ;;\n");
}

static void print_bash(void)
{
    printf("# %s\n_allot() {\n    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
           "    local command=${COMP_WORDS[1]} names=\n    COMPREPLY=()\n"
           "    # Words break at =: --type=f is three of them.\n"
           "    [[ $before != = ]] || before=${COMP_WORDS[COMP_CWORD-2]}\n"
           "    [[ $word != = ]] || word=\n"
           "    if ((COMP_CWORD == 1)) || [[ $command == help ]]; then\n        COMPREPLY=($(compgen -W '",
           header);
    for (size_t k = 0; k < al_ncommands; k++)
        printf("%s ", al_commands[k]->name);
    printf("--help --version' -- \"$word\"))\n        return\n    fi\n    case $command:$before in\n");
    for (size_t k = 0; k < al_ncommands; k++)
        bash_values(al_commands[k]);
    printf("    esac\n    case $command in\n");
    for (size_t k = 0; k < al_ncommands; k++)
        bash_names(al_commands[k]);
    printf(
        "    esac\n    if [[ $word == -* ]]; then\n"
        "        COMPREPLY=($(compgen -W \"$names\" -- \"$word\"))\n    else\n"
        "        COMPREPLY=($(compgen -f -- \"$word\"))\n    fi\n}\ncomplete -o filenames -F _allot allot\n");
}

/* ---- zsh ----------------------------------------------------------------------------------------------- */

/** Text inside '...[here]...' of _arguments, where brackets and colons mean something. */
static void zsh_text(const char *text)
{
    for (; *text != '\0'; text++) {
        char one[2] = {*text, '\0'};
        if (strchr("[]:\\", *text) != NULL)
            (void)putchar('\\');
        quote(one, false);
    }
}

static void zsh_option(const al_option *option)
{
    printf("            ");
    if (option->letter != '\0')
        printf("{-%c,--%s%s}", option->letter, option->name, option->kind == AL_OPTION_FLAG ? "" : "=");
    else
        printf("--%s%s", option->name, option->kind == AL_OPTION_FLAG ? "" : "=");
    printf("'[");
    zsh_text(option->help);
    printf("]");
    if (option->kind != AL_OPTION_FLAG) {
        printf(":");
        zsh_text(option->value);
        printf(":");
    }
    if (option->kind == AL_OPTION_CHOICE) {
        printf("(");
        print_choices(option->choices);
        printf(")");
    } else if (takes_file(option)) {
        printf("_files");
    }
    printf("' \\\n");
}

static void print_zsh(void)
{
    printf("#compdef allot\n# %s\n_allot() {\n    local -a commands=(\n", header);
    for (size_t k = 0; k < al_ncommands; k++) {
        printf("        '%s:", al_commands[k]->name);
        quote(al_commands[k]->summary, false);
        printf("'\n");
    }
    printf("    )\n    if ((CURRENT == 2)) || [[ $words[2] == help ]]; then\n"
           "        _describe command commands\n        return\n    fi\n"
           "    local command=$words[2]\n    shift words\n    ((CURRENT--))\n    case $command in\n");
    for (size_t k = 0; k < al_ncommands; k++) {
        printf("    %s)\n        _arguments \\\n", al_commands[k]->name);
        for (size_t row = 0; row < al_option_count(al_commands[k]); row++)
            zsh_option(al_option_at(al_commands[k], row));
        printf("            '*:operand:_files' ;;\n");
    }
    printf("    esac\n}\n_allot \"$@\"\n");
}

/* ---- fish ---------------------------------------------------------------------------------------------- */

static void fish_option(const al_command *command, const al_option *option)
{
    printf("complete -c allot -n '__fish_seen_subcommand_from %s' -l %s", command->name, option->name);
    if (option->letter != '\0')
        printf(" -s %c", option->letter);
    if (option->kind == AL_OPTION_CHOICE) {
        printf(" -x -a '");
        print_choices(option->choices);
        printf("'");
    } else if (option->kind != AL_OPTION_FLAG) {
        printf(takes_file(option) ? " -r -F" : " -x");
    }
    printf(" -d '");
    quote(option->help, true);
    printf("'\n");
}

static void print_fish(void)
{
    printf("# %s\n", header);
    for (size_t k = 0; k < al_ncommands; k++) {
        printf("complete -c allot -n __fish_use_subcommand -f -a %s -d '", al_commands[k]->name);
        quote(al_commands[k]->summary, true);
        printf("'\n");
    }
    for (size_t k = 0; k < al_ncommands; k++)
        for (size_t row = 0; row < al_option_count(al_commands[k]); row++)
            fish_option(al_commands[k], al_option_at(al_commands[k], row));
}

int al_complete_run(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*print)(void);
    } shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};
    for (size_t k = 0; k < sizeof shells / sizeof shells[0]; k++) {
        if (argc == 2 && strcmp(argv[1], shells[k].name) == 0) {
            shells[k].print();
            return AL_EXIT_OK;
        }
    }
    al_complain("__complete", "name one shell: bash, zsh or fish");
    return AL_EXIT_USAGE;
}
