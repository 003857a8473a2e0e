/* md_step.h - whether a launcher has started this process as one of several, from what it says in the
 * environment.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MD_STEP_H
#define AL_CLI_MD_STEP_H

#include <stdbool.h>
#include <stdint.h>

/** Whether an MPI launcher has started it as one of several: MPI will find the others. */
bool al_md_step_is_rank(void);
/** How many of this srun started, if it was srun itself; 1: it was something else. Before MPI begins. */
uint32_t al_md_step_ntasks(void);
/** Ranks of the same start that are on this machine, at least 1. */
uint32_t al_md_step_nlocal(void);
/** So many were started, and each finds itself alone: complain about it, the first of them for all. */
void al_md_step_complain(uint32_t ntasks);

#endif
