/* test_comm.c - domains, migration and halos where they are at their ends: no atoms, one, all in a corner,
 * more ranks than atoms, atoms that are lost; and how much is sent. Ranks are threads.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>

#include "plan/domains.h"
#include "support/cut.h"
#include "support/ranks.h"

/* ---- domains --------------------------------------------------------------------------------------------
 */

static void domains_meet(void **state)
{
    (void)state;
    for (uint64_t k = 0; k < 20000; k++) {
        prop_begin(k);
        const double box[3] = {prop_log(1e-3, 1e5), 1, 1};
        const int grid[3] = {1 + (int)prop_below(100), 1, 1};
        al_domain one, next;
        al_domain_of(box, grid, 0, &one);
        prop_require(one.lo[0] == 0);
        for (int rank = 1; rank < grid[0]; rank++, one = next) {
            al_domain_of(box, grid, rank, &next);
            prop_require(next.lo[0] == one.hi[0] && next.below[0] == rank - 1 && one.above[0] == rank);
            prop_require(al_domain_index(&one, 0, next.lo[0]) == rank);
            prop_require(al_domain_index(&one, 0, nextafter(next.lo[0], 0)) == rank - 1);
        }
        prop_require(one.hi[0] == box[0] && one.above[0] == 0);
    }
}

static void coordinates_are_put_into_the_box(void **state)
{
    (void)state;
    assert_true(al_domain_wrap(-1e-30, 10) < 10);
    assert_true(al_domain_wrap(10, 10) == 0);
    assert_true(al_domain_wrap(-2.5, 10) == 7.5);
    assert_true(al_domain_wrap(3, 10) == 3);
    assert_true(al_domain_wrap(1e300, 10) >= 10);
}

/* ---- the ends -------------------------------------------------------------------------------------------
 */

static cut_case the_case;
static cut_report reports[RANKS_MOST];

static void check_one(al_comm *comm, void *arg)
{
    (void)arg;
    cut_check(&the_case, comm, &reports[comm->rank]);
}

/** n atoms of a kind in a box of 8 x 6 x 7, cut so. */
static void check_cut(int gx, int gy, int gz, uint32_t n, int kind, double reach)
{
    al_checksum expected, sum = {0};
    prop_begin(n);
    the_case =
        (cut_case){.box = {8, 6, 7}, .grid = {gx, gy, gz}, .reach = reach, .nthreads = 2, .is_double = true};
    cut_fill(&the_case, n, kind, 0);
    ranks_run(gx * gy * gz, check_one, NULL);
    cut_expect(&the_case, 2, &expected);
    for (int rank = 0; rank < gx * gy * gz; rank++) {
        assert_string_equal(reports[rank].why, "");
        sum.natoms += reports[rank].sums[2].natoms;
        sum.npairs += reports[rank].sums[2].npairs;
        sum.pairs += reports[rank].sums[2].pairs;
    }
    assert_int_equal(sum.natoms, n);
    assert_int_equal(sum.npairs, expected.npairs);
    assert_int_equal(sum.pairs, expected.pairs);
}

static void ranks_without_atoms(void **state)
{
    (void)state;
    for (uint32_t n = 0; n <= 2; n++) {
        check_cut(1, 1, 1, n, 0, 2);
        check_cut(2, 2, 2, n, 0, 2);
        check_cut(12, 1, 1, n, 0, 2);
    }
    check_cut(3, 2, 2, 5, 0, 2); /* fewer atoms than ranks */
}

static void all_in_one_corner(void **state)
{
    (void)state;
    check_cut(1, 1, 1, 200, 1, 2);
    check_cut(2, 2, 2, 200, 1, 2);
    check_cut(4, 1, 3, 200, 1, 1);
}

static void boxes_barely_longer_than_the_reach(void **state)
{
    (void)state;
    const double reach = nextafter(6, 0);
    check_cut(1, 1, 1, 60, 0, reach);
    check_cut(1, 2, 1, 60, 0, reach);
    check_cut(1, 4, 2, 60, 0, reach);
    check_cut(2, 2, 2, 60, 0, 6); /* and not longer */
    check_cut(1, 1, 1, 1, 0, 9);  /* one atom and its own images */
    check_cut(2, 1, 1, 1, 0, 9);
}

/* ---- atoms that are lost --------------------------------------------------------------------------------
 */

