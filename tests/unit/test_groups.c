/* test_groups.c - groups of atoms: put beside their leaders however they came, refused if they came apart; a
 * simulation goes the same way with them and without, and goes on with the same bits.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "md/gather.h"
#include "md/held.h"
#include "md/start.h"
#include "support/prop.h"

enum { NATOMS = 480, SIZE = 3 };

static const double edges[3] = {9, 10, 11};
static const double tilts[2][3] = {{0, 0, 0}, {4, -4.5, 5}};

static uint64_t first_of_three(const void *arg, uint64_t id)
{
    (void)arg;
    return id - id % SIZE;
}

static const al_groups threes = {first_of_three, NULL};

static al_domain domain_of(const al_lattice *lattice)
{
    static const int grid[3] = {1, 1, 1};
    al_domain domain;
    al_domain_of(edges, grid, 0, &domain);
    domain.lattice = al_lattice_is_skewed(lattice) ? lattice : NULL;
    return domain;
}

/** Molecules broken over faces are whole again, beside their leaders; those that were whole keep their bits.
 */
static void molecules_are_made_whole(void **state)
{
    (void)state;
    for (uint64_t k = 0; k < prop_rounds(300); k++) {
        prop_begin(k);
        al_lattice lattice;
        al_lattice_init(&lattice, edges, tilts[k % 2]);
        const al_domain domain = domain_of(&lattice);
        al_migrants atoms = {.nbytes = sizeof(al_atom)}, members = {.nbytes = sizeof(al_member)};
        double at[60][3], radius, most = 0;
        bool is_whole[60];
        assert_true(al_migrants_grow(&atoms, 60));
        al_atom *records = (al_atom *)(void *)atoms.records;
        for (uint32_t n = 0; n < 60; n++) {
            uint32_t slot = (n * 7) % 60; /* in another order */
            double r2 = 0;
            records[slot] = (al_atom){.id = 1000 + n + 2};
            for (int d = 0; d < 3; d++) {
                at[n][d] = records[slot].id % SIZE == 0
                               ? 12 * prop_unit() - 1
                               : at[n - records[slot].id % SIZE][d] + prop_unit() - 0.5;
                records[slot].x[d] = at[n][d];
                r2 += pow(at[n][d] - at[n - records[slot].id % SIZE][d], 2);
            }
            most = fmax(most, r2);
            is_whole[n] = prop_chance(2);
            for (int d = 0; d < 3 && !is_whole[n]; d++)
                al_domain_move(&domain, records[slot].x, d, (double)prop_below(5) - 2);
            if (records[slot].id % SIZE == 0)
                memcpy(records[slot].x, at[n], sizeof at[n]);
        }
        atoms.n = 60;
        assert_int_equal(al_groups_join(&threes, &domain, &atoms, &members, &radius, NULL), ALLOT_OK);
        assert_int_equal(members.n, 60);
        prop_require(fabs(radius - sqrt(most)) < 1e-12);
        for (uint32_t m = 0; m < 60; m++) {
            const al_member *member = &((const al_member *)(const void *)members.records)[m];
            uint32_t n = (uint32_t)member->atom.id - 1002;
            prop_require(memcmp(member->atom.x, at[n - member->atom.id % SIZE], sizeof at[n]) == 0);
            for (int d = 0; d < 3; d++)
                prop_require(is_whole[n] ? member->x[d] == at[n][d]
                                         : fabs(member->x[d] - at[n][d]) < 1e-13 * 50);
        }
        atoms.n = 0; /* the last is left without its leader, which comes before it */
        for (uint32_t m = 0; m < 60; m++)
            if (records[m].id == 1060)
                records[atoms.n++] = records[m];
        allot_error err;
        assert_int_equal(al_groups_join(&threes, &domain, &atoms, &members, &radius, &err), ALLOT_ERANGE);
        assert_string_equal(err.text, "atom 1061 is not where atom 1060 is, which it goes with");
        al_migrants_fini(&atoms);
        al_migrants_fini(&members);
    }
}

/** A leader's own place is its group's place to the last bit, also where rounding puts it at the end of the
 * box. */
