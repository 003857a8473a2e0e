/* test_pair.c - kernels of pairs: the reference against formulas and their gradients and against GROMACS, all
 * others against the reference, on lists of every shape, with excluded pairs, with places that have no atom
 * and with canaries around what they may touch.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "md/kernel/pair.h"

enum { NBLOCKS = 12, NPLACES = NBLOCKS * AL_BLOCK, NREALS = NBLOCKS * AL_BLOCK_REALS, NTYPES = 5 };

static const char *mdref = "";

/** Atoms at random in a cube, none closer to another than 0.8, nor so near a cut-off that floats could be
 * of two minds; some places have none. */
typedef struct scene {
    double x[NREALS];
    _Alignas(64) float xf[NREALS];
    double charge[NPLACES], a[NPLACES], b[NPLACES];
    _Alignas(64) float chargef[NPLACES], af[NPLACES], bf[NPLACES];
    uint32_t type[NPLACES];
    al_pair_row rows[2 * NBLOCKS];
    uint32_t blocks[2 * NBLOCKS * NBLOCKS], masks[2 * NBLOCKS * NBLOCKS];
    al_pair_list list;
} scene;

/** What can be asked for. */
static al_pair_params asked[64];
static size_t nasked;
static double c6s[NTYPES * NTYPES], c12s[NTYPES * NTYPES];

static void ask(void)
{
    for (int t = 0; t < NTYPES * NTYPES; t++) {
        int both = t / NTYPES + t % NTYPES; /* type 0 has nothing with any */
        bool has_any = t / NTYPES > 0 && t % NTYPES > 0;
        c6s[t] = has_any ? 3 + 0.3 * both : 0;
        c12s[t] = has_any ? 2.5 + 0.4 * both : 0;
    }
    for (int lj = AL_PAIR_LJ_CUT; lj <= AL_PAIR_LJ_POTENTIAL_SWITCH; lj++)
        for (int types = AL_PAIR_ONE_TYPE; types <= AL_PAIR_MATRIX; types++)
            for (int coulomb = AL_PAIR_NO_COULOMB; coulomb <= AL_PAIR_EWALD; coulomb++) {
                if ((types == AL_PAIR_ONE_TYPE) != (coulomb == AL_PAIR_NO_COULOMB))
                    continue;
                al_pair_params *p = &asked[nasked++];
                *p = (al_pair_params){.lj = (al_pair_lj)lj,
                                      .types = (al_pair_types)types,
                                      .coulomb = (al_pair_coulomb)coulomb,
                                      .is_shifted = nasked % 2 == 0,
                                      .lj_cutoff = 2.5,
                                      .coulomb_cutoff = nasked % 3 == 0 ? 2.9 : 2.5,
                                      .switch_from = 2,
                                      .c6 = 4,
                                      .c12 = 4,
                                      .ntypes = NTYPES,
                                      .c6s = c6s,
                                      .c12s = c12s,
                                      .beta = 3.12 / 2.9,
                                      .ewald_shift = nasked % 4 == 0 ? 0 : erfc(3.12 / 2.9 * 2.5) / 2.5};
                al_pair_set_reaction_field(p, nasked % 2 == 0 ? 0 : 78);
                assert_true(al_pair_prepare(p));
            }
}

static uint64_t seed;

static double next_random(void)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (double)(seed >> 11) * 0x1p-53;
}

static double distance2(const double *x, size_t a, size_t b)
{
    double sum = 0;
    for (unsigned d = 0; d < 3; d++)
        sum += pow(x[al_block_at(a, d)] - x[al_block_at(b, d)], 2);
    return sum;
}

static bool is_free(const scene *s, size_t place)
{
    for (size_t other = 0; other < place; other++) {
        double r2 = distance2(s->x, place, other);
        if (r2 < 0.64 || fabs(r2 - 6.25) < 1e-4 || fabs(r2 - 2.9 * 2.9) < 1e-4)
            return false;
    }
    return true;
}

static void give_properties(scene *s, const al_pair_params *p, bool is_rounded)
{
    for (size_t place = 0; place < NPLACES; place++) {
        bool is_there = place % 11 != 5;
        s->type[place] = is_there ? (uint32_t)(NTYPES * next_random()) : 0;
        if (place / 4 % 5 == 2)
            s->type[place] = 0; /* a cluster without */
        size_t own = s->type[place] * (size_t)(NTYPES + 1);
        al_pair_atom(p, c6s[own], c12s[own], &s->a[place], &s->b[place]);
        s->charge[place] = is_there ? 2 * next_random() - 1 : 0;
        s->af[place] = (float)s->a[place];
        s->bf[place] = (float)s->b[place];
        s->chargef[place] = (float)s->charge[place];
        if (!is_rounded)
            continue;
        s->a[place] = (double)s->af[place];
        s->b[place] = (double)s->bf[place];
        s->charge[place] = (double)s->chargef[place];
    }
}

