/* split.h - electrostatics split otherwise between pairs and mesh than run parameters say, with errors that
 * are not greater: the cut-off times the Gaussian's 1/width is kept, and so is the mesh's spacing over
 * either, or is less in directions that could not be made as much coarser. What else has a cut-off keeps it.
 *
 * A potential that is shifted by what it has at the cut-off is shifted by what it has at the new one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_SPLIT_H
#define AL_MD_SPLIT_H

#include "md/md.h"

/** A mesh that is coarser is never coarser by more than that. */
#define AL_SPLIT_MOST 3

/** The coarsest mesh that is at most `factor` times as coarse, of numbers that transform fast; and its
 * cut-off. Pure. @param factor  at least 1
 * @return ALLOT_OK; ALLOT_ERANGE: splines of that order are too wide for it; what it would be */
allot_err al_split_coarser(const al_split *asked, int order, double factor, al_split *split,
                           allot_error *err);
/** What is asked for, and all coarser ones up to a cut-off, each coarser than the one before. Pure.
 * @param most  of them, at least 1
 * @return how many */
uint32_t al_split_list(const al_split *asked, int order, double most_cutoff, al_split *splits, uint32_t most);
/** Whether a split is one that al_split_coarser() makes of what is asked for. Pure. */
bool al_split_is_of(const al_split *asked, const al_split *split);

/** Options of a simulation with particle-mesh Ewald get another split; pairs are then found within the longer
 * cut-off, and as far beyond it as they were. */
void al_split_apply(const al_split *split, al_md_opts *opts);
/** The same for one that is there; al_md_renew() must follow. Collective.
 * @param asked  its options before it was ever changed
 * @return ALLOT_OK; ALLOT_ENOMEM */
allot_err al_split_change(al_md *md, const al_md_opts *asked, const al_split *split, allot_error *err);

#endif
