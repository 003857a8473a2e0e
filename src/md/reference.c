/* reference.c - see reference.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/reference.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "md/box.h"

void al_reference_fini(al_reference *reference)
{
    free(reference->ids);
    free(reference->at);
    *reference = (al_reference){.natoms = 0};
}

/* ---- which atoms ----------------------------------------------------------------------------------------
 */

static int by_id(const void *x, const void *y)
{
    const uint64_t *a = x, *b = y;
    return (*a > *b) - (*a < *b);
}

/** Something for the atom of each restraint; an atom of several comes several times. */
static void each_held(const al_topology *topology,
                      void (*act)(void *arg, uint64_t id, uint64_t k, double mass), void *arg)
{
    for (uint32_t r = 0; r < topology->nrows; r++) {
        const al_molecule_row *row = &topology->rows[r];
        const al_molecule *molecule = &topology->molecules[row->molecule];
        uint32_t nterms = molecule->nterms[AL_TERM_RESTRAINT];
        for (uint64_t k = 0; k < row->count && nterms > 0; k++)
            for (uint32_t t = 0; t < nterms; t++) {
                uint32_t atom = molecule->terms[AL_TERM_RESTRAINT][t].atom[0];
                act(arg, row->first_atom + k * molecule->natoms + atom, k, molecule->atoms[atom].mass);
            }
    }
}

static void count(void *arg, uint64_t id, uint64_t k, double mass)
{
    uint64_t *n = arg;
    (void)id, (void)k, (void)mass;
    ++*n;
}

static void list(void *arg, uint64_t id, uint64_t k, double mass)
{
    al_reference *made = arg;
    (void)k, (void)mass;
    made->ids[made->natoms++] = id;
}

typedef struct centre {
    const double *x;
    double mass, sum[3];
} centre;

/** As in GROMACS: of a row of equal molecules the first one counts alone, and each restraint of an atom. */
static void weigh(void *arg, uint64_t id, uint64_t k, double mass)
{
    centre *c = arg;
    if (k > 0)
        return;
    c->mass += mass;
    for (unsigned d = 0; d < 3; d++)
        c->sum[d] += mass * c->x[3 * id + d];
}

static uint64_t without_twins(uint64_t *ids, uint64_t n)
{
    uint64_t kept = 0;
    if (n > 0)
        qsort(ids, n, sizeof *ids, by_id);
    for (uint64_t k = 0; k < n; k++)
        if (kept == 0 || ids[kept - 1] != ids[k])
            ids[kept++] = ids[k];
    return kept;
}

static allot_err find_centre(al_reference *made, const al_topology *topology, const al_gro *structure,
                             const char *name, allot_error *err)
{
    centre c = {.x = structure->x};
    each_held(topology, weigh, &c);
    if (!(c.mass > 0))
        return al_fail(err, ALLOT_ERANGE, 0, "%s: atoms that are held have no mass, and so no centre of it",
                       name);
    for (unsigned d = 0; d < 3; d++)
        made->centre[d] = c.sum[d] / c.mass;
    return ALLOT_OK;
}

/* ---- where they are -------------------------------------------------------------------------------------
 */

static void to_fractions(const al_lattice *lattice, double x[3])
{
    const double place[3] = {x[0], x[1], x[2]};
    for (int d = 0; d < 3; d++)
        x[d] = al_lattice_raw(lattice, place, d) / lattice->edge[d];
}

static void from_fractions(const al_lattice *lattice, const double fraction[3], double x[3])
{
    const double u[3] = {fraction[0] * lattice->edge[0], fraction[1] * lattice->edge[1],
                         fraction[2] * lattice->edge[2]};
    al_lattice_place(lattice, u, x);
}

static allot_err read_box(const al_gro *structure, const char *name, al_lattice *lattice, allot_error *err)
{
    al_box box;
    bool was_reduced;
    allot_err code = al_box_take((const double(*)[3])structure->box, name, &box, &was_reduced, err);
    if (code == ALLOT_OK)
        al_lattice_init(lattice, box.edge, box.tilt);
    return code;
}

