/* step.h - the parts of a step that move atoms: velocities and places, the lengths that are kept, and what
 * temperature and pressure do to them. md.c puts them together with lists and forces.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_STEP_H
#define AL_MD_STEP_H

#include "md/md.h"

/** Whether some lengths are kept. */
bool al_step_keeps_lengths(const al_md *md);

/** The beginning of a step, after the end of the one that is if has_ended is false: positions are then those
 * of the next one. Collective.
 * @param is_real  otherwise thermostats and barostats are not to remember it, and the caller takes atoms back
 * @param[out] sums  of what has moved
 * @return ALLOT_OK; ALLOT_ENOMEM; ALLOT_ERANGE: a length cannot be kept, or the box has become too small */
allot_err al_step_begin(al_md *md, bool has_ended, bool is_real, al_nve_sums *sums, allot_error *err);
/** From time to time, take out the motion of the whole in velocity Verlet; al_step_begin() does it in
 * leap-frog. What is at home has its step's end behind it then, whether some step begins here or goes on.
 * Collective. @return as al_step_begin() */
allot_err al_step_be_still(al_md *md, bool *has_ended, allot_error *err);
/** End the step that is, if it has not ended, and find md->mv2, and with a field mvv and rigid_virial.
 * Collective. @return as al_step_begin() */
allot_err al_step_sum_up(al_md *md, bool has_ended, allot_error *err);

/** Give what a simulation begins with its lengths: positions, along the bonds as they are; velocities; and in
 * leap-frog those of half a step before, such that what is where they come from has its lengths.
 * @return as al_step_begin() */
allot_err al_step_settle_start(al_md *md, allot_error *err);
/** Something else has moved atoms: what kernels read is where they are now. */
al_nve_sums al_step_note(al_md *md);

#endif
