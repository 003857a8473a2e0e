/* md_tune.h - electrostatics split between pairs and mesh as it is fastest, found when a simulation begins.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MD_TUNE_H
#define AL_CLI_MD_TUNE_H

#include <stdio.h>

#include "md/md.h"
#include "plan/ewald.h"

/** What was found. */
typedef struct al_md_tuning {
    al_ewald_job job; /**< with all that was measured */
    al_ewald_plan plan;
    double energy; /**< that the same atoms have with the split that was taken, less what they had before */
    uint64_t spent_ns;
} al_md_tuning;

/** Measure what forces take with one split after the other, where atoms are, and take the best. Energies and
 * forces are then those of that split; if it is the one that was asked for, they have the bits that they had.
 * Collective: all ranks take the same.
 * @param nsteps  that are to be done
 * @return ALLOT_OK; as al_md_start() */
allot_err al_md_tune(al_md *md, double nsteps, al_md_tuning *tuning, allot_error *err);
/** What was found, in lines that begin with prefix. */
void al_md_tune_tell(FILE *out, const al_md_tuning *tuning, const al_units *units, const char *prefix);

#endif
