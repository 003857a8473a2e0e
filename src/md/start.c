/* start.c - see start.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/start.h"

#include <math.h>

#include "base/philox.h"

#define FOR_VELOCITIES 0x76656c6fu /* tells this use of the seed apart */

double al_start_edge(uint64_t n, double density)
{
    return cbrt((double)n / density);
}

/** Cells along an edge: the fewest that have a place for each atom. */
static uint64_t ncells(uint64_t n)
{
    uint64_t k = (uint64_t)cbrt((double)n / 4.0);
    while (4 * k * k * k < n)
        k++;
    return k > 0 ? k : 1;
}

/** Where atom k of n is: of the lattice's sites, every so-manieth. */
static void site_of(uint64_t k, uint64_t n, double edge, double x[3])
{
    static const double corners[4][3] = {{0, 0, 0}, {0.5, 0.5, 0}, {0.5, 0, 0.5}, {0, 0.5, 0.5}};
    uint64_t cells = ncells(n), nsites = 4 * cells * cells * cells;
    uint64_t site = nsites == n ? k : (uint64_t)((long double)k * (long double)nsites / (long double)n);
    uint64_t cell = site / 4;
    const uint64_t at[3] = {cell / cells / cells, cell / cells % cells, cell % cells};
    for (int d = 0; d < 3; d++)
        x[d] = ((double)at[d] + corners[site % 4][d]) * (edge / (double)cells);
}

/** The velocity that an atom is drawn, for a thermal energy of 1. @return its mass */
static double draw(const al_masses *masses, uint64_t seed, uint64_t id, double v[3])
{
    double mass = al_mass_of(masses, id), factor = mass > 0 ? sqrt(1 / mass) : 0;
    al_philox_normal3(seed, FOR_VELOCITIES, id, 0, v);
    for (int d = 0; d < 3; d++)
        v[d] *= factor;
    return mass;
}

/** Mean of the drawn velocities, each by its mass, and what they are to be multiplied by: from all atoms, on
 * each rank. */
static double scale_of(const al_masses *masses, uint64_t n, double thermal, uint64_t seed, double mean[3])
{
    double v[3], momentum[3] = {0, 0, 0}, sum2 = 0, total = 0, nmoving = 0;
    for (uint64_t k = 0; k < n; k++) {
        double mass = draw(masses, seed, k, v);
        nmoving += mass > 0;
        total += mass;
        for (int d = 0; d < 3; d++) {
            momentum[d] += mass * v[d];
            sum2 += mass * v[d] * v[d];
        }
    }
    for (int d = 0; d < 3; d++) {
        mean[d] = total > 0 ? momentum[d] / total : 0;
        sum2 -= momentum[d] * mean[d];
    }
    return nmoving > 1 && sum2 > 0 ? sqrt(thermal * 3.0 * (nmoving - 1.0) / sum2) : 0;
}

allot_err al_start_lattice(al_space *space, uint64_t n, double edge, allot_error *err)
{
    const al_domain *domain = &space->domain;
    for (uint64_t k = 0; k < n; k++) {
        al_atom atom = {.id = k};
        bool is_ours = true;
        site_of(k, n, edge, atom.x);
        for (int d = 0; d < 3; d++)
            is_ours = is_ours && atom.x[d] >= domain->lo[d] && atom.x[d] < domain->hi[d];
        if (is_ours && al_space_add(space, &atom, 1, err) != ALLOT_OK)
            return ALLOT_ENOMEM;
    }
    return ALLOT_OK;
}

void al_start_velocities(al_space *space, uint64_t n, double thermal, uint64_t seed)
{
    const al_masses *masses = &space->opts.masses;
    double mean[3], scale = scale_of(masses, n, thermal, seed, mean);
    al_atom *atoms = (al_atom *)(void *)space->migrants.records;
    for (uint32_t k = 0; k < space->migrants.n; k++) {
        double mass = draw(masses, seed, atoms[k].id, atoms[k].v);
        for (int d = 0; d < 3; d++)
            atoms[k].v[d] = mass > 0 ? scale * (atoms[k].v[d] - mean[d]) : 0;
    }
}