/** A scene with `some` of the blocks that a cluster may be listed with; some of those are masked. */
static void make_scene(scene *s, uint64_t number, double some, const al_pair_params *p, bool is_rounded)
{
    seed = number;
    for (size_t place = 0; place < NPLACES; place++)
        do
            for (unsigned d = 0; d < 3; d++)
                s->x[al_block_at(place, d)] =
                    place % 11 == 5 ? al_block_nowhere(place, d) : 5.5 * next_random();
        while (place % 11 != 5 && !is_free(s, place));
    for (size_t n = 0; n < NREALS; n++)
        s->x[n] = (double)(s->xf[n] = (float)s->x[n]);
    give_properties(s, p, is_rounded);
    uint32_t nblocks = 0, nrows = 0, nmasks = 0;
    for (uint32_t cluster = 0; cluster < 2 * NBLOCKS; cluster++) {
        al_pair_row row = {.cluster = cluster, .begin = nblocks, .first_mask = nmasks};
        if (next_random() < 0.8)
            s->blocks[nblocks++] = cluster / 2;
        for (uint32_t block = cluster / 2 + 1; block < NBLOCKS; block++)
            if (next_random() < some)
                s->blocks[nblocks++] = block;
        row.end = nblocks;
        row.nmasked = (uint32_t)((row.end - row.begin + 1) * next_random());
        if (row.nmasked == 0 && row.end > row.begin && s->blocks[row.begin] == cluster / 2)
            row.nmasked = 1;
        for (uint32_t k = 0; k < row.nmasked; k++)
            s->masks[nmasks++] = number % 3 == 0 ? UINT32_MAX : (uint32_t)(0x1p32 * next_random());
        s->rows[nrows++] = row;
    }
    s->list = (al_pair_list){s->rows, nrows, s->blocks, s->masks};
}

static al_pair_atoms atoms_of(const scene *s, bool is_double)
{
    return is_double ? (al_pair_atoms){s->charge, s->a, s->b, s->type}
                     : (al_pair_atoms){s->chargef, s->af, s->bf, s->type};
}

/** The energy of two atoms, from the formulas alone. */
static double pair_energy(const scene *s, const al_pair_params *p, size_t i, size_t j, bool is_excluded)
{
    double r2 = distance2(s->x, i, j), r = sqrt(r2), rc = p->lj_cutoff, rs = p->switch_from, sum = 0;
    double c6 = p->c6, c12 = p->c12;
    size_t own_i = s->type[i] * (size_t)(NTYPES + 1), own_j = s->type[j] * (size_t)(NTYPES + 1);
    if (p->types == AL_PAIR_MATRIX) {
        c6 = c6s[s->type[i] * (size_t)NTYPES + s->type[j]];
        c12 = c12s[s->type[i] * (size_t)NTYPES + s->type[j]];
    } else if (p->types == AL_PAIR_GEOMETRIC) {
        c6 = sqrt(c6s[own_i] * c6s[own_j]);
        c12 = sqrt(c12s[own_i] * c12s[own_j]);
    } else if (p->types == AL_PAIR_LORENTZ) {
        bool has_any = c6s[own_i] > 0 && c6s[own_j] > 0;
        double sigma =
            has_any ? (pow(c12s[own_i] / c6s[own_i], 1.0 / 6) + pow(c12s[own_j] / c6s[own_j], 1.0 / 6)) / 2
                    : 0;
        double epsilon =
            has_any ? sqrt(c6s[own_i] * c6s[own_i] / c12s[own_i] * c6s[own_j] * c6s[own_j] / c12s[own_j]) / 4
                    : 0;
        c6 = 4 * epsilon * pow(sigma, 6);
        c12 = 4 * epsilon * pow(sigma, 12);
    }
    if (r < rc && !is_excluded) {
        sum = c12 * pow(r, -12) - c6 * pow(r, -6);
        if (p->lj == AL_PAIR_LJ_CUT && p->is_shifted)
            sum -= c12 * pow(rc, -12) - c6 * pow(rc, -6);
        double d = r > rs ? r - rs : 0, w = rc - rs, t = d / w;
        if (p->lj == AL_PAIR_LJ_POTENTIAL_SWITCH)
            sum *= 1 - 10 * pow(t, 3) + 15 * pow(t, 4) - 6 * pow(t, 5);
        for (int a = 6; p->lj == AL_PAIR_LJ_FORCE_SWITCH && a <= 12; a += 6) {
            double A = -a * ((a + 4) * rc - (a + 1) * rs) / (pow(rc, a + 2) * w * w);
            double B = a * ((a + 3) * rc - (a + 1) * rs) / (pow(rc, a + 2) * w * w * w);
            double C = pow(rc, -a) - A / 3 * pow(w, 3) - B / 4 * pow(w, 4);
            sum += (a == 12 ? c12 : -c6) * (-A / 3 * pow(d, 3) - B / 4 * pow(d, 4) - C);
        }
    }
    if (r < p->coulomb_cutoff && p->coulomb == AL_PAIR_REACTION_FIELD)
        sum += s->charge[i] * s->charge[j] * ((is_excluded ? 0 : 1 / r) + p->rf_k * r2 - p->rf_c);
    if (r < p->coulomb_cutoff && p->coulomb == AL_PAIR_EWALD)
        sum += s->charge[i] * s->charge[j] *
               (is_excluded ? -erf(p->beta * r) / r : erfc(p->beta * r) / r - p->ewald_shift);
    return sum;
}

