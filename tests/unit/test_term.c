/* test_term.c - terms between bonded atoms: energies against what topology.h says, forces
 * against differences of energies, and all of them against GROMACS' energies of peptides and proteins.
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

#include "md/gro.h"
#include "md/read/top.h"
#include "md/term/term.h"
#include "support/prop.h"

static const char *mdref = "";

static double uniform(double least, double most)
{
    return least + (most - least) * prop_unit();
}

/* ---- one term -------------------------------------------------------------------------------------------
 */

enum { NPLACES = 24, NREALS = NPLACES / AL_BLOCK * AL_BLOCK_REALS, SIDE = 24, ROUNDS = 300 };

/** A term of a kind; its numbers begin at params[2]; the other places are of nobody's concern. */
static struct {
    al_term_kind kind;
    al_term term;
    double params[8], reference[NREALS], grid[SIDE * SIDE];
    al_cmap cmaps[2];
    double at[AL_TERM_ATOMS][3];
} one;

static al_term_tables tables_of_one(void)
{
    return (al_term_tables){
        .params = one.params, .cmaps = one.cmaps, .reference = one.reference, .coulomb = AL_TERM_COULOMB};
}

/** Energies and forces of atoms at `at`; checks that they are added, and to the term's places only. */
static double compute(const double (*at)[3], double (*f)[3], al_term_energies *energies)
{
    double x[NREALS], forces[NREALS];
    unsigned natoms = al_term_infos[one.kind].natoms;
    al_term_tables tables = tables_of_one();
    for (size_t k = 0; k < NREALS; k++) {
        x[k] = NAN;
        forces[k] = 0;
    }
    for (unsigned a = 0; a < natoms; a++)
        for (unsigned d = 0; d < 3; d++)
            x[al_block_at(one.term.atom[a], d)] = at[a][d];
    *energies = (al_term_energies){.lj14 = 0};
    al_term_functions_d[one.kind](&tables, 1, &one.term, x, forces, energies);
    for (unsigned a = 0; a < natoms; a++)
        for (unsigned d = 0; d < 3; d++) {
            double *taken = &forces[al_block_at(one.term.atom[a], d)];
            f[a][d] = *taken;
            *taken = 0;
        }
    for (size_t k = 0; k < NREALS; k++)
        assert_true(forces[k] == 0);
    for (int kind = 0; kind < AL_TERM_NKINDS; kind++)
        assert_true(kind == (int)one.kind || energies->of[kind] == 0);
    assert_true(one.kind == AL_TERM_PAIR14 || (energies->lj14 == 0 && energies->coulomb14 == 0));
    return energies->of[one.kind];
}

static double energy_at(const double (*at)[3])
{
    double f[AL_TERM_ATOMS][3];
    al_term_energies energies;
    return compute(at, f, &energies);
}

/** Numbers as they are in force fields. */
static void random_params(void)
{
    double *p = one.params + 2;
    one.term.params = 2;
    switch (one.kind) {
    case AL_TERM_BOND:
    case AL_TERM_BOND_G96:
        p[0] = uniform(0.1, 0.2), p[1] = uniform(1e5, 5e5);
        break;
    case AL_TERM_UREY:
        p[2] = uniform(0.2, 0.3), p[3] = uniform(1e3, 3e4); /* fall through */
    case AL_TERM_ANGLE:
    case AL_TERM_ANGLE_G96:
        p[0] = uniform(1.5, M_PI), p[1] = uniform(200, 800);
        break;
    case AL_TERM_PROPER:
    case AL_TERM_IMPROPER_PERIODIC:
        p[0] = uniform(-M_PI, M_PI), p[1] = uniform(-20, 20), p[2] = (double)(1 + prop_below(6));
        break;
    case AL_TERM_IMPROPER:
        p[0] = uniform(-M_PI, M_PI), p[1] = uniform(100, 300);
        break;
    case AL_TERM_RYCKAERT:
        for (unsigned n = 0; n < 6; n++)
            p[n] = uniform(-20, 20);
        break;
    case AL_TERM_CMAP:
        p[0] = 1;
        break;
    case AL_TERM_PAIR14:
        p[0] = uniform(1e-4, 1e-2), p[1] = uniform(1e-7, 1e-5), p[2] = uniform(-0.5, 0.5);
        break;
    default: /* a restraint */
        for (unsigned d = 0; d < 3; d++)
            p[d] = uniform(500, 2000);
        for (size_t k = 0; k < NREALS; k++)
            one.reference[k] = uniform(-1, 1);
    }
}

