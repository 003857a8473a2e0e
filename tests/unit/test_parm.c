/* test_parm.c - AMBER topologies that were written by hand (tests/data/amber): what they become; and broken
 * ones, made of these by changing a line, each with its sentence. Energies are tests/md/amber.sh's.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "md/file.h"
#include "md/read/parm.h"
#include "md/read/top.h"
#include "md/read/topologies.h"

#include "support/scratch.h"

static const char *folder;

static void path_of(const char *name, char path[512])
{
    (void)snprintf(path, 512, "%s/%s", folder, name);
}

static void load(const char *name, al_buffer *text)
{
    char path[512];
    path_of(name, path);
    *text = (al_buffer){.at = NULL};
    assert_int_equal(al_file_read(path, text, NULL), ALLOT_OK);
}

/** The text with the first `from` as `to`, which may be of another length. */
static void change(al_buffer *text, const char *from, const char *to)
{
    char *at = memmem(text->at, text->nbytes, from, strlen(from));
    if (at == NULL)
        fail_msg("there is no: %s", from);
    al_buffer made = {.at = NULL};
    size_t before = (size_t)(at - text->at), n = strlen(from);
    assert_true(al_buffer_append(&made, text->at, before) && al_buffer_text(&made, to) &&
                al_buffer_append(&made, at + n, text->nbytes - before - n));
    al_buffer_fini(text);
    *text = made;
}

static allot_err parse(const al_buffer *text, bool is_flexible, al_topology *t, al_buffer *warnings,
                       allot_error *err)
{
    char *copy = malloc(text->nbytes + 1); /* no byte to spare */
    assert_non_null(copy);
    memcpy(copy, text->at, text->nbytes);
    copy = realloc(copy, text->nbytes);
    allot_err code = al_parm_parse(copy, text->nbytes, "x", is_flexible, t, warnings, err);
    free(copy);
    return code;
}

static void read_good(const al_buffer *text, bool is_flexible, al_topology *t)
{
    allot_error err;
    al_buffer warnings = {.at = NULL};
    if (parse(text, is_flexible, t, &warnings, &err) != ALLOT_OK)
        fail_msg("%s", err.text);
    al_buffer_fini(&warnings);
}

static bool is_near(double a, double b)
{
    return fabs(a - b) <= 1e-7 * fabs(b);
}

/** The n-th term of a kind: its atoms, and its numbers. */
static void check_term(const al_topology *t, uint32_t molecule, al_term_kind kind, uint32_t n,
                       const uint32_t *atoms, const double *params)
{
    const al_molecule *m = &t->molecules[molecule];
    assert_true(n < m->nterms[kind]);
    for (unsigned k = 0; k < al_term_infos[kind].natoms; k++)
        assert_int_equal(m->terms[kind][n].atom[k], atoms[k]);
    for (unsigned k = 0; k < al_term_infos[kind].nparams; k++)
        if (!is_near(t->params[m->terms[kind][n].params + k], params[k]))
            fail_msg("%s %u: number %u is %.12g, not %.12g", al_term_infos[kind].name, n, k,
                     t->params[m->terms[kind][n].params + k], params[k]);
}

#define TERM(t, molecule, kind, n, atoms, ...)                                                               \
    check_term(t, molecule, kind, n, (const uint32_t[])atoms, (const double[]){__VA_ARGS__})
#define ATOMS(...)                                                                                           \
    {                                                                                                        \
        __VA_ARGS__                                                                                          \
    }