static double lost_x;
static allot_err lost_codes[RANKS_MOST];
static allot_error lost_errors[RANKS_MOST];

/** 32 atoms along x, given to the last rank with whole boxes between them; after the list was made one of
 * them goes to lost_x. */
static void lose_one(al_comm *comm, void *arg)
{
    al_space space;
    al_space_opts opts = {.comm = comm,
                          .box = {16, 4, 4},
                          .grid = {comm->size, 1, 1},
                          .reach = 1,
                          .near = 1,
                          .density = 0.1,
                          .kernels = al_kernels_find(NULL),
                          .nthreads = 1};
    allot_error *err = &lost_errors[comm->rank];
    (void)arg;
    lost_codes[comm->rank] = ALLOT_EIO;
    if (al_space_open(&space, &opts, err) == ALLOT_OK) {
        for (uint64_t k = 0; comm->rank == comm->size - 1 && k < 32; k++) {
            al_atom atom = {.x = {0.25 + (double)k / 2 + 16 * ((double)(k % 5) - 2), 1, 1}, .id = k};
            (void)!al_space_add(&space, &atom, 1, NULL);
        }
        if (al_space_rebuild(&space, false, err) == ALLOT_OK) {
            for (uint32_t k = 0; k < space.nhome; k++)
                if (space.atoms.id[k] == 5) /* at 2.75 */
                    space.x[al_block_at(space.places[k], 0)] = lost_x;
            lost_codes[comm->rank] = al_space_rebuild(&space, false, err);
        }
    }
    al_space_close(&space);
}