static void open_grid(void)
{
    for (unsigned k = 0; k < SIDE * SIDE; k++)
        one.grid[k] = uniform(-10, 10);
    const double other = 17;
    assert_int_equal(al_cmap_init(&one.cmaps[0], 1, &other, NULL), ALLOT_OK);
    assert_int_equal(al_cmap_init(&one.cmaps[1], SIDE, one.grid, NULL), ALLOT_OK);
}

static void close_grid(void)
{
    al_cmap_fini(&one.cmaps[0]);
    al_cmap_fini(&one.cmaps[1]);
}

static void cross_of(const double a[3], const double b[3], double c[3])
{
    for (unsigned d = 0; d < 3; d++)
        c[d] = a[(d + 1) % 3] * b[(d + 2) % 3] - a[(d + 2) % 3] * b[(d + 1) % 3];
}

/** Put atom `a` a bond from the one before, so that there the angle is what is said, and the dihedral, from
 * cis as IUPAC counts it. (Parsons et al., J. Comput. Chem. 26, 1063, 2005.) */
static void grow(unsigned a, double angle, double dihedral)
{
    double length = uniform(0.1, 0.16), along[3], before[3], side[3], up[3], norm[2] = {0};
    for (unsigned d = 0; d < 3; d++) {
        along[d] = one.at[a - 1][d] - one.at[a - 2][d];
        before[d] = a < 3 ? uniform(-1, 1) : one.at[a - 2][d] - one.at[a - 3][d];
        norm[0] += along[d] * along[d];
    }
    cross_of(before, along, side);
    for (unsigned d = 0; d < 3; d++) {
        along[d] /= sqrt(norm[0]);
        norm[1] += side[d] * side[d];
    }
    for (unsigned d = 0; d < 3; d++)
        side[d] /= sqrt(norm[1]);
    cross_of(side, along, up);
    for (unsigned d = 0; d < 3; d++)
        one.at[a][d] =
            one.at[a - 1][d] + length * (-cos(angle) * along[d] +
                                         sin(angle) * (cos(dihedral) * up[d] + sin(dihedral) * side[d]));
}

/** Angles and dihedrals that random_term() made. */
static double made_angle, made_dihedral[2];

/** A chain in some direction; of special ones the angle is nearly straight or the dihedrals nearly 0 or pi.
 */
static void random_term(al_term_kind kind, bool is_special)
{
    const double odd[] = {0, M_PI, -M_PI, 1e-9, M_PI - 1e-9, -1e-4, -M_PI + 1e-4};
    one.kind = kind;
    random_params();
    for (unsigned a = 0; a < AL_TERM_ATOMS; a++) /* 7 and 24 have no divisor in common: all differ */
        one.term.atom[a] = (uint32_t)(prop_below(4) + 4 + 7 * a) % NPLACES;
    for (unsigned a = 1; a < AL_TERM_ATOMS; a++)
        one.term.atom[a] = (one.term.atom[a - 1] + 7) % NPLACES;
    for (unsigned d = 0; d < 3; d++) {
        one.at[0][d] = uniform(-1, 1);
        one.at[1][d] = one.at[0][d] + uniform(0.05, 0.1) * (prop_chance(2) ? 1 : -1);
    }
    bool is_angle = al_term_infos[kind].natoms == 3;
    made_angle = is_special && is_angle ? M_PI - prop_log(1e-4, 1e-2) : uniform(0.5, 2.8);
    grow(2, made_angle, 0);
    for (unsigned a = 3; a < AL_TERM_ATOMS; a++) {
        made_dihedral[a - 3] = is_special ? odd[prop_below(7)] : uniform(-M_PI, M_PI);
        grow(a, uniform(0.5, 2.8), made_dihedral[a - 3]);
    }
}

static bool is_potential(al_term_kind kind)
{
    return kind <= AL_TERM_RESTRAINT;
}

static void potentials_are_there(void **state)
{
    (void)state;
    for (int kind = 0; kind < AL_TERM_NKINDS; kind++) {
        assert_int_equal(al_term_functions_d[kind] != NULL, is_potential((al_term_kind)kind));
        assert_int_equal(al_term_functions_f[kind] != NULL, is_potential((al_term_kind)kind));
    }
}

/** Try `property` on terms of all kinds. */
static void try_all(void (*property)(double step))
{
    for (int kind = 0; is_potential((al_term_kind)kind); kind++)
        for (uint64_t round = 0; round < prop_rounds(ROUNDS); round++) {
            bool is_special = round % 3 == 0;
            prop_begin(round + 1000 * (uint64_t)kind);
            open_grid();
            random_term((al_term_kind)kind, is_special);
            property(is_special && al_term_infos[kind].natoms == 3 ? (M_PI - made_angle) * 1e-3 : 1e-5);
            close_grid();
        }
}

