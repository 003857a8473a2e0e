/* md_ranks.c - see md_ranks.h. Compiled once for each of the two programs: AL_MD_MPI is defined in one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/md_ranks.h"

#include "comm/measure.h"

al_comm *al_md_ranks_open(void)
{
#ifdef AL_MD_MPI
    return al_comm_mpi();
#else
    return al_comm_serial();
#endif
}

allot_err al_md_ranks_cut(al_comm *comm, al_domains_job *job, uint32_t nthreads, const int *asked,
                          al_domains_costs *costs, al_domains_plan *plan, bool *is_used, allot_error *err)
{
    al_comm_costs measured;
    allot_err code = al_comm_measure(comm, &measured, err);
    if (code != ALLOT_OK)
        return code;
    if (comm->size > 1) {
        costs->message_ns = measured.message_ns;
        costs->byte_ns = measured.byte_ns;
        costs->sum_ns = measured.sum_ns;
    }
    double most[] = {costs->atom_ns / nthreads, costs->copy_ns / nthreads};
    comm->greatest(comm, most, 2); /* machines may differ, the plan must not */
    costs->atom_ns = most[0];
    costs->copy_ns = most[1];
    job->nranks = comm->size;
    if (asked != NULL)
        code = al_domains_check(job, asked, err);
    if (code != ALLOT_OK)
        return code;
    if (asked != NULL)
        al_domains_of(job, costs, asked, plan);
    else
        al_domains_choose(job, costs, plan);
    *is_used = comm->narrow(comm, plan->nranks);
    return ALLOT_OK;
}

bool al_md_ranks_any(al_comm *comm, bool wants)
{
    double greatest = wants;
    comm->greatest(comm, &greatest, 1);
    return greatest > 0;
}
