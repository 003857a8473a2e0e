/* md_log.h - the log of a simulation, for people: what was asked and with what it was done, energies as they
 * come, and at the end means, fluctuations, drift and where the time went. docs/formats/md-log.md has an
 * example.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MD_LOG_H
#define AL_CLI_MD_LOG_H

#include <stdio.h>

#include "cli/md_options.h"
#include "cli/md_tune.h"
#include "md/md.h"
#include "md/minimise.h"
#include "md/statistics.h"

enum { AL_MD_LOG_TERMS = 5 };

/** Begin with zeros. */
typedef struct al_md_log {
    FILE *out; /**< NULL: there is none */
    char *path;
    double dt;
    bool is_coupled;                      /**< the energy that stays is not the total one */
    bool is_whole;                        /**< energies are of all atoms together */
    al_statistics terms[AL_MD_LOG_TERMS]; /**< of this session: temperature, potential, kinetic, total,
                                             pressure; energies an atom */
} al_md_log;

/** Append to a file, or begin it. Of rank 0 alone.
 * @return ALLOT_OK; ALLOT_EIO; ALLOT_ENOMEM */
allot_err al_md_log_open(al_md_log *log, const char *path, const al_md_options *options, const al_md *md,
                         allot_error *err);
/** How electrostatics are split from here on. If that is not as it was, what is said in the end is of what
 * comes from here on, `now` first. */
void al_md_log_tuning(al_md_log *log, const al_md_tuning *tuning, const al_thermo *now,
                      const al_units *units);
/** Energies of a step. @return ALLOT_OK; ALLOT_EIO */
allot_err al_md_log_step(al_md_log *log, const al_thermo *thermo, allot_error *err);
/** The lowest energy of a minimisation at a step. @return ALLOT_OK; ALLOT_EIO */
allot_err al_md_log_minimum(al_md_log *log, const al_minimum *now, allot_error *err);
/** Means, fluctuations and drift of what it was given. */
void al_md_log_averages(const al_md_log *log, FILE *out, const al_units *units, double natoms);
/** @return ALLOT_OK; ALLOT_EIO */
allot_err al_md_log_close(al_md_log *log, allot_error *err);

#endif