static double biggest(double (*f)[3])
{
    double most = 0;
    for (unsigned a = 0; a < al_term_infos[one.kind].natoms; a++)
        for (unsigned d = 0; d < 3; d++)
            most = fmax(most, fabs(f[a][d]));
    return most;
}

/** How far a dihedral is from a line of the grid that `spacing` makes. */
static double off_lines(double dihedral, double first, double spacing)
{
    return fabs(remainder(dihedral - first, spacing));
}

/** What differences may be off, relative. Where some of the places that they are taken at are on one side of
 * an improper dihedral's fold and some on the other (the short way is the other one there) energies have no
 * slope; where they are on two sides of a line of CMAP's grid its second derivative jumps. */
static double allowance(double step)
{
    enum { NEAREST = 50 }; /* places are 2 steps off, and a fiftieth of a length at least from the axis */
    double reach = 2 * step * NEAREST, spacing = 2 * M_PI / SIDE;
    if (one.kind == AL_TERM_IMPROPER && off_lines(made_dihedral[0], one.params[2] + M_PI, 2 * M_PI) < reach)
        return HUGE_VAL;
    bool is_on_line =
        off_lines(made_dihedral[0], 0, spacing) < reach || off_lines(made_dihedral[1], 0, spacing) < reach;
    return one.kind == AL_TERM_CMAP && is_on_line ? 1e-4 : 1e-6;
}

static void forces_are_differences(double step)
{
    static const double steps[] = {-2, -1, 1, 2}, weights[] = {1.0 / 12, -8.0 / 12, 8.0 / 12, -1.0 / 12};
    double f[AL_TERM_ATOMS][3], at[AL_TERM_ATOMS][3];
    al_term_energies energies;
    compute((const double(*)[3])one.at, f, &energies);
    double scale = biggest(f) + fabs(energies.of[one.kind]);
    memcpy(at, one.at, sizeof at);
    for (unsigned a = 0; a < al_term_infos[one.kind].natoms; a++)
        for (unsigned d = 0; d < 3; d++) {
            double slope = 0, rounding = 1e-14 * (fabs(energies.of[one.kind]) + 100) / step;
            for (unsigned k = 0; k < 4; k++) {
                at[a][d] = one.at[a][d] + steps[k] * step;
                slope += weights[k] * energy_at((const double(*)[3])at) / step;
            }
            at[a][d] = one.at[a][d];
            prop_require(fabs(f[a][d] + slope) < allowance(step) * scale + rounding);
        }
}

static void forces_are_what_energies_say(void **state)
{
    (void)state;
    try_all(forces_are_differences);
}

static void nothing_is_pushed_or_turned(double step)
{
    (void)step;
    double f[AL_TERM_ATOMS][3], force[3] = {0}, torque[3] = {0}, moment[3];
    al_term_energies energies;
    if (one.kind == AL_TERM_RESTRAINT)
        return;
    compute((const double(*)[3])one.at, f, &energies);
    double most = biggest(f);
    for (unsigned a = 0; a < al_term_infos[one.kind].natoms; a++) {
        cross_of(one.at[a], f[a], moment);
        for (unsigned d = 0; d < 3; d++) {
            force[d] += f[a][d];
            torque[d] += moment[d];
        }
    }
    for (unsigned d = 0; d < 3; d++)
        prop_require(fabs(force[d]) <= 1e-14 * most && fabs(torque[d]) <= 1e-11 * most);
}

static void forces_sum_to_zero(void **state)
{
    (void)state;
    try_all(nothing_is_pushed_or_turned);
}

static double length_of(unsigned a, unsigned b)
{
    double sum = 0;
    for (unsigned d = 0; d < 3; d++)
        sum += pow(one.at[a][d] - one.at[b][d], 2);
    return sqrt(sum);
}