static void terms_are_found(void **state)
{
    (void)state;
    al_buffer text;
    al_topology t;
    load("small.prmtop", &text);
    read_good(&text, false, &t);
    assert_string_equal(t.name, "by hand");
    assert_int_equal(t.natoms, 16);
    assert_int_equal(t.nmolecules, 4);
    assert_int_equal(t.nrows, 4);
    assert_int_equal(t.rows[2].count, 2);
    assert_int_equal(t.rows[3].first_atom, 12);
    assert_true(is_near(t.coulomb, 18.2223 * 18.2223 * 0.4184));
    TERM(&t, 0, AL_TERM_BOND, 0, ATOMS(3, 4), 0.109, 2 * 340 * 418.4);
    TERM(&t, 0, AL_TERM_BOND, 1, ATOMS(0, 1), 0.1526, 2 * 310 * 418.4);
    TERM(&t, 0, AL_TERM_ANGLE, 1, ATOMS(0, 1, 2), 1.91113553, 2 * 40 * 4.184);
    assert_int_equal(t.molecules[0].nterms[AL_TERM_PROPER],
                     2); /* that without a force constant is left out */
    TERM(&t, 0, AL_TERM_PROPER, 0, ATOMS(0, 1, 2, 3), 0, 0.18 * 4.184, 3);
    TERM(&t, 0, AL_TERM_PROPER, 1, ATOMS(0, 1, 2, 3), M_PI, 0.25 * 4.184, 2);
    TERM(&t, 0, AL_TERM_IMPROPER_PERIODIC, 0, ATOMS(1, 0, 2, 3), M_PI, 1.1 * 4.184, 2);
    /* 1-4 pairs, of the dihedral that is left out, too; SCEE_SCALE_FACTOR is not in the file */
    assert_int_equal(t.molecules[0].nterms[AL_TERM_PAIR14], 2);
    double six = 4 * sqrt(0.1 * 0.0157) * 4.184 * pow(0.3, 6);
    TERM(&t, 0, AL_TERM_PAIR14, 0, ATOMS(1, 4), six / 1.5, six / 1.5 * pow(0.3, 6), 0.1 * 0.2 / 1.2);
    six = 4 * 0.1 * 4.184 * pow(0.34, 6);
    TERM(&t, 0, AL_TERM_PAIR14, 1, ATOMS(0, 3), six / 2, six / 2 * pow(0.34, 6), 0.3 * 0.1 / 1.2);
    /* a pair by no rule, and one of a 10-12 potential that is 0 */
    assert_true(t.has_special_pairs);
    six = 4 * 0.02 * 4.184 * pow(0.35, 6);
    assert_true(is_near(t.c6[2], six) && is_near(t.c6[10], six) && is_near(t.c12[2], six * pow(0.35, 6)));
    assert_true(t.c6[3 * 5 + 4] == 0 && t.c12[4 * 5 + 3] == 0);
    assert_string_equal(t.types[1].name, "HC");
    const uint32_t excluded[] = {1, 2, 3, 0, 2, 3, 4, 0, 1, 3, 4, 0, 1, 2, 4, 1, 2, 3};
    assert_int_equal(t.molecules[0].excluded_first[5], 18);
    assert_memory_equal(t.molecules[0].excluded, excluded, sizeof excluded);
    al_topology_fini(&t);
    al_buffer_fini(&text);
}

static void waters_are_rigid(void **state)
{
    (void)state;
    al_buffer text;
    al_topology t;
    load("small.prmtop", &text);
    read_good(&text, false, &t);
    TERM(&t, 2, AL_TERM_SETTLE, 0, ATOMS(0, 1, 2), 0.09572, 0.15136);
    TERM(&t, 3, AL_TERM_SETTLE, 0, ATOMS(0, 1, 2), 0.09572, 0.15136);
    double part = 0.0125 / (2 * sqrt(0.09572 * 0.09572 - 0.07568 * 0.07568));
    TERM(&t, 3, AL_TERM_VSITE3, 0, ATOMS(3, 0, 1, 2), part, part);
    assert_int_equal(t.molecules[2].nterms[AL_TERM_BOND] + t.molecules[3].nterms[AL_TERM_BOND], 0);
    al_topology_fini(&t);
    read_good(&text, true, &t);
    assert_int_equal(t.molecules[2].nterms[AL_TERM_SETTLE] + t.molecules[3].nterms[AL_TERM_SETTLE], 0);
    assert_int_equal(t.molecules[2].nterms[AL_TERM_BOND], 3);
    assert_int_equal(t.molecules[3].nterms[AL_TERM_BOND], 3); /* none with the point */
    TERM(&t, 3, AL_TERM_VSITE3FD, 0, ATOMS(3, 0, 1, 2), 0.5, 0.0125);
    al_topology_fini(&t);
    /* one whose arms are not the same is no water, and no molecule like the one before */
    change(&text, "      27      30       3", "      27      30       5");
    read_good(&text, false, &t);
    assert_int_equal(t.nmolecules, 5);
    assert_int_equal(t.molecules[2].nterms[AL_TERM_SETTLE], 1);
    assert_int_equal(t.molecules[3].nterms[AL_TERM_SETTLE], 0);
    al_topology_fini(&t);
    /* of another molecule with two hydrogens nothing is rigid */
    change(&text, "  1.60000000E+01", "  3.20000000E+01");
    read_good(&text, false, &t);
    assert_int_equal(t.molecules[2].nterms[AL_TERM_SETTLE], 0);
    assert_int_equal(t.molecules[2].nterms[AL_TERM_BOND], 3);
    al_topology_fini(&t);
    al_buffer_fini(&text);
}