static void lost_atoms_are_named_by_all(void **state)
{
    (void)state;
    const struct {
        double x;
        int size;
        const char *text; /* NULL: not lost */
    } cases[] = {
        {3.9, 4, NULL},
        {7.9, 4, NULL},
        {-3.9, 4, NULL},
        {8.1, 4, "atom 6 moved by more than a domain at once, to (8.1 1 1)"},
        {-4.1, 4, "atom 6 moved by more than a domain at once, to (11.9 1 1)"},
        {1e300, 4, "atom 6 moved by more than a domain at once, to (1e+300 1 1)"},
        {40, 1, "atom 6 moved by more than a domain at once, to (24 1 1)"},
        {-40, 1, "atom 6 moved by more than a domain at once, to (-24 1 1)"},
        {HUGE_VAL, 4, "atom 6 is nowhere: its position is (inf 1 1)"},
        {-HUGE_VAL, 1, "atom 6 is nowhere: its position is (-inf 1 1)"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        lost_x = cases[k].x;
        ranks_run(cases[k].size, lose_one, NULL);
        for (int rank = 0; rank < cases[k].size; rank++) {
            assert_int_equal(lost_codes[rank], cases[k].text == NULL ? ALLOT_OK : ALLOT_ERANGE);
            if (cases[k].text != NULL)
                assert_string_equal(lost_errors[rank].text, cases[k].text);
        }
    }
    for (int size = 1; size <= 4; size += 3) {
        lost_x = NAN;
        ranks_run(size, lose_one, NULL);
        for (int rank = 0; rank < size; rank++) {
            assert_int_equal(lost_codes[rank], ALLOT_ERANGE);
            assert_non_null(strstr(lost_errors[rank].text, "atom 6 is nowhere: its position is ("));
        }
    }
}

/* ---- what is sent ---------------------------------------------------------------------------------------
 */

typedef struct traffic {
    double box[3], tilt[3], reach;
    int grid[3];
    bool has_cuts;
    uint32_t n;
    uint64_t nbytes[RANKS_MOST], nmessages[RANKS_MOST];
} traffic;

static void pack_nothing(void *arg, const al_halo_pulse *pulse, const uint32_t *names, uint32_t n, void *out)
{
    (void)arg, (void)pulse, (void)names;
    memset(out, 0, n * 12);
}

static void unpack_nothing(void *arg, const al_halo_pulse *pulse, const uint32_t *names, uint32_t n,
                           const void *in)
{
    (void)arg, (void)pulse, (void)names, (void)n, (void)in;
}

/** A step's halo: three floats there, three back. */
static void send_halo(al_comm *comm, void *arg)
{
    traffic *t = arg;
    al_halo halo = {.npulses = 0};
    al_halo_atoms atoms = {.n = 0};
    al_domain domain;
    al_cuts cuts = {.grid = {0, 0, 0}};
    al_lattice lattice;
    al_lattice_init(&lattice, t->box, t->tilt);
    al_domain_of(t->box, t->grid, comm->rank, &domain);
    if (t->has_cuts && al_cuts_init(&cuts, t->box, t->grid, NULL) == ALLOT_OK)
        al_cuts_domain(&cuts, comm->rank, &domain);
    domain.lattice = al_lattice_is_skewed(&lattice) ? &lattice : NULL;
    uint64_t state = 0;
    for (uint32_t k = 0; k < t->n; k++) {
        double x[3];
        bool is_home = true;
        for (int d = 0; d < 3; d++) {
            state = cut_mix(state);
            x[d] = t->box[d] * ((double)(state >> 11) * 0x1p-53);
            is_home = is_home && x[d] >= domain.lo[d] && x[d] < domain.hi[d];
        }
        if (!is_home || !al_halo_atoms_grow(&atoms, atoms.n + 1))
            continue;
        memcpy(&atoms.x[3 * (size_t)atoms.n], x, sizeof x);
        atoms.id[atoms.n] = k;
        atoms.zone[atoms.n++] = 0;
    }
    atoms.nhome = atoms.n;
    if (al_halo_build(&halo, comm, &domain, t->reach, &atoms, NULL) == ALLOT_OK) {
        al_halo_forward(&halo, comm, 12, pack_nothing, unpack_nothing, NULL);
        al_halo_reverse(&halo, comm, 12, pack_nothing, unpack_nothing, NULL);
    }
    t->nbytes[comm->rank] = halo.nbytes;
    t->nmessages[comm->rank] = halo.nmessages;
    al_halo_fini(&halo);
    al_halo_atoms_fini(&atoms);
    al_cuts_fini(&cuts);
}

/** What the planner says that is: what is within reach above a domain in the directions that are cut. */
static void foretell(const traffic *t, al_domains_plan *plan)
{
    const al_domains_costs costs = AL_DOMAINS_COSTS_INIT;
    al_domains_job job = {.reach = t->reach, .least = 1e-3, .natoms = t->n, .nranks = RANKS_MOST};
    al_lattice lattice;
    al_lattice_init(&lattice, t->box, t->tilt);
    if (al_lattice_is_skewed(&lattice))
        al_lattice_shares(&lattice, job.edges, &job.corner);
    for (int d = 0; d < 3; d++)
        job.box[d] = lattice.edge[d] * lattice.thick[d];
    al_domains_of(&job, &costs, t->grid, plan);
}

static void no_more_is_sent_than_must_be(void **state)
{
    (void)state;
    traffic cases[] = {
        {.box = {20, 20, 20}, .grid = {2, 1, 1}, .reach = 2.9},
        {.box = {20, 20, 20}, .grid = {1, 1, 3}, .reach = 2.9},
        {.box = {20, 20, 20}, .grid = {2, 2, 1}, .reach = 2.9},
        {.box = {20, 20, 20}, .grid = {1, 2, 2}, .reach = 2.9},
        {.box = {20, 20, 20}, .grid = {2, 2, 2}, .reach = 2.9},
        {.box = {40, 15, 12}, .grid = {4, 2, 1}, .reach = 2.5},
        {.box = {12, 40, 15}, .grid = {2, 4, 2}, .reach = 2.5},
        {.box = {20, 20, 20}, .grid = {2, 3, 2}, .reach = 8}, /* wider than a domain */
        {.box = {30, 20, 20}, .grid = {12, 1, 1}, .reach = 6},
        {.box = {20, 20, 20},
         .grid = {2, 2, 2},
         .reach = 2.9,
         .has_cuts = true}, /* all seven above by themselves */
        {.box = {30, 20, 20}, .grid = {3, 2, 2}, .reach = 2.9, .has_cuts = true},
        {.box = {20, 20, 14.142}, .tilt = {0, 10, 10}, .grid = {2, 1, 1}, .reach = 2.9}, /* a dodecahedron */
        {.box = {20, 20, 14.142}, .tilt = {0, 10, 10}, .grid = {2, 2, 2}, .reach = 2.9},
        {.box = {20, 20, 14.142}, .tilt = {0, 10, 10}, .grid = {2, 2, 2}, .reach = 2.9, .has_cuts = true},
        {.box = {24, 22.627, 19.596},
         .tilt = {8, -8, 11.314},
         .grid = {2, 2, 3},
         .reach = 2.9},                                                              /* an octahedron */
        {.box = {20, 18, 19}, .tilt = {10, -10, -9}, .grid = {1, 3, 2}, .reach = 7}, /* wider than a domain */
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        traffic *t = &cases[k];
        int size = t->grid[0] * t->grid[1] * t->grid[2];
        double nbytes = 0;
        al_domains_plan plan;
        t->n = 20000;
        ranks_run(size, send_halo, t);
        foretell(t, &plan);
        for (int rank = 0; rank < size; rank++) {
            nbytes += (double)t->nbytes[rank];
            assert_int_equal(t->nmessages[rank], t->has_cuts ? 14 : plan.nmessages);
        }
        if (!(fabs(nbytes / (plan.nbytes * size) - 1) < 0.03))
            fail_msg("case %zu: %g bytes a step, foretold are %g", k, nbytes, plan.nbytes * size);
    }
}

/* ---- the same work for all -------------------------------------------------------------------------------
 */

typedef struct droplet {
    int grid[3];
    bool is_hollow;
    double first, last; /* imbalance, by pairs */
    uint64_t npairs[2], nmessages;
} droplet;

enum { NDROPLET = 3000 };
static double droplet_x[NDROPLET][3];

/** A ball, full or hollow, in a corner of a box of 30. */
static void make_droplet(bool is_hollow)
{
    prop_begin(3);
    for (uint32_t k = 0; k < NDROPLET;) {
        double *x = droplet_x[k], r2 = 0;
        for (int d = 0; d < 3; d++) {
            x[d] = 14 * prop_unit();
            r2 += (x[d] - 7) * (x[d] - 7);
        }
        k += r2 < 49 && r2 > (is_hollow ? 36 : 0);
    }
}

static void balance_droplet(al_comm *comm, void *arg)
{
    droplet *it = arg;
    al_space space;
    al_checksum part;
    double imbalance = 0;
    const al_space_opts opts = {.comm = comm,
                                .box = {30, 30, 30},
                                .grid = {it->grid[0], it->grid[1], it->grid[2]},
                                .reach = 1.5,
                                .near = 1.5,
                                .density = 2,
                                .kernels = al_kernels_find(NULL),
                                .nthreads = 1};
    allot_err code = al_space_open(&space, &opts, NULL);
    for (uint32_t k = 0; comm->rank == 0 && k < NDROPLET; k++) {
        al_atom atom = {.x = {droplet_x[k][0], droplet_x[k][1], droplet_x[k][2]}, .id = k};
        (void)!al_space_add(&space, &atom, 1, NULL);
    }
    for (int turn = 0; turn <= 20 && code == ALLOT_OK; turn++) {
        code = al_space_rebuild(&space, false, NULL);
        if (code == ALLOT_OK)
            code = al_checksum_part(&space, &part, NULL);
        double npairs = (double)part.npairs;
        if (code == ALLOT_OK)
            code = al_space_balance(&space, npairs, &imbalance, NULL);
        comm->sum(comm, &npairs, 1);
        if (comm->rank == 0 && turn == 0)
            it->first = imbalance;
        if (comm->rank == 0)
            it->npairs[turn > 0] = (uint64_t)npairs;
    }
    if (comm->rank == 0)
        it->last = code == ALLOT_OK ? imbalance : HUGE_VAL;
    al_space_close(&space);
}

static void a_droplet_is_shared(void **state)
{
    (void)state;
    droplet cases[] = {{.grid = {2, 2, 2}},
                       {.grid = {4, 2, 1}},
                       {.grid = {1, 1, 6}},
                       {.grid = {3, 2, 2}},
                       {.grid = {2, 2, 2}, .is_hollow = true},
                       {.grid = {3, 4, 1}, .is_hollow = true}};
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        droplet *it = &cases[k];
        make_droplet(it->is_hollow);
        ranks_run(it->grid[0] * it->grid[1] * it->grid[2], balance_droplet, it);
        assert_int_equal(it->npairs[0], it->npairs[1]);
        assert_true(it->first > 2.5);
        assert_true(it->last < 1.1);
    }
}

