/* test_pme.c - transforms and smooth particle-mesh Ewald: against sums by hand, between kernels, numbers of
 * ranks and threads, and against GROMACS' reciprocal energies, forces and pressure of a box of water.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <complex.h>
#include <stdio.h>
#include <string.h>

#include "comm/cuts.h"
#include "md/kernel/pair.h"
#include "md/pme.h"
#include "md/pme_choice.h"
#include "support/prop.h"
#include "support/ranks.h"

#define COULOMB 138.93545764

static const char *mdref = "";

/* ---- charges in a box -----------------------------------------------------------------------------------
 */

enum { NBLOCKS = 12, NPLACES = NBLOCKS * AL_BLOCK, NREALS = NBLOCKS * AL_BLOCK_REALS };

static struct {
    double box[3][3];
    double x[NREALS], q[NPLACES];
    double f[NREALS];
    al_pme_sums sums;
} charges;

static double uniform(double least, double most)
{
    return least + (most - least) * prop_unit();
}

/** Atoms at random, not all places taken; neutral. */
static void random_charges(uint64_t seed, bool is_skewed)
{
    const double box[3][3] = {
        {2, 0, 0}, {is_skewed ? 0.7 : 0, 1.8, 0}, {is_skewed ? -0.6 : 0, is_skewed ? 0.5 : 0, 2.2}};
    double sum = 0;
    int n = 0;
    prop_begin(seed);
    memcpy(charges.box, box, sizeof box);
    for (size_t place = 0; place < NPLACES; place++) {
        bool is_there = place % 7 != 3;
        double s[] = {prop_unit(), prop_unit(), prop_unit()};
        charges.q[place] = is_there ? uniform(-1, 1) : 0;
        sum += charges.q[place];
        n += is_there;
        for (unsigned d = 0; d < 3; d++)
            charges.x[al_block_at(place, d)] = is_there
                                                   ? s[0] * box[0][d] + s[1] * box[1][d] + s[2] * box[2][d]
                                                   : al_block_nowhere(place, d);
    }
    for (size_t place = 0; place < NPLACES; place++)
        charges.q[place] -= charges.q[place] != 0 ? sum / n : 0;
}

static const al_pme_opts standard = {.nthreads = 2,
                                     .kernels = &al_mesh_kernels_ref,
                                     .n = {24, 20, 25},
                                     .order = 8,
                                     .is_double = true,
                                     .beta = 3,
                                     .coulomb = COULOMB};

/** All charges on one rank. */
static void compute(al_pme_opts opts)
{
    static float q[NPLACES], f[NREALS];
    const double none[3] = {0, 0, 0}, box[] = {charges.box[0][0], charges.box[1][1], charges.box[2][2]};
    const int one[] = {1, 1, 1};
    al_domain domain;
    al_pme *pme = NULL;
    opts.comm = al_comm_serial();
    al_domain_of(box, one, 0, &domain);
    assert_int_equal(al_pme_open(&pme, &opts, NULL), ALLOT_OK);
    al_pme_set_box(pme, (const double(*)[3])charges.box);
    assert_int_equal(al_pme_place(pme, &domain, none, NULL), ALLOT_OK);
    memset(charges.f, 0, sizeof charges.f);
    memset(f, 0, sizeof f);
    for (size_t k = 0; k < NPLACES; k++)
        q[k] = (float)charges.q[k];
    for (int round = 0; round < 2; round++) { /* nothing is left over of the first */
        memset(charges.f, 0, sizeof charges.f);
        memset(f, 0, sizeof f);
        allot_err code = opts.is_double ? al_pme_compute(pme, NBLOCKS, charges.x, charges.q, charges.f,
                                                         &charges.sums, NULL)
                                        : al_pme_compute(pme, NBLOCKS, charges.x, q, f, &charges.sums, NULL);
        assert_int_equal(code, ALLOT_OK);
    }
    for (size_t k = 0; k < NREALS && !opts.is_double; k++)
        charges.f[k] = (double)f[k];
    al_pme_close(pme);
}

/* ---- Ewald's sum, as it is written down -----------------------------------------------------------------
 */

typedef struct by_hand {
    double energy, virial[3][3], f[NREALS];
} by_hand;

