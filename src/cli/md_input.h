/* md_input.h - what a simulation begins with: files or a checkpoint, the box, how electrostatics are split.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MD_INPUT_H
#define AL_CLI_MD_INPUT_H

#include "cli/md_simulation.h"

/** Read the files, and with --resume the checkpoint if there is one. @return as the readers */
allot_err al_md_input_read(al_simulation *s, allot_error *err);
/** The box that it begins in, and the split of electrostatics; these fit each other.
 * @return ALLOT_OK; ALLOT_EINVAL, ALLOT_ERANGE */
allot_err al_md_input_box(al_simulation *s, al_box *box, allot_error *err);

#endif