static void hydrogens_are_those_of_the_list(void **state)
{
    (void)state;
    al_buffer text;
    al_topology t;
    load("small.prmtop", &text);
    change(&text, "C4  H5  ", "HC4 5H  "); /* whatever they are called */
    read_good(&text, false, &t);
    assert_int_equal(al_topology_constrain(&t, true, NULL), ALLOT_OK);
    assert_int_equal(t.molecules[0].nterms[AL_TERM_CONSTRAINT], 1);
    TERM(&t, 0, AL_TERM_CONSTRAINT, 0, ATOMS(3, 4), 0.109);
    al_topology_fini(&t);
    al_buffer_fini(&text);
}

static void charmm_is_read(void **state)
{
    (void)state;
    al_buffer text;
    al_topology t;
    load("chamber.prmtop", &text);
    read_good(&text, false, &t);
    assert_true(is_near(t.coulomb, 332.0716 * 0.4184));
    assert_true(is_near(t.molecules[0].atoms[1].charge, -0.5));
    assert_int_equal(t.molecules[0].nterms[AL_TERM_ANGLE], 2);
    TERM(&t, 0, AL_TERM_UREY, 0, ATOMS(1, 2, 3), 2.0, 2 * 40 * 4.184, 0.24, 2 * 11 * 418.4);
    TERM(&t, 0, AL_TERM_IMPROPER, 0, ATOMS(1, 0, 2, 3), 0.6, 2 * 45 * 4.184);
    TERM(&t, 0, AL_TERM_PAIR14, 0, ATOMS(0, 3), 300 * 4.184e-6, 5e5 * 4.184e-12, 0.125);
    TERM(&t, 0, AL_TERM_CMAP, 0, ATOMS(0, 1, 2, 3, 4), 0);
    assert_int_equal(t.cmap_side[0], 2);
    assert_true(is_near(t.cmaps[0][1], 2 * 4.184));
    assert_false(t.has_special_pairs);
    al_topology_fini(&t);
    al_buffer_fini(&text);
}

