/* term_blocks.h - the text of term.h's functions for REAL as float and as double, which term.c includes: a
 * loop over terms that takes atoms out of blocks and puts forces back. NAME(kind) is a function's name.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

/** `one` and natoms are known where this is inlined, so that nothing is called. */
static inline __attribute__((always_inline)) double NAME(each)(AL_TERM_ARGS(REAL), potential *one,
                                                               unsigned natoms)
{
    double energy = 0;
    for (size_t k = 0; k < n; k++) {
        const al_term *term = &terms[k];
        double at[AL_TERM_ATOMS][3], by[AL_TERM_ATOMS][3] = {{0}};
        for (unsigned a = 0; a < natoms; a++)
            for (unsigned d = 0; d < 3; d++)
                at[a][d] = (double)x[al_block_at(term->atom[a], d)];
        energy += one(tables, term, tables->params + term->params, (const double(*)[3])at, by, energies);
        for (unsigned a = 0; a < natoms; a++)
            for (unsigned d = 0; d < 3; d++) {
                REAL *to = &f[al_block_at(term->atom[a], d)];
                *to = (REAL)((double)*to + by[a][d]);
            }
    }
    return energy;
}

#define TERM_FUNCTION(kind, one, natoms)                                                                     \
    static void NAME(kind)(AL_TERM_ARGS(REAL))                                                               \
    {                                                                                                        \
        energies->of[AL_TERM_##kind] += NAME(each)(tables, n, terms, x, f, energies, one, natoms);           \
    }
POTENTIALS(TERM_FUNCTION)
#undef TERM_FUNCTION