/** Energy of the list's pairs. */
static double energy_of(const scene *s, const al_pair_params *p)
{
    double sum = 0;
    for (uint32_t k = 0; k < s->list.nrows; k++) {
        const al_pair_row *row = &s->rows[k];
        for (uint32_t n = row->begin; n < row->end; n++)
            for (size_t at = 0; at < AL_CLUSTER * AL_BLOCK; at++) {
                size_t i = (size_t)row->cluster * AL_CLUSTER + at / AL_BLOCK,
                       j = s->blocks[n] * (size_t)AL_BLOCK + at % AL_BLOCK;
                bool is_masked = n - row->begin < row->nmasked;
                bool is_excluded = is_masked && !(s->masks[row->first_mask + n - row->begin] >> at & 1);
                if (i / AL_BLOCK != j / AL_BLOCK || i < j)
                    sum += pair_energy(s, p, i, j, is_excluded);
            }
    }
    return sum;
}

static void the_reference_is_the_formula_and_its_gradient(void **state)
{
    (void)state;
    static scene s;
    static double f[NREALS];
    for (uint64_t number = 1; number <= nasked; number++) {
        const al_pair_params *p = &asked[number - 1];
        make_scene(&s, number, 0.7, p, false);
        const al_pair_atoms atoms = atoms_of(&s, true);
        al_pair_sums sums = {.lj = 0};
        memset(f, 0, sizeof f);
        al_pair_ref_d(p, &atoms, &s.list, 0, s.list.nrows, s.x, f, &sums);
        double energy = energy_of(&s, p);
        assert_true(fabs(sums.lj + sums.coulomb - energy) <
                    3e-7 * (1 + fabs(energy))); /* sigma is a float here */
        double virial = 0;
        for (size_t n = 0; n < NREALS; n++) {
            virial += fabs(s.x[n]) < 1e5 ? s.x[n] * f[n] : 0;
            if (n % 17 != number % 17 || fabs(s.x[n]) > 1e5)
                continue;
            const double h = 1e-6, was = s.x[n];
            s.x[n] = was + h;
            double above = energy_of(&s, p);
            s.x[n] = was - h;
            double below = energy_of(&s, p);
            s.x[n] = was;
            assert_true(fabs(f[n] + (above - below) / (2 * h)) < 1e-4 * (1 + fabs(f[n])));
        }
        assert_true(fabs(virial - sums.virial) < 1e-10 * (1 + fabs(virial)));
    }
}

/* ---- two atoms, against GROMACS -------------------------------------------------------------------------
 */

/** A table of shared/mdref/01_pair and what it was computed with: nm, kJ/mol, e. */
typedef struct table {
    const char *name;
    al_pair_lj lj;
    bool is_shifted;
    al_pair_coulomb coulomb;
    double rf_k, rf_c, rtol;
    bool has_ewald_shift;
} table;