static void ewald(by_hand *sum, double beta)
{
    const double(*box)[3] = (const double(*)[3])charges.box;
    double volume = box[0][0] * box[1][1] * box[2][2];
    const int most = 14;
    *sum = (by_hand){.energy = 0};
    for (int a = -most; a <= most; a++)
        for (int b = -most; b <= most; b++)
            for (int c = -most; c <= most; c++) {
                if (a == 0 && b == 0 && c == 0)
                    continue;
                double k[3]; /* k . (vectors of the box) = a, b, c */
                k[0] = a / box[0][0];
                k[1] = (b - k[0] * box[1][0]) / box[1][1];
                k[2] = (c - k[0] * box[2][0] - k[1] * box[2][1]) / box[2][2];
                double k2 = k[0] * k[0] + k[1] * k[1] + k[2] * k[2];
                double by = COULOMB / (2 * M_PI * volume) * exp(-M_PI * M_PI * k2 / (beta * beta)) / k2;
                double complex s = 0;
                if (by < 1e-18)
                    continue;
                for (size_t p = 0; p < NPLACES; p++)
                    if (charges.q[p] != 0)
                        s += charges.q[p] *
                             cexp(2 * M_PI * I *
                                  (k[0] * charges.x[al_block_at(p, 0)] + k[1] * charges.x[al_block_at(p, 1)] +
                                   k[2] * charges.x[al_block_at(p, 2)]));
                double e = by * creal(s * conj(s));
                sum->energy += e;
                for (int i = 0; i < 3; i++)
                    for (int j = 0; j < 3; j++)
                        sum->virial[i][j] +=
                            e * ((i == j) - 2 * (1 / k2 + M_PI * M_PI / (beta * beta)) * k[i] * k[j]);
                for (size_t p = 0; p < NPLACES; p++) {
                    if (charges.q[p] == 0)
                        continue;
                    double complex mine =
                        cexp(-2 * M_PI * I *
                             (k[0] * charges.x[al_block_at(p, 0)] + k[1] * charges.x[al_block_at(p, 1)] +
                              k[2] * charges.x[al_block_at(p, 2)]));
                    for (unsigned d = 0; d < 3; d++)
                        sum->f[al_block_at(p, d)] -= 4 * M_PI * k[d] * by * charges.q[p] * cimag(mine * s);
                }
            }
}

static double norm(const double *f)
{
    double sum = 0;
    for (size_t k = 0; k < NREALS; k++)
        sum += f[k] * f[k];
    return sqrt(sum);
}

static double apart(const double *f, const double *g)
{
    static double d[NREALS];
    for (size_t k = 0; k < NREALS; k++)
        d[k] = f[k] - g[k];
    return norm(d) / norm(g);
}

static void meshes_find_what_the_sum_does(void **state)
{
    (void)state;
    for (int skewed = 0; skewed < 2; skewed++) {
        static by_hand sum;
        random_charges(17, skewed != 0);
        ewald(&sum, standard.beta);
        compute(standard);
        assert_true(fabs(charges.sums.energy / sum.energy - 1) < 1e-5);
        assert_true(apart(charges.f, sum.f) < 3e-4);
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++)
                assert_true(fabs(charges.sums.virial[i][j] - sum.virial[i][j]) < 1e-4 * sum.energy);
        double last = 1;
        for (int order = 3; order <= 12; order++) { /* odd orders and even ones, each better than the last */
            al_pme_opts opts = standard;
            opts.order = order;
            opts.n[0] = opts.n[1] = opts.n[2] = 32;
            compute(opts);
            double error = apart(charges.f, sum.f);
            assert_true(error < last);
            last = error;
        }
        assert_true(last < 1e-6);
    }
}

static void forces_are_what_the_energy_says(void **state)
{
    (void)state;
    random_charges(4, true);
    al_pme_opts opts = standard;
    opts.order = 5;
    compute(opts);
    double f[NREALS];
    memcpy(f, charges.f, sizeof f);
    for (size_t k = 0; k < NREALS; k += 37) {
        size_t place = k / AL_BLOCK_REALS * AL_BLOCK + k % AL_BLOCK;
        double was = charges.x[k], by = 1e-5, energy[2];
        if (charges.q[place] == 0)
            continue;
        for (int side = 0; side < 2; side++) {
            charges.x[k] = was + (side == 0 ? by : -by);
            compute(opts);
            energy[side] = charges.sums.energy;
        }
        charges.x[k] = was;
        assert_true(fabs((energy[1] - energy[0]) / (2 * by) - f[k]) < 1e-6 * norm(f));
    }
}

