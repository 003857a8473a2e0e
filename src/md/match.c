/* match.c - see match.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/match.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

enum { TOLD_MOST = 5 };

allot_err al_topology_match(const al_topology *topology, const al_gro *gro, const char *name,
                            al_buffer *warnings, allot_error *err)
{
    char line[320];
    uint64_t ndiffer = 0;
    if (gro->natoms != topology->natoms)
        return al_fail(err, ALLOT_ERANGE, 0,
                       "%s has %" PRIu64 " atoms, the topology %" PRIu64
                       ": are all molecules, and so many of each, in its [ molecules ]?",
                       name, gro->natoms, topology->natoms);
    for (uint64_t id = 0; id < gro->natoms; id++) {
        uint32_t row, atom;
        const al_molecule_atom *wanted = al_topology_atom(topology, id, &row, &atom);
        const char *found = gro->labels[id].name;
        if (found[0] == '\0' || strncmp(wanted->name, found, AL_GRO_NAME) == 0)
            continue;
        if (++ndiffer > TOLD_MOST)
            continue;
        (void)snprintf(line, sizeof line,
                       "%.80s: atom %" PRIu64 " is called %s, and %s in the topology (%.40s)\n", name, id + 1,
                       found, wanted->name, topology->molecules[topology->rows[row].molecule].name);
        (void)al_buffer_text(warnings, line);
    }
    if (ndiffer > TOLD_MOST) {
        (void)snprintf(line, sizeof line, "%.80s: %" PRIu64 " names differ in all\n", name, ndiffer);
        (void)al_buffer_text(warnings, line);
    }
    return warnings->failed ? al_fail(err, ALLOT_ENOMEM, 0, "out of memory") : ALLOT_OK;
}

void al_topology_label(const al_topology *topology, al_gro *gro)
{
    int32_t residue = 0, before = 0; /* numbers in the structure, and in the molecule */
    for (uint64_t id = 0; id < gro->natoms; id++) {
        uint32_t row, atom;
        const al_molecule_atom *known = al_topology_atom(topology, id, &row, &atom);
        al_gro_label *label = &gro->labels[id];
        if (atom == 0 || known->residue != before)
            residue++;
        before = known->residue;
        if (label->name[0] != '\0')
            continue;
        label->residue = residue % AL_GRO_WRAP;
        (void)snprintf(label->name, sizeof label->name, "%.*s", AL_GRO_NAME, known->name);
        (void)snprintf(label->residue_name, sizeof label->residue_name, "%.*s", AL_GRO_NAME,
                       known->residue_name);
    }
}

/** A sum over all atoms of a number that each has. */
static double sum_of(const al_topology *topology, double (*of)(const al_molecule_atom *atom))
{
    double sum = 0;
    for (uint32_t r = 0; r < topology->nrows; r++) {
        const al_molecule *molecule = &topology->molecules[topology->rows[r].molecule];
        double one = 0;
        for (uint32_t k = 0; k < molecule->natoms; k++)
            one += of(&molecule->atoms[k]);
        sum += one * (double)topology->rows[r].count;
    }
    return sum;
}

static double charge_of(const al_molecule_atom *atom)
{
    return atom->charge;
}

static double mass_of(const al_molecule_atom *atom)
{
    return atom->mass;
}

double al_topology_charge(const al_topology *topology)
{
    return sum_of(topology, charge_of);
}

double al_topology_mass(const al_topology *topology)
{
    return sum_of(topology, mass_of);
}

allot_err al_topology_tell_charge(const al_topology *topology, const char *name, al_buffer *warnings,
                                  allot_error *err)
{
    double total = al_topology_charge(topology);
    char text[160];
    if (fabs(total) < 1e-4)
        return ALLOT_OK;
    bool is_whole = fabs(total - rint(total)) < 1e-2;
    (void)snprintf(text, sizeof text, "%s: the system has a charge of %.6f%s\n", name, total,
                   is_whole ? "" : ", which is not a whole number");
    return al_buffer_text(warnings, text) ? ALLOT_OK : al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
}

/** Of the ordered pairs of a molecule that count for nothing: excluded ones, and atoms with themselves.
 * @return how many */
static double c6_without(const al_topology *topology, const al_molecule *molecule, double *sum)
{
    for (uint32_t k = 0; k < molecule->natoms; k++) {
        size_t row = (size_t)molecule->atoms[k].type * topology->ntypes;
        *sum += topology->c6[row + molecule->atoms[k].type];
        for (uint32_t n = molecule->excluded_first[k]; n < molecule->excluded_first[k + 1]; n++)
            *sum += topology->c6[row + molecule->atoms[molecule->excluded[n]].type];
    }
    return molecule->natoms + (double)molecule->excluded_first[molecule->natoms];
}

double al_topology_mean_c6(const al_topology *topology)
{
    double sum = 0, npairs = (double)topology->natoms * (double)topology->natoms; /* ordered */
    double *of_type = calloc((size_t)topology->ntypes + 1, sizeof *of_type);      /* atoms of each type */
    if (of_type == NULL)
        return NAN;
    for (uint32_t r = 0; r < topology->nrows; r++) {
        const al_molecule *molecule = &topology->molecules[topology->rows[r].molecule];
        double count = (double)topology->rows[r].count, without = 0;
        npairs -= count * c6_without(topology, molecule, &without);
        sum -= count * without;
        for (uint32_t k = 0; k < molecule->natoms; k++)
            of_type[molecule->atoms[k].type] += count;
    }
    for (uint32_t a = 0; a < topology->ntypes; a++)
        for (uint32_t b = 0; b < topology->ntypes; b++)
            sum += of_type[a] * of_type[b] * topology->c6[(size_t)a * topology->ntypes + b];
    free(of_type);
    return npairs > 0 ? sum / npairs : 0;
}

uint64_t al_topology_nterms(const al_topology *topology, al_term_kind kind)
{
    uint64_t count = 0;
    for (uint32_t r = 0; r < topology->nrows; r++)
        count += topology->rows[r].count * topology->molecules[topology->rows[r].molecule].nterms[kind];
    return count;
}
