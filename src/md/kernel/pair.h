/* pair.h - forces between atoms that are no part of a molecule's bonds: Lennard-Jones and electrostatics
 * between clusters of atoms. One reference in C, and the same for vector units.
 *
 * A row of the list is a cluster of four atoms and the blocks of eight that may be near it; each pair of
 * atoms is in it once. What is beyond the cut-offs adds nothing, whatever the list holds. Blocks with a mask
 * come first in a row: of these, pairs without their bit are excluded. The cluster's own block is among them;
 * there only atoms with a higher place count. An excluded pair has no Lennard-Jones energy; of electrostatics
 * it has what reaction field or Ewald's mesh add to all pairs, the correction that is due.
 *
 * Lennard-Jones: c12/r^12 - c6/r^6. Modifiers: potentials shifted by a constant; forces made to vanish
 * smoothly at the cut-off by a polynomial added to them, or to energies by one that multiplies them. (Van der
 * Spoel and van Maaren, J. Chem. Theory Comput. 2, 1, 2006; GROMACS manual, "Modified non-bonded
 * interactions".) Electrostatics: reaction field, q q (1/r + k r^2 - c); or what Ewald's mesh leaves, q q
 * (erfc(beta r)/r - shift).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_KERNEL_PAIR_H
#define AL_MD_KERNEL_PAIR_H

#include <stdbool.h>

#include "md/block.h"
#include "md/kernel/mesh.h"
#include "md/kernel/noise.h"
#include "md/kernel/nve.h"
#include "md/kernel/peak.h"
#include "md/kernel/settle.h"

/** A row: a cluster and its blocks, a part of the list's. */
typedef struct al_pair_row {
    uint32_t cluster; /**< its first atom is at place 4 * cluster */
    uint32_t begin, end;
    uint32_t nmasked;         /**< of these, the first ones have masks */
    uint32_t first_mask;      /**< in the list's masks[] */
    uint32_t nfirst, nsecond; /**< the last ones need not be computed with all of the cluster: they are near
                                 its first two atoms alone, and after these come those near the second two */
} al_pair_row;

/** Bit 8 i + j of a mask: atom i of the cluster and j of the block are a pair like any other. */
typedef struct al_pair_list {
    al_pair_row *rows;
    uint32_t nrows;
    uint32_t *blocks, *masks;
} al_pair_list;

/** Pairs of a cluster with its own block that count: those with a higher place. */
static inline uint32_t al_pair_above(uint32_t cluster)
{
    return cluster % 2 == 0 ? 0xF0F8FCFEU : 0x0080C0E0U;
}

typedef enum al_pair_lj { AL_PAIR_LJ_CUT, AL_PAIR_LJ_FORCE_SWITCH, AL_PAIR_LJ_POTENTIAL_SWITCH } al_pair_lj;
typedef enum al_pair_types {
    AL_PAIR_ONE_TYPE,
    AL_PAIR_GEOMETRIC, /**< c6, c12 are products of the atoms' */
    AL_PAIR_LORENTZ,   /**< sigma is the mean, epsilon the geometric one */
    AL_PAIR_MATRIX     /**< c6, c12 from a table by both types */
} al_pair_types;
typedef enum al_pair_coulomb { AL_PAIR_NO_COULOMB, AL_PAIR_REACTION_FIELD, AL_PAIR_EWALD } al_pair_coulomb;

enum { AL_PAIR_EWALD_TERMS = 13 };

/** How pairs are computed. Lengths and energies in any units that fit. The upper part is what is wanted;
 * al_pair_prepare() finds the rest. AL_PAIR_ONE_TYPE goes with AL_PAIR_NO_COULOMB only, the others with
 * electrostatics. */
typedef struct al_pair_params {
    al_pair_lj lj;
    al_pair_types types;
    al_pair_coulomb coulomb;
    bool is_shifted; /**< Lennard-Jones energies, with AL_PAIR_LJ_CUT */
    double lj_cutoff, coulomb_cutoff, switch_from;
    double c6, c12;           /**< of the one type */
    uint32_t ntypes;          /**< of the matrix */
    const double *c6s, *c12s; /**< [ntypes * ntypes]; borrowed */
    double rf_k, rf_c;        /**< reaction field */
    double beta, ewald_shift; /**< Ewald; the shift of erfc(beta r)/r */
    /* found by al_pair_prepare() */
    double shift6, shift12;  /**< taken from r^-6 and r^-12 */
    double a6, b6, a12, b12; /**< of the force switch */
    float *table6, *table12; /**< 6 c6 and 12 c12 of the matrix; owned */
    float ewald_force[AL_PAIR_EWALD_TERMS],
        ewald_energy[AL_PAIR_EWALD_TERMS]; /**< powers of 2 r^2/cutoff^2 - 1 */
} al_pair_params;

