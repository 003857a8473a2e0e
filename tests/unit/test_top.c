/* test_top.c - small topologies by hand: what they become; and broken ones, each with its sentence.
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

#include "md/read/top.h"

#define HEAD "[ defaults ]\n1 2 yes 0.5 0.8333\n[ atomtypes ]\nC 6 12 0 A 0.3 0.4\nH 1 1 0.1 A 0.1 0.2\n"
#define TYPES HEAD "[ bondtypes ]\nH C 1 0.1 1000\n"
#define ATOMS "[ moleculetype ]\nM 3\n[ atoms ]\n1 C 1 R C1 1 -0.1\n2 H 1 R H1 1\n"
#define SITES                                                                                                \
    HEAD "V 0 0 0 D 0 0\n[ moleculetype ]\nM 3\n[ atoms ]\n1 C 1 R C1 1\n2 C 1 R C2 1\n3 V 1 R M1 1\n4 V 1 " \
         "R M2 1\n"
#define END "[ system ]\nname\n[ molecules ]\nM 3\n"

static allot_err parse(const char *text, al_topology *t, allot_error *err)
{
    static const char *const defines[] = {"ON", "LENGTH=0.25"};
    al_source_options options = {.defines = defines, .ndefines = 2};
    al_buffer warnings = {.at = NULL};
    allot_err code = al_top_parse(text, strlen(text), "x.top", &options, t, &warnings, err);
    al_buffer_fini(&warnings);
    return code;
}

static void terms_are_found(void **state)
{
    (void)state;
    al_topology t;
    allot_error err = {.text = ""};
    allot_err code =
        parse(TYPES ATOMS "[ bonds ]\n1 2 1\n#ifdef ON\n1 2 1 \\\n LENGTH 5 ; x\n#else\nrubbish\n"
                          "#endif\n[ pairs ]\n1 2 1\n" END,
              &t, &err);
    assert_string_equal(err.text, "");
    assert_int_equal(code, ALLOT_OK);
    assert_int_equal(t.natoms, 6);
    const al_molecule *m = &t.molecules[0];
    assert_int_equal(m->nterms[AL_TERM_BOND], 2);
    assert_true(t.params[m->terms[AL_TERM_BOND][0].params + 1] == 1000);
    assert_true(t.params[m->terms[AL_TERM_BOND][1].params] == 0.25);
    assert_true(m->atoms[1].charge == 0.1 && m->atoms[1].mass == 1);
    assert_int_equal(m->excluded_first[2], 2);
    assert_int_equal(m->excluded[0], 1);
    const double *pair = &t.params[m->terms[AL_TERM_PAIR14][0].params];
    double c6 = 4 * 0.5 * sqrt(0.4 * 0.2) * pow(0.2, 6);
    assert_true(fabs(pair[0] / c6 - 1) < 1e-12);
    assert_true(fabs(pair[2] / (-0.01 * 0.8333) - 1) < 1e-12);
    assert_true(fabs(t.c6[1] / (2 * c6) - 1) < 1e-12);
    assert_int_equal(al_topology_constrain(&t, true, NULL), ALLOT_OK);
    assert_int_equal(m->nterms[AL_TERM_BOND], 0);
    assert_int_equal(m->nterms[AL_TERM_CONSTRAINT], 2);
    al_topology_fini(&t);
}

static void broken_ones_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *sentence;
    } bad[] = {
        {"", "x.top:1: the topology ends without [ system ] and its name"},
        {"#ifdef A\n", "x.top:1: #ifdef without #endif"},
        {"\n#endif\n", "x.top:2: #endif without #ifdef"},
        {"#error no\n", "x.top:1: #error no"},
        {"[ defaults ]\n2 1\n",
         "x.top:2: the Buckingham potential (nbfunc 2) is not supported; Lennard-Jones (1) is"},
        {"[ bonds ]\n", "x.top:1: [ bonds ] before [ defaults ]"},
        {HEAD "[ virtual_sitesn ]\n", "x.top:6: [ virtual_sitesn ] is not supported"},
        {HEAD ATOMS "[ bonds ]\n1 2 3 1 1 1\n",
         "x.top:12: function 3 of [ bonds ] is not supported; supported: 1 2"},
        {HEAD ATOMS "[ bonds ]\n1 2 1\n",
         "x.top:12: no numbers for [ bonds ] function 1, neither here nor for the types C H"},
        {HEAD ATOMS "[ bonds ]\n1 3 1\n", "x.top:12: 3 is not an atom of M: it has 2"},
        {HEAD ATOMS "[ bonds ]\n1 2 1 1 1 1 2\n",
         "x.top:12: a B state that differs (free energy) is not supported"},
        {SITES "[ virtual_sites2 ]\n3 1 2 1 0.5\n4 1 3 1 0.5\n",
         "x.top:16: atom 3 is a virtual site and another site is made of it, which is not supported: make "
         "each of atoms with mass"},
        {SITES "[ virtual_sites2 ]\n4 1 3 1 0.5\n3 1 2 1 0.5\n",
         "x.top:16: atom 3 is a virtual site and another site is made of it, which is not supported: make "
         "each of atoms with mass"},
        {SITES "[ virtual_sites2 ]\n3 1 2 1 0.5\n3 1 2 1 0.4\n",
         "x.top:16: atom 3 is a virtual site already"},
        {SITES "[ virtual_sites2 ]\n3 1 2 1 0.5\n" END,
         "x.top:13: atom 4, M2, has no mass, and no [ virtual_sites ] says where it is"},
        {HEAD ATOMS "3 C 1 R C3 1\n[ virtual_sites2 ]\n3 1 2 1 0.5\n" END,
         "x.top:11: atom 3, C3, is a virtual site and has a mass, which must be 0"},
        {HEAD ATOMS "[ system ]\nn\n[ molecules ]\nN 1\n", "x.top:14: there is no [ moleculetype ] N"},
    };
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        al_topology t;
        allot_error err = {.text = ""};
        assert_int_equal(parse(bad[k].text, &t, &err), ALLOT_EFORMAT);
        assert_string_equal(err.text, bad[k].sentence);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(terms_are_found),
                                       cmocka_unit_test(broken_ones_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
