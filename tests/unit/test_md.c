/* test_md.c - whole simulations, small ones: against every pair tried, on several threads, in both
 * precisions.
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

#include "md/md.h"
#include "md/start.h"

enum { NATOMS = 500 };
#ifdef __SANITIZE_THREAD__
enum { LONG_RUN = 100 }; /* what is looked for there needs no thousand steps, which take a minute */
#else
enum { LONG_RUN = 1000 };
#endif

static const double density = 0.8442;

/** Of a melt of n atoms: `threads`, skin, and one of the two precisions. */
static al_md_opts melt_of(uint64_t n, uint32_t threads, double skin, double near_skin, bool is_double)
{
    double edge = al_start_edge(n, density);
    return (al_md_opts){.space = {.comm = al_comm_serial(),
                                  .box = {edge, edge, edge},
                                  .grid = {1, 1, 1},
                                  .reach = 2.5 + skin,
                                  .near = 2.5 + near_skin,
                                  .density = density,
                                  .masses = {.same = 1},
                                  .is_double = is_double,
                                  .kernels = al_kernels_find(NULL),
                                  .nthreads = threads},
                        .pairs = {.c6 = 4, .c12 = 4, .lj_cutoff = 2.5},
                        .dt = 0.005,
                        .units = &al_units_reduced};
}

/** A lattice of n atoms that begins to melt. */
static al_md *begin(const al_md_opts *opts, uint64_t n, double thermal)
{
    al_md *md = calloc(1, sizeof *md);
    assert_non_null(md);
    assert_int_equal(al_md_open(md, opts, NULL), ALLOT_OK);
    assert_int_equal(al_start_lattice(&md->space, n, opts->space.box[0], NULL), ALLOT_OK);
    al_start_velocities(&md->space, n, thermal, 1);
    assert_int_equal(al_md_start(md, 0, NULL), ALLOT_OK);
    return md;
}

static al_md *md_of(uint64_t n, uint32_t threads, double skin, double near_skin, bool is_double)
{
    const al_md_opts opts = melt_of(n, threads, skin, near_skin, is_double);
    return begin(&opts, n, 1.44);
}

static void end_md(al_md *md)
{
    al_md_close(md);
    free(md);
}

/** Atoms by number. */
static al_atom *atoms_of(const al_md *md)
{
    al_migrants found = {.nbytes = sizeof(al_atom)};
    al_atom *atoms = calloc(md->natoms, sizeof *atoms);
    assert_true(atoms != NULL && al_space_collect(&md->space, &found));
    assert_int_equal(found.n, md->natoms);
    for (uint32_t k = 0; k < found.n; k++)
        atoms[((al_atom *)(void *)found.records)[k].id] = ((al_atom *)(void *)found.records)[k];
    al_migrants_fini(&found);
    return atoms;
}

/** Energy and virial of all pairs of a periodic box, each by its nearest image. */
static void sum_all_pairs_in(const al_atom *atoms, size_t n, const double *box, double *energy,
                             double *virial)
{
    *energy = *virial = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++) {
            double r2 = 0;
            for (int d = 0; d < 3; d++) {
                double apart = atoms[i].x[d] - atoms[j].x[d];
                apart -= box[d] * rint(apart / box[d]);
                r2 += apart * apart;
            }
            if (r2 >= 6.25)
                continue;
            double inverse6 = 1 / (r2 * r2 * r2);
            *energy += 4 * inverse6 * (inverse6 - 1);
            *virial += 24 * inverse6 * (2 * inverse6 - 1);
        }
}

static void sum_all_pairs(const al_atom *atoms, size_t n, double edge, double *energy, double *virial)
{
    sum_all_pairs_in(atoms, n, (double[]){edge, edge, edge}, energy, virial);
}