static const table tables[] = {
    {"ar_none", AL_PAIR_LJ_CUT, false, AL_PAIR_NO_COULOMB, 0, 0, 0, false},
    {"ar_potshift", AL_PAIR_LJ_CUT, true, AL_PAIR_NO_COULOMB, 0, 0, 0, false},
    {"ar_potshift_dispcorr", AL_PAIR_LJ_CUT, true, AL_PAIR_NO_COULOMB, 0, 0, 0, false},
    {"ar_forceswitch", AL_PAIR_LJ_FORCE_SWITCH, false, AL_PAIR_NO_COULOMB, 0, 0, 0, false},
    {"ar_potswitch", AL_PAIR_LJ_POTENTIAL_SWITCH, false, AL_PAIR_NO_COULOMB, 0, 0, 0, false},
    {"nacl_cut_none", AL_PAIR_LJ_CUT, false, AL_PAIR_REACTION_FIELD, 0, 0, 0, false},
    {"nacl_cut_potshift", AL_PAIR_LJ_CUT, false, AL_PAIR_REACTION_FIELD, 0, 1, 0, false},
    {"nacl_rf_inf", AL_PAIR_LJ_CUT, false, AL_PAIR_REACTION_FIELD, 0.5, 1.5, 0, false},
    {"nacl_rf_78", AL_PAIR_LJ_CUT, false, AL_PAIR_REACTION_FIELD, 77.0 / 157, 234.0 / 157, 0, false},
    {"nacl_pme", AL_PAIR_LJ_CUT, false, AL_PAIR_EWALD, 0, 0, 1e-5, true},
    {"nacl_pme_noshift", AL_PAIR_LJ_CUT, false, AL_PAIR_EWALD, 0, 0, 1e-5, false},
    {"nacl_pme_conv", AL_PAIR_LJ_CUT, false, AL_PAIR_EWALD, 0, 0, 1e-7, false},
};

static const double coulomb_constant = 138.93545764438198;

static double beta_of(double rtol)
{
    double low = 1, high = 10;
    while (high - low > 1e-15 * high)
        *(erfc((low + high) / 2) > rtol ? &low : &high) = (low + high) / 2;
    return low;
}

static al_pair_params params_of(const table *t)
{
    al_pair_params p = {.lj = t->lj,
                        .types = t->coulomb == AL_PAIR_NO_COULOMB ? AL_PAIR_ONE_TYPE : AL_PAIR_LORENTZ,
                        .coulomb = t->coulomb,
                        .is_shifted = t->is_shifted,
                        .lj_cutoff = 1,
                        .coulomb_cutoff = 1,
                        .switch_from = 0.8,
                        .c6 = 4 * 0.99774 * pow(0.3405, 6),
                        .c12 = 4 * 0.99774 * pow(0.3405, 12),
                        .rf_k = t->rf_k,
                        .rf_c = t->rf_c};
    if (t->coulomb == AL_PAIR_EWALD) {
        p.beta = beta_of(t->rtol);
        p.ewald_shift = t->has_ewald_shift ? erfc(p.beta) : 0;
    }
    assert_true(al_pair_prepare(&p));
    return p;
}

/** What GROMACS counts as Coulomb (SR) besides pairs: each charge with itself. */
static double with_itself(const al_pair_params *p)
{
    double each = p->coulomb == AL_PAIR_EWALD ? p->beta * M_2_SQRTPI / 2 : p->rf_c / 2;
    return p->coulomb == AL_PAIR_NO_COULOMB ? 0 : -2 * coulomb_constant * each;
}

/** Sodium (or argon) at place 0, chloride at place 8, `r` apart. */
static void make_pair_scene(scene *s, const al_pair_params *p, double r)
{
    static const double sigma[] = {0.3328, 0.4401}, epsilon[] = {0.01160, 0.41840};
    memset(s, 0, sizeof *s);
    for (size_t place = 0; place < NPLACES; place++)
        for (unsigned d = 0; d < 3; d++)
            s->x[al_block_at(place, d)] = al_block_nowhere(place, d);
    for (size_t k = 0; k < 2; k++) {
        size_t place = k * AL_BLOCK;
        for (unsigned d = 0; d < 3; d++)
            s->x[al_block_at(place, d)] = k == 1 && d == 0 ? r : 0;
        s->charge[place] = (k == 0 ? 1 : -1) * sqrt(coulomb_constant);
        al_pair_atom(p, 4 * epsilon[k] * pow(sigma[k], 6), 4 * epsilon[k] * pow(sigma[k], 12), &s->a[place],
                     &s->b[place]);
    }
    for (size_t n = 0; n < NREALS; n++)
        s->xf[n] = (float)s->x[n];
    for (size_t place = 0; place < NPLACES; place++) {
        s->chargef[place] = (float)s->charge[place];
        s->af[place] = (float)s->a[place];
        s->bf[place] = (float)s->b[place];
    }
    s->blocks[0] = 1;
    s->rows[0] = (al_pair_row){.cluster = 0, .begin = 0, .end = 1};
    s->list = (al_pair_list){s->rows, 1, s->blocks, s->masks};
}

/** One line of a table: energies, and the force on the second atom from the first (NAN: of the mesh, too). */
typedef struct line {
    double r, lj, coulomb, force;
} line;

