/* commands.h - the subcommands there are; commands.c puts them into one table.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_COMMANDS_H
#define AL_CLI_COMMANDS_H

#include "cli/option.h"

extern const al_command al_command_map;     /* cmd_map.c */
extern const al_command al_command_machine; /* cmd_machine.c */
extern const al_command al_command_help;    /* cmd_help.c */

#endif
