/* mdp.h - what a GROMACS run-parameter file (.mdp) asks for.
 *
 * Keys are honoured as GROMACS does, or have no effect here and are said to be so, or would change the
 * physics in a way that is not supported and are refused by name, unless they have the value that does
 * nothing. docs/formats/mdp.md has them all.
 *
 * Units: nm, ps, kJ/mol, K, bar.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_MDP_H
#define AL_MD_MDP_H

#include <stdbool.h>
#include <stdint.h>

#include <allot/error.h>

#include "base/buffer.h"

typedef enum al_mdp_integrator {
    AL_INTEGRATE_LEAP_FROG,
    AL_INTEGRATE_VELOCITY_VERLET,
    AL_INTEGRATE_LANGEVIN,
    AL_INTEGRATE_STEEPEST_DESCENT,
    AL_INTEGRATE_LBFGS
} al_mdp_integrator;

typedef enum al_coulomb_type {
    AL_COULOMB_CUT_OFF,
    AL_COULOMB_REACTION_FIELD,
    AL_COULOMB_PME
} al_coulomb_type;
typedef enum al_modifier {
    AL_MODIFIER_NONE,
    AL_MODIFIER_SHIFT, /**< of the potential, by a constant */
    AL_MODIFIER_FORCE_SWITCH,
    AL_MODIFIER_POTENTIAL_SWITCH
} al_modifier;
typedef enum al_dispersion {
    AL_DISPERSION_NONE,
    AL_DISPERSION_ENERGY,
    AL_DISPERSION_ENERGY_PRESSURE
} al_dispersion;
typedef enum al_thermostat {
    AL_THERMOSTAT_NONE,
    AL_THERMOSTAT_BERENDSEN,
    AL_THERMOSTAT_NOSE_HOOVER,
    AL_THERMOSTAT_V_RESCALE
} al_thermostat;
typedef enum al_barostat {
    AL_BAROSTAT_NONE,
    AL_BAROSTAT_BERENDSEN,
    AL_BAROSTAT_C_RESCALE,
    AL_BAROSTAT_PARRINELLO_RAHMAN
} al_barostat;
typedef enum al_coupling {
    AL_COUPLING_ISOTROPIC,
    AL_COUPLING_SEMIISOTROPIC,
    AL_COUPLING_ANISOTROPIC
} al_coupling;
typedef enum al_constrained {
    AL_CONSTRAIN_NONE,
    AL_CONSTRAIN_H_BONDS,
    AL_CONSTRAIN_ALL_BONDS
} al_constrained;
typedef enum al_scaling { AL_SCALING_NONE, AL_SCALING_ALL, AL_SCALING_CENTRE } al_scaling;

/** Words, or numbers, in a row. */
typedef struct al_words {
    char **at; /**< owned */
    uint32_t n;
} al_words;
typedef struct al_reals {
    double *at; /**< owned */
    uint32_t n;
} al_reals;

/** Owned by whoever read it, al_mdp_fini(). Numbers as in the file, with GROMACS' defaults. */
typedef struct al_mdp {
    al_words include, define; /**< as they stand: -I../top, -DPOSRES */
    int integrator;           /**< al_mdp_integrator */
    double tinit, dt;
    int64_t nsteps, init_step; /**< nsteps -1: without end */
    bool removes_drift;        /**< comm-mode linear */
    int64_t nstcomm;
    al_words comm_groups;
    int64_t ld_seed; /**< -1: any */
    double emtol, emstep;
    int64_t nbfgscorr;
    int64_t nstxout, nstvout, nstfout, nstlog, nstcalcenergy, nstenergy, nstxout_compressed;
    double compressed_precision;
    al_words compressed_groups;
    int64_t nstlist;
    double buffer_tolerance, rlist;         /**< tolerance -1: rlist as it is given */
    int coulomb;                            /**< al_coulomb_type */
    int coulomb_modifier;                   /**< AL_MODIFIER_NONE or AL_MODIFIER_SHIFT */
    double rcoulomb, epsilon_r, epsilon_rf; /**< epsilon_rf 0: infinite */
    int vdw_modifier;                       /**< al_modifier */
    double rvdw_switch, rvdw;
    int dispersion; /**< al_dispersion */
    double fourier_spacing;
    int64_t fourier_n[3]; /**< 0: by the spacing */
    int64_t pme_order;
    double ewald_rtol;
    int thermostat; /**< al_thermostat */
    int64_t nsttcouple, nh_chain_length;
    al_words temperature_groups;
    al_reals tau_t, ref_t;
    int barostat, coupling; /**< al_barostat, al_coupling */
    int64_t nstpcouple;
    double tau_p;
    al_reals compressibility, ref_p;
    int reference_scaling; /**< al_scaling */
    bool gen_vel;
    double gen_temp;
    int64_t gen_seed;
    int constraints; /**< al_constrained */
    int constraint_algorithm;
    bool continuation;
    int64_t lincs_order, lincs_iter;
    double shake_tol;
    al_words freeze_groups, freeze_dimensions;
    al_buffer notes; /**< a line for each key that has no effect here or needs a word */
} al_mdp;

/** Whether there is no time: energy is minimised. */
static inline bool al_mdp_minimises(const al_mdp *mdp)
{
    return mdp->integrator == AL_INTEGRATE_STEEPEST_DESCENT || mdp->integrator == AL_INTEGRATE_LBFGS;
}

/** @param name  of the file, for the sentence
 * @param[out] mdp  written only with ALLOT_OK
 * @return ALLOT_OK; ALLOT_EFORMAT: name:line, the key, and what to do; ALLOT_EUNSUPPORTED: the same for what
 * is not supported; ALLOT_ENOMEM */
allot_err al_mdp_parse(const char *text, size_t nbytes, const char *name, al_mdp *mdp, allot_error *err);
/** @return as al_mdp_parse(); ALLOT_ENOTFOUND; ALLOT_EIO */
allot_err al_mdp_read(const char *path, al_mdp *mdp, allot_error *err);
void al_mdp_fini(al_mdp *mdp);

#endif
