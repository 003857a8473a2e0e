/* test_mdp.c - run parameters: what keys do, what is refused and how, and every file of the references.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "md/mdp.h"

static const char *mdref = "";

static allot_err parse(const char *text, al_mdp *mdp, allot_error *err)
{
    return al_mdp_parse(text, strlen(text), "a.mdp", mdp, err);
}

static void defaults_are_gromacs(void **state)
{
    (void)state;
    al_mdp m;
    assert_int_equal(parse("", &m, NULL), ALLOT_OK);
    assert_int_equal(m.integrator, AL_INTEGRATE_LEAP_FROG);
    assert_true(m.dt == 0.001 && m.rvdw == 1 && m.rcoulomb == 1 && m.rlist == 1 &&
                m.buffer_tolerance == 0.005);
    assert_int_equal(m.nstcomm, 100);
    assert_int_equal(m.vdw_modifier, AL_MODIFIER_SHIFT);
    assert_int_equal(m.coulomb_modifier, AL_MODIFIER_SHIFT);
    assert_int_equal(m.coulomb, AL_COULOMB_CUT_OFF);
    assert_true(m.removes_drift && !m.gen_vel && !m.continuation && m.epsilon_rf == 0);
    assert_int_equal(m.notes.nbytes, 0);
    al_mdp_fini(&m);
}

static void keys_are_taken_as_they_are_written(void **state)
{
    (void)state;
    al_mdp m;
    assert_int_equal(parse("  N_S_T_L_I_S_T = 7\n", &m, NULL),
                     ALLOT_EFORMAT); /* _ and - within a key stand where they do in GROMACS */
    assert_int_equal(
        parse("; a comment\r\n"
              "Integrator\t= MD_VV ; velocity Verlet\r\n"
              "  NSTLIST = 7\n"
              "define=-DPOSRES -DFLEXIBLE\n"
              "coulombtype = Reaction_Field\n"
              "epsilon_rf = 78\n"
              "vdw_modifier = Potential-shift-Verlet\n"
              "tcoupl = V-rescale\ntc-grps = Protein Non-Protein\ntau_t = 0.1 2e-1\nref-t = 300 310\n"
              "pcoupl = C-rescale\npcoupltype = semiisotropic\nref-p = 1 2\ncompressibility = 4.5e-5 0\n"
              "comm-mode = None\ngen-vel = Yes\nfourier_ny = 40\n"
              "freezegrps = A B\nfreezedim = Y N N  N N Y\n"
              "dt =\n",
              &m, NULL),
        ALLOT_OK);
    assert_int_equal(m.integrator, AL_INTEGRATE_VELOCITY_VERLET);
    assert_int_equal(m.nstlist, 7);
    assert_int_equal(m.define.n, 2);
    assert_string_equal(m.define.at[1], "-DFLEXIBLE");
    assert_int_equal(m.coulomb, AL_COULOMB_REACTION_FIELD);
    assert_true(m.epsilon_rf == 78);
    assert_int_equal(m.vdw_modifier, AL_MODIFIER_SHIFT);
    assert_int_equal(m.thermostat, AL_THERMOSTAT_V_RESCALE);
    assert_true(m.tau_t.n == 2 && m.tau_t.at[1] == 0.2 && m.ref_t.at[1] == 310);
    assert_int_equal(m.barostat, AL_BAROSTAT_C_RESCALE);
    assert_int_equal(m.coupling, AL_COUPLING_SEMIISOTROPIC);
    assert_false(m.removes_drift);
    assert_true(m.gen_vel && m.fourier_n[1] == 40 && m.dt == 0.001);
    assert_int_equal(m.freeze_dimensions.n, 6);
    al_mdp_fini(&m);
}

