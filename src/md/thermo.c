/* thermo.c - what is told of a step: sums over all ranks (md.h).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "md/md.h"

/** What a rank has of a field's sums. */
typedef struct field_sums {
    al_energies energies;
    double virial[9], mvv[9];
} field_sums;

/** The potential and the pressure of a field. */
static void sum_field(const al_md *md, double volume, al_thermo *thermo)
{
    field_sums all;
    double trace = 0;
    al_field_energies(&md->field, &md->sums, &all.energies);
    memcpy(all.mvv, md->mvv, sizeof all.mvv);
    for (int n = 0; n < 9; n++)
        all.virial[n] = md->virial[n] + md->rigid_virial[n] + md->field.mesh.virial[n / 3][n % 3];
    md->opts.space.comm->sum(md->opts.space.comm, (double *)(void *)&all, sizeof all / sizeof(double));
    if (md->opts.has_dispersion) {
        al_dispersion_tail tail =
            al_dispersion_tail_of(&md->opts.pairs, md->field.mean_c6, (double)md->natoms, volume);
        all.energies.tail = tail.energy;
        trace += md->opts.has_dispersion_pressure ? tail.virial : 0;
    }
    al_field_add_constant(&md->field, volume, &all.energies, &trace);
    for (int n = 0; n < 9; n++) {
        all.virial[n] += n % 4 == 0 ? trace / 3 : 0;
        thermo->kinetics[n] = all.mvv[n] / 2;
        thermo->pressures[n] = (all.mvv[n] + all.virial[n]) / volume / md->opts.units->pressure_energy;
    }
    thermo->energies = all.energies;
    thermo->potential = al_energies_sum(&all.energies);
    memcpy(thermo->virial, all.virial, sizeof all.virial);
    thermo->pressure = (thermo->pressures[0] + thermo->pressures[4] + thermo->pressures[8]) / 3;
}

/** The same of atoms that are all alike. */
static void sum_pairs(const al_md *md, double volume, al_thermo *thermo)
{
    double sums[] = {md->sums.lj + md->sums.coulomb, md->sums.virial};
    md->opts.space.comm->sum(md->opts.space.comm, sums, 2);
    if (md->opts.has_dispersion) {
        al_dispersion_tail tail =
            al_dispersion_tail_of(&md->opts.pairs, md->opts.pairs.c6, (double)md->natoms, volume);
        sums[0] += tail.energy;
        sums[1] += md->opts.has_dispersion_pressure ? tail.virial : 0;
    }
    thermo->potential = sums[0];
    thermo->pressure = (2 * thermo->kinetic + sums[1]) / (3 * volume) / md->opts.units->pressure_energy;
}

void al_md_thermo(const al_md *md, al_thermo *thermo)
{
    const double *box = md->opts.space.box;
    double mv2 = md->mv2, volume = box[0] * box[1] * box[2];
    double freedom = md->opts.freedom > 0 ? md->opts.freedom : 3.0 * ((double)md->natoms - 1.0);
    md->opts.space.comm->sum(md->opts.space.comm, &mv2, 1);
    *thermo = (al_thermo){.step = md->step, .natoms = md->natoms, .kinetic = mv2 / 2};
    thermo->per = al_field_is_open(&md->field) ? 1 : (double)md->natoms;
    thermo->temperature = mv2 / (freedom * md->opts.units->boltzmann);
    if (al_field_is_open(&md->field))
        sum_field(md, volume, thermo);
    else
        sum_pairs(md, volume, thermo);
    thermo->total = thermo->potential + thermo->kinetic;
    thermo->conserved = thermo->total;
    if (md->ensemble.opts.couple != NULL) {
        double vectors[3][3];
        al_space_box(&md->space, vectors);
        thermo->conserved += al_ensemble_energy(&md->ensemble, vectors);
    }
}
