/* md_step.c - see md_step.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/md_step.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"

bool al_md_step_is_rank(void)
{
    static const char *const signs[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK", "MPI_LOCALNRANKS"};
    bool found = false;
    for (size_t k = 0; k < sizeof signs / sizeof signs[0]; k++)
        found = found || getenv(signs[k]) != NULL;
    return found;
}

static uint32_t number_of(const char *variable)
{
    const char *text = getenv(variable);
    long value = text != NULL ? strtol(text, NULL, 10) : 0;
    return value > 0 && value <= 1000000 ? (uint32_t)value : 0;
}

uint32_t al_md_step_ntasks(void)
{
    uint32_t ntasks = number_of("SLURM_STEP_NUM_TASKS");
    /* mpirun's daemons are such a step, too, and what they start has its environment */
    return ntasks > 1 && getenv("OMPI_COMM_WORLD_SIZE") == NULL ? ntasks : 1;
}

uint32_t al_md_step_nlocal(void)
{
    uint32_t n = number_of("OMPI_COMM_WORLD_LOCAL_SIZE");
    n = n > 0 ? n : number_of("MPI_LOCALNRANKS");
    return n > 0 ? n : 1;
}

void al_md_step_complain(uint32_t ntasks)
{
    const char *which = getenv("SLURM_PROCID");
    if (which != NULL && strcmp(which, "0") != 0)
        return;
    al_complain(
        "md",
        "srun started %u of this, and each found itself alone, as this MPI knows nothing of srun: say "
        "srun --mpi=pmix; or mpirun -n %u, without srun, in the allocation; or allot md --on slurm -n "
        "%u. If each is to be a simulation of its own, say -n 1",
        ntasks, ntasks, ntasks);
}