static void every_word_of_a_choice_is_its_own(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t at;
        int value;
    } cases[] = {
        {"integrator = md", offsetof(al_mdp, integrator), AL_INTEGRATE_LEAP_FROG},
        {"integrator = sd\ntc-grps = System\ntau-t = 1\nref-t = 300", offsetof(al_mdp, integrator),
         AL_INTEGRATE_LANGEVIN},
        {"integrator = steep", offsetof(al_mdp, integrator), AL_INTEGRATE_STEEPEST_DESCENT},
        {"integrator = l-bfgs", offsetof(al_mdp, integrator), AL_INTEGRATE_LBFGS},
        {"coulombtype = PME", offsetof(al_mdp, coulomb), AL_COULOMB_PME},
        {"coulomb-modifier = None", offsetof(al_mdp, coulomb_modifier), AL_MODIFIER_NONE},
        {"vdw-modifier = none", offsetof(al_mdp, vdw_modifier), AL_MODIFIER_NONE},
        {"vdw-modifier = Force-switch\nrvdw-switch = 0.8", offsetof(al_mdp, vdw_modifier),
         AL_MODIFIER_FORCE_SWITCH},
        {"vdw-modifier = Potential-switch\nrvdw-switch = 0.8", offsetof(al_mdp, vdw_modifier),
         AL_MODIFIER_POTENTIAL_SWITCH},
        {"DispCorr = Ener", offsetof(al_mdp, dispersion), AL_DISPERSION_ENERGY},
        {"DispCorr = EnerPres", offsetof(al_mdp, dispersion), AL_DISPERSION_ENERGY_PRESSURE},
        {"tcoupl = Berendsen\ntc-grps = System\ntau-t = 1\nref-t = 300", offsetof(al_mdp, thermostat),
         AL_THERMOSTAT_BERENDSEN},
        {"tcoupl = nose-hoover\ntc-grps = System\ntau-t = 1\nref-t = 300", offsetof(al_mdp, thermostat),
         AL_THERMOSTAT_NOSE_HOOVER},
        {"pcoupl = Parrinello-Rahman\nref-p = 1\ncompressibility = 1e-5", offsetof(al_mdp, barostat),
         AL_BAROSTAT_PARRINELLO_RAHMAN},
        {"pcoupl = berendsen\npcoupltype = anisotropic\nref-p = 1 1 1 0 0 0\ncompressibility = 1 1 1 0 0 0",
         offsetof(al_mdp, coupling), AL_COUPLING_ANISOTROPIC},
        {"constraints = h-bonds", offsetof(al_mdp, constraints), AL_CONSTRAIN_H_BONDS},
        {"constraints = all-bonds", offsetof(al_mdp, constraints), AL_CONSTRAIN_ALL_BONDS},
        {"refcoord-scaling = com", offsetof(al_mdp, reference_scaling), AL_SCALING_CENTRE},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        al_mdp m;
        allot_error err;
        if (parse(cases[k].text, &m, &err) != ALLOT_OK)
            fail_msg("%s", err.text);
        int value;
        memcpy(&value, (char *)&m + cases[k].at, sizeof value);
        assert_int_equal(value, cases[k].value);
        al_mdp_fini(&m);
    }
}

static void what_is_wrong_is_said_where(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        allot_err code;
        const char *sentence;
    } cases[] = {
        {"\n\ndt 1", ALLOT_EFORMAT, "a.mdp:3: dt 1: there is no = in this line: key = value is wanted"},
        {"= 3", ALLOT_EFORMAT, "a.mdp:1: this line has no key before its =, or is too long"},
        {"nsteps = 1e3", ALLOT_EFORMAT, "a.mdp:1: nsteps = 1e3: an integer of at least -1 is wanted"},
        {"nsteps = -2", ALLOT_EFORMAT, "a.mdp:1: nsteps = -2: an integer of at least -1 is wanted"},
        {"rvdw = wide", ALLOT_EFORMAT, "a.mdp:1: rvdw = wide: a number is wanted"},
        {"rvdw = inf", ALLOT_EFORMAT, "a.mdp:1: rvdw = inf: a number is wanted"},
        {"rvdw = 0x1", ALLOT_EFORMAT, "a.mdp:1: rvdw = 0x1: a number is wanted"},
        {"rvdw = -1", ALLOT_EFORMAT, "a.mdp:1: rvdw = -1: at least 0 is wanted"},
        {"gen-vel = perhaps", ALLOT_EFORMAT, "a.mdp:1: gen-vel = perhaps: yes or no is wanted"},
        {"dt = 1\nDT = 2", ALLOT_EFORMAT, "a.mdp:2: dt stands in line 1 already"},
        {"nstlits = 1", ALLOT_EFORMAT, "a.mdp:1: there is no key nstlits; did you mean nstlist?"},
        {"zzzzzzzzzzzzzzz = 1", ALLOT_EFORMAT, "a.mdp:1: there is no key zzzzzzzzzzzzzzz"},
        {"integrator = cg", ALLOT_EUNSUPPORTED,
         "a.mdp:1: integrator = cg is not supported; it takes md, md-vv, sd, steep, l-bfgs"},
        {"integrator = magic", ALLOT_EFORMAT,
         "a.mdp:1: integrator = magic: there is no such word for it; it takes md, md-vv, sd, steep, l-bfgs"},
        {"vdwtype = PME", ALLOT_EUNSUPPORTED, "a.mdp:1: vdwtype = PME is not supported; it takes cut-off"},
        {"pull = yes", ALLOT_EUNSUPPORTED, "a.mdp:1: pull = yes is not supported; it takes no"},
        {"free_energy = yes", ALLOT_EUNSUPPORTED, "a.mdp:1: free-energy = yes is not supported; it takes no"},
        {"acc-grps = A", ALLOT_EUNSUPPORTED, "a.mdp:1: acc-grps = A is not supported: leave it out"},
        {"electric-field-x = 1 0 0 0", ALLOT_EUNSUPPORTED,
         "a.mdp:1: electric-field-x = 1 0 0 0 is not supported: leave it out"},
        {"dt = 0", ALLOT_EFORMAT, "a.mdp:1: dt: more than 0 is wanted"},
        {"tcoupl = v-rescale", ALLOT_EFORMAT,
         "a.mdp:1: tcoupl: tc-grps says of which atoms; System is all of them"},
        {"tcoupl = v-rescale\ntc-grps = A B\ntau-t = 1\nref-t = 1 2", ALLOT_EFORMAT,
         "a.mdp:2: tc-grps: 2 groups, but 1 numbers in tau-t and 2 in ref-t"},
        {"pcoupl = c-rescale\nref-p = 1", ALLOT_EFORMAT,
         "a.mdp:1: pcoupl: ref-p and compressibility take 1 numbers each; there are 1 and 0"},
        {"pcoupl = c-rescale\nref-p = 1\ncompressibility = 1\ntau-p = 0", ALLOT_EFORMAT,
         "a.mdp:4: tau-p: more than 0 is wanted"},
        {"rvdw = 1.2", ALLOT_EUNSUPPORTED,
         "a.mdp:1: rvdw: 1.2: with this coulombtype it must be as rcoulomb, 1"},
        {"coulombtype = PME\nrvdw = 1.2", ALLOT_EUNSUPPORTED,
         "a.mdp:2: rvdw: 1.2: it may not be more than rcoulomb, 1"},
        {"vdw-modifier = force-switch\nrvdw-switch = 1", ALLOT_EFORMAT,
         "a.mdp:2: rvdw-switch: 1 is not less than rvdw, 1"},
        {"freezegrps = A\nfreezedim = Y", ALLOT_EFORMAT,
         "a.mdp:2: freezedim: 1 groups are frozen, so 3 words are wanted (Y or N for x, y, z)"},
        {"dt = \x01", ALLOT_EFORMAT, "a.mdp:1: there is a character that does not print: is this a text?"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        al_mdp m;
        allot_error err;
        assert_int_equal(parse(cases[k].text, &m, &err), cases[k].code);
        assert_string_equal(err.text, cases[k].sentence);
    }
}