/** What topology.h says of the kind, of the angles that the atoms were placed by. */
static double closed_form(void)
{
    const double *p = one.params + 2, r = length_of(0, 1), phi = made_dihedral[0];
    double sum = 0, off;
    switch (one.kind) {
    case AL_TERM_BOND:
        return p[1] / 2 * (r - p[0]) * (r - p[0]);
    case AL_TERM_BOND_G96:
        return p[1] / 4 * pow(r * r - p[0] * p[0], 2);
    case AL_TERM_ANGLE:
        return p[1] / 2 * pow(made_angle - p[0], 2);
    case AL_TERM_ANGLE_G96:
        return p[1] / 2 * pow(cos(made_angle) - cos(p[0]), 2);
    case AL_TERM_UREY:
        return p[1] / 2 * pow(made_angle - p[0], 2) + p[3] / 2 * pow(length_of(0, 2) - p[2], 2);
    case AL_TERM_PROPER:
    case AL_TERM_IMPROPER_PERIODIC:
        return p[1] * (1 + cos(p[2] * phi - p[0]));
    case AL_TERM_IMPROPER:
        off = acos(cos(phi - p[0]));
        return p[1] / 2 * off * off;
    case AL_TERM_RYCKAERT:
        for (int n = 0; n < 6; n++)
            sum += p[n] * pow(cos(phi - M_PI), n);
        return sum;
    case AL_TERM_PAIR14:
        return p[1] * pow(r, -12) - p[0] * pow(r, -6) + 138.93545764 * p[2] / r;
    case AL_TERM_RESTRAINT:
        for (unsigned d = 0; d < 3; d++)
            sum += p[d] / 2 * pow(one.at[0][d] - one.reference[al_block_at(one.term.atom[0], d)], 2);
        return sum;
    default:
        return NAN;
    }
}

static void energy_is_closed_form(double step)
{
    (void)step;
    double f[AL_TERM_ATOMS][3];
    al_term_energies energies;
    if (one.kind == AL_TERM_CMAP) /* below */
        return;
    double energy = compute((const double(*)[3])one.at, f, &energies);
    prop_require(fabs(energy - closed_form()) < 1e-9 + 1e-11 * fabs(energy));
    if (one.kind == AL_TERM_PAIR14) {
        prop_require(fabs(energies.lj14 + energies.coulomb14 - energy) < 1e-12 * fabs(energies.lj14));
        double coulomb = 138.93545764 * one.params[4] / length_of(0, 1);
        prop_require(fabs(energies.coulomb14 - coulomb) < 1e-12 * fabs(coulomb));
    }
}

static void energies_are_what_is_written(void **state)
{
    (void)state;
    try_all(energy_is_closed_form);
}

/** Float forces on the positions that floats have; both are added to what is there. */
static void floats_do_as_doubles(double step)
{
    (void)step;
    float x[NREALS], f[NREALS];
    double xd[NREALS], fd[NREALS];
    al_term_energies energies = {.lj14 = 0}, doubles = energies;
    al_term_tables tables = tables_of_one();
    for (size_t k = 0; k < NREALS; k++) {
        x[k] = 0;
        f[k] = 3;
        fd[k] = 3;
    }
    for (unsigned a = 0; a < al_term_infos[one.kind].natoms; a++)
        for (unsigned d = 0; d < 3; d++)
            x[al_block_at(one.term.atom[a], d)] = (float)one.at[a][d];
    for (size_t k = 0; k < NREALS; k++)
        xd[k] = (double)x[k];
    for (int twice = 0; twice < 2; twice++) {
        al_term_functions_f[one.kind](&tables, 1, &one.term, x, f, &energies);
        al_term_functions_d[one.kind](&tables, 1, &one.term, xd, fd, &doubles);
    }
    prop_require(energies.of[one.kind] == doubles.of[one.kind]);
    for (size_t k = 0; k < NREALS; k++)
        prop_require(fabs((double)f[k] - fd[k]) <= 2e-7 * (fabs(fd[k]) + 3));
    for (unsigned a = 0; a < al_term_infos[one.kind].natoms; a++)
        for (unsigned d = 0; d < 3; d++)
            one.at[a][d] = xd[al_block_at(one.term.atom[a], d)];
    double once[AL_TERM_ATOMS][3];
    compute((const double(*)[3])one.at, once, &doubles);
    for (unsigned a = 0; a < al_term_infos[one.kind].natoms; a++)
        for (unsigned d = 0; d < 3; d++) {
            double sum = fd[al_block_at(one.term.atom[a], d)];
            prop_require(fabs(sum - (3 + 2 * once[a][d])) <= 1e-14 * (fabs(sum) + 3));
        }
}

static void precisions_agree(void **state)
{
    (void)state;
    try_all(floats_do_as_doubles);
}