/** Columns so long that what is near in them is searched for. */
static void energies_are_those_of_all_pairs_in_a_tall_box(void **state)
{
    (void)state;
    enum { WIDE = 6, HIGH = 100, N = WIDE * WIDE * HIGH };
    const double apart = cbrt(1 / density), box[] = {WIDE * apart, WIDE * apart, HIGH * apart};
    for (uint32_t nthreads = 1; nthreads <= 2; nthreads++) {
        al_md_opts opts = melt_of(N, nthreads, 0.4, 0.15, true);
        memcpy(opts.space.box, box, sizeof box);
        al_md *md = calloc(1, sizeof *md);
        al_thermo thermo;
        double energy, virial;
        assert_non_null(md);
        assert_int_equal(al_md_open(md, &opts, NULL), ALLOT_OK);
        for (uint64_t k = 0; k < N; k++) {
            al_atom atom = {.id = k,
                            .x = {(double)(k % WIDE) * apart, (double)(k / WIDE % WIDE) * apart,
                                  (double)(k / (WIDE * WIDE)) * apart}};
            assert_int_equal(al_space_add(&md->space, &atom, 1, NULL), ALLOT_OK);
        }
        al_start_velocities(&md->space, N, 1.44, 1);
        assert_int_equal(al_md_start(md, 0, NULL), ALLOT_OK);
        assert_int_equal(al_md_advance(md, 40, NULL), ALLOT_OK);
        assert_true(md->space.zones[0].nblocks > 33 * al_zone_ncolumns(&md->space.zones[0]));
        al_md_thermo(md, &thermo);
        al_atom *atoms = atoms_of(md);
        sum_all_pairs_in(atoms, N, box, &energy, &virial);
        assert_true(fabs(thermo.potential / energy - 1) < 1e-11);
        free(atoms);
        end_md(md);
    }
}

static void energies_are_those_of_all_pairs(void **state)
{
    (void)state;
    for (int is_double = 0; is_double < 2; is_double++) {
        al_md *md = md_of(NATOMS, 2, 0.3, 0.1, is_double != 0);
        for (int k = 0; k < 6; k++) {
            al_thermo thermo;
            double energy, virial;
            al_md_thermo(md, &thermo);
            al_atom *atoms = atoms_of(md);
            sum_all_pairs(atoms, NATOMS, md->opts.space.box[0], &energy, &virial);
            assert_true(fabs(thermo.potential / energy - 1) < (is_double ? 1e-12 : 1e-6));
            double pressure = (2 * thermo.kinetic + virial) / (3 * pow(md->opts.space.box[0], 3));
            assert_true(fabs(thermo.pressure - pressure) < (is_double ? 1e-11 : 1e-4));
            free(atoms);
            assert_int_equal(al_md_advance(md, 17, NULL), ALLOT_OK);
        }
        assert_true(md->nlists > 3 && md->nprunings > 3);
        end_md(md);
    }
}

static void sizes_that_do_not_fill_a_lattice_are_simulated_too(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {300, 301, 307, 499, 1031};
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        al_md *md = md_of(sizes[k], 1, 0.3, 0.1, true);
        double energy, virial;
        al_thermo thermo;
        assert_int_equal(md->natoms, sizes[k]);
        assert_int_equal(al_md_advance(md, 10, NULL), ALLOT_OK);
        al_md_thermo(md, &thermo);
        al_atom *atoms = atoms_of(md);
        sum_all_pairs(atoms, sizes[k], md->opts.space.box[0], &energy, &virial);
        assert_true(fabs(thermo.potential / energy - 1) < 1e-12);
        free(atoms);
        end_md(md);
    }
}

/** Neither how many threads there are nor how far lists reach changes more than rounding. */
static void the_cut_does_not_matter(void **state)
{
    (void)state;
    static const struct {
        uint32_t threads;
        double skin, near_skin;
    } cuts[] = {{1, 0.3, 0.3}, {2, 0.3, 0.1}, {3, 0.6, 0.1}, {7, 0.1, 0.05}};
    al_atom *first = NULL;
    for (size_t k = 0; k < sizeof cuts / sizeof cuts[0]; k++) {
        al_md *md = md_of(NATOMS, cuts[k].threads, cuts[k].skin, cuts[k].near_skin, true);
        assert_int_equal(al_md_advance(md, 50, NULL), ALLOT_OK);
        al_atom *atoms = atoms_of(md);
        for (size_t n = 0; n < NATOMS && first != NULL; n++)
            for (int d = 0; d < 3; d++) {
                double apart = atoms[n].x[d] - first[n].x[d];
                apart -= md->opts.space.box[d] * rint(apart / md->opts.space.box[d]);
                assert_true(fabs(apart) < 1e-10);
                assert_true(fabs(atoms[n].v[d] - first[n].v[d]) < 1e-9);
            }
        if (first == NULL)
            first = atoms;
        else
            free(atoms);
        end_md(md);
    }
    free(first);
}

