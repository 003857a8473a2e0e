/* md_check.h - `allot md --check`: read the files of a simulation of molecules, and say what is in them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MD_CHECK_H
#define AL_CLI_MD_CHECK_H

#include <allot/error.h>

#include "cli/md_options.h"

/** Tries how fast a simulation of what the options name would be. */
typedef allot_err al_md_speed_fn(void *arg, double *ns_per_day, allot_error *err);

/** Read options->topology, and parameters and conf if they are given, as strictly as a simulation would.
 * @param speed  called where all three are there, and steps would be taken
 * @return the exit status: 0 if a simulation could be made of them; what stands in the way is complained
 * about */
int al_md_check(const al_md_options *options, al_md_speed_fn *speed, void *arg);

#endif
