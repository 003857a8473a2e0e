/* test_bound.c - terms of chains, however the box is cut: each is found on one rank, its atoms beside each
 * other; restraints hold atoms where they are to be, across edges, too; a torn molecule is told from a whole
 * one. Ranks are threads.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "md/bound.h"
#include "support/prop.h"
#include "support/ranks.h"

enum { LENGTH_MOST = 9, CHAINS_MOST = 25, ATOMS_MOST = LENGTH_MOST * CHAINS_MOST, TURNS = 3 };
enum { PARAMS_MOST = 6 * LENGTH_MOST };

/** Chains in a box, the same on all ranks. */
typedef struct chains {
    double box[3], tilt[3], reach;
    al_lattice lattice;
    int grid[3];
    uint32_t length, nchains, nthreads;
    bool is_double, are_pairs, are_at_first; /* are_pairs: two after each other stay on one rank */
    double x[TURNS][ATOMS_MOST][3], reference[ATOMS_MOST * 3], off[ATOMS_MOST][3];
    al_molecule_atom atoms[LENGTH_MOST];
    al_term terms[AL_TERM_NKINDS][LENGTH_MOST];
    al_molecule molecule;
    al_molecule_row row;
    al_topology topology;
} chains;

static chains the_chains;
static uint32_t found[CHAINS_MOST]
                     [PARAMS_MOST]; /* how often each term was, by where its numbers would begin */
static pthread_mutex_t found_mutex = PTHREAD_MUTEX_INITIALIZER;
static char why[RANKS_MOST][sizeof(((allot_error *)NULL)->text)];
static allot_err codes[RANKS_MOST];

/* ---- chains ---------------------------------------------------------------------------------------------
 */

/** All terms of a kind along a chain: one every `every` atoms, of atoms that are `step` apart. */
static void add_terms(chains *c, al_term_kind kind, uint32_t step, uint32_t every)
{
    uint32_t natoms = al_term_infos[kind].natoms;
    for (uint32_t first = 0; first + (natoms - 1) * step < c->length; first += every) {
        al_term *term = &c->terms[kind][c->molecule.nterms[kind]++];
        term->params = c->topology.nparams++;
        for (uint32_t a = 0; a < natoms; a++)
            term->atom[a] = first + a * step;
        if (prop_chance(2) && natoms == 2) { /* the first one is not always that of the lower number */
            term->atom[0] = first + step;
            term->atom[1] = first;
        }
    }
}

static void describe(chains *c)
{
    c->molecule = (al_molecule){.name = (char[]){"chain"}, .natoms = c->length, .atoms = c->atoms};
    c->row = (al_molecule_row){.count = c->nchains};
    c->topology = (al_topology){.natoms = (uint64_t)c->length * c->nchains,
                                .molecules = &c->molecule,
                                .nmolecules = 1,
                                .rows = &c->row,
                                .nrows = 1};
    add_terms(c, AL_TERM_BOND, 1, 1);
    add_terms(c, AL_TERM_ANGLE, 1, 1);
    add_terms(c, AL_TERM_PROPER, 1, 1);
    add_terms(c, AL_TERM_CMAP, 1, 1);
    add_terms(c, AL_TERM_PAIR14, 3, 1);
    add_terms(c, AL_TERM_RESTRAINT, 0, 2);
    for (int kind = 0; kind < AL_TERM_NKINDS; kind++)
        c->molecule.terms[kind] = c->terms[kind];
}

/** The box's least width: between faces. */
static double least_width(const chains *c)
{
    double least = HUGE_VAL;
    for (int d = 0; d < 3; d++)
        least = fmin(least, c->box[d] * c->lattice.thick[d]);
    return least;
}

static void choose_box(chains *c)
{
    do
        for (int d = 0; d < 3; d++)
            c->grid[d] = 1 + (int)prop_below(3);
    while (c->grid[0] * c->grid[1] * c->grid[2] > 12);
    for (int d = 0; d < 3; d++)
        c->box[d] = prop_log(1, 8);
    if (prop_chance(2)) {
        c->tilt[0] = (prop_unit() - 0.5) * c->box[0];
        c->tilt[1] = (prop_unit() - 0.5) * c->box[0];
        c->tilt[2] = (prop_unit() - 0.5) * c->box[1];
    }
    al_lattice_init(&c->lattice, c->box, c->tilt);
    c->reach = least_width(c) * (prop_chance(3) ? 0.99 : 0.1 + 0.8 * prop_unit());
}