/** Atoms upon each other, and all in a line along an axis. */
static void no_direction_is_no_force(void **state)
{
    (void)state;
    prop_begin(1);
    open_grid();
    for (int kind = 0; kind < AL_TERM_RESTRAINT; kind++)
        for (unsigned apart = 0; apart < 2; apart++) {
            double f[AL_TERM_ATOMS][3];
            al_term_energies energies;
            random_term((al_term_kind)kind, false);
            for (unsigned a = 0; a < AL_TERM_ATOMS; a++)
                for (unsigned d = 0; d < 3; d++)
                    one.at[a][d] = d == 1 ? 0.125 * a * apart : 0;
            assert_true(isfinite(compute((const double(*)[3])one.at, f, &energies)));
            for (unsigned a = 0; a < al_term_infos[kind].natoms; a++)
                for (unsigned d = 0; d < 3; d++)
                    assert_true(d == 1 && apart == 1 ? isfinite(f[a][d]) : f[a][d] == 0);
        }
    close_grid();
}

/* ---- grids ----------------------------------------------------------------------------------------------
 */

static double waves(double a, double b)
{
    return 3 + 2 * cos(a - 0.3) + sin(b + 0.2) + 1.5 * sin(a + 2 * b);
}

/** Waves that a grid resolves are found on it, better by the fourth power of its points; on the points,
 * exactly; the first angle is the outer one. */
static void grids_follow_waves(void **state)
{
    (void)state;
    double worst[2] = {0}, worst_slope[2] = {0};
    for (unsigned fine = 0; fine < 2; fine++) {
        uint32_t side = fine ? 48 : 24;
        double grid[48 * 48];
        al_cmap map;
        for (uint32_t k = 0; k < side * side; k++)
            grid[k] = waves(-M_PI + k / side * 2 * M_PI / side, -M_PI + k % side * 2 * M_PI / side);
        assert_int_equal(al_cmap_init(&map, side, grid, NULL), ALLOT_OK);
        for (uint32_t k = 0; k < 4000; k++) {
            double angle[] = {uniform(-M_PI, M_PI), uniform(-M_PI, M_PI)}, slope[2];
            double a = angle[0], b = angle[1], energy = al_cmap_energy(&map, angle, slope);
            worst[fine] = fmax(worst[fine], fabs(energy - waves(a, b)));
            double exact[] = {-2 * sin(a - 0.3) + 1.5 * cos(a + 2 * b), cos(b + 0.2) + 3 * cos(a + 2 * b)};
            for (unsigned d = 0; d < 2; d++)
                worst_slope[fine] = fmax(worst_slope[fine], fabs(slope[d] - exact[d]));
        }
        for (uint32_t k = 0; k < side * side; k++) {
            double angle[] = {-M_PI + k / side * 2 * M_PI / side, -M_PI + k % side * 2 * M_PI / side},
                   slope[2];
            assert_true(fabs(al_cmap_energy(&map, angle, slope) - grid[k]) < 1e-13);
        }
        al_cmap_fini(&map);
    }
    assert_true(worst[0] < 5e-4 && worst[1] < worst[0] / 14);
    assert_true(worst_slope[0] < 1e-2 && worst_slope[1] < worst_slope[0] / 7);
}

/** From one square into the next, and round from pi to -pi, neither the energy nor its slopes jump. */
static void grids_have_no_seams(void **state)
{
    (void)state;
    prop_begin(3);
    open_grid();
    const double tiny = 1e-9;
    for (unsigned k = 0; k <= SIDE; k++)
        for (unsigned d = 0; d < 2; d++) {
            double edge = -M_PI + k * 2 * M_PI / SIDE, other = uniform(-M_PI, M_PI), slope[2][2], energy[2];
            for (unsigned side = 0; side < 2; side++) {
                double at = remainder(edge + (side ? tiny : -tiny), 2 * M_PI);
                double angle[] = {d == 0 ? at : other, d == 0 ? other : at};
                energy[side] = al_cmap_energy(&one.cmaps[1], angle, slope[side]);
            }
            assert_true(fabs(energy[1] - energy[0]) < 1e-6);
            assert_true(fabs(slope[1][0] - slope[0][0]) < 1e-5 && fabs(slope[1][1] - slope[0][1]) < 1e-5);
        }
    close_grid();
}

/* ---- GROMACS --------------------------------------------------------------------------------------------
 */

/** A system of GROMACS' with all of its terms' energies; x and f are in blocks. */
typedef struct reference {
    al_topology top;
    al_gro gro;
    double *x, *f;
    al_cmap *cmaps;
    al_term_energies energies;
    double lj14, coulomb14; /**< as GROMACS' table has them */
} reference;

