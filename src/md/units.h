/* units.h - what numbers mean: reduced units, in which the potential's energy and length, the mass of an atom
 * and Boltzmann's constant are 1 unless said otherwise; or those of GROMACS.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_UNITS_H
#define AL_MD_UNITS_H

/** Mass times velocity squared is an energy in all of them. Names of reduced units are empty. */
typedef struct al_units {
    const char *name;
    const char *length, *time, *energy, *temperature, *pressure;
    double boltzmann;       /**< energy a degree of temperature */
    double pressure_energy; /**< energy a volume that a unit of pressure is */
} al_units;

extern const al_units al_units_reduced;
/** nm, ps, u, kJ/mol, K, bar. */
extern const al_units al_units_real;

#endif