/** d energy / d strain is the negative virial, component by component. */
static void the_virial_is_what_straining_the_box_does(void **state)
{
    (void)state;
    static double x[NREALS];
    double box[3][3], virial[3][3], by = 1e-6;
    random_charges(5, true);
    compute(standard);
    memcpy(virial, charges.sums.virial, sizeof virial);
    memcpy(x, charges.x, sizeof x);
    memcpy(box, charges.box, sizeof box);
    for (unsigned i = 0; i < 3; i++)
        for (unsigned j = 0; j <= i; j++) { /* a strain that leaves the box lower triangular: x_j += by x_i */
            double energy[2];
            for (int side = 0; side < 2; side++) {
                double strain = side == 0 ? by : -by;
                memcpy(charges.x, x, sizeof x);
                memcpy(charges.box, box, sizeof box);
                for (size_t p = 0; p < NPLACES; p++)
                    charges.x[al_block_at(p, j)] += strain * x[al_block_at(p, i)];
                for (int v = 0; v < 3; v++)
                    charges.box[v][j] += strain * box[v][i];
                compute(standard);
                energy[side] = charges.sums.energy;
            }
            assert_true(fabs((energy[1] - energy[0]) / (2 * by) - virial[i][j]) < 1e-5 * fabs(virial[0][0]));
        }
}

static const struct {
    const char *name;
    const al_mesh_kernels *kernels;
} sets[] = {
#if defined(__x86_64__)
    {"avx2", &al_mesh_kernels_avx2},
    {"avx512", &al_mesh_kernels_avx512},
#endif
    {"ref", &al_mesh_kernels_ref},
};

static void kernels_and_precisions_and_threads_agree(void **state)
{
    (void)state;
    double f[NREALS], energy;
    random_charges(6, true);
    for (int order = 4; order < 7; order++) {
        al_pme_opts opts = standard;
        opts.order = order;
        compute(opts);
        memcpy(f, charges.f, sizeof f);
        energy = charges.sums.energy;
        for (size_t k = 0; k < sizeof sets / sizeof sets[0]; k++) {
            if (al_kernels_find(sets[k].name) == NULL) {
                printf("not tried: %s: this processor does not run it\n", sets[k].name);
                continue;
            }
            for (int is_double = 0; is_double < 2; is_double++) {
                opts.kernels = sets[k].kernels;
                opts.is_double = is_double != 0;
                opts.nthreads = 1 + (uint32_t)k;
                compute(opts);
                assert_true(apart(charges.f, f) < (is_double ? 1e-12 : 3e-6));
                assert_true(fabs(charges.sums.energy / energy - 1) < (is_double ? 1e-12 : 3e-6));
            }
        }
    }
}

/* ---- ranks ----------------------------------------------------------------------------------------------
 */

static struct {
    int grid[3];
    const al_cuts *cuts;
    al_pme_opts opts;
    pthread_mutex_t mutex;
    double f[NREALS];
    al_pme_sums sums;
    int failed;
} shared;

/** Not all ranks at the same pace: nadvances are more than there are, or fewer. */
static allot_err compute_in_parts(al_pme *pme, int nadvances, const double *x, const double *q, double *f,
                                  al_pme_sums *sums)
{
    allot_err code = al_pme_begin(pme, NBLOCKS, x, q, true, NULL);
    if (code != ALLOT_OK)
        return code;
    for (int k = 0; k < nadvances; k++) {
        al_pme_go_on(pme);
        al_pme_advance(pme);
        al_pme_go_on(pme);
    }
    al_pme_end(pme, f, sums);
    return ALLOT_OK;
}