static void what_does_nothing_is_noted(void **state)
{
    (void)state;
    al_mdp m;
    assert_int_equal(
        parse("title = anything at all\nlincs-warnangle = 90\nbd-fric = 0\nenergygrps = Protein\npull = no\n"
              "pull-ngroups = 3\nsc-alpha = 0.5\nelectric-field-x = 0 0 0.0 0\nnwall = 0\n",
              &m, NULL),
        ALLOT_OK);
    assert_int_equal(
        m.notes.nbytes,
        strlen("a.mdp:2: lincs-warnangle has no effect here\na.mdp:4: energygrps has no effect here\n"));
    assert_memory_equal(
        m.notes.at, "a.mdp:2: lincs-warnangle has no effect here\na.mdp:4: energygrps has no effect here\n",
        m.notes.nbytes);
    al_mdp_fini(&m);
}

static void the_references_are_read(void **state)
{
    (void)state;
    char pattern[4096];
    glob_t found;
    al_mdp m;
    allot_error err;
    (void)snprintf(pattern, sizeof pattern, "%s/*/*.mdp", mdref);
    if (glob(pattern, 0, NULL, &found) != 0) {
        printf("not tried: the references' files: no %s\n", mdref);
        skip();
    }
    for (size_t k = 0; k < found.gl_pathc; k++) {
        if (al_mdp_read(found.gl_pathv[k], &m, &err) != ALLOT_OK)
            fail_msg("%s", err.text);
        al_mdp_fini(&m);
    }
    assert_true(found.gl_pathc > 50);
    globfree(&found);
    (void)snprintf(pattern, sizeof pattern, "%s/07_ubq_amber/npt.mdp", mdref);
    assert_int_equal(al_mdp_read(pattern, &m, &err), ALLOT_OK);
    assert_true(m.coulomb == AL_COULOMB_PME && m.rcoulomb == 0.9 && m.compressibility.at[0] == 4.5e-5);
    al_mdp_fini(&m);
    assert_int_equal(al_mdp_read("/nowhere/a.mdp", &m, &err), ALLOT_ENOTFOUND);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_gromacs),
        cmocka_unit_test(keys_are_taken_as_they_are_written),
        cmocka_unit_test(every_word_of_a_choice_is_its_own),
        cmocka_unit_test(what_is_wrong_is_said_where),
        cmocka_unit_test(what_does_nothing_is_noted),
        cmocka_unit_test(the_references_are_read),
    };
    mdref = getenv("ALLOT_MDREF") != NULL ? getenv("ALLOT_MDREF") : argc > 1 ? argv[1] : "";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