static void broken_ones_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *file, *from, *to, *sentence;
    } bad[] = {
        {"small", "%VERSION", "%VERSIO ", "x:1:1: an AMBER topology begins with %VERSION; those from before"},
        {"small", "%FLAG MASS", "%FLAG SSAM", "x:20:1: %FLAG SSAM is not known; if no force depends on it"},
        {"small", "%FLAG IPOL ", "%FLAG LENNARD_JONES_CCOEF ",
         "x:118:1: %FLAG LENNARD_JONES_CCOEF: a 12-6-4"},
        {"small", "%FLAG IPOL ", "%FLAG CHARGE ", "x:118:7: a second %FLAG CHARGE; the first is in line 14"},
        {"small", "%FLAG MASS", "%FLAG ATOMIC_NUMBER", "x:120:1: there is no %FLAG MASS, which is needed"},
        {"small", "%FLAG MASS", "%FLAG M/SS", "x:20:7: \"M/SS\" is no name of a section"},
        {"small", "(5E16.8)", "(5E1x.8)",
         "x:14:1: %FORMAT(5E1x.8) is not one that CHARGE can have; (5E16.8)"},
        {"small", "%FORMAT(10I8)", "x", "x:5:1: %FLAG POINTERS has no %FORMAT"},
        {"small", "       1\n%FLAG ATOM_NAME", "       1       2\n%FLAG ATOM_NAME",
         "x:10:16: NCOPY: copies of a"},
        {"small", "CHN Na+ WAT WAT WAT ", "CHN Na+ WAT WAT WAT WAT",
         "x:41:21: %FLAG RESIDUE_LABEL goes on here"},
        {"small", "       1       5       0\n", "       1       5       1\n",
         "x:9:80: IFCAP: a cap of water is"},
        {"small", "       3       5       2       4", "       4       5       2       4",
         "x:8:40: this is not the"},
        {"small", "      16       5 ", "      17       5 ", "x:19:17: %FLAG CHARGE ends here, and has 17"},
        {"small", "      16       5 ", "      15       5 ",
         "x:13:61: %FLAG ATOM_NAME goes on here, and has 15"},
        {"small", "      16       5 ", "  -1 6       5 ", "x:7:3: \"-1 6\" is no integer; columns 1 to 8"},
        {"small", "      16       5 ", "     -16       5 ", "x:7:6: none of these numbers is negative"},
        {"small", "  1.20100000E+01", "  1.2010000OE+01",
         "x:22:3: \"1.2010000OE+01\" is no number; columns 1 to"},
        {"small", "  1.00800000E+00", " -1.00800000E+00", "x:22:66: a mass is not negative"},
        {"small", "      10      13\n", "      10      13\n       1\n",
         "x:45:8: %FLAG RESIDUE_POINTER goes on here"},
        {"small", "       1       6       7", "       1       6       6",
         "x:44:16: residues begin one after the"},
        {"small", "       1       1       1       1       2", "       1       1       1       1       9",
         "x:28:40: 9: a number from 1 to 5 is needed"},
        {"small", "      10      -1\n", "      10      -2\n",
         "x:37:79: there is no 10-12 potential of this number"},
        {"small", "       4       5       6", "       4      16       6",
         "x:37:15: there is no number 16 of LENNARD_"},
        {"small", "       4       5       6", "       4       1       6", "x:37:16: two types have one"},
        {"small", "       9      12       2", "       9      13       2",
         "x:84:15: 13 is none of the 16 atoms"},
        {"small", "       9      12       2", "       9       9       2",
         "x:84:16: atom 4 stands twice in this term"},
        {"small", "       9      12       2", "       9      12       7",
         "x:84:24: 7: a number from 1 to 5 is"},
        {"small", "  3.00000000E+00  2.0", "  3.50000000E+00  2.0",
         "x:62:3: a whole number is needed, and 3.5 is"},
        {"small", "  0.00000000E+00\n%FLAG AMBER", "  1.00000000E+00\n%FLAG AMBER",
         "x:114:3: a 10-12 potential of"},
        {"small", "       3       3       2", "       9      19       2",
         "x:32:15: these are more in all than"},
        {"small", "       2       3       4       3", "       2      17       4       3",
         "x:106:15: 17 is not anoth"},
        {"small", "      36      45       5\n", "      36      15       5\n",
         "x:25:3: atom EPW of WAT has no mass: of"},
        {"small", "%FORMAT(1I8)", "%FORMAT(1I8)\n       1\n%FLAG SCREEN\n%FORMAT(1I8)",
         "x:120:8: a polarizable force field is not supported"},
        {"chamber", "       4       2       1\n", "       4       1       1\n",
         "x:55:8: there is no angle from atom 4"},
        {"chamber", "  6.00000000E-01", "  1.80000000E+02",
         "x:85:3: 180 is more than a turn; radians are needed"},
        {"chamber", "   2\n%FLAG CHARMM_CMAP_P", "   1\n%FLAG CHARMM_CMAP_P", "x:126:4: a grid has 2 to 60"},
        {"chamber", "  4.00000\n", "\n",
         "x:129:28: %FLAG CHARMM_CMAP_PARAMETER_01 ends here, and has 4 in all"},
        {"chamber", "       3       3       2", "       3       2       2",
         "x:120:72: NUMBER_EXCLUDED_ATOMS are fewer"},
    };
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        al_buffer text, warnings = {.at = NULL};
        al_topology t;
        allot_error err = {.text = ""};
        char name[40];
        (void)snprintf(name, sizeof name, "%s.prmtop", bad[k].file);
        load(name, &text);
        change(&text, bad[k].from, bad[k].to);
        if (parse(&text, false, &t, &warnings, &err) != ALLOT_EFORMAT)
            fail_msg("this is not refused: %s", bad[k].to);
        if (strncmp(err.text, bad[k].sentence, strlen(bad[k].sentence)) != 0)
            fail_msg("%s\n   is not: %s", err.text, bad[k].sentence);
        al_buffer_fini(&text);
        al_buffer_fini(&warnings);
    }
}