static void put_near(const double box[3][3], const double *near, double *x)
{
    for (unsigned d = 3; d-- > 0;) {
        double boxes = round((x[d] - near[d]) / box[d][d]);
        for (unsigned e = 0; e < 3; e++)
            x[e] -= boxes * box[d][e];
    }
}

/** Put atoms beside those that they are bound to, from the first one on. */
static void make_whole(const al_molecule *molecule, const double box[3][3], double *x)
{
    static const al_term_kind ties[] = {AL_TERM_BOND, AL_TERM_CONSTRAINT, AL_TERM_SETTLE};
    bool *is_put = calloc(molecule->natoms, sizeof *is_put), goes_on = true;
    is_put[0] = true;
    while (goes_on) {
        goes_on = false;
        for (unsigned t = 0; t < 3; t++)
            for (uint32_t k = 0; k < molecule->nterms[ties[t]]; k++) {
                const uint32_t *atom = molecule->terms[ties[t]][k].atom;
                for (unsigned end = 0; end < 2; end++) {
                    uint32_t a = atom[end], b = atom[1 - end];
                    if (!is_put[a] || is_put[b])
                        continue;
                    put_near(box, &x[3 * a], &x[3 * b]);
                    is_put[b] = goes_on = true;
                }
            }
    }
    free(is_put);
}

/** r to the power of -n where GROMACS has it in a table, of 2000 points a nm between which are cubic
 * polynomials with the values and slopes of both ends. */
static double tabled(double r, int n, double *slope)
{
    const double h = 1.0 / 2000;
    double low = floor(r / h) * h, t = (r - low) / h, v[2], d[2];
    for (unsigned end = 0; end < 2; end++) {
        v[end] = pow(low + end * h, -n);
        d[end] = -n * v[end] / (low + end * h) * h;
    }
    double b = 3 * (v[1] - v[0]) - 2 * d[0] - d[1], c = 2 * (v[0] - v[1]) + d[0] + d[1];
    *slope = (d[0] + t * (2 * b + 3 * t * c)) / h;
    return v[0] + t * (d[0] + t * (b + t * c));
}

/** Sum up 1-4 pairs as GROMACS does when it wants energies; put its forces in place of ours. */
static void add_tabled(reference *r, const al_term *term)
{
    const double *p = &r->top.params[term->params];
    double slope[3], apart[3], r2 = 0;
    for (unsigned d = 0; d < 3; d++) {
        apart[d] = r->x[al_block_at(term->atom[0], d)] - r->x[al_block_at(term->atom[1], d)];
        r2 += apart[d] * apart[d];
    }
    double s = sqrt(r2), q = 138.93545764 * p[2];
    r->lj14 += p[1] * tabled(s, 12, &slope[0]) - p[0] * tabled(s, 6, &slope[1]);
    r->coulomb14 += q * tabled(s, 1, &slope[2]);
    double more = -(p[1] * slope[0] - p[0] * slope[1] + q * slope[2]) -
                  (12 * p[1] * pow(s, -13) - 6 * p[0] * pow(s, -7) + q / r2);
    for (unsigned d = 0; d < 3; d++) {
        r->f[al_block_at(term->atom[0], d)] += more * apart[d] / s;
        r->f[al_block_at(term->atom[1], d)] -= more * apart[d] / s;
    }
}

static void compute_row(reference *r, const al_molecule_row *row)
{
    const al_molecule *molecule = &r->top.molecules[row->molecule];
    al_term_tables tables = {.params = r->top.params, .cmaps = r->cmaps, .coulomb = AL_TERM_COULOMB};
    for (int kind = 0; is_potential((al_term_kind)kind); kind++) {
        uint32_t n = molecule->nterms[kind];
        al_term *terms = malloc((n + 1) * sizeof *terms);
        for (uint64_t m = 0; m < row->count && n > 0; m++) {
            for (uint32_t k = 0; k < n; k++) {
                terms[k] = molecule->terms[kind][k];
                for (unsigned a = 0; a < al_term_infos[kind].natoms; a++)
                    terms[k].atom[a] += (uint32_t)(row->first_atom + m * molecule->natoms);
            }
            al_term_functions_d[kind](&tables, n, terms, r->x, r->f, &r->energies);
            for (uint32_t k = 0; k < n && kind == AL_TERM_PAIR14; k++)
                add_tabled(r, &terms[k]);
        }
        free(terms);
    }
}

