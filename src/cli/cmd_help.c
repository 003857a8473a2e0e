/* cmd_help.c - `allot help`: the way to --help that people try first.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/nearest.h"
#include "cli/commands.h"
#include "cli/help.h"

#include <string.h>

static int run_help(int argc, char **argv)
{
    int noperands, status;
    if (!al_option_parse(&al_command_help, argc, argv, NULL, &noperands, &status))
        return status;
    if (noperands > 1) {
        al_complain("help", "one command at a time, not '%s' too", argv[2]);
        return AL_EXIT_USAGE;
    }
    if (noperands == 0) {
        al_help_overview(stdout);
        return AL_EXIT_OK;
    }
    const al_command *command = al_command_find(argv[1]);
    if (command == NULL)
        return al_command_unknown(argv[1]);
    al_help_command(command, stdout);
    return AL_EXIT_OK;
}

const al_command al_command_help = {
    .name = "help",
    .summary = "say how to use a command",
    .usage = "[COMMAND]",
    .description = "Says how to use COMMAND, as 'allot COMMAND --help' does, or which commands there are.",
    .examples = "allot help map  # how to use allot map\n",
    .statuses = "0  success\n2  there is no such command\n",
    .run = run_help,
};