/** The same steps in two calls or in one, with energies in between or not: the same bits. */
static void looking_does_not_change_anything(void **state)
{
    (void)state;
    al_md *once = md_of(NATOMS, 1, 0.3, 0.1, false), *often = md_of(NATOMS, 1, 0.3, 0.1, false);
    al_thermo thermo;
    assert_int_equal(al_md_advance(once, 60, NULL), ALLOT_OK);
    for (int k = 0; k < 60; k++) {
        assert_int_equal(al_md_advance(often, 1, NULL), ALLOT_OK);
        al_md_thermo(often, &thermo);
    }
    al_atom *a = atoms_of(once), *b = atoms_of(often);
    assert_memory_equal(a, b, NATOMS * sizeof *a);
    free(a);
    free(b);
    end_md(once);
    end_md(often);
}

/** Three kinds of atoms, by turns. */
static double mass_of(const void *arg, uint64_t id)
{
    const double *masses = arg;
    return masses[id % 3];
}

/** Of the whole, each atom's velocity by its mass. */
static void sum_momentum(const al_md *md, double sum[3])
{
    al_atom *atoms = atoms_of(md);
    sum[0] = sum[1] = sum[2] = 0;
    for (size_t n = 0; n < md->natoms; n++)
        for (int d = 0; d < 3; d++)
            sum[d] += al_mass_of(&md->opts.space.masses, n) * atoms[n].v[d];
    free(atoms);
}

static void momentum_and_energy_are_kept(void **state)
{
    (void)state;
    static const double masses[] = {0.5, 1, 4};
    for (int what = 0; what < 8; what++) {
        bool is_double = what & 1;
        al_md_opts opts = melt_of(NATOMS, 2, 0.4, 0.15, is_double);
        opts.integrator = what & 2 ? AL_LEAP_FROG : AL_VELOCITY_VERLET;
        opts.dt = what & 4 ? 0.003 : 0.005;
        if (what & 4)
            opts.space.masses = (al_masses){.of = mass_of, .arg = masses};
        al_md *md = begin(&opts, NATOMS, 1.44);
        assert_int_equal(al_md_advance(md, 200, NULL), ALLOT_OK); /* melt: from then on energy only wobbles */
        al_thermo before, after;
        double sum[3];
        al_md_thermo(md, &before);
        assert_int_equal(al_md_advance(md, LONG_RUN, NULL), ALLOT_OK);
        al_md_thermo(md, &after);
        assert_true(fabs(after.total / before.total - 1) < 2e-3); /* the cut-off is not smooth */
        sum_momentum(md, sum);
        for (int d = 0; d < 3; d++)
            assert_true(fabs(sum[d]) < (is_double ? 1e-9 : 1e-2));
        end_md(md);
    }
}

/* ---- masses, and how time goes on ----------------------------------------------------------------------
 */

static void assert_same_bits(const al_md *one, const al_md *other)
{
    al_atom *a = atoms_of(one), *b = atoms_of(other);
    assert_memory_equal(a, b, one->natoms * sizeof *a);
    free(a);
    free(b);
}

static void masses_that_are_given_one_by_one_are_those_that_are_the_same(void **state)
{
    (void)state;
    static const double masses[] = {3, 3, 3};
    for (int integrator = AL_VELOCITY_VERLET; integrator <= AL_LEAP_FROG; integrator++) {
        al_md_opts opts = melt_of(NATOMS, 2, 0.3, 0.1, false);
        opts.integrator = (al_integrator)integrator;
        opts.space.masses.same = 3;
        al_md *same = begin(&opts, NATOMS, 1.44);
        opts.space.masses = (al_masses){.of = mass_of, .arg = masses};
        al_md *each = begin(&opts, NATOMS, 1.44);
        al_thermo a, b;
        assert_int_equal(al_md_advance(same, 100, NULL), ALLOT_OK);
        assert_int_equal(al_md_advance(each, 100, NULL), ALLOT_OK);
        assert_same_bits(same, each);
        al_md_thermo(same, &a);
        al_md_thermo(each, &b);
        assert_memory_equal(&a, &b, sizeof a);
        assert_true(a.temperature > 0.5 && a.temperature < 1.5);
        end_md(same);
        end_md(each);
    }
}

