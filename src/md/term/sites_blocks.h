/* sites_blocks.h - the text of sites.h's functions for REAL as float and as double, which sites.c includes: a
 * loop over sites that takes atoms out of blocks and puts places or forces back. NAME(kind) is a function's
 * name.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

/** Where a site's first atom is, and the others from there. */
static inline void NAME(take_atoms)(const al_term *site, unsigned natoms, const REAL *x, double first[3],
                                    double (*r)[3])
{
    for (unsigned d = 0; d < 3; d++) {
        first[d] = (double)x[al_block_at(site->atom[1], d)];
        for (unsigned a = 1; a < natoms; a++)
            r[a - 1][d] = (double)x[al_block_at(site->atom[a + 1], d)] - first[d];
    }
}

/** `one` and natoms are known where these are inlined, so that nothing is called. */
static inline __attribute__((always_inline)) void NAME(place_each)(AL_SITE_PLACE_ARGS(REAL), place_one *one,
                                                                   unsigned natoms)
{
    for (size_t k = 0; k < n; k++) {
        double first[3], r[2][3], s[3] = {0};
        NAME(take_atoms)(&terms[k], natoms, x, first, r);
        one(params + terms[k].params, (const double(*)[3])r, s);
        for (unsigned d = 0; d < 3; d++)
            x[al_block_at(terms[k].atom[0], d)] = (REAL)(first[d] + s[d]);
    }
}

static inline void NAME(give)(const double force[3], uint32_t place, REAL *f)
{
    for (unsigned d = 0; d < 3; d++) {
        REAL *to = &f[al_block_at(place, d)];
        *to = (REAL)((double)*to + force[d]);
    }
}

static inline __attribute__((always_inline)) void
NAME(spread_each)(AL_SITE_SPREAD_ARGS(REAL), place_one *place, spread_one *one, unsigned natoms)
{
    for (size_t k = 0; k < n; k++) {
        const double *p = params + terms[k].params;
        double first[3], r[2][3], force[3], left[3], by[2][3] = {{0}}, s[3] = {0};
        NAME(take_atoms)(&terms[k], natoms, x, first, r);
        for (unsigned d = 0; d < 3; d++) {
            REAL *from = &f[al_block_at(terms[k].atom[0], d)];
            force[d] = left[d] = (double)*from;
            *from = 0;
        }
        one(p, (const double(*)[3])r, force, by);
        for (unsigned a = 0; a < natoms - 1; a++) {
            NAME(give)(by[a], terms[k].atom[a + 2], f);
            add(-1, by[a], left);
            if (virial != NULL)
                add_product(1, r[a], by[a], virial);
        }
        NAME(give)(left, terms[k].atom[1], f);
        if (virial == NULL)
            continue;
        place(p, (const double(*)[3])r, s);
        add_product(-1, s, force, virial);
    }
}

#define SITE_FUNCTIONS(kind, one, natoms)                                                                    \
    static void NAME(place_all_##kind)(AL_SITE_PLACE_ARGS(REAL))                                             \
    {                                                                                                        \
        NAME(place_each)(params, n, terms, x, place_##one, natoms);                                          \
    }                                                                                                        \
    static void NAME(spread_all_##kind)(AL_SITE_SPREAD_ARGS(REAL))                                           \
    {                                                                                                        \
        NAME(spread_each)(params, n, terms, x, f, virial, place_##one, spread_##one, natoms);                \
    }
SITES(SITE_FUNCTIONS)
#undef SITE_FUNCTIONS