static void leaders_stay_themselves(void **state)
{
    (void)state;
    static const double places[] = {-1e-30, 9, -8.9, 9 + 1e-9, -31.7, 1000};
    for (size_t k = 0; k < sizeof places / sizeof places[0]; k++)
        for (int shape = 0; shape < 2; shape++) {
            al_lattice lattice;
            al_lattice_init(&lattice, edges, tilts[shape]);
            const al_domain domain = domain_of(&lattice);
            al_migrants members = {.nbytes = sizeof(al_member), .beside = offsetof(al_member, x)};
            assert_true(al_migrants_grow(&members, 1));
            al_member *member = (al_member *)(void *)members.records;
            *member = (al_member){.atom = {.x = {places[k], 1, 1}}, .x = {places[k], 1, 1}};
            members.n = 1;
            assert_int_equal(al_migrate(&members, al_comm_serial(), &domain, true, NULL), ALLOT_OK);
            assert_memory_equal(member->x, member->atom.x, sizeof member->x);
            assert_true(al_domain_has(&domain, member->x));
            al_migrants_fini(&members);
        }
}

/** A loose crystal along the vectors of a box; members of a group are neighbours. */
static al_md *md_of(int shape, const al_groups *groups, const al_atom *from)
{
    static const int cells[3] = {6, 8, 10};
    al_md *md = calloc(1, sizeof *md);
    al_md_opts opts = {.space = {.comm = al_comm_serial(),
                                 .grid = {1, 1, 1},
                                 .reach = 2.8,
                                 .near = 2.6,
                                 .density = NATOMS / (edges[0] * edges[1] * edges[2]),
                                 .masses = {.same = 1},
                                 .groups = *groups,
                                 .is_double = true,
                                 .kernels = al_kernels_find(NULL),
                                 .nthreads = 1},
                       .pairs = {.c6 = 4, .c12 = 4, .lj_cutoff = 2.5},
                       .dt = 0.004,
                       .units = &al_units_reduced};
    memcpy(opts.space.box, edges, sizeof edges);
    memcpy(opts.space.tilt, tilts[shape], sizeof edges);
    assert_non_null(md);
    assert_int_equal(al_md_open(md, &opts, NULL), ALLOT_OK);
    prop_begin(7);
    for (int k = 0; k < NATOMS; k++) {
        const int at[3] = {k / cells[2] / cells[1], k / cells[2] % cells[1], k % cells[2]};
        al_atom atom = {.id = (uint64_t)k};
        double u[3];
        for (int d = 0; d < 3; d++) {
            u[d] = (at[d] + 0.1 * prop_unit()) / cells[d] * edges[d] + (d == 2 ? 0.9 : 0); /* over a face */
            atom.v[d] = 3 * (prop_unit() - 0.5);
        }
        al_lattice_place(&md->space.lattice, u, atom.x);
        assert_int_equal(al_space_add(&md->space, from != NULL ? &from[k] : &atom, 1, NULL), ALLOT_OK);
    }
    assert_int_equal(al_md_start(md, 0, NULL), ALLOT_OK);
    return md;
}

static void end_md(al_md *md)
{
    al_md_close(md);
    free(md);
}

static al_atom *atoms_of(const al_md *md)
{
    al_atom *atoms;
    assert_int_equal(al_md_gather(md, &atoms, NULL, NULL), ALLOT_OK);
    return atoms;
}

static void groups_change_nothing(void **state)
{
    (void)state;
    static const al_groups none = {NULL, NULL};
    for (int shape = 0; shape < 2; shape++) {
        al_md *alone = md_of(shape, &none, NULL), *grouped = md_of(shape, &threes, NULL);
        assert_true(grouped->space.atoms.radius > 1 && alone->space.atoms.radius == 0);
        for (int turn = 0; turn < 5; turn++) {
            al_thermo a, b;
            assert_int_equal(al_md_advance(alone, 10, NULL), ALLOT_OK);
            assert_int_equal(al_md_advance(grouped, 10, NULL), ALLOT_OK);
            al_md_thermo(alone, &a);
            al_md_thermo(grouped, &b);
            assert_true(fabs(a.potential / b.potential - 1) < 1e-10 && fabs(a.total / b.total - 1) < 1e-10);
        }
        assert_true(grouped->nlists > 3);
        end_md(alone);
        end_md(grouped);
    }
}

/** What is gathered has groups whole, and is what a run goes on from with the same bits. */
static void groups_are_whole_in_files(void **state)
{
    (void)state;
    for (int shape = 0; shape < 2; shape++) {
        al_md *md = md_of(shape, &threes, NULL);
        int noutside = 0;
        assert_int_equal(al_md_advance(md, 35, NULL), ALLOT_OK);
        for (int turn = 0; turn < 2; turn++) { /* between two lists, and just after one */
            al_atom *atoms = atoms_of(md);
            for (int k = 0; k < NATOMS; k++) {
                double r2 = 0;
                for (int d = 0; d < 3; d++)
                    r2 += pow(atoms[k].x[d] - atoms[k - k % SIZE].x[d], 2);
                assert_true(r2 < 16);
                if (k % SIZE == 0)
                    assert_true(al_domain_has(&md->space.domain, atoms[k].x));
                noutside += !al_domain_has(&md->space.domain, atoms[k].x);
            }
            free(atoms);
            assert_int_equal(al_md_renew(md, NULL), ALLOT_OK);
        }
        assert_true(noutside > 20);
        al_atom *from = atoms_of(md);
        al_md *again = md_of(shape, &threes, from);
        assert_int_equal(al_md_advance(md, 30, NULL), ALLOT_OK);
        assert_int_equal(al_md_advance(again, 30, NULL), ALLOT_OK);
        al_atom *a = atoms_of(md), *b = atoms_of(again);
        assert_memory_equal(a, b, NATOMS * sizeof *a);
        free(a);
        free(b);
        free(from);
        end_md(md);
        end_md(again);
    }
}

