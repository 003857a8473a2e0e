/* test_dispersion.c - what is beyond the cut-off: against closed forms, against GROMACS, and whether what is
 * computed and what is added to it are the same whatever the potential ends like.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "md/dispersion.h"

static const double c6 = 4 * 0.99774 * 0.0015584852541684394; /* of argon; 0.3405 nm to the sixth */

static al_pair_params params_of(al_pair_lj lj, bool is_shifted)
{
    al_pair_params params = {
        .lj = lj, .is_shifted = is_shifted, .lj_cutoff = 1, .coulomb_cutoff = 1, .switch_from = 0.8};
    assert_true(al_pair_prepare(&params));
    return params;
}

static bool is_near(double a, double b, double tolerance)
{
    return fabs(a - b) <= tolerance * fabs(b);
}

static void it_is_the_closed_forms(void **state)
{
    (void)state;
    const double n = 1000, volume = 45, rho = n / volume;
    al_pair_params cut = params_of(AL_PAIR_LJ_CUT, false), shifted = params_of(AL_PAIR_LJ_CUT, true);
    cut.lj_cutoff = shifted.lj_cutoff = 0.9;
    assert_true(al_pair_prepare(&cut) && al_pair_prepare(&shifted));
    const double rc3 = 0.9 * 0.9 * 0.9, virial = -4 * M_PI * rho * rho * 0.7 / rc3 * volume;
    al_dispersion_tail tail = al_dispersion_tail_of(&cut, 0.7, n, volume);
    assert_true(is_near(tail.energy, -2.0 / 3 * M_PI * n * rho * 0.7 / rc3, 1e-12));
    assert_true(is_near(tail.virial, virial, 1e-12));
    tail = al_dispersion_tail_of(&shifted, 0.7, n, volume);
    assert_true(is_near(tail.energy, -4.0 / 3 * M_PI * n * rho * 0.7 / rc3 + n * 0.7 / 2 / rc3 / rc3, 1e-12));
    assert_true(is_near(tail.virial, virial, 1e-12));
}

/** shared/mdref/02_argon4000/conf.gro with rvdw 1.0, rvdw-switch 0.8, DispCorr EnerPres: `gmx_d mdrun` of
 * GROMACS 2022.5, kJ/mol and bar. Then the two atoms of 01_pair/ar_potshift_dispcorr, from which nothing is
 * far. */
static void it_is_what_gromacs_adds(void **state)
{
    (void)state;
    static const struct {
        al_pair_lj lj;
        bool is_shifted;
        double natoms, edge, energy, pressure;
    } known[] = {
        {AL_PAIR_LJ_CUT, false, 4000, 5.719025032, -1114.275743362321, -197.836207144556},
        {AL_PAIR_LJ_CUT, true, 4000, 5.719025032, -2216.111782104690, -197.836207144556},
        {AL_PAIR_LJ_FORCE_SWITCH, false, 4000, 5.719025032, -2887.605354508930, -258.264194106731},
        {AL_PAIR_LJ_POTENTIAL_SWITCH, false, 4000, 5.719025032, -1544.841721691458, -137.140900655755},
    };
    for (size_t k = 0; k < sizeof known / sizeof known[0]; k++) {
        al_pair_params params = params_of(known[k].lj, known[k].is_shifted);
        double volume = pow(known[k].edge, 3);
        al_dispersion_tail tail = al_dispersion_tail_of(&params, c6, known[k].natoms, volume);
        assert_true(is_near(tail.energy, known[k].energy, 1e-6));
        assert_true(is_near(tail.virial / (3 * volume) / 0.0602214076, known[k].pressure, 1e-6));
    }
    al_pair_params params = params_of(AL_PAIR_LJ_CUT, true);
    assert_true(is_near(al_dispersion_tail_of(&params, c6, 2, 64).energy, 0.004591498783, 1e-9));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_the_closed_forms),
        cmocka_unit_test(it_is_what_gromacs_adds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