/** What atoms have, by place; NULL where the parameters do not ask for it. REAL is float or double. Charges
 * are such that the product of two over their distance is an energy. */
typedef struct al_pair_atoms {
    const void *charge; /**< REAL */
    const void *a, *b;  /**< REAL: al_pair_atom()'s numbers */
    const uint32_t *type;
} al_pair_atoms;

/** @return false: out of memory */
bool al_pair_prepare(al_pair_params *params);
void al_pair_unprepare(al_pair_params *params);
/** The two numbers that an atom has for the parameters' combination, from its c6 and c12 with its like. */
void al_pair_atom(const al_pair_params *params, double c6, double c12, double *a, double *b);
/** Reaction field beyond the cut-off; epsilon 0: infinite. Sets rf_k and rf_c. */
void al_pair_set_reaction_field(al_pair_params *params, double epsilon);

/** (2 z exp(-z^2)/sqrt(pi) - erf(z))/z^3 of s = z^2: times beta^3 q q it is what Ewald adds to the force of
 * 1/r, over r. Pure. */
double al_pair_smooth_force(double s);
/** -erf(z)/z of s = z^2: times beta q q what it adds to the energy. Pure. */
double al_pair_smooth_energy(double s);

/** Floating-point operations of a computed pair, a comparison and an estimate not counted; additions and
 * multiplications are one each: forces alone. Pure. */
int al_pair_operations(const al_pair_params *params);

/** What a kernel adds up: sums over pairs. */
typedef struct al_pair_sums {
    double lj, coulomb;
    double virial; /**< of r . f; the pressure's part is a third of it over the volume */
} al_pair_sums;

/** Add the forces of the pairs in rows [begin, end) to f, and the sums to *sums (NULL: not wanted, and
 * cheaper).
 * @param x, f  in blocks (block.h), 64-byte aligned; float or double as the kernel's name says */
typedef void (*al_pair_kernel_f)(const al_pair_params *params, const al_pair_atoms *atoms,
                                 const al_pair_list *list, uint32_t begin, uint32_t end, const float *x,
                                 float *f, al_pair_sums *sums);
typedef void (*al_pair_kernel_d)(const al_pair_params *params, const al_pair_atoms *atoms,
                                 const al_pair_list *list, uint32_t begin, uint32_t end, const double *x,
                                 double *f, al_pair_sums *sums);

/** Blocks near a cluster: near both of its halves, two atoms each, or one of them. Each has room for all. */
typedef struct al_pair_near {
    uint32_t *whole, *first, *second;
    uint32_t nwhole, nfirst, nsecond;
} al_pair_near;

/** Of candidates for a cluster, find the blocks that have an atom within `reach` of one of the cluster's.
 * @param[in,out] near  gets how many, too */
typedef void (*al_prune_kernel)(uint32_t cluster, const uint32_t *blocks, uint32_t nblocks, const float *x,
                                float reach, al_pair_near *near);

/** Of blocks [begin, end), find those whose bounds are within `reach` of others.
 * @param[out] near  in order; has room for all @return how many */
typedef uint32_t al_near_kernel(const al_bounds *own, const al_spans *blocks, uint32_t begin, uint32_t end,
                                float reach, uint32_t *near);

/** One way to do it all. */
typedef struct al_kernels {
    const char *name;      /**< "avx512" */
    bool (*can_run)(void); /**< whether this processor does */
    al_pair_kernel_f pairs;
    al_prune_kernel prune;
    al_near_kernel *find_near;
    al_nve_f *nve;
    al_nve_d *nve_double;
    al_peak_fn *peak;
    al_settle_kernels settle;
    const al_mesh_kernels *mesh;
    al_noise_fn *noise;
} al_kernels;

/** All of them, the fastest first, NULL at the end; the last is the reference, which runs everywhere. */
extern const al_kernels *const al_kernels_all[];
/** The one called so, or the fastest that runs here (name NULL). @return NULL: there is none, or not here */
const al_kernels *al_kernels_find(const char *name);

/** The reference in double precision. */
void al_pair_ref_d(const al_pair_params *params, const al_pair_atoms *atoms, const al_pair_list *list,
                   uint32_t begin, uint32_t end, const double *x, double *f, al_pair_sums *sums);

extern const al_kernels al_kernels_ref, al_kernels_avx2, al_kernels_avx512;

#endif