/* ---- groups of a topology -------------------------------------------------------------------------------
 */

/** A molecule with terms: kind, and its atoms. */
static al_molecule molecule_of(uint32_t natoms, const int (*terms)[6], size_t n)
{
    al_molecule molecule = {.natoms = natoms, .atoms = calloc(natoms, sizeof *molecule.atoms)};
    for (size_t k = 0; k < n; k++) {
        int kind = terms[k][0];
        uint32_t count = molecule.nterms[kind]++;
        molecule.terms[kind] = realloc(molecule.terms[kind], (count + 1) * sizeof **molecule.terms);
        assert_non_null(molecule.terms[kind]);
        for (int a = 0; a < 5; a++)
            molecule.terms[kind][count].atom[a] = (uint32_t)terms[k][a + 1];
    }
    return molecule;
}

static void groups_of_a_topology(void **state)
{
    (void)state;
    static const int chain[][6] = {{AL_TERM_CONSTRAINT, 1, 0}, {AL_TERM_CONSTRAINT, 1, 2},
                                   {AL_TERM_CONSTRAINT, 5, 4}, {AL_TERM_BOND, 2, 4},
                                   {AL_TERM_CONSTRAINT, 6, 8}, {AL_TERM_CONSTRAINT, 8, 7},
                                   {AL_TERM_CONSTRAINT, 7, 6}, {AL_TERM_ANGLE, 0, 1, 3}};
    static const int water[][6] = {{AL_TERM_SETTLE, 0, 1, 2},
                                   {AL_TERM_VSITE3, 3, 0, 1, 2}}; /* of four places */
    static const uint64_t expected[] = {1,
                                        1,
                                        1,
                                        3,
                                        4,
                                        4,
                                        6,
                                        6,
                                        6,
                                        /* again: */ 10,
                                        10,
                                        10,
                                        12,
                                        13,
                                        13,
                                        15,
                                        15,
                                        15,
                                        18,
                                        18,
                                        18,
                                        18,
                                        /* again: */ 22,
                                        22,
                                        22,
                                        22,
                                        /* atoms alone: */ 26,
                                        27,
                                        28};
    al_topology topology = {.natoms = 29, .nmolecules = 3, .nrows = 3};
    topology.molecules = calloc(3, sizeof *topology.molecules);
    topology.rows = calloc(3, sizeof *topology.rows);
    assert_true(topology.molecules != NULL && topology.rows != NULL);
    topology.molecules[0] = molecule_of(1, NULL, 0);
    topology.molecules[1] = molecule_of(9, chain, sizeof chain / sizeof chain[0]);
    topology.molecules[2] = molecule_of(4, water, 2);
    topology.rows[0] = (al_molecule_row){.molecule = 1, .count = 2, .first_atom = 0};
    topology.rows[1] = (al_molecule_row){.molecule = 2, .count = 2, .first_atom = 18};
    topology.rows[2] = (al_molecule_row){.molecule = 0, .count = 3, .first_atom = 26};
    al_held held;
    assert_int_equal(al_held_find(&held, &topology, NULL), ALLOT_OK);
    const al_groups groups = al_held_groups(&held);
    assert_non_null(groups.leader);
    for (uint64_t id = 0; id < topology.natoms; id++)
        assert_int_equal(groups.leader(groups.arg, id), expected[id]);
    al_held_fini(&held);
    topology.nmolecules = 1; /* none are held */
    assert_int_equal(al_held_find(&held, &topology, NULL), ALLOT_OK);
    assert_null(al_held_groups(&held).leader);
    al_held_fini(&held);
    topology.nmolecules = 3;
    al_topology_fini(&topology);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(molecules_are_made_whole), cmocka_unit_test(leaders_stay_themselves),
        cmocka_unit_test(groups_change_nothing),    cmocka_unit_test(groups_are_whole_in_files),
        cmocka_unit_test(groups_of_a_topology),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
