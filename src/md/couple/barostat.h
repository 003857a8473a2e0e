/* barostat.h - pressure that is held: how the box changes, and what that does to atoms and their energy.
 *
 * Boxes are three vectors, a row each, lower triangular. What changes them is a matrix mu, lower triangular,
 * too: a box b becomes b mu, a place x (a row) x mu. All as in GROMACS, in leap-frog:
 *
 *   Berendsen, C-rescale   at each multiple of `every`, with the pressure of that step: al_barostat_scale();
 * its mu is for the box and the atoms once they are where the step brings them. C-rescale's velocities are
 * divided by mu's diagonal. Parrinello-Rahman      a step after each multiple of `every`, with the pressure
 * of the step before, but not at the first step of a run, which knows none: al_barostat_push(); its M is for
 * velocities (thermostat.h), its mu for the box and the atoms after the step.
 *
 * Tensors: kinetic is the sum of m v v / 2, virial that of x f; pressure is (2 kinetic + virial) / volume.
 *
 * Pure: all ranks find the same bits from the same sums.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_COUPLE_BAROSTAT_H
#define AL_MD_COUPLE_BAROSTAT_H

#include <allot/error.h>

#include "md/mdp.h"

typedef struct al_barostat_opts {
    int kind;       /**< al_barostat */
    int coupling;   /**< al_coupling */
    double dt;      /**< of a step */
    uint32_t every; /**< steps from one coupling to the next: nstpcouple */
    double tau;
    double compressibility[3][3]; /**< one over a pressure: al_barostat_spread() */
    double reference[3][3];       /**< pressure that is held, likewise */
    double pressure_energy;       /**< energy a volume that a unit of pressure is */
    double thermal; /**< Boltzmann's constant times the temperature, of the first group: C-rescale */
    uint64_t seed;  /**< C-rescale's */
} al_barostat_opts;

/** What a barostat remembers, and a checkpoint must. Begin with zeros. */
typedef struct al_barostat_state {
    double velocity[3][3]; /**< Parrinello-Rahman: of the box's vectors */
    double work; /**< energy that the atoms lost to what al_barostat_energy() does not find in a box */
} al_barostat_state;

/** The .mdp's numbers as a tensor: 1 for isotropic; x and y, z for semi-isotropic; xx yy zz xy xz yz. */
void al_barostat_spread(int coupling, const double *numbers, double tensor[3][3]);
/** @return ALLOT_OK; ALLOT_ERANGE: numbers that make no sense; ALLOT_EUNSUPPORTED: C-rescale, anisotropic */
allot_err al_barostat_check(const al_barostat_opts *opts, allot_error *err);

/** Whether al_barostat_scale(), or al_barostat_push(), is due: see above. */
bool al_barostat_is_due(const al_barostat_opts *opts, uint64_t step);

double al_barostat_volume(const double box[3][3]);
void al_barostat_pressure(const al_barostat_opts *opts, const double kinetic[3][3], const double virial[3][3],
                          const double box[3][3], double pressure[3][3]);

/** Berendsen: mu is 1 - period/tau beta (P0 - P)/3. (Berendsen, Postma, van Gunsteren, DiNola and Haak, J.
 * Chem. Phys. 81, 3684, 1984.) C-rescale: the volume's logarithm changes by that and by chance, so that
 * volumes are of the isothermal-isobaric ensemble. (Bernetti and Bussi, J. Chem. Phys. 153, 114107, 2020,
 * equation 7; x and y apart from z: its supporting information.) Elements above the diagonal are added to
 * those below, which turns the box as a whole.
 * @param kinetic   as virial, of the same step; its part of the work is C-rescale's alone
 * @param pressure  al_barostat_pressure() of them, or with more in it
 * @param[out] mu */
void al_barostat_scale(const al_barostat_opts *opts, uint64_t step, const double kinetic[3][3],
                       const double virial[3][3], const double pressure[3][3], const double box[3][3],
                       al_barostat_state *state, double mu[3][3]);

/** Parrinello-Rahman: d2b/dt2 = V W^-1 b'^-1 (P - P0), W^-1 = 4 pi^2 beta / (3 tau^2 L), L the longest of the
 * diagonal, and M = b^-1 db/dt. (Parrinello and Rahman, J. Appl. Phys. 52, 7182, 1981; in GROMACS' manual
 * under that name.) Isotropic: all vectors grow by the mean of what x, y and z would; semi-isotropic: x and y
 * by theirs.
 * @param pressure  of the step before
 * @param box       of this one
 * @param[out] m, mu */
void al_barostat_push(const al_barostat_opts *opts, const double pressure[3][3], const double box[3][3],
                      al_barostat_state *state, double m[3][3], double mu[3][3]);

/** What is to be added to the energy of the atoms for a sum that stays. Parrinello-Rahman's: the box's
 * kinetic energy and P0 V, with masses that the box does move with when the pressure is the same in all
 * directions; those that GROMACS counts with are the same where the box is a cube, or tilts stay. */
double al_barostat_energy(const al_barostat_opts *opts, const al_barostat_state *state,
                          const double box[3][3]);

/** The greatest element of mu - 1: GROMACS warns from 0.01 on. */
double al_barostat_strain(const double mu[3][3]);

/** x mu, in place: of an atom, or a vector of the box. */
static inline void al_barostat_place(const double mu[3][3], double x[3])
{
    x[0] = x[0] * mu[0][0] + x[1] * mu[1][0] + x[2] * mu[2][0];
    x[1] = x[1] * mu[1][1] + x[2] * mu[2][1];
    x[2] = x[2] * mu[2][2];
}

#endif