static size_t read_table(const table *t, line *lines, size_t most)
{
    char path[4096], text[1024], *word, *rest;
    (void)snprintf(path, sizeof path, "%s/01_pair/%s.ref.txt", mdref, t->name);
    FILE *file = fopen(path, "r");
    size_t n = 0;
    int lj = -1, coulomb = -1, force = -1;
    while (file != NULL && n < most && fgets(text, sizeof text, file) != NULL) {
        double values[16] = {0};
        int column = text[0] == '#' ? -1 : 0;
        for (word = strtok_r(text, " ", &rest); word != NULL && column < 16;
             word = strtok_r(NULL, " ", &rest), column++) {
            if (text[0] != '#') {
                values[column] = strtod(word, NULL);
                continue;
            }
            lj = strcmp(word, "LJ_(SR)") == 0 ? column : lj;
            coulomb = strcmp(word, "Coulomb_(SR)") == 0 ? column : coulomb;
            force = strncmp(word, "F2.u", 4) == 0 ? column : force;
        }
        if (text[0] != '#')
            lines[n++] = (line){values[0], values[lj], coulomb > 0 ? values[coulomb] : 0,
                                t->coulomb == AL_PAIR_EWALD ? (double)NAN : values[force]};
    }
    if (file != NULL)
        (void)fclose(file);
    return n;
}

static bool is_close(double a, double b, double tolerance)
{
    return fabs(a - b) <= tolerance * (1 + fabs(b));
}

static void two_atoms_are_gromacs_s(void **state)
{
    (void)state;
    static scene s;
    for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++) {
        line lines[64];
        size_t nlines = read_table(&tables[t], lines, 64);
        if (nlines == 0) {
            print_message("skipped: no tables in %s/01_pair\n", mdref);
            skip();
        }
        assert_int_equal(nlines, 26);
        al_pair_params p = params_of(&tables[t]);
        for (size_t k = 0; k < nlines; k++) {
            double f[NREALS] = {0};
            _Alignas(64) float ff[NREALS] = {0};
            al_pair_sums sums = {.lj = 0};
            make_pair_scene(&s, &p, lines[k].r);
            const al_pair_atoms atoms = atoms_of(&s, true), atomsf = atoms_of(&s, false);
            al_pair_ref_d(&p, &atoms, &s.list, 0, 1, s.x, f, &sums);
            assert_true(is_close(sums.lj, lines[k].lj, 2e-12));
            assert_true(is_close(sums.coulomb + with_itself(&p), lines[k].coulomb, 2e-10));
            double force = f[al_block_at(AL_BLOCK, 0)];
            assert_true(isnan(lines[k].force) || is_close(force, lines[k].force, 1e-9));
            for (const al_kernels *const *one = al_kernels_all; *one != NULL; one++) {
                if (!(*one)->can_run())
                    continue;
                memset(ff, 0, sizeof ff);
                (*one)->pairs(&p, &atomsf, &s.list, 0, 1, s.xf, ff, NULL);
                /* What Ewald leaves is a small difference of two terms as great as 1/r^2. */
                double scale = p.coulomb == AL_PAIR_EWALD ? coulomb_constant * (1 + pow(lines[k].r, -2)) : 0;
                double slack = p.coulomb == AL_PAIR_EWALD && tables[t].rtol < 1e-5 ? 4e-5 : 1e-6;
                assert_true(fabs((double)ff[al_block_at(AL_BLOCK, 0)] - force) <
                            1e-5 * (1 + fabs(force)) + slack * scale);
            }
        }
        al_pair_unprepare(&p);
    }
}

#define CANARY 1234.5F

