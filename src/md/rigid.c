/* rigid.c - see rigid.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/rigid.h"

#include <inttypes.h>
#include <string.h>

#include "base/fail.h"
#include "md/freeze.h"
#include "md/grow.h"

/** What a share of the atoms brings. */
typedef struct al_rigid_share {
    al_constraints constraints;
    al_constraint *cluster; /* one that is being gathered */
    uint32_t room;
    char apart[64];
} share;

static void find_wanted(bool is_wanted[AL_TERM_NKINDS])
{
    for (int kind = 0; kind < AL_TERM_NKINDS; kind++)
        is_wanted[kind] = kind == AL_TERM_SETTLE || kind == AL_TERM_CONSTRAINT;
}

double al_rigid_freedom(const al_topology *topology)
{
    double n = 0;
    for (uint32_t r = 0; r < topology->nrows; r++) {
        const al_molecule *molecule = &topology->molecules[topology->rows[r].molecule];
        n += (double)topology->rows[r].count *
             (3.0 * molecule->nterms[AL_TERM_SETTLE] + molecule->nterms[AL_TERM_CONSTRAINT]);
    }
    return n;
}

allot_err al_rigid_open(al_rigid *rigid, const al_topology *topology, const al_held *held,
                        const uint8_t *frozen, const al_settle_kernels *kernels, allot_error *err)
{
    bool is_wanted[AL_TERM_NKINDS];
    *rigid = (al_rigid){.topology = topology, .frozen = frozen, .kernels = kernels};
    if (!(al_rigid_freedom(topology) > 0))
        return ALLOT_OK;
    find_wanted(is_wanted);
    rigid->indices = al_term_indices_make(topology, is_wanted, held->leaders);
    return rigid->indices != NULL ? ALLOT_OK : al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
}

void al_rigid_close(al_rigid *rigid)
{
    if (rigid->indices != NULL)
        al_term_indices_free(rigid->indices, rigid->topology);
    al_constraints_fini(&rigid->constraints);
    for (uint32_t k = 0; rigid->shares != NULL && k < rigid->nshares; k++) {
        al_constraints_fini(&rigid->shares[k].constraints);
        free(rigid->shares[k].cluster);
    }
    free(rigid->shares);
    *rigid = (al_rigid){.topology = NULL};
}

/* ---- which ----------------------------------------------------------------------------------------------
 */

/** A molecule of this rank's, or a part of one. */
typedef struct part {
    const al_rigid *rigid;
    const al_space *space;
    const al_locals *locals;
    const al_molecule *molecule;
    uint64_t first_id;
    share *to;
} part;

static uint32_t place_of(const part *p, uint32_t atom)
{
    return al_locals_place(p->locals, p->space, p->first_id + atom);
}

static bool is_frozen(const part *p, uint32_t atom)
{
    return p->rigid->frozen != NULL && p->rigid->frozen[p->first_id + atom] == AL_FREEZE_ALL;
}

static al_constraint bond_of(const part *p, uint32_t a, uint32_t b, double length)
{
    const uint32_t atom[2] = {a, b};
    al_constraint bond = {.length = length};
    for (int k = 0; k < 2; k++) {
        double mass = p->molecule->atoms[atom[k]].mass;
        bond.place[k] = place_of(p, atom[k]);
        bond.per_mass[k] = mass > 0 && !is_frozen(p, atom[k]) ? 1 / mass : 0;
    }
    return bond;
}

/** One that is frozen, or half of it, is three constraints. */
static bool add_water(const part *p, const al_term *term)
{
    const double *lengths = p->rigid->topology->params + term->params;
    const al_molecule_atom *atoms = p->molecule->atoms;
    const uint32_t *atom = term->atom;
    int nfrozen = is_frozen(p, atom[0]) + is_frozen(p, atom[1]) + is_frozen(p, atom[2]);
    if (nfrozen == 3)
        return true;
    if (nfrozen > 0) {
        const al_constraint bonds[3] = {bond_of(p, atom[0], atom[1], lengths[0]),
                                        bond_of(p, atom[0], atom[2], lengths[0]),
                                        bond_of(p, atom[1], atom[2], lengths[1])};
        return al_constraints_add_cluster(&p->to->constraints, bonds, 3);
    }
    const al_settle kind = {atoms[atom[0]].mass, atoms[atom[1]].mass, lengths[0], lengths[1]};
    const uint32_t places[3] = {place_of(p, atom[0]), place_of(p, atom[1]), place_of(p, atom[2])};
    return al_constraints_add_water(&p->to->constraints, &kind, places);
}