static void random_step(double length, double step[3])
{
    double r2 = 0;
    do {
        r2 = 0;
        for (int d = 0; d < 3; d++) {
            step[d] = 2 * prop_unit() - 1;
            r2 += step[d] * step[d];
        }
    } while (r2 > 1 || r2 < 0.01);
    for (int d = 0; d < 3; d++)
        step[d] *= length / sqrt(r2);
}

/** Chains that begin anywhere, many across an edge; restraints a little off, lengths of the box away. Heights
 * above three faces may come from three pairs of a term's atoms, and where faces meet in sharp angles the
 * corner is farther still: terms are that much shorter than the reach. */
static void place_chains(chains *c)
{
    double span = al_lattice_is_skewed(&c->lattice) ? 0.3 : 0.55, width = least_width(c);
    double step = fmin(span * c->reach, 0.45 * width) / 4;
    for (uint32_t k = 0; k < c->length * c->nchains; k++) {
        double by[3];
        random_step(step * (0.3 + 0.6 * prop_unit()), by);
        for (int d = 0; d < 3; d++) {
            double from = k % c->length > 0 ? c->x[0][k - 1][d]
                          : prop_chance(2)  ? 0
                                            : c->box[d] * prop_unit();
            c->x[0][k][d] = from + by[d];
            c->reference[3 * k + (uint32_t)d] = c->x[0][k][d];
            c->off[k][d] = (prop_unit() - 0.5) * 0.5 * width; /* less than half a box, all in all */
            c->reference[3 * k + (uint32_t)d] += c->off[k][d];
        }
        for (int d = 2; d >= 0; d--)
            al_lattice_move(&c->lattice, &c->reference[3 * (size_t)k], d, (double)prop_below(5) - 2);
        for (int turn = 1; turn < TURNS; turn++)
            for (int d = 0; d < 3; d++)
                c->x[turn][k][d] = c->x[turn - 1][k][d] + 0.02 * step * (2 * prop_unit() - 1);
    }
}

static void random_chains(chains *c)
{
    *c = (chains){.length = 1 + (uint32_t)prop_below(LENGTH_MOST),
                  .nchains = 1 + (uint32_t)prop_below(CHAINS_MOST),
                  .nthreads = 1 + (uint32_t)prop_below(2),
                  .is_double = prop_chance(2),
                  .are_pairs = prop_chance(2),
                  .are_at_first = prop_chance(2)};
    choose_box(c);
    describe(c);
    place_chains(c);
}

static uint64_t leader_of(const void *arg, uint64_t id)
{
    const chains *c = arg;
    return id - id % c->length % 2;
}

/* ---- what a rank does -----------------------------------------------------------------------------------
 */

typedef struct rank_state {
    al_locals locals;
    al_bound bound;
    int turn;
} rank_state;

static bool find_terms(void *arg, al_space *space)
{
    rank_state *state = arg;
    return al_locals_find(&state->locals, state->bound.topology, space) &&
           al_bound_find(&state->bound, space, &state->locals);
}

static void complain(int rank, const char *text, uint64_t id)
{
    if (why[rank][0] == '\0')
        (void)snprintf(why[rank], sizeof why[rank], "%s: atom %llu", text, (unsigned long long)id);
}

/** Where an atom of this rank is in space. */
static void in_space(const al_space *space, uint32_t k, double x[3])
{
    memcpy(x, &space->atoms.x[3 * (size_t)k], 3 * sizeof *x);
    if (space->domain.lattice != NULL)
        al_lattice_place(space->domain.lattice, &space->atoms.x[3 * (size_t)k], x);
}

/** Restraints are computed from positions that count from the domain's middle. */
static void check_held(const chains *c, const rank_state *state, const al_space *space, uint32_t k, int rank)
{
    double x[3];
    uint64_t id = space->atoms.id[k];
    in_space(space, k, x);
    for (unsigned d = 0; d < 3; d++) {
        double wanted = c->x[0][id][d] + c->off[id][d] - c->x[state->turn][id][d];
        double held = state->bound.held_at[al_block_at(space->places[k], d)] + space->middle[d] - x[d];
        if (!(fabs(held - wanted) < 1e-9))
            complain(rank, "it is held elsewhere", id);
    }
}