/** This rank's atoms; places of the others hold none. */
static void compute_on(al_comm *comm, void *arg)
{
    (void)arg;
    static _Thread_local double x[NREALS], q[NPLACES], f[NREALS], f_at_once[NREALS];
    const double margin[3] = {0.1, 0.1, 0.1},
                 box[] = {charges.box[0][0], charges.box[1][1], charges.box[2][2]};
    al_pme_opts opts = shared.opts;
    al_domain domain;
    al_pme *pme = NULL;
    al_pme_sums sums;
    opts.comm = comm;
    opts.nthreads = 1;
    if (shared.cuts != NULL)
        al_cuts_domain(shared.cuts, comm->rank, &domain);
    else
        al_domain_of(box, shared.grid, comm->rank, &domain);
    for (size_t p = 0; p < NPLACES; p++) {
        bool is_mine = charges.q[p] != 0;
        for (int d = 0; d < 3; d++) {
            double at = charges.x[al_block_at(p, (unsigned)d)];
            is_mine = is_mine && at >= domain.lo[d] && at < domain.hi[d];
        }
        q[p] = is_mine ? charges.q[p] : 0;
        for (unsigned d = 0; d < 3; d++) {
            x[al_block_at(p, d)] = charges.x[al_block_at(p, d)];
            f[al_block_at(p, d)] = 0;
        }
    }
    allot_err code = al_pme_open(&pme, &opts, NULL);
    al_pme_set_box(pme, (const double(*)[3])charges.box);
    code = code == ALLOT_OK ? al_pme_place(pme, &domain, margin, NULL) : code;
    al_pme_go_on(pme); /* nothing is under way */
    if (code == ALLOT_OK)
        code = al_pme_compute(pme, NBLOCKS, x, q, f, &sums, NULL);
    memcpy(f_at_once, f, sizeof f);
    memset(f, 0, sizeof f);
    if (code == ALLOT_OK)
        code = compute_in_parts(pme, comm->rank % 5, x, q, f, &sums);
    al_pme_close(pme);
    pthread_mutex_lock(&shared.mutex);
    shared.failed += code != ALLOT_OK || memcmp(f, f_at_once, sizeof f) != 0;
    for (size_t k = 0; k < NREALS; k++)
        shared.f[k] += f[k];
    shared.sums.energy += sums.energy;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            shared.sums.virial[i][j] += sums.virial[i][j];
    pthread_mutex_unlock(&shared.mutex);
}

static void ranks_agree(void **state)
{
    (void)state;
    static const int grids[][3] = {{1, 1, 1}, {2, 1, 1}, {1, 2, 1}, {1, 1, 3},
                                   {2, 2, 1}, {3, 2, 2}, {1, 4, 4}, {7, 1, 1}};
    static double f[NREALS];
    random_charges(7, false);
    compute(standard);
    memcpy(f, charges.f, sizeof f);
    for (size_t g = 0; g < sizeof grids / sizeof grids[0]; g++)
        for (int small = 0; small < 2; small++) { /* with 6 planes some of 16 ranks have none */
            shared.opts = standard;
            memcpy(shared.grid, grids[g], sizeof shared.grid);
            if (small) {
                shared.opts.n[0] = shared.opts.n[1] = shared.opts.n[2] = 6;
                shared.opts.order = 4;
                compute(shared.opts);
                memcpy(f, charges.f, sizeof f);
            } else {
                compute(standard);
                memcpy(f, charges.f, sizeof f);
            }
            pthread_mutex_init(&shared.mutex, NULL);
            memset(shared.f, 0, sizeof shared.f);
            shared.sums = (al_pme_sums){.energy = 0};
            shared.failed = 0;
            ranks_run(grids[g][0] * grids[g][1] * grids[g][2], compute_on, NULL);
            assert_int_equal(shared.failed, 0);
            assert_true(apart(shared.f, f) < 1e-12);
            assert_true(fabs(shared.sums.energy / charges.sums.energy - 1) < 1e-12);
            assert_true(fabs(shared.sums.virial[2][1] - charges.sums.virial[2][1]) <
                        1e-11 * charges.sums.energy);
        }
}

static void cuts_agree(void **state)
{
    (void)state;
    const double box[] = {2, 1.8, 2.2};
    const int grid[] = {2, 2, 2};
    al_cuts cuts = {.box = {0}};
    random_charges(8, false);
    compute(standard);
    assert_int_equal(al_cuts_init(&cuts, box, grid, NULL), ALLOT_OK);
    cuts.edges[0][1] = 0.5;
    cuts.edges[1][1] = 1.3;
    cuts.edges[2][1] = 0.4;
    shared.opts = standard;
    shared.cuts = &cuts;
    memset(shared.f, 0, sizeof shared.f);
    shared.failed = 0;
    ranks_run(8, compute_on, NULL);
    shared.cuts = NULL;
    assert_int_equal(shared.failed, 0);
    assert_true(apart(shared.f, charges.f) < 1e-12);
    al_cuts_fini(&cuts);
}