/** Places that are those of the structure become what scaling wants. */
static allot_err scale(al_reference *made, const al_gro *structure, const char *name, allot_error *err)
{
    al_lattice lattice;
    allot_err code = made->scaling != AL_SCALING_NONE ? read_box(structure, name, &lattice, err) : ALLOT_OK;
    if (code != ALLOT_OK || made->scaling == AL_SCALING_NONE)
        return code;
    for (uint64_t k = 0; k < made->natoms; k++) {
        double *at = made->at + 3 * k;
        if (made->scaling == AL_SCALING_ALL)
            to_fractions(&lattice, at);
        for (unsigned d = 0; d < 3 && made->scaling == AL_SCALING_CENTRE; d++)
            at[d] -= made->centre[d];
    }
    if (made->scaling == AL_SCALING_CENTRE)
        to_fractions(&lattice, made->centre);
    return ALLOT_OK;
}

allot_err al_reference_init(al_reference *reference, const al_topology *topology, const al_gro *structure,
                            const char *name, al_scaling scaling, allot_error *err)
{
    al_reference made = {.scaling = scaling};
    if (structure->natoms != topology->natoms)
        return al_fail(err, ALLOT_ERANGE, 0,
                       "%s has %" PRIu64 " atoms, the topology %" PRIu64
                       ": places to hold atoms at are wanted of all",
                       name, structure->natoms, topology->natoms);
    uint64_t n = 0;
    each_held(topology, count, &n);
    made.ids = malloc((n + 1) * sizeof *made.ids);
    made.at = malloc((3 * n + 1) * sizeof *made.at);
    allot_err code = made.ids != NULL && made.at != NULL
                         ? ALLOT_OK
                         : al_fail(err, ALLOT_ENOMEM, 0, "%s: out of memory", name);
    if (code == ALLOT_OK) {
        each_held(topology, list, &made);
        made.natoms = without_twins(made.ids, n);
        for (uint64_t k = 0; k < made.natoms; k++)
            memcpy(made.at + 3 * k, structure->x + 3 * made.ids[k], 3 * sizeof *made.at);
    }
    if (code == ALLOT_OK && scaling == AL_SCALING_CENTRE && n > 0)
        code = find_centre(&made, topology, structure, name, err);
    if (code == ALLOT_OK)
        code = scale(&made, structure, name, err);
    if (code == ALLOT_OK)
        *reference = made;
    else
        al_reference_fini(&made);
    return code;
}

uint64_t al_reference_find(const al_reference *reference, uint64_t id)
{
    const uint64_t *found =
        reference->natoms > 0 ? bsearch(&id, reference->ids, reference->natoms, sizeof *reference->ids, by_id)
                              : NULL;
    return found != NULL ? (uint64_t)(found - reference->ids) : UINT64_MAX;
}

/* ---- in a box -------------------------------------------------------------------------------------------
 */

static double square_of(const double x[3])
{
    return x[0] * x[0] + x[1] * x[1] + x[2] * x[2];
}

/** Make r as short as vectors of the box can: in a skewed box the shortest is among the neighbours of the one
 * that lies in the box around 0, whose vectors lean by half an edge at most. */
static void shorten(const al_lattice *lattice, double r[3])
{
    for (int d = 2; d >= 0; d--)
        al_lattice_move(lattice, r, d, -rint(al_lattice_raw(lattice, r, d) / lattice->edge[d]));
    if (!al_lattice_is_skewed(lattice))
        return;
    double best[3] = {r[0], r[1], r[2]};
    for (int k = 0; k < 27; k++) {
        double other[3] = {r[0], r[1], r[2]};
        const double n[3] = {k % 3 - 1, k / 3 % 3 - 1, k / 9 - 1};
        for (int d = 0; d < 3; d++)
            al_lattice_move(lattice, other, d, n[d]);
        if (square_of(other) < square_of(best))
            memcpy(best, other, sizeof best);
    }
    memcpy(r, best, sizeof best);
}

void al_reference_place(const al_reference *reference, uint64_t k, const al_lattice *lattice,
                        const double x[3], double at[3], double fixed[3])
{
    const double *given = reference->at + 3 * k;
    double moving[3] = {0}, r[3];
    for (unsigned d = 0; d < 3; d++)
        fixed[d] = reference->scaling == AL_SCALING_ALL ? 0 : given[d];
    if (reference->scaling == AL_SCALING_ALL)
        from_fractions(lattice, given, moving);
    else if (reference->scaling == AL_SCALING_CENTRE)
        from_fractions(lattice, reference->centre, moving);
    for (unsigned d = 0; d < 3; d++)
        r[d] = x[d] - moving[d] - fixed[d];
    shorten(lattice, r);
    for (unsigned d = 0; d < 3; d++)
        at[d] = x[d] - r[d];
}
