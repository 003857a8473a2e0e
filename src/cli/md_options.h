/* md_options.h - what `allot md` was told on its command line.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MD_OPTIONS_H
#define AL_CLI_MD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/commands.h"
#include "md/units.h"

enum { AL_MD_BALANCE_AUTO, AL_MD_BALANCE_NEVER };
/** Whether electrostatics may be split otherwise than asked for: as it is fastest, not at all, or by a
 * factor. */
enum { AL_MD_TUNE_AUTO, AL_MD_TUNE_NEVER, AL_MD_TUNE_FACTOR };
enum { AL_MD_MIXED, AL_MD_DOUBLE };
enum { AL_MD_REDUCED, AL_MD_REAL };
enum { AL_MD_VERLET, AL_MD_LEAP_FROG };
enum { AL_MD_CUT, AL_MD_SHIFT, AL_MD_FORCE_SWITCH, AL_MD_POTENTIAL_SWITCH };
/** What molecules do: steps in time, or down to where forces vanish. */
enum { AL_MD_STEPS, AL_MD_STEEP, AL_MD_LBFGS };
enum { AL_MD_PROGRESS_AUTO, AL_MD_PROGRESS_ALWAYS, AL_MD_PROGRESS_NEVER };

/** In the environment of ranks: what they write on standard error comes to a terminal. */
#define AL_MD_TERMINAL "ALLOT_MD_TERMINAL"

/** Filled by the option table of md_options.c; strings point into argv. Numbers are in the units that were
 * asked for; al_md_options_check() fills in those that were not given. */
typedef struct al_md_options {
    uint64_t natoms;
    int units, integrator;
    double sigma, epsilon, mass;
    int modifier;
    double switch_from; /* 0: not said */
    double density, temperature, cutoff, skin, near_skin, dt, tolerance;
    uint64_t first_step; /* that it begins at; nsteps: that it ends at */
    double time_of_zero; /* of step 0 */
    uint64_t nsteps, seed, still_every;
    uint64_t every, told_every; /* steps between two rows in files, two lines; 0: none */
    bool has_still_every, has_nsteps, has_seed, has_every, has_frames, has_full_frames;
    const char *conf, *output;         /* NULL: a lattice; no files */
    const char *topology, *parameters; /* of molecules; NULL: none */
    const char *reference, *index;
    int minimiser; /* AL_MD_STEPS: none; what follows is of the others */
    double tolerance_force, first_length;
    uint64_t ncorrections;
    bool checks;                         /* read them, and say what is in them: no simulation */
    uint64_t frames, full_frames, renew; /* steps between two; 0: none */
    double frame_precision;              /* parts that a nm has in frames */
    bool resumes, writes_whole;
    int precision;
    const char *kernel; /* NULL: the fastest that runs here */
    uint64_t nranks;    /* 0: not said */
    uint64_t nthreads;  /* 0: what the machine offers */
    const char *on;     /* NULL: here */
    bool dry_run;
    const char *grid; /* NULL: the planned one */
    int balance;
    const char *tune_text; /* NULL: not said */
    int tune;
    double tune_factor; /* of AL_MD_TUNE_FACTOR */
    uint64_t timeout_ns;
    bool has_timeout;
    bool has_dispersion, explain, json, quiet;
    int progress;
    uint64_t begin_ns; /* al_clock_ns() when the command began */
} al_md_options;

/** Do what the command line says: in `allot`, become allot-md; in that, simulate. @return the exit status */
int al_md_run(int argc, char **argv);

/** What their numbers mean. */
const al_units *al_md_units(const al_md_options *options);
/** The time of a step. */
static inline double al_md_time_of(const al_md_options *options, uint64_t step)
{
    return options->time_of_zero + (double)step * options->dt;
}
/** Where a switch of the potential begins. */
double al_md_switch_from(const al_md_options *options);
/** What holds for those that were not given. */
al_md_options al_md_options_default(void);
/** Check what the options mean together, and fill in those that depend on others.
 * @return false: it was complained about */
bool al_md_options_check(al_md_options *options, int noperands);

#endif