static void every_kernel_does_what_the_reference_does(void **state)
{
    (void)state;
    static scene s;
    static double exact[NREALS];
    static _Alignas(64) float guarded[NREALS + 2 * AL_BLOCK_REALS];
    float *f = guarded + AL_BLOCK_REALS;
    for (const al_kernels *const *k = al_kernels_all; *k != NULL; k++) {
        if (!(*k)->can_run()) {
            print_message("skipped: %s: this processor does not run it\n", (*k)->name);
            continue;
        }
        for (uint64_t number = 1; number <= 12 * nasked; number++) {
            const al_pair_params *p = &asked[number % nasked];
            make_scene(&s, number, (double)(number / nasked % 6) / 5, p, true);
            const al_pair_atoms atoms = atoms_of(&s, false), atoms_double = atoms_of(&s, true);
            bool is_summed = number / nasked % 2 == 0;
            al_pair_sums wanted = {.lj = 0}, sums = {.lj = 0};
            uint32_t begin = number % 5 == 0 ? 3 : 0, end = s.list.nrows - (number % 7 == 0);
            for (size_t n = 0; n < sizeof guarded / sizeof guarded[0]; n++)
                guarded[n] = CANARY;
            memset(f, 0, sizeof exact / 2);
            memset(exact, 0, sizeof exact);
            al_pair_ref_d(p, &atoms_double, &s.list, begin, end, s.x, exact, &wanted);
            (*k)->pairs(p, &atoms, &s.list, begin, end, s.xf, f, is_summed ? &sums : NULL);
            double scale = 1, worst = 0;
            for (size_t n = 0; n < NREALS; n++) {
                scale = fmax(scale, fabs(exact[n]));
                worst = fmax(worst, fabs((double)f[n] - exact[n]));
            }
            assert_true(worst < 4e-6 * scale);
            if (is_summed) {
                assert_true(fabs(sums.lj - wanted.lj) < 1e-5 * (1 + fabs(wanted.lj)));
                assert_true(fabs(sums.coulomb - wanted.coulomb) < 1e-5 * (1 + fabs(wanted.coulomb)));
                assert_true(fabs(sums.virial - wanted.virial) <
                            1e-5 * (1 + fabs(wanted.virial) + fabs(wanted.lj)));
            }
            for (size_t n = 0; n < AL_BLOCK_REALS; n++) {
                assert_true(guarded[n] == CANARY);
                assert_true(f[NREALS + n] == CANARY);
            }
        }
    }
}

/** By distances in double: no two atoms are within a float's rounding of what is asked for here. */
static void find_near(const scene *s, const al_pair_row *row, float reach, al_pair_near *near)
{
    near->nwhole = near->nfirst = near->nsecond = 0;
    for (uint32_t n = row->begin; n < row->end; n++) {
        bool is_near[2] = {false, false};
        for (size_t at = 0; at < AL_CLUSTER * AL_BLOCK; at++) {
            size_t i = (size_t)row->cluster * AL_CLUSTER + at / AL_BLOCK,
                   j = s->blocks[n] * (size_t)AL_BLOCK + at % AL_BLOCK;
            is_near[at / AL_BLOCK / 2] |= distance2(s->x, i, j) < (double)reach * (double)reach;
        }
        if (is_near[0] && is_near[1])
            near->whole[near->nwhole++] = s->blocks[n];
        else if (is_near[0])
            near->first[near->nfirst++] = s->blocks[n];
        else if (is_near[1])
            near->second[near->nsecond++] = s->blocks[n];
    }
}

static void every_kernel_prunes_the_same(void **state)
{
    (void)state;
    static scene s;
    uint32_t nseen[3] = {0, 0, 0};
    for (uint64_t number = 1; number <= 20; number++) {
        make_scene(&s, number, 1, &asked[0], true);
        for (uint32_t k = 0; k < s.list.nrows; k++) {
            uint32_t wanted[3][NBLOCKS], found[3][NBLOCKS + 1], n = s.rows[k].end - s.rows[k].begin;
            float reach = 0.3F + 0.1F * (float)number;
            al_pair_near near = {.whole = wanted[0], .first = wanted[1], .second = wanted[2]};
            find_near(&s, &s.rows[k], reach, &near);
            for (const al_kernels *const *one = al_kernels_all; *one != NULL; one++) {
                if (!(*one)->can_run())
                    continue;
                al_pair_near other = {.whole = found[0], .first = found[1], .second = found[2]};
                found[0][n] = found[1][n] = found[2][n] = 77;
                (*one)->prune(s.rows[k].cluster, s.blocks + s.rows[k].begin, n, s.xf, reach, &other);
                assert_true(other.nwhole == near.nwhole && other.nfirst == near.nfirst &&
                            other.nsecond == near.nsecond);
                assert_memory_equal(found[0], wanted[0], near.nwhole * sizeof **found);
                assert_memory_equal(found[1], wanted[1], near.nfirst * sizeof **found);
                assert_memory_equal(found[2], wanted[2], near.nsecond * sizeof **found);
                assert_true(found[0][n] == 77 && found[1][n] == 77 && found[2][n] == 77);
            }
            for (int which = 0; which < 3; which++)
                nseen[which] += which == 0 ? near.nwhole : which == 1 ? near.nfirst : near.nsecond;
        }
    }
    assert_true(nseen[0] > 100 && nseen[1] > 10 && nseen[2] > 10);
}