/** What goes with an atom: waters, then constraints, which are one cluster. */
static bool add_all(const part *p, const al_term_ref *refs, uint32_t n)
{
    uint32_t nbonds = 0;
    share *to = p->to;
    if (!al_grow(&to->cluster, &to->room, n, sizeof *to->cluster))
        return false;
    for (uint32_t k = 0; k < n; k++) {
        const al_term *term = &p->molecule->terms[refs[k].kind][refs[k].term];
        const double *length = p->rigid->topology->params + term->params;
        if (refs[k].kind == AL_TERM_SETTLE && !add_water(p, term))
            return false;
        if (refs[k].kind == AL_TERM_CONSTRAINT &&
            !(is_frozen(p, term->atom[0]) && is_frozen(p, term->atom[1])))
            to->cluster[nbonds++] = bond_of(p, term->atom[0], term->atom[1], *length);
    }
    return nbonds == 0 || al_constraints_add_cluster(&to->constraints, to->cluster, nbonds);
}

/** Who looks for them. */
typedef struct finding {
    al_rigid *rigid;
    const al_space *space;
    const al_locals *locals;
} finding;

/** What the home atoms [first, last) bring. @return false: out of memory */
static bool find_between(const finding *f, uint32_t first, uint32_t last, share *to)
{
    const al_rigid *rigid = f->rigid;
    al_constraints_clear(&to->constraints);
    for (uint32_t k = first; k < last; k++) {
        const al_local *local = &f->locals->of[k];
        const al_term_index *index = &rigid->indices[local->molecule];
        uint32_t begin = index->first[local->atom], n = index->first[local->atom + 1] - begin;
        const part p = {rigid,           f->space, f->locals, &rigid->topology->molecules[local->molecule],
                        local->first_id, to};
        if (n > 0 && !add_all(&p, &index->refs[begin], n))
            return false;
    }
    return true;
}

static int find_shares(uint64_t begin, uint64_t end, void *arg)
{
    const finding *f = arg;
    uint32_t n = f->space->nhome, nshares = f->rigid->nshares;
    for (uint64_t k = begin; k < end; k++)
        if (!find_between(f, (uint32_t)al_share_begin(n, k, nshares),
                          (uint32_t)al_share_begin(n, k + 1, nshares), &f->rigid->shares[k]))
            return ALLOT_ENOMEM;
    return 0;
}

bool al_rigid_find(al_rigid *rigid, const al_space *space, const al_locals *locals)
{
    if (!al_rigid_is_any(rigid))
        return true;
    if (rigid->shares == NULL) {
        rigid->nshares = al_threads_count(&space->threads);
        rigid->shares = calloc(rigid->nshares, sizeof *rigid->shares);
    }
    finding f = {rigid, space, locals};
    al_constraints_clear(&rigid->constraints);
    bool good = rigid->shares != NULL && al_shares_do(&space->threads, rigid->nshares, find_shares, &f);
    for (uint32_t k = 0; good && k < rigid->nshares; k++)
        good = al_constraints_append(&rigid->constraints, &rigid->shares[k].constraints);
    return good;
}

/* ---- steps ----------------------------------------------------------------------------------------------
 */

static al_constrain_step step_of(const al_rigid *rigid, const al_space *space, double dt, bool has_velocities)
{
    al_constrain_step step = {.settle = {.dt = dt, .has_velocities = has_velocities},
                              .kernels = rigid->kernels,
                              .threads = space->threads};
    al_space_box(space, step.settle.box);
    return step;
}

/** What came of it: virial, and whose length it was. */
static allot_err settle(const al_rigid *rigid, const al_space *space, allot_err code, uint32_t bad,
                        const double found[9], double *virial, allot_error *err)
{
    for (int n = 0; virial != NULL && n < 9; n++)
        virial[n] += found[n];
    if (code != ALLOT_ERANGE)
        return code == ALLOT_OK ? code : al_fail(err, code, 0, "out of memory");
    uint32_t row, atom;
    uint64_t id = space->id[bad];
    const al_molecule_atom *whose = al_topology_atom(rigid->topology, id, &row, &atom);
    return al_fail(err, code, 0,
                   "atom %" PRIu64
                   " (%s of %d%s, in %s): a constrained length cannot be kept: its atoms have "
                   "moved too far, or began too far from each other; a shorter time step may help, or a "
                   "minimised structure",
                   id + 1, whose->name, (int)whose->residue, whose->residue_name,
                   rigid->topology->molecules[rigid->topology->rows[row].molecule].name);
}

allot_err al_rigid_positions(al_rigid *rigid, al_space *space, double dt, bool has_velocities, double *virial,
                             allot_error *err)
{
    uint32_t bad = 0;
    double found[9];
    const al_constrain_step step = step_of(rigid, space, dt, has_velocities);
    allot_err code = al_constrain_positions(&rigid->constraints, &step, space->x, space->v, found, &bad);
    return settle(rigid, space, code, bad, found, virial, err);
}

allot_err al_rigid_velocities(al_rigid *rigid, al_space *space, double dt, double *virial, allot_error *err)
{
    uint32_t bad = 0;
    double found[9];
    const al_constrain_step step = step_of(rigid, space, dt, true);
    allot_err code = al_constrain_velocities(&rigid->constraints, &step, space->x, space->v, found, &bad);
    return settle(rigid, space, code, bad, found, virial, err);
}
