/* minimise.h - to where forces vanish: steepest descent, and L-BFGS.
 *
 * Steepest descent goes along the forces, the atom with the greatest one by a length that grows by a fifth
 * when the energy fell, and is halved when it did not: as GROMACS' steep, step by step. Lengths of bonds that
 * stay are kept, each try with reference to where it set out from.
 *
 * L-BFGS is algorithm 7.5, with the recursion 7.4, of Nocedal and Wright, Numerical Optimization, 2nd
 * edition. Along its directions it looks for the weak conditions of Wolfe by bracketing (Lewis and Overton,
 * Math. Program. 141, 135, 2013), where energies do not tell any more for their approximate form (Hager and
 * Zhang, SIAM J. Optim. 16, 170, 2005). Moves and changes of forces that it remembers are vectors that atoms
 * take with them (carry.h): a new list costs it nothing that it has learnt.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_MINIMISE_H
#define AL_MD_MINIMISE_H

#include "md/md.h"

typedef enum al_minimiser { AL_STEEPEST_DESCENT, AL_LBFGS } al_minimiser;

/** Why a minimisation is over. */
typedef enum al_minimum_end {
    AL_MINIMUM_GOES_ON,
    AL_MINIMUM_CONVERGED,
    AL_MINIMUM_PRECISION, /**< steps became shorter than numbers tell, or energy falls no more */
    AL_MINIMUM_STEPS,     /**< as many as were asked for */
    AL_MINIMUM_STOPPED    /**< md's *stop or its deadline */
} al_minimum_end;

/** The lowest energy so far. */
typedef struct al_minimum {
    uint64_t step;
    al_minimum_end end;
    al_thermo thermo;
    double fmax; /**< the greatest force on an atom, without what bonds that stay take up */
    uint64_t atom;
    double rms;    /**< of forces: the root of the mean of their squares, an atom */
    double length; /**< how far an atom goes at most: in the next try of steepest descent, in the last one of
                      L-BFGS */
} al_minimum;

/** Told after each step, on all ranks; md has the positions and forces of *now, and no velocities.
 * @return what ends it, on all ranks alike, if it is not ALLOT_OK */
typedef allot_err al_minimise_tell(void *arg, const al_minimum *now, allot_error *err);

typedef struct al_minimise_opts {
    al_minimiser method;
    double tolerance; /**< of fmax */
    double step;      /**< how far an atom goes at most in the first try; no later try of L-BFGS goes farther
                         than ten times that */
    uint64_t nsteps;
    uint32_t ncorrections; /**< pairs of vectors that L-BFGS remembers; > 0 */
    al_minimise_tell *tell;
    void *arg;
} al_minimise_opts;

/** All masses that are not 0 become 1: displacements are as forces are, with lengths that stay, too. To be
 * done before al_md_open(). */
void al_minimise_even_masses(al_topology *topology);

/** From where al_md_start() put the atoms. Collective.
 * @param[out] now  the lowest energy, where md's atoms are then; its end is why it is over
 * @return ALLOT_OK; ALLOT_ENOMEM; ALLOT_ERANGE: energy where it begins is not a number; ALLOT_EUNSUPPORTED:
 * L-BFGS with lengths that stay; what tell() returned */
allot_err al_minimise(al_md *md, const al_minimise_opts *opts, al_minimum *now, allot_error *err);

#endif
