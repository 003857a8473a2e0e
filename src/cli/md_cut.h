/* md_cut.h - the box of a simulation cut for the ranks that there are, and what is said of it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MD_CUT_H
#define AL_CLI_MD_CUT_H

#include "cli/md_simulation.h"

/** Choose the grid, or take the one that is asked for or was kept. s->is_idle is set where this rank is one
 * too many. Collective.
 * @param alone  the simulation as one rank and one thread would have it: what atoms cost is measured by it
 * @return as al_md_ranks_cut() */
allot_err al_md_cut_box(al_simulation *s, const al_box *box, const al_md_opts *alone, int grid[3],
                        allot_error *err);

#endif
