/* test_couple.c - what run parameters ask of thermostats and barostats, and what is refused, by key; what is
 * then done to blocks of atoms, and kept for a restart.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "md/couple/step.h"
#include "md/space.h"
#include "md/units.h"
#include "support/prop.h"

static const double freedom[] = {30, 117};

static allot_err take(const char *text, al_couple *couple, allot_error *err)
{
    al_mdp mdp;
    assert_int_equal(al_mdp_parse(text, strlen(text), "a.mdp", &mdp, NULL), ALLOT_OK);
    allot_err code = al_couple_from_mdp(&mdp, "a.mdp", freedom, 99, couple, err);
    al_mdp_fini(&mdp);
    return code;
}

static void keys_go_where_they_belong(void **state)
{
    (void)state;
    al_couple c;
    assert_int_equal(take("dt = 0.002\ntcoupl = v-rescale\ntc-grps = A B\ntau-t = 0.1 0.5\nref-t = 300 310\n"
                          "nsttcouple = 4\npcoupl = c-rescale\npcoupltype = semiisotropic\nnstpcouple = 20\n"
                          "tau-p = 5\nref-p = 1 2\ncompressibility = 4e-5 3e-5\n",
                          &c, NULL),
                     ALLOT_OK);
    assert_int_equal(c.ngroups, 2);
    assert_true(c.baths[1].freedom == 117 && c.baths[1].temperature == 310 && c.baths[1].tau == 0.5);
    assert_null(c.frictions);
    assert_int_equal(c.thermostat.kind, AL_THERMOSTAT_V_RESCALE);
    assert_int_equal(c.thermostat.every, 4);
    assert_true(c.thermostat.baths == c.baths && c.thermostat.nbaths == 2 && c.thermostat.dt == 0.002);
    assert_true(c.thermostat.boltzmann == al_units_real.boltzmann && c.thermostat.seed == 99);
    assert_int_equal(c.barostat.kind, AL_BAROSTAT_C_RESCALE);
    assert_int_equal(c.barostat.coupling, AL_COUPLING_SEMIISOTROPIC);
    assert_int_equal(c.barostat.every, 20);
    assert_true(c.barostat.tau == 5 && c.barostat.dt == 0.002 && c.barostat.seed == 99);
    assert_true(c.barostat.reference[1][1] == 1 && c.barostat.reference[2][2] == 2);
    assert_true(c.barostat.compressibility[0][0] == 4e-5 && c.barostat.compressibility[2][2] == 3e-5);
    assert_true(c.barostat.pressure_energy == al_units_real.pressure_energy);
    assert_true(fabs(c.barostat.thermal / (300 * al_units_real.boltzmann) - 1) < 1e-15);
    al_couple_fini(&c);
    assert_null(c.baths);
}

static void nothing_is_coupled_by_default(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "tc-grps = A B\n",
                                        "integrator = steep\ntcoupl = berendsen\ntc-grps = A\ntau-t = "
                                        "1\nref-t = 1\npcoupl = berendsen\ntau-p = 1\n"
                                        "ref-p = 1\ncompressibility = 1\n"};
    for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++) {
        al_couple c;
        assert_int_equal(take(texts[k], &c, NULL), ALLOT_OK);
        assert_int_equal(c.thermostat.kind, AL_THERMOSTAT_NONE);
        assert_int_equal(c.barostat.kind, AL_BAROSTAT_NONE);
        assert_int_equal(c.ngroups, k == 1 ? 2 : k == 2 ? 1 : 0);
        assert_null(c.frictions);
        if (k == 1)
            assert_true(c.baths[1].freedom == 117 && c.baths[1].tau == -1);
        al_couple_fini(&c);
    }
}

static void friction_takes_the_thermostats_place(void **state)
{
    (void)state;
    al_couple c;
    assert_int_equal(
        take("integrator = sd\ndt = 0.002\ntcoupl = nose-hoover\ntc-grps = A B\ntau-t = 2 0\n"
             "ref-t = 300 310\npcoupl = c-rescale\ntau-p = 1\nref-p = 1\ncompressibility = 1e-5\n",
             &c, NULL),
        ALLOT_OK);
    assert_int_equal(c.thermostat.kind, AL_THERMOSTAT_NONE);
    assert_true(fabs(c.frictions[0].kept - exp(-0.001)) < 1e-15 && c.frictions[1].kept == 1);
    assert_true(fabs(c.frictions[0].noise / sqrt(al_units_real.boltzmann * 300 * (1 - exp(-0.002))) - 1) <
                1e-12);
    assert_true(c.barostat.kind == AL_BAROSTAT_C_RESCALE && c.barostat.thermal > 2.4);
    al_couple_fini(&c);
}

/** As grompp 2022.5 has them. */
static void steps_between_are_chosen_as_grompp_does(void **state)
{
    (void)state;
    static const struct {
        const char *thermostat, *tau_t, *barostat, *tau_p;
        uint32_t every_t, every_p;
    } cases[] = {
        {"berendsen", "0.03 1", "berendsen", "0.01", 1, 1},
        {"berendsen", "0.04 1", "berendsen", "0.05", 10, 10},
        {"berendsen", "-1 1", "parrinello-rahman", "0.01", 10, 1},
        {"nose-hoover", "1 0.05", "parrinello-rahman", "0.05", 10, 10},
        {"nose-hoover", "1 0.039", "c-rescale", "0.05", 1, 10},
        {"v-rescale", "0.002 0.002", "c-rescale", "0.01", 10, 1},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        char text[400];
        al_couple c;
        (void)snprintf(
            text, sizeof text,
            "dt = 0.004\ntcoupl = %s\ntc-grps = A B\ntau-t = %s\nref-t = 100 100\npcoupl = %s\ntau-p = %s\n"
            "ref-p = 1\ncompressibility = 4.5e-5\n",
            cases[k].thermostat, cases[k].tau_t, cases[k].barostat, cases[k].tau_p);
        assert_int_equal(take(text, &c, NULL), ALLOT_OK);
        assert_int_equal(c.thermostat.every, cases[k].every_t);
        assert_int_equal(c.barostat.every, cases[k].every_p);
        al_couple_fini(&c);
    }
}