static void an_atom_that_is_astray_is_noticed(void **state)
{
    (void)state;
    const int two[] = {2, 1, 1};
    random_charges(9, false);
    for (size_t p = 0; p < NPLACES; p++)
        charges.q[p] = p == 0;
    charges.x[0] = 0.999; /* of the first domain; its points are beyond what the second's are */
    memcpy(shared.grid, two, sizeof two);
    shared.opts = standard;
    shared.opts.order = 4;
    shared.failed = 0;
    ranks_run(2, compute_on, NULL);
    assert_int_equal(shared.failed, 0);
    al_comm *comm = al_comm_serial();
    al_domain domain;
    al_pme *pme = NULL;
    const double none[3] = {0, 0, 0}, box[] = {2, 1.8, 2.2};
    al_pme_opts opts = standard;
    opts.comm = comm;
    al_domain_of(box, two, 0, &domain); /* half of the box, though there is one rank */
    assert_int_equal(al_pme_open(&pme, &opts, NULL), ALLOT_OK);
    al_pme_set_box(pme, (const double(*)[3])charges.box);
    assert_int_equal(al_pme_place(pme, &domain, none, NULL), ALLOT_OK);
    assert_int_equal(al_pme_compute(pme, NBLOCKS, charges.x, charges.q, charges.f, NULL, NULL), ALLOT_OK);
    charges.x[0] = 1.3;
    allot_error err;
    assert_int_equal(al_pme_compute(pme, NBLOCKS, charges.x, charges.q, charges.f, NULL, &err), ALLOT_ERANGE);
    assert_non_null(strstr(err.text, "outside the domain"));
    al_pme_close(pme);
}

/* ---- choices --------------------------------------------------------------------------------------------
 */

static void choices_are_the_usual_ones(void **state)
{
    (void)state;
    assert_true(fabs(1 / al_pme_beta(0.85, 1e-5) - 0.272138) < 1e-6);
    assert_true(fabs(1 / al_pme_beta(1.2, 1e-5) - 0.384195) < 1e-6);
    assert_int_equal(al_pme_points(1.86206, 0.12), 16);
    assert_int_equal(al_pme_points(6.268, 0.12), 56);
    assert_int_equal(al_pme_points(0.1, 0.12), 6);
    assert_int_equal(al_pme_points(5.4, 0.12), 48);
    assert_int_equal(al_pme_points(10.2, 0.12), 96);
    assert_int_equal(al_pme_points(12.1, 0.12), 104);
    assert_int_equal(al_pme_points(0.12 * 16, 0.12), 16);
}

/* ---- GROMACS --------------------------------------------------------------------------------------------
 */

enum { NWATER_ATOMS = 648, WATER_BLOCKS = NWATER_ATOMS / AL_BLOCK };

static struct {
    double x[WATER_BLOCKS * AL_BLOCK_REALS], q[NWATER_ATOMS], f[WATER_BLOCKS * AL_BLOCK_REALS];
    double expected[NWATER_ATOMS][3];
} water;

static FILE *open_reference(const char *name)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/04_water216/%s", mdref, name);
    return fopen(path, "r");
}

static double term_of(const char *file, const char *term)
{
    char line[256], name[64];
    double value = NAN, found = NAN;
    FILE *in = open_reference(file);
    while (in != NULL && fgets(line, sizeof line, in) != NULL)
        if (sscanf(line, "%63s %lf", name, &value) == 2 && strcmp(name, term) == 0)
            found = value;
    if (in != NULL)
        (void)fclose(in);
    return found;
}

static bool read_water(const char *forces)
{
    char line[256];
    FILE *in = open_reference("conf_tip3p.gro");
    for (int k = -2; in != NULL && k < NWATER_ATOMS && fgets(line, sizeof line, in) != NULL; k++) {
        double x[3];
        if (k < 0 || sscanf(line + 20, "%lf %lf %lf", &x[0], &x[1], &x[2]) != 3)
            continue;
        for (unsigned d = 0; d < 3; d++)
            water.x[al_block_at((size_t)k, d)] = x[d];
        water.q[k] = k % 3 == 0 ? -0.834 : 0.417;
    }
    if (in == NULL)
        return false;
    (void)fclose(in);
    in = open_reference(forces);
    assert_non_null(in);
    assert_non_null(fgets(line, sizeof line, in));
    for (int k = 0; k < NWATER_ATOMS; k++)
        assert_int_equal(fscanf(in, "%*d %lf %lf %lf", &water.expected[k][0], &water.expected[k][1],
                                &water.expected[k][2]),
                         3);
    (void)fclose(in);
    return true;
}