/** Squares of the distances from a cluster's atoms to a block's, as floats have them: the least. */
static double nearest2(const float *x, uint32_t cluster, uint32_t block)
{
    double least = HUGE_VAL;
    for (size_t at = 0; at < AL_CLUSTER * AL_BLOCK; at++) {
        double sum = 0;
        for (unsigned d = 0; d < 3; d++) {
            size_t i = (size_t)cluster * AL_CLUSTER + at / AL_BLOCK,
                   j = (size_t)block * AL_BLOCK + at % AL_BLOCK;
            double apart = (double)x[al_block_at(i, d)] - (double)x[al_block_at(j, d)];
            sum += apart * apart;
        }
        least = fmin(least, sum);
    }
    return least;
}

/** Wherever atoms are, and however large the squares that a kernel takes the difference of: a block that is
 * just within reach is found, and one that is farther by a thousandth of where they are is not. */
static void pruning_loses_none_far_from_the_middle(void **state)
{
    (void)state;
    static scene s;
    static _Alignas(64) float x[NREALS];
    for (uint64_t number = 1; number <= 40; number++) {
        const double far[] = {0, 30, -200, 1000};
        make_scene(&s, number, 1, &asked[0], true);
        for (size_t n = 0; n < NREALS; n++)
            x[n] = s.x[n] > -1000 ? (float)(s.x[n] + far[number % 4]) : (float)s.x[n];
        for (uint32_t cluster = 0; cluster < 2 * NBLOCKS; cluster++)
            for (uint32_t block = 0; block < NBLOCKS; block++) {
                double r2 = nearest2(x, cluster, block),
                       beside = 1e-3 + 1e-5 * far[number % 4] * far[number % 4];
                if (r2 > 100 || r2 < beside)
                    continue;
                for (const al_kernels *const *one = al_kernels_all; *one != NULL; one++) {
                    uint32_t found[3][2];
                    al_pair_near near = {.whole = found[0], .first = found[1], .second = found[2]};
                    if (!(*one)->can_run())
                        continue;
                    (*one)->prune(cluster, &block, 1, x, (float)(sqrt(r2) * (1 + 3e-7)), &near);
                    assert_int_equal(near.nwhole + near.nfirst + near.nsecond, 1);
                    (*one)->prune(cluster, &block, 1, x, (float)sqrt(r2 - beside), &near);
                    assert_int_equal(near.nwhole + near.nfirst + near.nsecond, 0);
                }
            }
    }
}

/** By distances in double; none is within a float's rounding of the reach. */
static uint32_t find_by_bounds(const al_bounds *own, const al_bounds *all, uint32_t begin, uint32_t end,
                               double reach, uint32_t *near)
{
    uint32_t n = 0;
    for (uint32_t block = begin; block < end; block++) {
        double apart2 = 0;
        for (int d = 0; d < 3; d++) {
            double apart = fmax((double)all[block].least[d] - (double)own->greatest[d],
                                (double)own->least[d] - (double)all[block].greatest[d]);
            apart2 += apart > 0 ? apart * apart : 0;
        }
        if (apart2 < reach * reach)
            near[n++] = block;
    }
    return n;
}

static void every_kernel_finds_the_blocks_that_are_near(void **state)
{
    (void)state;
    enum { MANY = 100, ROUNDS = 2000 };
    static float rows[6 * (MANY + AL_SPANS_BEYOND)];
    const al_spans spans = {rows, MANY + AL_SPANS_BEYOND};
    al_bounds all[MANY];
    uint32_t wanted[MANY], found[MANY + 1], nfound = 0, nleft = 0;
    for (size_t n = 0; n < sizeof rows / sizeof *rows; n++)
        rows[n] = 0; /* what lies beyond would be near */
    for (uint32_t k = 0; k < MANY; k++)
        for (size_t d = 0; d < 3; d++) {
            all[k].least[d] = rows[d * spans.stride + k] = (float)(10 * next_random());
            all[k].greatest[d] = rows[(d + 3) * spans.stride + k] =
                all[k].least[d] + (float)(2 * next_random());
        }
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t begin = (uint32_t)(MANY * next_random()),
                 end = begin + (uint32_t)((MANY + 1 - begin) * next_random());
        const al_bounds *own = &all[round % MANY];
        float reach = (float)(4 * next_random());
        uint32_t n = find_by_bounds(own, all, begin, end, (double)reach, wanted);
        for (const al_kernels *const *one = al_kernels_all; *one != NULL; one++) {
            if (!(*one)->can_run())
                continue;
            found[end - begin] = 77;
            assert_int_equal((*one)->find_near(own, &spans, begin, end, reach, found), n);
            assert_memory_equal(found, wanted, n * sizeof *found);
            assert_int_equal(found[end - begin], 77);
        }
        nfound += n;
        nleft += end - begin - n;
    }
    assert_true(nfound > 1000 && nleft > 1000);
}

