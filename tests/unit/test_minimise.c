/* test_minimise.c - down to minima that are known, and along paths that neither lists nor threads may change.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "md/gather.h"
#include "md/minimise.h"
#include "md/read/top.h"
#include "md/start.h"

/** A number from -1 to 1. */
static double any(uint64_t n)
{
    uint64_t state = (n + 1) * UINT64_C(0x9e3779b97f4a7c15);
    state = (state ^ state >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    return (double)((state ^ state >> 27) >> 11) * 0x1p-52 - 1;
}

static al_md_opts opts_of(double edge, double cutoff, double skin, double density)
{
    return (al_md_opts){.space = {.comm = al_comm_serial(),
                                  .box = {edge, edge, edge},
                                  .grid = {1, 1, 1},
                                  .reach = cutoff + skin,
                                  .near = cutoff + 0.4 * skin,
                                  .density = density,
                                  .masses = {.same = 1},
                                  .is_double = true,
                                  .kernels = al_kernels_find(NULL),
                                  .nthreads = 1},
                        .pairs = {.c6 = 4, .c12 = 4, .lj_cutoff = cutoff, .is_shifted = false},
                        .dt = 1,
                        .is_minimised = true,
                        .units = &al_units_reduced};
}

static al_atom *gather(const al_md *md)
{
    al_atom *atoms;
    assert_int_equal(al_md_gather(md, &atoms, NULL, NULL), ALLOT_OK);
    return atoms;
}

/* ---- thirteen atoms -------------------------------------------------------------------------------------
 */

enum { CLUSTER = 13 };

/** An icosahedron and its middle, out of shape, about the corner of the box. */
static void add_cluster(al_md *md, double radius, double astray)
{
    const double golden = (1 + sqrt(5)) / 2, by = radius / sqrt(1 + golden * golden);
    for (uint64_t k = 0; k < CLUSTER; k++) {
        al_atom atom = {.id = k};
        if (k < 12) {
            atom.x[k / 4] = k & 1 ? by : -by;
            atom.x[(k / 4 + 1) % 3] = k & 2 ? golden * by : -golden * by;
        }
        for (uint64_t d = 0; d < 3; d++)
            atom.x[d] += astray * any(3 * k + d);
        assert_true(al_space_claim(&md->space, atom.x));
        assert_int_equal(al_space_add(&md->space, &atom, 1, NULL), ALLOT_OK);
    }
}

/** The lowest energy of 13 Lennard-Jones atoms: Hoare and Pal, Adv. Phys. 20, 161, 1971; digits of the
 * Cambridge Cluster Database. */
static const double lowest = -44.326801;

static void go_down(const al_md_opts *md_opts, const al_minimise_opts *opts, double astray, al_minimum *now)
{
    al_md *md = calloc(1, sizeof *md);
    assert_non_null(md);
    assert_int_equal(al_md_open(md, md_opts, NULL), ALLOT_OK);
    add_cluster(md, 1.08, astray);
    assert_int_equal(al_md_start(md, 0, NULL), ALLOT_OK);
    assert_int_equal(al_minimise(md, opts, now, NULL), ALLOT_OK);
    al_md_close(md);
    free(md);
}

static void l_bfgs_finds_the_icosahedron_to_the_last_digits(void **state)
{
    (void)state;
    al_md_opts md_opts = opts_of(12, 4, 0.5, 0.01);
    for (uint32_t n = 1; n <= 12; n += 11) {
        al_minimum now;
        go_down(&md_opts,
                &(al_minimise_opts){
                    .method = AL_LBFGS, .tolerance = 1e-6, .step = 0.02, .nsteps = 300, .ncorrections = n},
                0.15, &now);
        assert_int_equal(now.end, AL_MINIMUM_CONVERGED);
        assert_true(now.fmax < 1e-6 && now.rms <= now.fmax && now.rms > 0);
        assert_true(fabs(now.thermo.potential - lowest) < 1e-6);
        assert_true(now.step > 5 && now.step < (n == 1 ? 100 : 50));
        assert_int_equal(now.thermo.step, now.step);
    }
}

static void steepest_descent_finds_it_too(void **state)
{
    (void)state;
    al_md_opts md_opts = opts_of(12, 4, 0.5, 0.01);
    al_minimum now;
    go_down(&md_opts, &(al_minimise_opts){.tolerance = 1e-3, .step = 0.02, .nsteps = 1000}, 0.15, &now);
    assert_int_equal(now.end, AL_MINIMUM_CONVERGED);
    assert_true(now.fmax < 1e-3 && fabs(now.thermo.potential - lowest) < 1e-5);
}

static void a_minimisation_says_why_it_is_over(void **state)
{
    (void)state;
    al_md_opts md_opts = opts_of(12, 4, 0.5, 0.01);
    volatile sig_atomic_t stop = 1;
    al_minimum now;
    for (int method = AL_STEEPEST_DESCENT; method <= AL_LBFGS; method++) {
        al_minimise_opts opts = {
            .method = (al_minimiser)method, .step = 0.02, .nsteps = 7, .ncorrections = 5};
        md_opts.stop = NULL;
        go_down(&md_opts, &opts, 0.15, &now);
        assert_int_equal(now.end, AL_MINIMUM_STEPS);
        assert_int_equal(now.step, 7);
        opts.nsteps = 0;
        go_down(&md_opts, &opts, 0.15, &now);
        assert_int_equal(now.end, AL_MINIMUM_STEPS);
        assert_int_equal(now.step, 0);
        assert_true(now.thermo.potential > lowest + 1 && now.fmax > 1);
        opts.nsteps = 100000;
        go_down(&md_opts, &opts, 0.15, &now);
        assert_int_equal(now.end, AL_MINIMUM_PRECISION);
        assert_true(now.fmax < 1e-5 && fabs(now.thermo.potential - lowest) < 1e-6);
        md_opts.stop = &stop;
        go_down(&md_opts, &opts, 0.15, &now);
        assert_int_equal(now.end, AL_MINIMUM_STOPPED);
        assert_int_equal(now.step, 0);
    }
}

/* ---- steps of steepest descent --------------------------------------------------------------------------
 */

typedef struct path {
    al_md *md;
    double potential[200], fmax[200], length[200];
    uint64_t atom[200], n;
    double x[3]; /* of the atom 0, as it was told */
    bool fails;
} path;

static allot_err note(void *arg, const al_minimum *now, allot_error *err)
{
    (void)err;
    path *p = arg;
    assert_int_equal(now->step, p->n);
    assert_int_equal(p->md->step, p->n);
    p->potential[p->n] = now->thermo.potential;
    p->fmax[p->n] = now->fmax;
    p->atom[p->n] = now->atom;
    p->length[p->n++] = now->length;
    al_atom *atoms;
    double *forces, most = 0;
    assert_int_equal(al_md_gather(p->md, &atoms, &forces, NULL), ALLOT_OK);
    memcpy(p->x, atoms[0].x, sizeof p->x);
    for (uint64_t k = 0; k < p->md->natoms; k++) {
        const double *f = &forces[3 * k];
        most = fmax(most, sqrt(f[0] * f[0] + f[1] * f[1] + f[2] * f[2]));
        assert_true(atoms[k].v[0] == 0 && atoms[k].v[1] == 0 && atoms[k].v[2] == 0);
    }
    assert_true(fabs(most / now->fmax - 1) < 1e-12); /* md has the forces of what is told */
    free(atoms);
    free(forces);
    return p->fails ? ALLOT_EIO : ALLOT_OK;
}

/** Two atoms: energy, force and all tries by hand. */
static void steps_grow_by_a_fifth_and_are_halved(void **state)
{
    (void)state;
    path p = {.n = 0};
    al_md md;
    al_md_opts md_opts = opts_of(12, 4, 0.5, 0.01);
    al_minimum now;
    assert_int_equal(al_md_open(&md, &md_opts, NULL), ALLOT_OK);
    for (uint64_t k = 0; k < 2; k++) {
        al_atom atom = {.id = k, .x = {6 + (k == 1 ? 1.3 : 0), 6, 6}};
        assert_int_equal(al_space_add(&md.space, &atom, 1, NULL), ALLOT_OK);
    }
    assert_int_equal(al_md_start(&md, 0, NULL), ALLOT_OK);
    p.md = &md;
    assert_int_equal(al_minimise(&md,
                                 &(al_minimise_opts){.step = 0.05, .nsteps = 20, .tell = note, .arg = &p},
                                 &now, NULL),
                     ALLOT_OK);
    assert_int_equal(p.n, 21);
    double r = 1.3, length = 0.05, energy = 4 * (pow(r, -12) - pow(r, -6));
    int nhalved = 0;
    for (int k = 1; k <= 20; k++) {
        double force = 24 * (2 * pow(r, -13) - pow(r, -7));
        double next = r + 2 * length * (force > 0 ? 1 : -1);
        double tried = 4 * (pow(next, -12) - pow(next, -6));
        bool is_lower = tried < energy;
        length *= is_lower ? 1.2 : 0.5;
        r = is_lower ? next : r;
        energy = is_lower ? tried : energy;
        nhalved += !is_lower;
        assert_true(fabs(p.potential[k] - energy) < 1e-12);
        assert_true(fabs(p.length[k] / length - 1) < 1e-12);
        assert_true(fabs(p.fmax[k] - fabs(24 * (2 * pow(r, -13) - pow(r, -7)))) < 1e-10);
        assert_true(p.atom[k] < 2);
    }
    assert_true(nhalved > 3 && nhalved < 15);
    assert_true(fabs(p.x[0] - (6.65 - r / 2)) < 1e-12);
    al_md_close(&md);
}

/** A first try that is far too short is made longer, until forces along the way have changed, but never
 * beyond ten times what was asked for. */
static void l_bfgs_goes_as_far_as_it_may(void **state)
{
    (void)state;
    static path p;
    const double step = 1e-3;
    al_md md;
    al_md_opts md_opts = opts_of(12, 4, 0.5, 0.01);
    al_minimum now;
    assert_int_equal(al_md_open(&md, &md_opts, NULL), ALLOT_OK);
    add_cluster(&md, 1.3, 0.1);
    assert_int_equal(al_md_start(&md, 0, NULL), ALLOT_OK);
    p = (path){.md = &md};
    const al_minimise_opts opts = {
        .method = AL_LBFGS, .step = step, .nsteps = 20, .ncorrections = 5, .tell = note, .arg = &p};
    assert_int_equal(al_minimise(&md, &opts, &now, NULL), ALLOT_OK);
    assert_int_equal(p.n, 21);
    int nfarthest = 0;
    for (int k = 1; k <= 20; k++) {
        assert_true(p.length[k] <= 10 * step * (1 + 1e-9));
        nfarthest += p.length[k] > 9.9 * step;
    }
    assert_true(p.length[1] > 3.9 * step && nfarthest > 5);
    al_md_close(&md);
}

static void what_a_listener_says_ends_it(void **state)
{
    (void)state;
    path p = {.fails = true};
    al_md md;
    al_md_opts md_opts = opts_of(12, 4, 0.5, 0.01);
    al_minimum now;
    assert_int_equal(al_md_open(&md, &md_opts, NULL), ALLOT_OK);
    add_cluster(&md, 1.08, 0.1);
    assert_int_equal(al_md_start(&md, 0, NULL), ALLOT_OK);
    p.md = &md;
    assert_int_equal(al_minimise(&md,
                                 &(al_minimise_opts){.step = 0.05, .nsteps = 20, .tell = note, .arg = &p},
                                 &now, NULL),
                     ALLOT_EIO);
    assert_int_equal(p.n, 1);
    al_md_close(&md);
}

/* ---- lists ----------------------------------------------------------------------------------------------
 */

enum { NATOMS = 500, STEPS = 60 };

/** A crystal out of shape, downhill. @return how many lists it took */
static uint64_t walk(al_minimiser method, double skin, double near_skin, uint32_t nthreads, path *p,
                     al_atom **atoms)
{
    const double density = 0.8442, edge = al_start_edge(NATOMS, density);
    al_md md;
    al_md_opts md_opts = opts_of(edge, 2.5, skin, density);
    al_minimum now;
    md_opts.space.nthreads = nthreads;
    md_opts.space.near = 2.5 + near_skin;
    assert_int_equal(al_md_open(&md, &md_opts, NULL), ALLOT_OK);
    assert_int_equal(al_start_lattice(&md.space, NATOMS, edge, NULL), ALLOT_OK);
    al_atom *crystal = (al_atom *)(void *)md.space.migrants.records;
    for (uint64_t k = 0; k < NATOMS; k++)
        for (uint64_t d = 0; d < 3; d++)
            crystal[k].x[d] += 0.25 * any(3 * k + d);
    for (uint64_t k = 0; k < NATOMS; k++)
        assert_true(al_space_claim(&md.space, crystal[k].x));
    assert_int_equal(al_md_start(&md, 0, NULL), ALLOT_OK);
    *p = (path){.md = &md};
    assert_int_equal(
        al_minimise(
            &md,
            &(al_minimise_opts){
                .method = method, .step = 0.05, .nsteps = STEPS, .ncorrections = 8, .tell = note, .arg = p},
            &now, NULL),
        ALLOT_OK);
    uint64_t nlists = md.nlists;
    *atoms = gather(&md);
    al_md_close(&md);
    return nlists;
}

/** How far apart two places of a periodic box are in one direction. */
static double apart(double a, double b, double edge)
{
    return fabs(a - b - edge * rint((a - b) / edge));
}

static void neither_lists_nor_threads_change_the_path(void **state)
{
    (void)state;
    static path few, many;
    const double edge = al_start_edge(NATOMS, 0.8442);
    for (int method = AL_STEEPEST_DESCENT; method <= AL_LBFGS; method++) {
        al_atom *a, *b;
        uint64_t nlists = walk((al_minimiser)method, 0.6, 0.3, 1, &few, &a);
        for (int is_pruned = 0; is_pruned < 2; is_pruned++) {
            uint64_t nmore = walk((al_minimiser)method, is_pruned ? 0.6 : 0.04, 0.02, 2, &many, &b);
            assert_true(nlists < 10 && (is_pruned || nmore > 15));
            for (int k = 0; k <= STEPS; k++)
                assert_true(fabs(few.potential[k] / many.potential[k] - 1) < 1e-9);
            for (uint64_t k = 0; k < NATOMS; k++)
                for (int d = 0; d < 3; d++)
                    assert_true(apart(a[k].x[d], b[k].x[d], edge) < 1e-6);
            free(b);
        }
        for (int k = 1; k <= STEPS; k++)
            assert_true(few.potential[k] <= few.potential[k - 1] + 1e-9);
        assert_true(few.potential[STEPS] < few.potential[0] - 100);
        free(a);
    }
}

/* ---- lengths and places that stay -----------------------------------------------------------------------
 */

static const char molecules[] =
    "[ defaults ]\n1 2 no 1 1\n"
    "[ atomtypes ]\n"
    "OW 8 16.0 0 A 0.315061 0.636386\nHW 1 1.008 0 A 0 0\n"
    "C 6 12.0 0 A 0.34 0.36\nH 1 1.008 0 A 0.25 0.06\n"
    "[ moleculetype ]\nSOL 2\n"
    "[ atoms ]\n1 OW 1 SOL OW 1 -0.834 16\n2 HW 1 SOL HW1 1 0.417 1.008\n"
    "3 HW 1 SOL HW2 1 0.417 1.008\n"
    "[ settles ]\n1 1 0.09572 0.15139\n"
    "[ exclusions ]\n1 2 3\n2 1 3\n3 1 2\n"
    "[ moleculetype ]\nMET 3\n"
    "[ atoms ]\n1 C 1 MET C 1 -0.4 12\n2 H 1 MET H1 1 0.1 1.008\n"
    "3 H 1 MET H2 1 0.1 1.008\n4 H 1 MET H3 1 0.1 1.008\n5 H 1 MET H4 1 0.1 1.008\n"
    "[ constraints ]\n1 2 1 0.109\n1 3 1 0.109\n1 4 1 0.109\n1 5 1 0.109\n"
    "[ system ]\nwaters\n[ molecules ]\nSOL 27\nMET 27\n";

enum { EACH = 27, ALL = 8 * EACH };

/** Molecules on a lattice, each turned somehow. @param x  [3 ALL] */
static void place_molecules(double edge, double *x)
{
    static const double water[3][3] = {{0, 0, 0}, {0.09572, 0, 0}, {-0.023999, 0.092663, 0}};
    static const double s = 0.109 * 0.57735026918962576;
    static const double methane[5][3] = {{0, 0, 0}, {s, s, s}, {s, -s, -s}, {-s, s, -s}, {-s, -s, s}};
    for (int m = 0; m < 2 * EACH; m++) {
        int n = m < EACH ? 3 : 5, first = m < EACH ? 3 * m : 3 * EACH + 5 * (m - EACH);
        double at[3] = {m % 3, m / 3 % 3, m / 9}, angle = 3 * any((uint64_t)m), c = cos(angle),
               t = sin(angle);
        for (int k = 0; k < n; k++) {
            const double *y = m < EACH ? water[k] : methane[k];
            double turned[3] = {c * y[0] - t * y[1], c * (t * y[0] + c * y[1]) - t * y[2],
                                t * (t * y[0] + c * y[1]) + c * y[2]};
            for (int d = 0; d < 3; d++)
                x[3 * (first + k) + d] = edge * ((at[d] + 0.1) / (d == 2 ? 6 : 3)) + turned[d];
        }
    }
}

static void read_molecules(al_topology *topology)
{
    al_buffer warnings = {.at = NULL};
    const al_source_options from = {.nfolders = 0};
    allot_error err;
    if (al_top_parse(molecules, sizeof molecules - 1, "molecules", &from, topology, &warnings, &err) !=
        ALLOT_OK)
        fail_msg("%s", err.text);
    al_buffer_fini(&warnings);
}

static const double box_edge = 1.4;

/** @return opts with a field; masses are even */
static al_md_opts molecule_opts(const al_topology *topology)
{
    al_md_opts md_opts = opts_of(box_edge, 0.5, 0.1, ALL / pow(box_edge, 3));
    md_opts.pairs = (al_pair_params){.lj = AL_PAIR_LJ_CUT,
                                     .is_shifted = true,
                                     .lj_cutoff = 0.5,
                                     .types = AL_PAIR_LORENTZ,
                                     .ntypes = topology->ntypes,
                                     .c6s = topology->c6,
                                     .c12s = topology->c12,
                                     .coulomb = AL_PAIR_REACTION_FIELD,
                                     .coulomb_cutoff = 0.5};
    al_pair_set_reaction_field(&md_opts.pairs, 0);
    md_opts.field = (al_field_opts){.topology = topology, .coulomb = 138.935458};
    md_opts.units = &al_units_real;
    return md_opts;
}

static void add_molecules(al_md *md)
{
    double x[3 * ALL];
    al_atom atoms[ALL];
    place_molecules(box_edge, x);
    for (uint64_t k = 0; k < ALL; k++) {
        atoms[k] = (al_atom){.id = k};
        memcpy(atoms[k].x, &x[3 * k], sizeof atoms[k].x);
    }
    assert_int_equal(al_space_add(&md->space, atoms, ALL, NULL), ALLOT_OK);
}

static double distance(const al_atom *a, const al_atom *b)
{
    double sum = 0;
    for (int d = 0; d < 3; d++)
        sum += pow(apart(a->x[d], b->x[d], box_edge), 2);
    return sqrt(sum);
}

/** How much of the difference of two forces is along what is between their atoms. */
static double along(const al_atom *atoms, const double *forces, int a, int b)
{
    double sum = 0;
    for (int d = 0; d < 3; d++) {
        double way = atoms[a].x[d] - atoms[b].x[d];
        way -= box_edge * rint(way / box_edge);
        sum += way * (forces[3 * a + d] - forces[3 * b + d]);
    }
    return fabs(sum) / distance(&atoms[a], &atoms[b]);
}

static void lengths_stay(void **state)
{
    (void)state;
    al_topology topology;
    al_md md;
    al_minimum first, now;
    read_molecules(&topology);
    al_minimise_even_masses(&topology);
    const al_md_opts md_opts = molecule_opts(&topology);
    assert_int_equal(al_md_open(&md, &md_opts, NULL), ALLOT_OK);
    add_molecules(&md);
    assert_int_equal(al_md_start(&md, 0, NULL), ALLOT_OK);
    assert_int_equal(al_minimise(&md, &(al_minimise_opts){.step = 0.01}, &first, NULL), ALLOT_OK);
    const al_minimise_opts opts = {.tolerance = 5, .step = 0.01, .nsteps = 1000};
    assert_int_equal(al_minimise(&md, &opts, &now, NULL), ALLOT_OK);
    assert_true(now.thermo.potential < first.thermo.potential - 500 && now.fmax < 0.05 * first.fmax);
    assert_true(md.nlists > 3);
    al_atom *atoms;
    double *forces;
    assert_int_equal(al_md_gather(&md, &atoms, &forces, NULL), ALLOT_OK);
    for (int m = 0; m < EACH; m++) { /* forces do not pull at them either */
        int o = 3 * m, c = 3 * EACH + 5 * m;
        assert_true(along(atoms, forces, o, o + 1) < 1e-6 && along(atoms, forces, o + 1, o + 2) < 1e-6);
        for (int k = 1; k < 5; k++)
            assert_true(along(atoms, forces, c, c + k) < 1e-6);
    }
    free(forces);
    for (int m = 0; m < EACH; m++) {
        const al_atom *water = &atoms[3 * m], *methane = &atoms[3 * EACH + 5 * m];
        assert_true(fabs(distance(&water[0], &water[1]) - 0.09572) < 1e-9);
        assert_true(fabs(distance(&water[0], &water[2]) - 0.09572) < 1e-9);
        assert_true(fabs(distance(&water[1], &water[2]) - 0.15139) < 1e-9);
        for (int k = 1; k < 5; k++)
            assert_true(fabs(distance(&methane[0], &methane[k]) - 0.109) < 1e-9);
    }
    free(atoms);
    allot_error err;
    assert_int_equal(al_minimise(&md, &(al_minimise_opts){.method = AL_LBFGS, .ncorrections = 5}, &now, &err),
                     ALLOT_EUNSUPPORTED);
    assert_non_null(strstr(err.text, "constraints"));
    al_md_close(&md);
    al_topology_fini(&topology);
}

static double some_are_heavy(const void *arg, uint64_t id)
{
    (void)arg;
    return id % 3 == 0 ? 0 : 1;
}

static void atoms_without_a_mass_stay_where_they_are(void **state)
{
    (void)state;
    for (int method = AL_STEEPEST_DESCENT; method <= AL_LBFGS; method++) {
        al_md md;
        al_md_opts md_opts = opts_of(12, 4, 0.5, 0.01);
        al_minimum now;
        md_opts.space.masses = (al_masses){.of = some_are_heavy};
        assert_int_equal(al_md_open(&md, &md_opts, NULL), ALLOT_OK);
        add_cluster(&md, 1.08, 0.15);
        assert_int_equal(al_md_start(&md, 0, NULL), ALLOT_OK);
        al_atom *before = gather(&md);
        const al_minimise_opts opts = {.method = (al_minimiser)method,
                                       .tolerance = 1e-2,
                                       .step = 0.02,
                                       .nsteps = 500,
                                       .ncorrections = 5};
        assert_int_equal(al_minimise(&md, &opts, &now, NULL), ALLOT_OK);
        assert_int_equal(now.end, AL_MINIMUM_CONVERGED); /* their forces do not count */
        assert_true(now.thermo.potential > lowest + 0.1);
        al_atom *after = gather(&md);
        for (uint64_t k = 0; k < CLUSTER; k++)
            assert_int_equal(memcmp(before[k].x, after[k].x, sizeof before[k].x) == 0, k % 3 == 0);
        free(before);
        free(after);
        al_md_close(&md);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(l_bfgs_finds_the_icosahedron_to_the_last_digits),
        cmocka_unit_test(steepest_descent_finds_it_too),
        cmocka_unit_test(a_minimisation_says_why_it_is_over),
        cmocka_unit_test(steps_grow_by_a_fifth_and_are_halved),
        cmocka_unit_test(l_bfgs_goes_as_far_as_it_may),
        cmocka_unit_test(what_a_listener_says_ends_it),
        cmocka_unit_test(neither_lists_nor_threads_change_the_path),
        cmocka_unit_test(lengths_stay),
        cmocka_unit_test(atoms_without_a_mass_stay_where_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
