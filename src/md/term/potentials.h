/* potentials.h - one term of each kind: topology.h says what the numbers mean. (GROMACS manual, "Bonded
 * interactions"; the same names are of the same functions there.)
 *
 * A potential takes its atoms' positions x, adds to their forces f and returns its energy.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_TERM_POTENTIALS_H
#define AL_MD_TERM_POTENTIALS_H

#include "md/term/geometry.h"
#include "md/term/term.h"

#define POTENTIAL(name)                                                                                      \
    static inline double name(const al_term_tables *tables, const al_term *term, const double *p,            \
                              const double(*x)[3], double(*f)[3], al_term_energies *energies)
/** What the potential at hand has no need of. */
#define UNUSED_TABLES (void)tables, (void)term, (void)energies

/** Forces along what is between x[a] and x[b], `by` of its length. */
static inline void pull(const double (*x)[3], unsigned a, unsigned b, double by, double (*f)[3])
{
    double r[3];
    apart(x[a], x[b], r);
    add(by, r, f[a]);
    add(-by, r, f[b]);
}

static inline double apart2(const double a[3], const double b[3])
{
    double r[3];
    apart(a, b, r);
    return dot(r, r);
}

/** 1/2 k (r - length)^2 of two of a term's atoms. */
static inline double spring(const double (*x)[3], unsigned a, unsigned b, double length, double k,
                            double (*f)[3])
{
    double r = sqrt(apart2(x[a], x[b])), longer = r - length;
    pull(x, a, b, -k * longer * inverse(r), f);
    return k * longer * longer / 2;
}

POTENTIAL(bond)
{
    UNUSED_TABLES;
    return spring(x, 0, 1, p[0], p[1], f);
}

POTENTIAL(bond_g96)
{
    UNUSED_TABLES;
    double more = apart2(x[0], x[1]) - p[0] * p[0];
    pull(x, 0, 1, -p[1] * more, f);
    return p[1] * more * more / 4;
}

/** Forces of something of three atoms that rises by `slope`, with its gradients. */
static inline void give_three(double slope, const double of_a[3], const double of_c[3], double (*f)[3])
{
    add(-slope, of_a, f[0]);
    add(-slope, of_c, f[2]);
    add(slope, of_a, f[1]);
    add(slope, of_c, f[1]);
}

POTENTIAL(angle)
{
    UNUSED_TABLES;
    double of_a[3], of_c[3], wider = angle_of(x[0], x[1], x[2], of_a, of_c) - p[0];
    give_three(p[1] * wider, of_a, of_c, f);
    return p[1] * wider * wider / 2;
}

POTENTIAL(angle_g96)
{
    UNUSED_TABLES;
    double of_a[3], of_c[3], more = cosine_of(x[0], x[1], x[2], of_a, of_c) - cos(p[0]);
    give_three(p[1] * more, of_a, of_c, f);
    return p[1] * more * more / 2;
}

POTENTIAL(urey)
{
    return angle(tables, term, p, x, f, energies) + spring(x, 0, 2, p[2], p[3], f);
}

static inline void give_four(double slope, const double (*of)[3], double (*f)[3])
{
    for (unsigned k = 0; k < 4; k++)
        add(-slope, of[k], f[k]);
}

POTENTIAL(periodic)
{
    UNUSED_TABLES;
    double of[4][3], at = p[2] * dihedral_of(x, of) - p[0];
    give_four(-p[1] * p[2] * sin(at), (const double(*)[3])of, f);
    return p[1] * (1 + cos(at));
}

POTENTIAL(improper)
{
    UNUSED_TABLES;
    double of[4][3], further = remainder(dihedral_of(x, of) - p[0], 2 * M_PI);
    give_four(p[1] * further, (const double(*)[3])of, f);
    return p[1] * further * further / 2;
}

POTENTIAL(ryckaert)
{
    UNUSED_TABLES;
    double of[4][3], psi = dihedral_of(x, of) - M_PI, c = cos(psi), energy = p[5], slope = 0;
    for (unsigned n = 5; n-- > 0;) { /* Horner, and its derivative with c */
        slope = slope * c + energy;
        energy = energy * c + p[n];
    }
    give_four(-slope * sin(psi), (const double(*)[3])of, f);
    return energy;
}

POTENTIAL(cmap)
{
    (void)term, (void)energies;
    double of[2][4][3], slope[2];
    double at[] = {dihedral_of(x, of[0]), dihedral_of(x + 1, of[1])};
    double energy = al_cmap_energy(&tables->cmaps[(size_t)p[0]], at, slope);
    for (unsigned a = 0; a < 2; a++)
        give_four(slope[a], (const double(*)[3])of[a], f + a);
    return energy;
}

POTENTIAL(pair14)
{
    (void)term;
    double inverse2 = inverse(apart2(x[0], x[1])), inverse6 = inverse2 * inverse2 * inverse2;
    double attraction = p[0] * inverse6, repulsion = p[1] * inverse6 * inverse6;
    double coulomb = tables->coulomb * p[2] * sqrt(inverse2);
    pull(x, 0, 1, (12 * repulsion - 6 * attraction + coulomb) * inverse2, f);
    energies->lj14 += repulsion - attraction;
    energies->coulomb14 += coulomb;
    return repulsion - attraction + coulomb;
}

POTENTIAL(restraint)
{
    (void)energies;
    double energy = 0;
    for (unsigned d = 0; d < 3 && tables->reference != NULL; d++) {
        double off = x[0][d] - tables->reference[al_block_at(term->atom[0], d)];
        f[0][d] -= p[d] * off;
        energy += p[d] * off * off / 2;
    }
    return energy;
}

#undef POTENTIAL
#undef UNUSED_TABLES

#endif