static void what_is_not_supported_is_refused_by_key(void **state)
{
    (void)state;
#define GROUPS "tc-grps = A\ntau-t = 1\nref-t = 300\n"
#define PRESSURE "tau-p = 1\nref-p = 1\ncompressibility = 4.5e-5\n"
    static const struct {
        const char *text;
        allot_err code;
        const char *said;
    } cases[] = {
        {"integrator = md-vv\nnh-chain-length = 33\ntcoupl = nose-hoover\n" GROUPS, ALLOT_EUNSUPPORTED,
         "a.mdp: nh-chain-length: at most 32"},
        {"integrator = md-vv\npcoupl = parrinello-rahman\n" PRESSURE, ALLOT_EUNSUPPORTED,
         "a.mdp: pcoupl: parrinello-rahman"},
        {"pcoupl = c-rescale\n" PRESSURE, ALLOT_EUNSUPPORTED,
         "a.mdp: pcoupl: c-rescale takes its temperature"},
        {"tcoupl = v-rescale\n" GROUPS "pcoupl = c-rescale\npcoupltype = anisotropic\ntau-p = 1\n"
         "ref-p = 1 1 1 0 0 0\ncompressibility = 1 1 1 0 0 0\n",
         ALLOT_EUNSUPPORTED, "a.mdp: pcoupl: c-rescale is isotropic"},
        {"tcoupl = v-rescale\nnsttcouple = 0\n" GROUPS, ALLOT_ERANGE, "a.mdp: nsttcouple: a number of steps"},
        {"pcoupl = berendsen\nnstpcouple = 0\n" PRESSURE, ALLOT_ERANGE,
         "a.mdp: nstpcouple: a number of steps"},
        {"pcoupl = berendsen\ntau-p = 1\nref-p = 1\ncompressibility = -1\n", ALLOT_ERANGE,
         "a.mdp: pcoupl: a compressibility of -1"},
        {"tcoupl = nose-hoover\ntc-grps = A\ntau-t = 1\nref-t = 0\n", ALLOT_ERANGE,
         "a.mdp: tcoupl: temperature group 0: Nosé-Hoover"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        al_couple c;
        allot_error err;
        assert_int_equal(take(cases[k].text, &c, &err), cases[k].code);
        assert_non_null(strstr(err.text, cases[k].said));
        assert_int_equal(take(cases[k].text, &c, NULL), cases[k].code);
    }
    /* what is refused with velocity Verlet alone */
    al_couple c;
    assert_int_equal(
        take("integrator = md-vv\ntcoupl = v-rescale\n" GROUPS "pcoupl = c-rescale\n" PRESSURE, &c, NULL),
        ALLOT_OK);
    assert_true(c.thermostat.is_verlet);
    al_couple_fini(&c);
}

/* ---- what is kept -------------------------------------------------------------------------------------
 */

/** What is kept is all: a run that goes on from it has the same bits. */
static void go_on_from_what_is_kept(const char *thermostat)
{
    al_couple c;
    char text[400];
    (void)snprintf(text, sizeof text,
                   "dt = 0.002\ntcoupl = %s\ntc-grps = A B\ntau-t = 0.1 0.5\nref-t = 300 310\n"
                   "nsttcouple = 3\npcoupl = parrinello-rahman\npcoupltype = anisotropic\nnstpcouple = 2\n"
                   "tau-p = 1\nref-p = 1 2 1 0 0 0\ncompressibility = 1 1 1 1 1 1\n",
                   thermostat);
    assert_int_equal(take(text, &c, NULL), ALLOT_OK);
    al_couple_state one, two;
    double kept[100], again[100], box[2][3][3] = {{{3, 0, 0}, {1, 3, 0}, {1, 1, 3}}};
    assert_true(al_couple_nkept(&c) <= 100 && al_couple_state_init(&c, &one) &&
                al_couple_state_init(&c, &two));
    memcpy(box[1], box[0], sizeof box[0]);
    prop_begin(1);
    for (uint64_t step = 0; step < 20; step++) {
        double halves[] = {100 * prop_unit(), 400 * prop_unit()}, pressure[3][3];
        al_turn turns[2][2];
        for (int k = 0; k < 9; k++)
            pressure[k / 3][k % 3] = prop_unit() * 0.01;
        al_couple_keep(&c, &one, kept);
        al_couple_recall(&c, kept, &two);
        al_couple_keep(&c, &two, again);
        assert_memory_equal(kept, again, al_couple_nkept(&c) * sizeof(double));
        for (int k = 0; k < 2; k++) {
            al_couple_state *s = k == 0 ? &one : &two;
            al_couple_begin(&c, step, halves, box[k], s, turns[k]);
            if (al_couple_end(&c, step, pressure, pressure, pressure, box[k], s))
                for (int d = 0; d < 3; d++)
                    al_barostat_place(s->mu, box[k][d]);
        }
        assert_memory_equal(turns[0], turns[1], sizeof turns[0]);
        assert_memory_equal(box[0], box[1], sizeof box[0]);
        assert_true(al_couple_energy(&c, &one, box[0]) == al_couple_energy(&c, &two, box[1]));
    }
    assert_true(box[0][0][0] != 3);
    al_couple_state_fini(&one);
    al_couple_state_fini(&two);
    al_couple_fini(&c);
}

static void a_checkpoint_keeps_all(void **state)
{
    (void)state;
    go_on_from_what_is_kept("nose-hoover");
    go_on_from_what_is_kept("v-rescale");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_go_where_they_belong),
        cmocka_unit_test(nothing_is_coupled_by_default),
        cmocka_unit_test(friction_takes_the_thermostats_place),
        cmocka_unit_test(steps_between_are_chosen_as_grompp_does),
        cmocka_unit_test(what_is_not_supported_is_refused_by_key),
        cmocka_unit_test(a_checkpoint_keeps_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