/** A file that ends anywhere is refused, or is whole but for blanks. */
static void cut_ones_are_refused(void **state)
{
    (void)state;
    al_buffer text;
    load("small.prmtop", &text);
    size_t last = (size_t)((char *)memmem(text.at, text.nbytes, "%FLAG AMBER_ATOM_TYPE", 21) - text.at);
    for (size_t nbytes = 0; nbytes < last - 90; nbytes += 7) {
        const al_buffer part = {.at = text.at, .nbytes = nbytes};
        al_buffer warnings = {.at = NULL};
        al_topology t;
        allot_error err;
        assert_int_equal(parse(&part, false, &t, &warnings, &err), ALLOT_EFORMAT);
        al_buffer_fini(&warnings);
    }
    al_buffer_fini(&text);
}

static void files_are_told_apart(void **state)
{
    (void)state;
    char path[512];
    al_topology t;
    allot_error err;
    al_buffer warnings = {.at = NULL};
    static const char *const flexible[] = {"FLEXIBLE"}, *const others[] = {"POSRES"};
    al_source_options options = {.defines = flexible, .ndefines = 1};
    path_of("small.prmtop", path);
    assert_int_equal(al_topology_read(path, &options, &t, &warnings, &err), ALLOT_OK);
    assert_int_equal(t.molecules[2].nterms[AL_TERM_SETTLE], 0);
    al_topology_fini(&t);
    options.defines = others;
    assert_int_equal(al_topology_read(path, &options, &t, &warnings, &err), ALLOT_EINVAL);
    assert_non_null(strstr(err.text, "define = -DPOSRES: nothing in"));
    al_buffer_fini(&warnings);
    FILE *file = fopen(scratch_path("old.parm7"), "w");
    assert_non_null(file);
    assert_true(fputs("title\n   1   2\n", file) >= 0 && fclose(file) == 0);
    options.ndefines = 0;
    assert_int_equal(al_topology_read(scratch_path("old.parm7"), &options, &t, &warnings, &err),
                     ALLOT_EFORMAT);
    assert_non_null(strstr(err.text, "old.parm7:1:1: an AMBER topology begins with %VERSION"));
    assert_int_equal(al_topology_read(scratch_path("none.prmtop"), &options, &t, &warnings, &err),
                     ALLOT_ENOTFOUND);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(terms_are_found),
        cmocka_unit_test(waters_are_rigid),
        cmocka_unit_test(hydrogens_are_those_of_the_list),
        cmocka_unit_test(charmm_is_read),
        cmocka_unit_test(broken_ones_are_refused),
        cmocka_unit_test(cut_ones_are_refused),
        cmocka_unit_test(files_are_told_apart),
    };
    folder = argc > 1 ? argv[1] : ".";
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
