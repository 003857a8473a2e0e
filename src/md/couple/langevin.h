/* langevin.h - friction and chance on each atom: Langevin dynamics in leap-frog, GROMACS' integrator sd.
 *
 * A step is leap-frog's,  u = v + dt F/m,  then
 *
 *     v' = k u + sqrt(kT (1 - k^2)/m) R,   k = exp(-dt/tau),   x' = x + dt (u + v')/2
 *
 * with three normal numbers R an atom, drawn by atom and step: the same however the box is cut, and after a
 * restart. Places of a harmonic oscillator have the canonical distribution whatever dt is. (Goga, Rzepiela,
 * de Vries, Marrink and Berendsen, J. Chem. Theory Comput. 8, 3637, 2012.) So, once a step of leap-frog has
 * left x + dt u and u, all that remains is al_langevin_rub() with half = dt/2.
 *
 * Lengths that are kept: GROMACS keeps them after the step of leap-frog, and again after the rub. Places
 * between are then not quite as they should be; to the same order, and with what al_constrain_*() takes as it
 * is, go half of the way (dt/2, al_constrain_positions()), al_constrain_velocities(), rub with half = 0,
 * al_constrain_velocities() again, and go the other half. What of the noise lengths take back is not heat.
 *
 * Knows of blocks, and of nothing else that is of this program.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_COUPLE_LANGEVIN_H
#define AL_MD_COUPLE_LANGEVIN_H

#include "md/kernel/noise.h"

/** What befalls the atoms of a temperature group in a step. */
typedef struct al_friction {
    double kept;  /**< of a velocity */
    double noise; /**< times the root of one over the mass, of the normal numbers */
} al_friction;

/** @param tau      the time constant; 0 or less: neither friction nor noise
 *  @param thermal  Boltzmann's constant times the temperature */
al_friction al_friction_of(double tau, double thermal, double dt);

typedef struct al_langevin {
    const al_friction *frictions; /**< of groups */
    const uint8_t *group;         /**< of places; NULL: all are of the first */
    const uint64_t *id;           /**< of places, AL_NO_ATOM where there is none */
    const double *inverse_mass;   /**< as in al_space: where it is 0, nothing happens */
    const uint8_t *frozen; /**< of places: directions along which nothing does, as in al_freeze; NULL: none */
    size_t stride;
    uint64_t seed, step;
    al_noise_fn *noise; /**< of al_kernels, all of which give the same bits */
    double half; /**< how long places have moved with the old velocity and should have with the new one */
} al_langevin;

/** Do blocks [begin, end). @param x, v  of blocks
 * @return energy that the atoms were given, kinetic: less its sum, the energy of atoms that a step of dt is
 * right for stays */
double al_langevin_rub(const al_langevin *langevin, size_t begin, size_t end, double *x, double *v);

#endif
