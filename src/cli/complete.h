/* complete.h - completion for shells out of the tables of options.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_COMPLETE_H
#define AL_CLI_COMPLETE_H

/** `allot __complete bash|zsh|fish`: print that shell's completion. @return the exit status */
int al_complete_run(int argc, char **argv);

#endif