/** Whatever loads are said to be, edges rise from 0 to the end of the box, and no domain is thinner than 0.5.
 */
static void balance_nonsense(al_comm *comm, void *arg)
{
    const double box[3] = {10, 8, 6};
    const int grid[3] = {4, 3, 1};
    al_cuts cuts;
    al_domain domain;
    double imbalance;
    bool *good = arg;
    uint64_t state = 7;
    bool fine = al_cuts_init(&cuts, box, grid, NULL) == ALLOT_OK;
    for (int turn = 0; fine && turn < 200; turn++) {
        double load = 0;
        for (int rank = 0; rank < comm->size; rank++) {
            state = cut_mix(state);
            if (rank == comm->rank)
                load = turn % 20 == 19 ? 0 : turn % 3 == 0 ? rank == 5 : (double)(state % 1000) * 1e6;
        }
        fine = al_cuts_balance(&cuts, comm, load, 0.5, &imbalance, NULL) == ALLOT_OK && imbalance >= 1;
        for (int rank = 0; rank < comm->size; rank++) {
            al_cuts_domain(&cuts, rank, &domain);
            for (int d = 0; d < 3; d++)
                fine = fine && domain.hi[d] - domain.lo[d] > 0.5 - 1e-12 &&
                       (domain.at[d] > 0 || domain.lo[d] == 0) &&
                       (domain.at[d] + 1 < grid[d] || domain.hi[d] == box[d]);
        }
    }
    good[comm->rank] = fine;
    al_cuts_fini(&cuts);
}

