/* md_ranks.h - what allot-md's ranks decide together: how the box is cut, whether to go on.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MD_RANKS_H
#define AL_CLI_MD_RANKS_H

#include <stdbool.h>

#include "comm/comm.h"
#include "plan/domains.h"

/** The ranks of this program: in allot-md-mpi MPI's, in allot-md one. */
al_comm *al_md_ranks_open(void);

/** Measure what messages cost, choose the grid, and leave out the ranks that it has no domain for. The same
 * on all. Collective.
 * @param[in,out] job  nranks is filled in
 * @param nthreads  of a rank
 * @param asked     the grid to take; NULL: the fastest
 * @param[in,out] costs  what the plan is made of: atoms' and copies' with one thread are given, and become
 * the dearest rank's with all; messages' are measured, but with one rank, which sends none
 * @param[out] plan  as al_domains_choose() has it
 * @return ALLOT_OK; ALLOT_EINVAL: that grid is not possible; ALLOT_ENOMEM, of this rank alone; is_used: false
 * where this rank may only close() */
allot_err al_md_ranks_cut(al_comm *comm, al_domains_job *job, uint32_t nthreads, const int *asked,
                          al_domains_costs *costs, al_domains_plan *plan, bool *is_used, allot_error *err);

/** Whether any rank wants to stop. Collective. */
bool al_md_ranks_any(al_comm *comm, bool wants);

#endif
