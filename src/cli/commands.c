/* commands.c - the table of subcommands. A new one is a file cmd_NAME.c, a line in commands.h, a row here.
 *
 * The order is that of `allot --help`: most used first, help last.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/commands.h"

#include <string.h>

#include "base/nearest.h"

const al_command *const al_commands[] = {
    &al_command_map,     &al_command_farm, &al_command_md,     &al_command_runs,    &al_command_status,
    &al_command_engines, &al_command_log,  &al_command_resume, &al_command_retry,   &al_command_wait,
    &al_command_cancel,  &al_command_add,  &al_command_forget, &al_command_machine, &al_command_help,
};
const size_t al_ncommands = sizeof al_commands / sizeof al_commands[0];

const al_command *al_command_find(const char *name)
{
    for (size_t k = 0; k < al_ncommands; k++)
        if (strcmp(al_commands[k]->name, name) == 0)
            return al_commands[k];
    return NULL;
}

int al_command_unknown(const char *name)
{
    al_nearest nearest = {.word = name};
    for (size_t k = 0; k < al_ncommands; k++)
        al_nearest_try(&nearest, al_commands[k]->name, strlen(al_commands[k]->name));
    if (nearest.name[0] != '\0')
        al_complain(NULL, "unknown command '%s'; did you mean '%s'?", name, nearest.name);
    else
        al_complain(NULL, "unknown command '%s'", name);
    fprintf(stderr, "Try 'allot --help'.\n");
    return AL_EXIT_USAGE;
}