static void edges_keep_apart(void **state)
{
    (void)state;
    bool good[12] = {false};
    ranks_run(12, balance_nonsense, good);
    for (int rank = 0; rank < 12; rank++)
        assert_true(good[rank]);
}

/** What was saved is what is restored, and all of it counts. */
static void edges_come_back(void **state)
{
    (void)state;
    const double box[3] = {10, 8, 6};
    const int grid[3] = {3, 2, 2};
    enum { NEDGES = 4 + 3 * 3 + 6 * 3 };
    double saved[NEDGES], again[NEDGES];
    al_cuts cuts, back;
    assert_int_equal(al_cuts_nedges(grid), NEDGES);
    assert_int_equal(al_cuts_init(&cuts, box, grid, NULL), ALLOT_OK);
    for (int d = 0, n = 0; d < 3; d++)
        for (int row = 0; row < (d == 0 ? 1 : d == 1 ? 3 : 6); row++)
            for (int k = 1; k < grid[d]; k++, n++)
                cuts.edges[d][row * (grid[d] + 1) + k] += 0.01 * n;
    al_cuts_save(&cuts, saved);
    assert_true(al_cuts_are_sound(box, grid, saved, 2.5));
    assert_false(al_cuts_are_sound(box, grid, saved, 3.3)); /* some are thinner */
    assert_int_equal(al_cuts_restore(&back, box, grid, saved, NULL), ALLOT_OK);
    for (int rank = 0; rank < 12; rank++) {
        al_domain was, is;
        al_cuts_domain(&cuts, rank, &was);
        al_cuts_domain(&back, rank, &is);
        assert_memory_equal(was.lo, is.lo, sizeof was.lo);
        assert_memory_equal(was.hi, is.hi, sizeof was.hi);
    }
    al_cuts_save(&back, again);
    assert_memory_equal(saved, again, sizeof saved);
    for (int k = 0; k < NEDGES; k++) {
        const double bad[] = {NAN, -1, 100, k > 0 ? saved[k - 1] : 1};
        for (int n = 0; n < 4; n++) {
            memcpy(again, saved, sizeof saved);
            again[k] = bad[n];
            /* a row's end is also before the next one's beginning */
            if (memcmp(again, saved, sizeof saved) != 0)
                assert_false(al_cuts_are_sound(box, grid, again, 0));
        }
    }
    al_cuts_fini(&cuts);
    al_cuts_fini(&back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(domains_meet),
        cmocka_unit_test(coordinates_are_put_into_the_box),
        cmocka_unit_test(ranks_without_atoms),
        cmocka_unit_test(all_in_one_corner),
        cmocka_unit_test(boxes_barely_longer_than_the_reach),
        cmocka_unit_test(lost_atoms_are_named_by_all),
        cmocka_unit_test(no_more_is_sent_than_must_be),
        cmocka_unit_test(a_droplet_is_shared),
        cmocka_unit_test(edges_keep_apart),
        cmocka_unit_test(edges_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