static bool read_reference(const char *name, bool is_constrained, reference *r)
{
    char path[4096], folder[4096];
    const char *folders[] = {folder};
    al_source_options options = {.folders = folders, .nfolders = 1};
    al_buffer warnings = {.at = NULL};
    allot_error err = {.text = ""};
    *r = (reference){.x = NULL};
    (void)snprintf(folder, sizeof folder, "%s/top", mdref);
    (void)snprintf(path, sizeof path, "%s/%s/conf.gro", mdref, name);
    if (al_gro_read(path, &r->gro, NULL) == ALLOT_ENOTFOUND) {
        print_message("not tried: %s: there is none\n", path);
        return false;
    }
    (void)snprintf(path, sizeof path, "%s/%s/topol.top", mdref, name);
    if (al_top_read(path, &options, &r->top, &warnings, &err) != ALLOT_OK)
        fail_msg("%s", err.text);
    al_buffer_fini(&warnings);
    if (is_constrained)
        assert_int_equal(al_topology_constrain(&r->top, true, NULL), ALLOT_OK);
    assert_int_equal(r->top.natoms, r->gro.natoms);
    return true;
}

static void compute_reference(reference *r)
{
    size_t nreals = (r->gro.natoms + AL_BLOCK - 1) / AL_BLOCK * AL_BLOCK_REALS;
    r->x = calloc(nreals, sizeof *r->x);
    r->f = calloc(nreals, sizeof *r->f);
    r->cmaps = calloc(r->top.ncmaps + 1, sizeof *r->cmaps);
    for (uint32_t k = 0; k < r->top.ncmaps; k++)
        assert_int_equal(al_cmap_init(&r->cmaps[k], r->top.cmap_side[k], r->top.cmaps[k], NULL), ALLOT_OK);
    for (uint32_t k = 0; k < r->top.nrows; k++) {
        const al_molecule_row *row = &r->top.rows[k];
        const al_molecule *molecule = &r->top.molecules[row->molecule];
        for (uint64_t m = 0; m < row->count; m++)
            make_whole(molecule, (const double(*)[3])r->gro.box,
                       &r->gro.x[3 * (row->first_atom + m * molecule->natoms)]);
    }
    for (size_t k = 0; k < r->gro.natoms; k++)
        for (unsigned d = 0; d < 3; d++)
            r->x[al_block_at(k, d)] = r->gro.x[3 * k + d];
    for (uint32_t k = 0; k < r->top.nrows; k++)
        compute_row(r, &r->top.rows[k]);
}

static void reference_fini(reference *r)
{
    for (uint32_t k = 0; k < r->top.ncmaps && r->cmaps != NULL; k++)
        al_cmap_fini(&r->cmaps[k]);
    free(r->cmaps);
    free(r->x);
    free(r->f);
    al_topology_fini(&r->top);
    al_gro_fini(&r->gro);
}

/** What of our sums a line of gmx energy is. */
static double sum_called(const reference *r, const char *line)
{
    static const struct {
        const char *line;
        al_term_kind kind;
    } kinds[] = {{"Bond", AL_TERM_BOND},
                 {"Angle", AL_TERM_ANGLE},
                 {"U-B", AL_TERM_UREY},
                 {"Proper_Dih.", AL_TERM_PROPER},
                 {"Improper_Dih.", AL_TERM_IMPROPER},
                 {"Per._Imp._Dih.", AL_TERM_IMPROPER_PERIODIC},
                 {"Ryckaert-Bell.", AL_TERM_RYCKAERT},
                 {"CMAP_Dih.", AL_TERM_CMAP}};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        if (strcmp(kinds[k].line, line) == 0)
            return r->energies.of[kinds[k].kind];
    return strcmp(line, "LJ-14") == 0 ? r->lj14 : strcmp(line, "Coulomb-14") == 0 ? r->coulomb14 : NAN;
}

/** @return how many lines were compared */
static unsigned compare_energies(const char *name, const reference *r, double *worst)
{
    char path[4096], line[256], term[64];
    unsigned n = 0;
    double expected;
    (void)snprintf(path, sizeof path, "%s/%s/sp.energies.txt", mdref, name);
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    while (fgets(line, sizeof line, in) != NULL) {
        if (sscanf(line, "%63s %lf", term, &expected) != 2 || isnan(sum_called(r, term)))
            continue;
        double sum = sum_called(r, term), off = fabs(sum / expected - 1);
        print_message("%s: %-15s %.12g, GROMACS %.12g, apart by %.1e\n", name, term, sum, expected, off);
        /* GROMACS has splines through two periods with free ends in place of periodic ones */
        *worst = fmax(*worst, strcmp(term, "CMAP_Dih.") == 0 ? off / 10 : off);
        n++;
    }
    (void)fclose(in);
    return n;
}