static void velocities_are_drawn_by_mass_and_what_has_none_stays(void **state)
{
    (void)state;
    static const double masses[] = {0, 1, 9};
    al_md_opts opts = melt_of(NATOMS, 1, 0.3, 0.1, true);
    opts.space.masses = (al_masses){.of = mass_of, .arg = masses};
    opts.dt = 0.002;
    al_md *md = begin(&opts, NATOMS, 1.44);
    al_atom *before = atoms_of(md);
    double sums[3] = {0, 0, 0}, momentum[3];
    for (size_t n = 0; n < NATOMS; n++)
        for (int d = 0; d < 3; d++)
            sums[n % 3] += masses[n % 3] * before[n].v[d] * before[n].v[d] / NATOMS;
    assert_true(sums[0] == 0 && fabs(sums[1] - 1.44) < 0.2 && fabs(sums[2] - 1.44) < 0.2);
    sum_momentum(md, momentum);
    for (int d = 0; d < 3; d++)
        assert_true(fabs(momentum[d]) < 1e-11);
    assert_int_equal(al_md_advance(md, 50, NULL), ALLOT_OK);
    al_atom *after = atoms_of(md);
    for (size_t n = 0; n < NATOMS; n++)
        assert_int_equal(memcmp(after[n].x, before[n].x, sizeof after[n].x) == 0, n % 3 == 0);
    free(before);
    free(after);
    end_md(md);
}

/** Go back with velocities by half a step: from x and v of one time to what leap-frog begins with. */
static void step_back(al_md *md)
{
    const al_space *space = &md->space;
    for (size_t place = 0; place < (size_t)space->nhome_blocks * AL_BLOCK; place++)
        for (unsigned d = 0; d < 3; d++) {
            size_t at = al_block_at(place, d);
            space->v[at] -= md->opts.dt / 2 / md->opts.space.masses.same * ((const double *)space->fr)[at];
        }
}

/** With velocities half a step before, the same path; kinetic energy is then that of both sides' mean: more,
 * by that of half a kick. */
static void leap_frog_goes_where_velocity_verlet_goes(void **state)
{
    (void)state;
    al_md_opts opts = melt_of(NATOMS, 2, 0.3, 0.1, true);
    opts.space.masses.same = 2;
    al_md *verlet = begin(&opts, NATOMS, 1.44);
    opts.integrator = AL_LEAP_FROG;
    al_md *leap = begin(&opts, NATOMS, 1.44);
    step_back(leap);
    assert_int_equal(al_md_renew(leap, NULL), ALLOT_OK);
    for (int k = 0; k < 5; k++) {
        al_thermo a, b;
        double kick2 = 0;
        al_md_thermo(verlet, &a);
        al_md_thermo(leap, &b);
        assert_true(fabs(a.potential - b.potential) < 1e-9 * fabs(a.potential));
        for (size_t n = 0; n < (size_t)leap->space.nhome_blocks * AL_BLOCK_REALS; n++)
            kick2 += pow(opts.dt / 2 / 2 * ((const double *)leap->space.fr)[n], 2);
        assert_true(fabs(a.kinetic + 2 * kick2 / 2 - b.kinetic) < 1e-9 * a.kinetic);
        assert_true(k == 0 || kick2 > 1e-5 * a.kinetic); /* which is to be seen */
        assert_int_equal(al_md_advance(verlet, 20, NULL), ALLOT_OK);
        assert_int_equal(al_md_advance(leap, 20, NULL), ALLOT_OK);
    }
    al_atom *there = atoms_of(verlet), *here = atoms_of(leap);
    for (size_t n = 0; n < NATOMS; n++)
        for (int d = 0; d < 3; d++) {
            double apart = there[n].x[d] - here[n].x[d];
            assert_true(fabs(apart - opts.space.box[d] * rint(apart / opts.space.box[d])) < 1e-9);
        }
    free(there);
    free(here);
    end_md(verlet);
    end_md(leap);
}

