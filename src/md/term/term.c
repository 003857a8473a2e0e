/* term.c - see term.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/term/term.h"

#include "md/term/potentials.h"

/** Kinds, the function of one term, its atoms. */
#define POTENTIALS(X)                                                                                        \
    X(BOND, bond, 2)                                                                                         \
    X(BOND_G96, bond_g96, 2)                                                                                 \
    X(ANGLE, angle, 3)                                                                                       \
    X(ANGLE_G96, angle_g96, 3)                                                                               \
    X(UREY, urey, 3)                                                                                         \
    X(PROPER, periodic, 4)                                                                                   \
    X(IMPROPER, improper, 4)                                                                                 \
    X(IMPROPER_PERIODIC, periodic, 4)                                                                        \
    X(RYCKAERT, ryckaert, 4)                                                                                 \
    X(CMAP, cmap, 5)                                                                                         \
    X(PAIR14, pair14, 2)                                                                                     \
    X(RESTRAINT, restraint, 1)

typedef double potential(const al_term_tables *tables, const al_term *term, const double *p,
                         const double (*x)[3], double (*f)[3], al_term_energies *energies);

#define REAL float
#define NAME(kind) kind##_f
#include "md/term/term_blocks.h"
#undef REAL
#undef NAME

#define REAL double
#define NAME(kind) kind##_d
#include "md/term/term_blocks.h"
#undef REAL
#undef NAME

al_term_function_f *const al_term_functions_f[AL_TERM_NKINDS] = {
#define TERM_ENTRY(kind, one, natoms) [AL_TERM_##kind] = kind##_f,
    POTENTIALS(TERM_ENTRY)
#undef TERM_ENTRY
};

al_term_function_d *const al_term_functions_d[AL_TERM_NKINDS] = {
#define TERM_ENTRY(kind, one, natoms) [AL_TERM_##kind] = kind##_d,
    POTENTIALS(TERM_ENTRY)
#undef TERM_ENTRY
};
