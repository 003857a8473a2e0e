/* md_simulation.h - a simulation of allot-md, from its options to how it ended.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MD_SIMULATION_H
#define AL_CLI_MD_SIMULATION_H

#include <math.h>
#include <signal.h>
#include <stdatomic.h>

#include "cli/md_files.h"
#include "cli/md_log.h"
#include "cli/md_minimum.h"
#include "cli/md_output.h"
#include "md/box.h"
#include "md/setup.h"
#include "md/split.h"
#include "plan/domains.h"

/** What is simulated. */
typedef struct al_simulation {
    al_md_options options;
    const volatile sig_atomic_t *stop; /* the signal that asked for an end; 0: none */
    al_comm *comm;
    al_setup setup;
    al_md md;
    allot_pool *pool;
    al_md_files files;  /* of molecules; or a structure alone */
    al_checkpoint from; /* natoms 0: it begins */
    al_box conf_box;    /* of molecules' structure */
    al_split split;     /* that it begins with, where it is not the one that is asked for */
    al_md_output output;
    al_md_log log;
    al_thermo first, latest;
    _Atomic double told_temperature, told_drift, told_potential,
        told_fmax;              /* what the progress line says of the latest energies */
    uint64_t start_ns, loop_ns; /* when the first step began, and how long all took */
    uint64_t output_ns;         /* of that, for what is written */
    al_domains_plan plan;
    bool has_plan;      /* it is of costs that were measured */
    al_minimum minimum; /* of a minimisation */
    bool timed_out;
    int nranks;   /* that there are, idle ones too */
    bool is_idle; /* this rank is one too many */
} al_simulation;

/** The step that it begins or goes on at. */
static inline uint64_t al_simulation_begin(const al_simulation *s)
{
    return s->from.natoms > 0 ? s->from.step : s->options.first_step;
}

/** How far pairs are listed. */
static inline double al_simulation_reach(const al_simulation *s)
{
    return fmax(s->options.cutoff, s->split.cutoff) + s->options.skin;
}

#endif