/** From what is there at a step, in any order, the rest has the same bits as without an end there. */
static void leap_frog_goes_on_to_the_same_bits(void **state)
{
    (void)state;
    al_md_opts opts = melt_of(NATOMS, 2, 0.3, 0.1, false);
    opts.integrator = AL_LEAP_FROG;
    opts.still_every = 20;
    al_md *once = begin(&opts, NATOMS, 1.44), *again = calloc(1, sizeof *again);
    assert_non_null(again);
    assert_int_equal(al_md_advance(once, 40, NULL), ALLOT_OK);
    al_atom *atoms = atoms_of(once);
    assert_int_equal(al_md_renew(once, NULL), ALLOT_OK);
    assert_int_equal(al_md_open(again, &opts, NULL), ALLOT_OK);
    for (size_t n = NATOMS; n-- > 0;)
        assert_int_equal(al_space_add(&again->space, &atoms[n], 1, NULL), ALLOT_OK);
    assert_int_equal(al_md_start(again, 40, NULL), ALLOT_OK);
    assert_int_equal(al_md_advance(once, 50, NULL), ALLOT_OK);
    assert_int_equal(al_md_advance(again, 50, NULL), ALLOT_OK);
    assert_same_bits(once, again);
    free(atoms);
    end_md(once);
    end_md(again);
}

/** Atoms that all fly are still from the first step on, and stay so; what is between them is as it was. */
static void motion_of_the_whole_is_taken_out(void **state)
{
    (void)state;
    static const double masses[][3] = {{2, 1, 5}, {0, 1, 5}}; /* what does not move is not pushed either */
    for (int what = 0; what < 6; what++) {
        bool has_frozen = what >= 4;
        al_md_opts opts = melt_of(NATOMS, 2, 0.3, 0.1, true);
        opts.integrator = what & 1 ? AL_LEAP_FROG : AL_VELOCITY_VERLET;
        opts.dt = 0.002;
        if (what >= 2)
            opts.space.masses = (al_masses){.of = mass_of, .arg = masses[has_frozen]};
        al_md *quiet = begin(&opts, NATOMS, 1.44);
        opts.still_every = 10;
        al_md *md = begin(&opts, NATOMS, 1.44);
        for (size_t place = 0; place < (size_t)md->space.nhome_blocks * AL_BLOCK; place++)
            if (md->space.id[place] != AL_NO_ATOM && al_mass_of(&opts.space.masses, md->space.id[place]) > 0)
                md->space.v[al_block_at(place, 1)] += 3;
        assert_int_equal(al_md_advance(md, 25, NULL), ALLOT_OK);
        assert_int_equal(al_md_advance(quiet, 25, NULL), ALLOT_OK);
        al_thermo a, b;
        al_md_thermo(md, &a);
        al_md_thermo(quiet, &b);
        if (!has_frozen) /* otherwise some atoms hold the others back */
            assert_true(fabs(a.total / b.total - 1) < 1e-11 && fabs(a.kinetic / b.kinetic - 1) < 1e-9);
        al_atom *atoms = atoms_of(md);
        double sum[3];
        for (size_t n = 0; n < NATOMS && has_frozen; n += 3)
            assert_true(atoms[n].v[1] == 0);
        free(atoms);
        assert_int_equal(al_md_advance(md, 6, NULL), ALLOT_OK); /* since step 30 nothing but one step */
        sum_momentum(md, sum);
        for (int d = 0; d < 3 && !has_frozen; d++)
            assert_true(fabs(sum[d]) < 1e-10);
        end_md(md);
        end_md(quiet);
    }
}

/** Looking between steps changes nothing, whatever is taken out at them. */
static void looking_changes_nothing_for_either_integrator(void **state)
{
    (void)state;
    for (int integrator = AL_VELOCITY_VERLET; integrator <= AL_LEAP_FROG; integrator++) {
        al_md_opts opts = melt_of(NATOMS, 2, 0.3, 0.1, false);
        opts.integrator = (al_integrator)integrator;
        opts.still_every = 7;
        al_md *once = begin(&opts, NATOMS, 1.44), *often = begin(&opts, NATOMS, 1.44);
        assert_int_equal(al_md_advance(once, 45, NULL), ALLOT_OK);
        for (int k = 0; k < 45; k++)
            assert_int_equal(al_md_advance(often, 1, NULL), ALLOT_OK);
        assert_same_bits(once, often);
        end_md(once);
        end_md(often);
    }
}

