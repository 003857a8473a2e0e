/* commands.h - the subcommands there are; commands.c puts them into one table.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_COMMANDS_H
#define AL_CLI_COMMANDS_H

#include "cli/option.h"

extern const al_command al_command_map;  /* cmd_map.c */
extern const al_command al_command_farm; /* cmd_farm.c */
extern const al_command al_command_md;   /* md_options.c */
extern const al_command al_command_runs; /* cmd_runs.c: */
extern const al_command al_command_status;
extern const al_command al_command_engines;
extern const al_command al_command_log;    /* cmd_log.c */
extern const al_command al_command_resume; /* cmd_resume.c: */
extern const al_command al_command_retry;
extern const al_command al_command_wait; /* cmd_control.c: */
extern const al_command al_command_cancel;
extern const al_command al_command_add;
extern const al_command al_command_forget;
extern const al_command al_command_machine; /* cmd_machine.c */
extern const al_command al_command_help;    /* cmd_help.c */

#endif