/** The rows of a scene with blocks that are near half of a cluster told apart; nothing is masked. */
static void tell_halves_apart(scene *s, float reach)
{
    static uint32_t whole[NBLOCKS], first[NBLOCKS], second[NBLOCKS];
    for (uint32_t k = 0; k < s->list.nrows; k++) {
        al_pair_row *row = &s->rows[k];
        al_pair_near near = {.whole = whole, .first = first, .second = second};
        bool has_own = row->end > row->begin && s->blocks[row->begin] == row->cluster / 2;
        s->masks[row->first_mask] = UINT32_MAX;
        row->nmasked = has_own;
        row->begin += has_own;
        find_near(s, row, reach, &near);
        uint32_t *to = s->blocks + row->begin;
        memcpy(to, whole, near.nwhole * sizeof *to);
        memcpy(to + near.nwhole, first, near.nfirst * sizeof *to);
        memcpy(to + near.nwhole + near.nfirst, second, near.nsecond * sizeof *to);
        row->end = row->begin + near.nwhole + near.nfirst + near.nsecond;
        row->begin -= has_own;
        row->nfirst = near.nfirst;
        row->nsecond = near.nsecond;
    }
}

/** What a kernel leaves out of halves adds nothing: the same bits with and without, energies asked for or
 * not; and it leaves out nothing more, as the reference, which computes all, says. */
static void halves_that_are_far_add_nothing(void **state)
{
    (void)state;
    static scene s;
    static double exact[NREALS];
    static _Alignas(64) float whole[NREALS], halves[NREALS], summed[NREALS];
    for (const al_kernels *const *k = al_kernels_all; *k != NULL; k++)
        for (uint64_t number = 1; number <= 4 * nasked && (*k)->can_run(); number++) {
            const al_pair_params *p = &asked[number % nasked];
            make_scene(&s, number, 1, p, true);
            tell_halves_apart(&s, 2.95F);
            const al_pair_atoms atoms = atoms_of(&s, false), atoms_double = atoms_of(&s, true);
            al_pair_sums sums = {.lj = 0};
            memset(exact, 0, sizeof exact);
            memset(halves, 0, sizeof halves);
            memset(summed, 0, sizeof summed);
            memset(whole, 0, sizeof whole);
            al_pair_ref_d(p, &atoms_double, &s.list, 0, s.list.nrows, s.x, exact, NULL);
            (*k)->pairs(p, &atoms, &s.list, 0, s.list.nrows, s.xf, halves, NULL);
            (*k)->pairs(p, &atoms, &s.list, 0, s.list.nrows, s.xf, summed, &sums);
            uint32_t nhalves = 0;
            for (uint32_t row = 0; row < s.list.nrows; row++) {
                nhalves += s.rows[row].nfirst + s.rows[row].nsecond;
                s.rows[row].nfirst = s.rows[row].nsecond = 0;
            }
            assert_true(nhalves > 0);
            (*k)->pairs(p, &atoms, &s.list, 0, s.list.nrows, s.xf, whole, NULL);
            double scale = 1, worst = 0;
            for (size_t n = 0; n < NREALS; n++) {
                assert_true(whole[n] == halves[n] && whole[n] == summed[n]);
                scale = fmax(scale, fabs(exact[n]));
                worst = fmax(worst, fabs((double)halves[n] - exact[n]));
            }
            assert_true(worst < 4e-6 * scale);
        }
}

static void kernels_are_found_by_name(void **state)
{
    (void)state;
    assert_non_null(al_kernels_find(NULL));
    assert_ptr_equal(al_kernels_find("ref"), &al_kernels_ref);
    assert_null(al_kernels_find("abacus"));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reference_is_the_formula_and_its_gradient),
        cmocka_unit_test(two_atoms_are_gromacs_s),
        cmocka_unit_test(every_kernel_does_what_the_reference_does),
        cmocka_unit_test(every_kernel_prunes_the_same),
        cmocka_unit_test(pruning_loses_none_far_from_the_middle),
        cmocka_unit_test(every_kernel_finds_the_blocks_that_are_near),
        cmocka_unit_test(halves_that_are_far_add_nothing),
        cmocka_unit_test(kernels_are_found_by_name),
    };
    mdref = getenv("ALLOT_MDREF") != NULL ? getenv("ALLOT_MDREF") : argc > 1 ? argv[1] : "";
    ask();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    for (size_t k = 0; k < nasked; k++)
        al_pair_unprepare(&asked[k]);
    return failed;
}
