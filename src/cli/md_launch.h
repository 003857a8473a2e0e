/* md_launch.h - ranks of `allot md`, started by mpirun: on this machine, or in an allocation of Slurm's.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MD_LAUNCH_H
#define AL_CLI_MD_LAUNCH_H

#include "cli/md_options.h"

/** Whether options->on is something that a simulation can run on. @return false: it was complained about */
bool al_md_launch_check(const al_md_options *options);
/** Run the simulation by mpirun; with options->on, outside of an allocation, first by salloc, which runs this
 * command once more, inside. With options->dry_run say how, and run nothing.
 * @param path         of allot-md-mpi
 * @param argc, words  as they were typed, "md" first
 * @return the exit status */
int al_md_launch(const al_md_options *options, const char *path, int argc, char **words);

#endif