/** A term that was found: its atoms are those of the topology, as far from each other as along the chain. */
static void check_term(const chains *c, const rank_state *state, const al_space *space, const uint32_t *at,
                       int kind, const al_term *term, int rank)
{
    double first[3], x[3];
    uint64_t id = space->atoms.id[at[term->atom[0]]], chain = id / c->length;
    const al_term *wanted = NULL;
    in_space(space, at[term->atom[0]], first);
    for (uint32_t n = 0; n < c->molecule.nterms[kind]; n++)
        wanted = c->terms[kind][n].params == term->params ? &c->terms[kind][n] : wanted;
    if (wanted == NULL) {
        complain(rank, "a term of another kind", id);
        return;
    }
    for (uint32_t a = 0; a < al_term_infos[kind].natoms; a++) {
        uint64_t other = chain * c->length + wanted->atom[a];
        in_space(space, at[term->atom[a]], x);
        if (space->atoms.id[at[term->atom[a]]] != other)
            complain(rank, "another atom's place", other);
        for (int d = 0; d < 3; d++)
            if (!(fabs(x[d] - first[d] - (c->x[state->turn][other][d] - c->x[state->turn][id][d])) < 1e-9))
                complain(rank, "it is not beside the others", other);
    }
    if (kind == AL_TERM_RESTRAINT)
        check_held(c, state, space, at[term->atom[0]], rank);
    pthread_mutex_lock(&found_mutex);
    found[chain][term->params]++;
    pthread_mutex_unlock(&found_mutex);
}

static void check_terms(const chains *c, const rank_state *state, const al_space *space, int rank)
{
    uint32_t *at = calloc((size_t)space->nblocks * AL_BLOCK + 1, sizeof *at); /* of atoms, by place */
    for (uint32_t k = 0; at != NULL && k < space->atoms.n; k++)
        at[space->places[k]] = k;
    for (int kind = 0; at != NULL && kind < AL_TERM_NKINDS; kind++)
        for (uint32_t n = 0; n < state->bound.n[kind]; n++)
            check_term(c, state, space, at, kind, &state->bound.terms[kind][n], rank);
    free(at);
}

static void add_atoms(const chains *c, al_space *space, const al_comm *comm)
{
    for (uint32_t k = 0; k < c->length * c->nchains; k++) {
        al_atom atom = {.id = k};
        memcpy(atom.x, c->x[0][k], sizeof atom.x);
        if (comm->rank == (c->are_at_first ? 0 : (int)(k / c->length % (uint32_t)comm->size)))
            (void)!al_space_add(space, &atom, 1, NULL);
    }
}

static void move_on(const chains *c, int turn, const al_space *space)
{
    for (uint32_t k = 0; k < space->nhome; k++)
        for (unsigned d = 0; d < 3; d++) {
            uint64_t id = space->atoms.id[k];
            space->x[al_block_at(space->places[k], d)] += c->x[turn + 1][id][d] - c->x[turn][id][d];
        }
}

static void run_rank(al_comm *comm, void *arg)
{
    const chains *c = arg;
    al_space space;
    allot_error err = {.text = ""};
    rank_state state = {.turn = 0};
    al_space_opts opts = {.comm = comm,
                          .reach = c->reach,
                          .near = c->reach * 0.95,
                          .density = c->length * c->nchains / (c->box[0] * c->box[1] * c->box[2]),
                          .is_double = c->is_double,
                          .kernels = al_kernels_find(NULL),
                          .nthreads = c->nthreads,
                          .placed = find_terms,
                          .placed_arg = &state};
    memcpy(opts.box, c->box, sizeof opts.box);
    memcpy(opts.tilt, c->tilt, sizeof opts.tilt);
    memcpy(opts.grid, c->grid, sizeof opts.grid);
    if (c->are_pairs)
        opts.groups = (al_groups){leader_of, c};
    uint64_t ids[ATOMS_MOST];
    double at[3 * ATOMS_MOST];
    memcpy(at, c->reference, sizeof at);
    for (uint64_t k = 0; k < ATOMS_MOST; k++)
        ids[k] = k;
    const al_reference reference = {.natoms = c->topology.natoms, .ids = ids, .at = at};
    if (al_bound_open(&state.bound, &c->topology, &reference, AL_TERM_COULOMB, c->nthreads, &err) !=
            ALLOT_OK ||
        al_space_open(&space, &opts, &err) != ALLOT_OK)
        ranks_give_up(err.text);
    add_atoms(c, &space, comm);
    for (state.turn = 0; state.turn < TURNS; state.turn++) {
        codes[comm->rank] = al_space_rebuild(&space, state.turn == 1, &err);
        if (codes[comm->rank] == ALLOT_OK)
            codes[comm->rank] = al_bound_check(&state.bound, comm, c->reach, &err);
        if (codes[comm->rank] != ALLOT_OK)
            break; /* all ranks do */
        check_terms(c, &state, &space, comm->rank);
        if (state.turn + 1 < TURNS)
            move_on(c, state.turn, &space);
    }
    if (codes[comm->rank] != ALLOT_OK)
        (void)snprintf(why[comm->rank], sizeof why[comm->rank], "%s", err.text);
    al_bound_close(&state.bound);
    al_locals_fini(&state.locals);
    al_space_close(&space);
}

