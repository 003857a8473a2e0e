/* md_columns.c - see md_columns.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/md_columns.h"

#include "md/match.h"

static const al_series_column term_columns[AL_TERM_NKINDS] = {
    [AL_TERM_BOND] = {"bond", "Bond", NULL},
    [AL_TERM_BOND_G96] = {"g96_bond", "G96Bond", NULL},
    [AL_TERM_ANGLE] = {"angle", "Angle", NULL},
    [AL_TERM_ANGLE_G96] = {"g96_angle", "G96Angle", NULL},
    [AL_TERM_UREY] = {"urey_bradley", "U-B", NULL},
    [AL_TERM_PROPER] = {"proper_dihedral", "Proper Dih.", NULL},
    [AL_TERM_IMPROPER] = {"improper_dihedral", "Improper Dih.", NULL},
    [AL_TERM_IMPROPER_PERIODIC] = {"periodic_improper", "Per. Imp. Dih.", NULL},
    [AL_TERM_RYCKAERT] = {"ryckaert_bellemans", "Ryckaert-Bell.", NULL},
    [AL_TERM_CMAP] = {"cmap", "CMAP Dih.", NULL},
    [AL_TERM_RESTRAINT] = {"position_restraint", "Position Rest.", NULL},
};

/** Columns, or numbers, being listed. */
typedef struct listing {
    const al_md *md;
    al_series_column *columns; /* NULL: numbers are wanted */
    double *values;
    uint32_t n;
} listing;

static void list(listing *l, const char *key, const char *name, const char *unit, double value)
{
    if (l->columns != NULL)
        l->columns[l->n] = (al_series_column){key, name, unit};
    else
        l->values[l->n] = value;
    l->n++;
}

static bool has_terms(const al_md *md, int kind)
{
    return al_topology_nterms(md->opts.field.topology, (al_term_kind)kind) > 0;
}

static void list_potential(listing *l, const al_energies *e)
{
    const al_md *md = l->md;
    const char *unit = md->opts.units->energy;
    for (int kind = 0; kind < AL_TERM_NKINDS; kind++)
        if (term_columns[kind].key != NULL && has_terms(md, kind))
            list(l, term_columns[kind].key, term_columns[kind].name, unit, e->terms.of[kind]);
    if (has_terms(md, AL_TERM_PAIR14)) {
        list(l, "lj_14", "LJ-14", unit, e->terms.lj14);
        list(l, "coulomb_14", "Coulomb-14", unit, e->terms.coulomb14);
    }
    list(l, "lj_sr", "LJ (SR)", unit, e->lj);
    if (md->opts.has_dispersion)
        list(l, "dispersion_correction", "Disper. corr.", unit, e->tail);
    list(l, "coulomb_sr", "Coulomb (SR)", unit, e->coulomb);
    if (md->opts.pairs.coulomb == AL_PAIR_EWALD)
        list(l, "coulomb_reciprocal", "Coul. recip.", unit, e->mesh);
}

static void list_tensors(listing *l, const al_thermo *t)
{
    static const char *const keys[2][9] = {
        {"vir_xx", "vir_xy", "vir_xz", "vir_yx", "vir_yy", "vir_yz", "vir_zx", "vir_zy", "vir_zz"},
        {"pres_xx", "pres_xy", "pres_xz", "pres_yx", "pres_yy", "pres_yz", "pres_zx", "pres_zy", "pres_zz"}};
    static const char *const names[2][9] = {
        {"Vir-XX", "Vir-XY", "Vir-XZ", "Vir-YX", "Vir-YY", "Vir-YZ", "Vir-ZX", "Vir-ZY", "Vir-ZZ"},
        {"Pres-XX", "Pres-XY", "Pres-XZ", "Pres-YX", "Pres-YY", "Pres-YZ", "Pres-ZX", "Pres-ZY", "Pres-ZZ"}};
    for (int n = 0; n < 9; n++) /* GROMACS' virial is minus half of it */
        list(l, keys[0][n], names[0][n], l->md->opts.units->energy, -t->virial[n] / 2);
    for (int n = 0; n < 9; n++)
        list(l, keys[1][n], names[1][n], l->md->opts.units->pressure, t->pressures[n]);
}

static void list_all(listing *l, const al_thermo *t)
{
    const al_units *units = l->md->opts.units;
    bool has_field = l->md->opts.field.topology != NULL;
    double per = has_field ? 1 : (double)t->natoms;
    if (has_field)
        list_potential(l, &t->energies);
    else
        list(l, "temperature", "Temperature", units->temperature, t->temperature);
    list(l, "potential", "Potential", units->energy, t->potential / per);
    list(l, "kinetic", "Kinetic En.", units->energy, t->kinetic / per);
    list(l, "total", "Total Energy", units->energy, t->total / per);
    if (has_field) {
        if (l->md->opts.ensemble.couple != NULL)
            list(l, "conserved", "Conserved En.", units->energy, t->conserved);
        list(l, "temperature", "Temperature", units->temperature, t->temperature);
    }
    list(l, "pressure", "Pressure", units->pressure, t->pressure);
    if (has_field)
        list_tensors(l, t);
}

uint32_t al_md_columns(const al_md *md, al_series_column *columns)
{
    const al_thermo none = {.natoms = 1};
    listing l = {.md = md, .columns = columns};
    list_all(&l, &none);
    return l.n;
}

void al_md_columns_values(const al_md *md, const al_thermo *thermo, double *values)
{
    listing l = {.md = md, .values = values};
    list_all(&l, thermo);
}