/** Argon is the melt, in other units: each number is, times what its unit is. */
static void real_units_are_reduced_ones_times_argons(void **state)
{
    (void)state;
    const double sigma = 0.3405, epsilon = 0.99774, mass = 39.948, time = sigma * sqrt(mass / epsilon);
    al_md_opts opts = melt_of(NATOMS, 2, 0.3, 0.1, true);
    al_md *reduced = begin(&opts, NATOMS, 1.44);
    for (int d = 0; d < 3; d++)
        opts.space.box[d] *= sigma;
    opts.space.reach *= sigma;
    opts.space.near *= sigma;
    opts.space.density /= pow(sigma, 3);
    opts.space.masses.same = mass;
    opts.pairs.c6 = 4 * epsilon * pow(sigma, 6);
    opts.pairs.c12 = opts.pairs.c6 * pow(sigma, 6);
    opts.pairs.lj_cutoff *= sigma;
    opts.dt *= time;
    opts.units = &al_units_real;
    al_md *real = begin(&opts, NATOMS, 1.44 * epsilon);
    assert_int_equal(al_md_advance(reduced, 40, NULL), ALLOT_OK);
    assert_int_equal(al_md_advance(real, 40, NULL), ALLOT_OK);
    al_thermo a, b;
    al_md_thermo(reduced, &a);
    al_md_thermo(real, &b);
    assert_true(fabs(b.potential / (epsilon * a.potential) - 1) < 1e-10);
    assert_true(fabs(b.kinetic / (epsilon * a.kinetic) - 1) < 1e-10);
    assert_true(fabs(b.temperature * 0.00831446262 / (epsilon * a.temperature) - 1) < 1e-9); /* K */
    assert_true(fabs(b.pressure * 0.0602214076 * pow(sigma, 3) / (epsilon * a.pressure) - 1) <
                1e-9); /* bar */
    end_md(reduced);
    end_md(real);
}

static void a_blow_up_is_told(void **state)
{
    (void)state;
    al_md *md = md_of(NATOMS, 2, 0.3, 0.1, false);
    allot_error err;
    md->opts.dt = 1;
    assert_int_equal(al_md_advance(md, 100, &err), ALLOT_ERANGE);
    assert_non_null(strstr(err.text, "step "));
    end_md(md);
}

static void it_stops_after_the_step_it_is_in(void **state)
{
    (void)state;
    static volatile sig_atomic_t stop;
    al_md *md = md_of(NATOMS, 1, 0.3, 0.1, false);
    md->opts.stop = &stop;
    assert_int_equal(al_md_advance(md, 3, NULL), ALLOT_OK);
    assert_int_equal(md->step, 3);
    stop = 1;
    assert_int_equal(al_md_advance(md, 100, NULL), ALLOT_OK);
    assert_int_equal(md->step, 4);
    al_thermo thermo;
    double energy, virial;
    al_md_thermo(md, &thermo);
    al_atom *atoms = atoms_of(md);
    sum_all_pairs(atoms, NATOMS, md->opts.space.box[0], &energy, &virial);
    assert_true(fabs(thermo.potential / energy - 1) < 1e-6);
    free(atoms);
    end_md(md);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(energies_are_those_of_all_pairs),
        cmocka_unit_test(energies_are_those_of_all_pairs_in_a_tall_box),
        cmocka_unit_test(sizes_that_do_not_fill_a_lattice_are_simulated_too),
        cmocka_unit_test(the_cut_does_not_matter),
        cmocka_unit_test(looking_does_not_change_anything),
        cmocka_unit_test(momentum_and_energy_are_kept),
        cmocka_unit_test(masses_that_are_given_one_by_one_are_those_that_are_the_same),
        cmocka_unit_test(velocities_are_drawn_by_mass_and_what_has_none_stays),
        cmocka_unit_test(leap_frog_goes_where_velocity_verlet_goes),
        cmocka_unit_test(leap_frog_goes_on_to_the_same_bits),
        cmocka_unit_test(motion_of_the_whole_is_taken_out),
        cmocka_unit_test(looking_changes_nothing_for_either_integrator),
        cmocka_unit_test(real_units_are_reduced_ones_times_argons),
        cmocka_unit_test(a_blow_up_is_told),
        cmocka_unit_test(it_stops_after_the_step_it_is_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