static int run_chains(chains *c)
{
    int size = c->grid[0] * c->grid[1] * c->grid[2];
    memset(found, 0, sizeof found);
    memset(why, 0, sizeof why);
    ranks_run(size, run_rank, c);
    return size;
}

/* ---- tests ----------------------------------------------------------------------------------------------
 */

static void each_term_is_found_once(void **state)
{
    (void)state;
    for (uint64_t k = 0, rounds = prop_rounds(300); k < rounds; k++) {
        prop_begin(k);
        random_chains(&the_chains);
        const chains *c = &the_chains;
        int size = run_chains(&the_chains);
        for (int rank = 0; rank < size; rank++)
            if (why[rank][0] != '\0')
                fail_msg("PROP_SEED=%llu: rank %d of %dx%dx%d, box %g %g %g, tilt %g %g %g, reach %g: %s",
                         (unsigned long long)prop_seed, rank, c->grid[0], c->grid[1], c->grid[2], c->box[0],
                         c->box[1], c->box[2], c->tilt[0], c->tilt[1], c->tilt[2], c->reach, why[rank]);
        for (uint32_t chain = 0; chain < c->nchains; chain++)
            for (uint32_t term = 0; term < c->topology.nparams; term++)
                prop_require(found[chain][term] == TURNS);
    }
}

/** Two chains in a box that is cut in `grid`, and the last atom of the second moved by `by` along x. */
static int run_torn(const int grid[3], double by)
{
    prop_begin(1);
    the_chains = (chains){.box = {4, 4, 4}, .reach = 1, .length = 3, .nchains = 2, .nthreads = 1};
    al_lattice_init(&the_chains.lattice, the_chains.box, the_chains.tilt);
    memcpy(the_chains.grid, grid, sizeof the_chains.grid);
    describe(&the_chains);
    for (int turn = 0; turn < TURNS; turn++)
        for (uint32_t k = 0; k < 6; k++) {
            the_chains.x[turn][k][0] = 0.9 + 0.1 * k + (k == 5 ? by : 0);
            the_chains.x[turn][k][1] = the_chains.x[turn][k][2] = 0.5;
            memcpy(&the_chains.reference[3 * k], the_chains.x[turn][k], sizeof the_chains.x[turn][k]);
        }
    return run_chains(&the_chains);
}

static void torn_molecules_are_refused(void **state)
{
    (void)state;
    static const int grids[][3] = {{1, 1, 1}, {2, 1, 1}, {1, 2, 2}, {2, 2, 2}};
    for (size_t k = 0; k < sizeof grids / sizeof grids[0]; k++) {
        int size = run_torn(grids[k], 0);
        for (int rank = 0; rank < size; rank++)
            assert_string_equal(why[rank], "");
        size = run_torn(grids[k], 2);
        for (int rank = 0; rank < size; rank++) { /* on all of them */
            assert_int_equal(codes[rank], ALLOT_ERANGE);
            assert_string_equal(why[rank], "of 4 bonds, 1 have atoms that are 1 nm or more apart: a molecule "
                                           "is torn, or longer than the box");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_term_is_found_once),
        cmocka_unit_test(torn_molecules_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
