/* bound.c - see bound.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/bound.h"

#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "md/grow.h"
#include "md/match.h"

/** A thread's part. */
typedef struct al_bound_share {
    al_term_energies energies;
    char apart[64];
} share;

/** Terms that have an energy. */
static void find_wanted(bool is_wanted[AL_TERM_NKINDS])
{
    for (int kind = 0; kind < AL_TERM_NKINDS; kind++)
        is_wanted[kind] = al_term_functions_d[kind] != NULL;
}

allot_err al_bound_open(al_bound *bound, const al_topology *topology, const al_reference *reference,
                        double coulomb, uint32_t nthreads, allot_error *err)
{
    bool is_wanted[AL_TERM_NKINDS];
    find_wanted(is_wanted);
    *bound = (al_bound){.topology = topology,
                        .reference = reference,
                        .coulomb = coulomb,
                        .indices = al_term_indices_make(topology, is_wanted, NULL),
                        .cmaps = calloc((size_t)topology->ncmaps + 1, sizeof *bound->cmaps),
                        .shares = calloc(nthreads, sizeof *bound->shares),
                        .nshares = nthreads};
    if (bound->indices == NULL || bound->cmaps == NULL || bound->shares == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    allot_err code = ALLOT_OK;
    for (uint32_t k = 0; k < topology->ncmaps && code == ALLOT_OK; k++)
        code = al_cmap_init(&bound->cmaps[k], topology->cmap_side[k], topology->cmaps[k], err);
    return code;
}

void al_bound_close(al_bound *bound)
{
    for (uint32_t k = 0; bound->cmaps != NULL && k < bound->topology->ncmaps; k++)
        al_cmap_fini(&bound->cmaps[k]);
    free(bound->cmaps);
    if (bound->indices != NULL)
        al_term_indices_free(bound->indices, bound->topology);
    for (int kind = 0; kind < AL_TERM_NKINDS; kind++)
        free(bound->terms[kind]);
    free(bound->held_at);
    free(bound->held_fixed);
    free(bound->shares);
    *bound = (al_bound){.topology = NULL};
}

/* ---- which ----------------------------------------------------------------------------------------------
 */

/** What is looked through. */
typedef struct search {
    al_bound *bound;
    const al_space *space;
    const al_locals *locals;
} search;

/** Whether b is where it is nearest to a, of all its images: no farther than half the box along each of the
 * box's vectors. */
static bool is_beside(const al_space *space, uint32_t a, uint32_t b)
{
    const double *x = &space->atoms.x[3 * (size_t)a], *y = &space->atoms.x[3 * (size_t)b];
    for (int d = 0; d < 3; d++)
        if (!(fabs(x[d] - y[d]) <= space->domain.box[d] / 2))
            return false;
    return true;
}

/** Of the atoms here with this id, the one that is beside another. @return AL_ID_NONE: it is not here */
static uint32_t find_beside(const search *s, uint64_t id, uint32_t other)
{
    const al_id_map *map = &s->locals->map;
    uint32_t k = al_id_map_find(map, id);
    while (k != AL_ID_NONE && !is_beside(s->space, other, k))
        k = al_id_map_next(map, k);
    return k;
}

/** Where the restrained atom is to be, counted as positions are. */
static bool hold(const search *s, uint32_t place, uint64_t id, uint32_t k)
{
    al_bound *bound = s->bound;
    const al_space *space = s->space;
    const double *u = &space->atoms.x[3 * (size_t)k];
    double x[3], at[3], fixed[3];
    if (!al_grow(&bound->held_at, &bound->room_held, space->nblocks * AL_BLOCK_REALS, sizeof(double)) ||
        !al_grow(&bound->held_fixed, &bound->room_fixed, space->nblocks * AL_BLOCK_REALS, sizeof(double)))
        return false;
    memcpy(x, u, sizeof x);
    if (space->domain.lattice != NULL)
        al_lattice_place(space->domain.lattice, u, x);
    al_reference_place(bound->reference, al_reference_find(bound->reference, id), &space->lattice, x, at,
                       fixed);
    for (unsigned d = 0; d < 3; d++) {
        bound->held_at[al_block_at(place, d)] = at[d] - space->middle[d];
        bound->held_fixed[al_block_at(place, d)] = fixed[d];
    }
    return true;
}

/** Take a term whose first atom is k, if it is this rank's. @return false: out of memory */
static bool take(const search *s, al_term_ref ref, const al_term *term, uint64_t molecule_id, uint32_t k)
{
    al_bound *bound = s->bound;
    uint32_t natoms = al_term_infos[ref.kind].natoms, zones = s->space->atoms.zone[k];
    al_term taken = {.params = term->params};
    taken.atom[0] = s->space->places[k];
    for (uint32_t a = 1; a < natoms; a++) {
        uint32_t other = find_beside(s, molecule_id + term->atom[a], k);
        if (other == AL_ID_NONE)
            return true;
        zones &= s->space->atoms.zone[other];
        taken.atom[a] = s->space->places[other];
    }
    if (zones != 0)
        return true;
    if (ref.kind == AL_TERM_RESTRAINT && !hold(s, taken.atom[0], molecule_id + term->atom[0], k))
        return false;
    if (!al_grow(&bound->terms[ref.kind], &bound->room[ref.kind], bound->n[ref.kind] + 1, sizeof *term))
        return false;
    bound->terms[ref.kind][bound->n[ref.kind]++] = taken;
    return true;
}

bool al_bound_find(al_bound *bound, const al_space *space, const al_locals *locals)
{
    const search s = {bound, space, locals};
    memset(bound->n, 0, sizeof bound->n);
    for (uint32_t k = 0; k < space->atoms.n; k++) {
        const al_local *local = &locals->of[k];
        const al_term_index *index = &bound->indices[local->molecule];
        const al_molecule *molecule = &bound->topology->molecules[local->molecule];
        for (uint32_t n = index->first[local->atom]; n < index->first[local->atom + 1]; n++) {
            al_term_ref ref = index->refs[n];
            if (!take(&s, ref, &molecule->terms[ref.kind][ref.term], local->first_id, k))
                return false;
        }
    }
    return true;
}

allot_err al_bound_check(const al_bound *bound, al_comm *comm, double reach, allot_error *err)
{
    double found[AL_TERM_NKINDS];
    for (int kind = 0; kind < AL_TERM_NKINDS; kind++)
        found[kind] = bound->n[kind];
    comm->sum(comm, found, AL_TERM_NKINDS);
    for (int kind = 0; kind < AL_TERM_NKINDS; kind++) {
        double wanted = (double)al_topology_nterms(bound->topology, (al_term_kind)kind);
        if (al_term_functions_d[kind] != NULL && found[kind] != wanted)
            return al_fail(
                err, ALLOT_ERANGE, 0,
                "of %.0f %s, %.0f have atoms that are %.3g nm or more apart: a molecule is torn, or "
                "longer than the box",
                wanted, al_term_infos[kind].name, fabs(wanted - found[kind]), reach);
    }
    return ALLOT_OK;
}

/* ---- forces ---------------------------------------------------------------------------------------------
 */

static const al_term *share_of(const al_bound *bound, int kind, uint32_t k, uint32_t *n)
{
    uint64_t begin = (uint64_t)bound->n[kind] * k / bound->nshares;
    *n = (uint32_t)((uint64_t)bound->n[kind] * (k + 1) / bound->nshares - begin);
    return bound->terms[kind] + begin;
}

void al_bound_touch(const void *arg, uint32_t k, uint8_t *touched)
{
    const al_bound *bound = arg;
    for (int kind = 0; kind < AL_TERM_NKINDS; kind++) {
        uint32_t n, natoms = al_term_infos[kind].natoms;
        if (bound->n[kind] == 0)
            continue;
        const al_term *terms = share_of(bound, kind, k, &n);
        for (uint32_t t = 0; t < n; t++)
            for (uint32_t a = 0; a < natoms; a++)
                touched[terms[t].atom[a] / AL_BLOCK] = 1;
    }
}

void al_bound_compute(void *arg, uint32_t k, bool is_double, const void *x, void *f)
{
    al_bound *bound = arg;
    const al_term_tables tables = {bound->topology->params, bound->cmaps, bound->held_at, bound->coulomb};
    bound->shares[k].energies = (al_term_energies){.lj14 = 0};
    for (int kind = 0; kind < AL_TERM_NKINDS; kind++) {
        uint32_t n;
        if (bound->n[kind] == 0)
            continue;
        const al_term *terms = share_of(bound, kind, k, &n);
        if (is_double)
            al_term_functions_d[kind](&tables, n, terms, x, f, &bound->shares[k].energies);
        else
            al_term_functions_f[kind](&tables, n, terms, x, f, &bound->shares[k].energies);
    }
}

void al_bound_add_virial(const al_bound *bound, const al_space *space, double virial[9])
{
    for (uint32_t n = 0; n < bound->n[AL_TERM_RESTRAINT]; n++) {
        const al_term *term = &bound->terms[AL_TERM_RESTRAINT][n];
        const double *k = bound->topology->params + term->params;
        for (unsigned d = 0; d < 3; d++) {
            size_t at = al_block_at(term->atom[0], d);
            double x = al_space_real(space, space->xr, at), f = -k[d] * (x - bound->held_at[at]);
            for (unsigned e = 0; e < 3; e++)
                virial[3 * e + d] -= al_space_real(space, space->xr, al_block_at(term->atom[0], e)) * f;
            virial[4 * d] += (x - bound->held_at[at] + bound->held_fixed[at]) * f;
        }
    }
}

void al_bound_sum(const al_bound *bound, al_term_energies *energies)
{
    *energies = (al_term_energies){.lj14 = 0};
    for (uint32_t k = 0; k < bound->nshares; k++) {
        const al_term_energies *one = &bound->shares[k].energies;
        for (int kind = 0; kind < AL_TERM_NKINDS; kind++)
            energies->of[kind] += one->of[kind];
        energies->lj14 += one->lj14;
        energies->coulomb14 += one->coulomb14;
    }
}