/** What is not found on the mesh: pairs within the cut-off, and excluded ones. */
static void add_pairs(double edge, double cutoff, double beta)
{
    const double c6 = 4 * 0.636386 * pow(0.315061, 6), c12 = 4 * 0.636386 * pow(0.315061, 12);
    for (size_t i = 0; i < NWATER_ATOMS; i++)
        for (size_t j = 0; j < i; j++) {
            double r[3], r2 = 0;
            for (unsigned d = 0; d < 3; d++) {
                r[d] = water.x[al_block_at(i, d)] - water.x[al_block_at(j, d)];
                r[d] -= edge * round(r[d] / edge);
                r2 += r[d] * r[d];
            }
            if (r2 > cutoff * cutoff)
                continue;
            double s = sqrt(r2), q = COULOMB * water.q[i] * water.q[j], by;
            double gauss = 2 * beta / sqrt(M_PI) * exp(-beta * beta * r2);
            if (i / 3 == j / 3)
                by = q * (gauss - erf(beta * s) / s) / r2;
            else
                by = q * (gauss + erfc(beta * s) / s) / r2;
            if (i % 3 == 0 && j % 3 == 0)
                by += (12 * c12 * pow(r2, -6) - 6 * c6 * pow(r2, -3)) / r2;
            for (unsigned d = 0; d < 3; d++) {
                water.f[al_block_at(i, d)] += by * r[d];
                water.f[al_block_at(j, d)] -= by * r[d];
            }
        }
}

static void water_as_gromacs_has_it(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int n, order;
    } cases[] = {{"tip3p_pme", 16, 4}, {"tip3p_pme_order6", 20, 6}};
    const double edge = 1.86206, box[3][3] = {{1.86206, 0, 0}, {0, 1.86206, 0}, {0, 0, 1.86206}},
                 none[3] = {0, 0, 0};
    const double boxes[] = {edge, edge, edge};
    const int one[] = {1, 1, 1};
    al_domain domain;
    al_domain_of(boxes, one, 0, &domain);
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        char energies[64], forces[64];
        al_pme_sums sums;
        al_pme *pme = NULL;
        (void)snprintf(energies, sizeof energies, "%s.energies.txt", cases[c].name);
        (void)snprintf(forces, sizeof forces, "%s.forces.txt", cases[c].name);
        if (!read_water(forces)) {
            printf("not tried: GROMACS' water: no %s\n", mdref);
            skip();
        }
        al_pme_opts opts = standard;
        opts.comm = al_comm_serial();
        opts.order = cases[c].order;
        opts.n[0] = opts.n[1] = opts.n[2] = cases[c].n;
        opts.beta = al_pme_beta(0.85, 1e-5);
        assert_int_equal(al_pme_open(&pme, &opts, NULL), ALLOT_OK);
        al_pme_set_box(pme, box);
        assert_int_equal(al_pme_place(pme, &domain, none, NULL), ALLOT_OK);
        memset(water.f, 0, sizeof water.f);
        assert_int_equal(al_pme_compute(pme, WATER_BLOCKS, water.x, water.q, water.f, &sums, NULL), ALLOT_OK);
        al_pme_close(pme);
        double expected = term_of(energies, "Coul._recip.");
        assert_true(fabs(sums.energy / expected - 1) < 1e-7);
        add_pairs(edge, 0.85, opts.beta);
        double d2 = 0, f2 = 0;
        for (size_t k = 0; k < NWATER_ATOMS; k++)
            for (unsigned d = 0; d < 3; d++) {
                double apart_by = water.f[al_block_at(k, d)] - water.expected[k][d];
                d2 += apart_by * apart_by;
                f2 += water.expected[k][d] * water.expected[k][d];
            }
        print_message("%s: reciprocal energy %.12g, GROMACS %.12g; forces apart by %.2g\n", cases[c].name,
                      sums.energy, expected, sqrt(d2 / f2));
        assert_true(sqrt(d2 / f2) < 1e-6); /* what GROMACS computes of pairs by a table is off by as much */
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(choices_are_the_usual_ones),
        cmocka_unit_test(meshes_find_what_the_sum_does),
        cmocka_unit_test(forces_are_what_the_energy_says),
        cmocka_unit_test(the_virial_is_what_straining_the_box_does),
        cmocka_unit_test(kernels_and_precisions_and_threads_agree),
        cmocka_unit_test(ranks_agree),
        cmocka_unit_test(cuts_agree),
        cmocka_unit_test(an_atom_that_is_astray_is_noticed),
        cmocka_unit_test(water_as_gromacs_has_it),
    };
    mdref = getenv("ALLOT_MDREF") != NULL ? getenv("ALLOT_MDREF") : argc > 1 ? argv[1] : "";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