static void energies_are_gromacs(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        unsigned nlines;
        bool is_constrained;
    } systems[] = {{"05_ala2_vacuum", 6, false},
                   {"06_ala2_tip3p", 6, true},
                   {"07_ubq_amber", 6, true},
                   {"08_gb1_charmm", 7, true},
                   {"09_lyso_opls", 6, true}};
    double worst = 0;
    for (size_t k = 0; k < sizeof systems / sizeof *systems; k++) {
        reference r;
        if (!read_reference(systems[k].name, systems[k].is_constrained, &r))
            skip();
        compute_reference(&r);
        unsigned n = compare_energies(systems[k].name, &r, &worst);
        double lj14 = r.energies.lj14 / r.lj14 - 1, coulomb14 = r.energies.coulomb14 / r.coulomb14 - 1;
        print_message("%s: 1-4 pairs without the table: apart by %.1e, %.1e\n", systems[k].name, lj14,
                      coulomb14);
        reference_fini(&r);
        assert_int_equal(n, systems[k].nlines);
        assert_true(fabs(lj14) < 1e-8 && fabs(coulomb14) < 1e-9);
    }
    assert_true(worst < 1e-10);
}

static bool is_excluded(const al_molecule *molecule, uint32_t a, uint32_t b)
{
    for (uint32_t k = molecule->excluded_first[a]; k < molecule->excluded_first[a + 1]; k++)
        if (molecule->excluded[k] == b)
            return true;
    return false;
}

/** The peptide's pairs that no cut-off reaches. */
static void add_pairs(reference *r)
{
    const al_molecule *molecule = &r->top.molecules[r->top.rows[0].molecule];
    for (uint32_t a = 0; a < molecule->natoms; a++)
        for (uint32_t b = 0; b < a; b++) {
            if (is_excluded(molecule, a, b))
                continue;
            const al_molecule_atom *i = &molecule->atoms[a], *j = &molecule->atoms[b];
            size_t type = (size_t)i->type * r->top.ntypes + j->type;
            double r2 = 0;
            for (unsigned d = 0; d < 3; d++)
                r2 += pow(r->gro.x[3 * a + d] - r->gro.x[3 * b + d], 2);
            double by = (12 * r->top.c12[type] / pow(r2, 6) - 6 * r->top.c6[type] / pow(r2, 3) +
                         138.93545764 * i->charge * j->charge / sqrt(r2)) /
                        r2;
            for (unsigned d = 0; d < 3; d++) {
                double pull = by * (r->gro.x[3 * a + d] - r->gro.x[3 * b + d]);
                r->f[al_block_at(a, d)] += pull;
                r->f[al_block_at(b, d)] -= pull;
            }
        }
}

/** Of the peptide that is alone all forces are known here. */
static void forces_are_gromacs(void **state)
{
    (void)state;
    reference r;
    char path[4096], line[256];
    double off2 = 0, f2 = 0, expected[3];
    if (!read_reference("05_ala2_vacuum", false, &r))
        skip();
    compute_reference(&r);
    add_pairs(&r);
    (void)snprintf(path, sizeof path, "%s/05_ala2_vacuum/sp.forces.txt", mdref);
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    assert_non_null(fgets(line, sizeof line, in));
    for (size_t k = 0; k < r.gro.natoms; k++) {
        assert_int_equal(fscanf(in, "%*d %lf %lf %lf", &expected[0], &expected[1], &expected[2]), 3);
        for (unsigned d = 0; d < 3; d++) {
            off2 += pow(r.f[al_block_at(k, d)] - expected[d], 2);
            f2 += expected[d] * expected[d];
        }
    }
    (void)fclose(in);
    reference_fini(&r);
    print_message("05_ala2_vacuum: forces apart by %.1e\n", sqrt(off2 / f2));
    assert_true(sqrt(off2 / f2) < 1e-10);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(potentials_are_there),
        cmocka_unit_test(energies_are_what_is_written),
        cmocka_unit_test(forces_are_what_energies_say),
        cmocka_unit_test(forces_sum_to_zero),
        cmocka_unit_test(precisions_agree),
        cmocka_unit_test(no_direction_is_no_force),
        cmocka_unit_test(grids_follow_waves),
        cmocka_unit_test(grids_have_no_seams),
        cmocka_unit_test(energies_are_gromacs),
        cmocka_unit_test(forces_are_gromacs),
    };
    mdref = getenv("ALLOT_MDREF") != NULL ? getenv("ALLOT_MDREF") : argc > 1 ? argv[1] : "";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
