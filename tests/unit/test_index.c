/* test_index.c - groups of atoms by name: of files, and of topologies. That GROMACS makes the same of a
 * system is tests/md/index.sh's.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "md/read/ndx.h"
#include "support/scratch.h"

static allot_err parse(const char *text, al_index *index, allot_error *err)
{
    *err = (allot_error){.text = ""};
    size_t nbytes = strlen(text);
    char *copy = malloc(nbytes > 0 ? nbytes : 1);
    assert_non_null(copy);
    memcpy(copy, text, nbytes);
    allot_err code = al_ndx_parse(copy, nbytes, "x.ndx", index, err);
    free(copy);
    return code;
}

/** The atoms of a group as a text: "0 3 5", or the complaint. */
static const char *found(const al_index *index, const char *name, uint64_t natoms)
{
    static char text[600];
    uint64_t *atoms, n;
    allot_error err = {.text = ""};
    if (al_index_find(index, name, natoms, &atoms, &n, &err) != ALLOT_OK) {
        (void)snprintf(text, sizeof text, "%s", err.text);
        return text;
    }
    assert_non_null(atoms);
    text[0] = '\0';
    for (uint64_t k = 0, at = 0; k < n; k++)
        at += (uint64_t)snprintf(text + at, sizeof text - at, k > 0 ? " %d" : "%d", (int)atoms[k]);
    free(atoms);
    return text;
}

/* ---- files ----------------------------------------------------------------------------------------------
 */

static void groups_of_files(void **state)
{
    (void)state;
    al_index index;
    allot_error err;
    assert_int_equal(
        parse("; made by hand\n[ System ]\n   1    2    3\r\n\n 5 4 ; five\n[a]\n\t9\t\n[ none ]\n"
              "[ twice ]\n2 3 2\n[ A ]\n9\n[ b ]\n1\n[ B ]\n2\n[ angle ]\n1 2 3 2 3 4",
              &index, &err),
        ALLOT_OK);
    assert_string_equal(found(&index, "System", 5), "0 1 2 3 4");
    assert_string_equal(found(&index, "system", 9), "0 1 2 3 4");
    assert_string_equal(found(&index, "a", 9), "8");
    assert_string_equal(found(&index, "none", 9), "");
    assert_string_equal(found(&index, "a", 8),
                        "x.ndx:6: group a has atom 9, and there are 8 atoms: is the file of "
                        "this system?");
    assert_string_equal(found(&index, "twice", 9),
                        "x.ndx:9: group twice has atom 2 twice; here each may be in it once");
    assert_string_equal(found(&index, "b", 9), "x.ndx has several groups B, which differ; rename one");
    assert_string_equal(found(&index, "Protein", 9),
                        "x.ndx has no group Protein; there are: System, a, none, twice, A, b, B, angle");
    al_index_fini(&index);
    assert_int_equal(al_ndx_read(scratch_path("nowhere.ndx"), &index, &err), ALLOT_ENOTFOUND);
    FILE *out = fopen(scratch_path("a.ndx"), "w");
    assert_non_null(out);
    assert_true(fputs("[ a ]\n7\n", out) >= 0);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(al_ndx_read(scratch_path("a.ndx"), &index, &err), ALLOT_OK);
    assert_string_equal(found(&index, "a", 7), "6");
    al_index_fini(&index);
}

static void broken_files(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"", "x.ndx:1:1: the file ends without a group; a .ndx file is needed"},
        {"; nothing\n", "x.ndx:2:1: the file ends without a group"},
        {"1 2\n[ a ]\n", "x.ndx:1:1: a group begins with its name: [ name ]"},
        {"[ a\n1\n", "x.ndx:1:1: the name of a group is to end in ]"},
        {"[ a ; ]\n1\n", "x.ndx:1:1: the name of a group is to end in ]"},
        {"[ ]\n1\n", "x.ndx:1:1: the name of a group has 1 to 255 characters"},
        {"[ a b ]\n1\n", "x.ndx:1:4: the name of a group is one word, as GROMACS drops the rest of \"a b\""},
        {"[ a ] 1\n", "x.ndx:1:6: atoms begin on the next line, not behind the name of a group"},
        {"[ a ]\n1 0\n", "x.ndx:2:3: \"0\" is no number of an atom, which are counted from 1"},
        {"[ a ]\n1\n2 -3\n", "x.ndx:3:3: \"-3\" is no number of an atom"},
        {"[ a ]\n1-5\n", "x.ndx:2:1: \"1-5\" is no number of an atom"},
        {"[ a ]\n12345678901234567890\n", "x.ndx:2:1: \"12345678901234567890\" is no number of an atom"},
    };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        al_index index;
        allot_error err;
        assert_int_equal(parse(rows[k].text, &index, &err), ALLOT_EFORMAT);
        if (strncmp(err.text, rows[k].says, strlen(rows[k].says)) != 0)
            fail_msg("%s\n  is not: %s", err.text, rows[k].says);
    }
}

/* ---- topologies -----------------------------------------------------------------------------------------
 */

#define ATOM(residue, what)                                                                                  \
    {                                                                                                        \
        .residue_name = residue, .name = what, .mass = 1                                                     \
    }

/** A peptide, waters, ions, waters again. */
static al_molecule_atom peptide[] = {ATOM("ALA", "N"),  ATOM("ALA", "1H"), ATOM("ALA", "CA"),
                                     ATOM("ALA", "CB"), ATOM("ALA", "HB"), ATOM("ALA", "C"),
                                     ATOM("ALA", "O")},
                        water[] = {ATOM("SOL", "OW"), ATOM("SOL", "HW")}, sodium[] = {ATOM("NA", "NA")},
                        ligand[] = {ATOM("LIG", "C"), ATOM("LIG", "H"), ATOM("RES", "CA")};
static al_molecule molecules[] = {{.natoms = 7, .atoms = peptide},
                                  {.natoms = 2, .atoms = water},
                                  {.natoms = 1, .atoms = sodium},
                                  {.natoms = 3, .atoms = ligand}};

static void groups_of_topologies(void **state)
{
    (void)state;
    al_molecule_row rows[] = {{.molecule = 0, .count = 1},
                              {.molecule = 1, .count = 2, .first_atom = 7},
                              {.molecule = 2, .count = 2, .first_atom = 11},
                              {.molecule = 1, .count = 1, .first_atom = 13}};
    al_topology topology = {.natoms = 15, .molecules = molecules, .nmolecules = 4, .rows = rows, .nrows = 4};
    static const char *const groups[][2] = {
        {"System", "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14"},
        {"Protein", "0 1 2 3 4 5 6"},
        {"Protein-H", "0 2 3 5 6"},
        {"C-alpha", "2"},
        {"Backbone", "0 2 5"},
        {"MainChain", "0 2 5 6"},
        {"MainChain+Cb", "0 2 3 5 6"},
        {"MainChain+H", "0 1 2 5 6"},
        {"SideChain", "3 4"},
        {"SideChain-H", "3"},
        {"Prot-Masses", "0 1 2 3 4 5 6"},
        {"non-Protein", "7 8 9 10 11 12 13 14"},
        {"Water", "7 8 9 10 13 14"},
        {"SOL", "7 8 9 10 13 14"},
        {"non-Water", "0 1 2 3 4 5 6 11 12"},
        {"Ion", "11 12"},
        {"Water_and_ions", "7 8 9 10 11 12 13 14"},
        {"NA", "11 12"},
    };
    al_index index;
    assert_int_equal(al_index_of(&topology, &index, NULL), ALLOT_OK);
    assert_int_equal(index.ngroups, sizeof groups / sizeof *groups);
    for (uint32_t k = 0; k < index.ngroups; k++) {
        assert_string_equal(index.groups[k].name, groups[k][0]);
        assert_string_equal(found(&index, groups[k][0], 15), groups[k][1]);
    }
    assert_string_equal(found(&index, "non-protein", 15), groups[11][1]);
    assert_non_null(strstr(found(&index, "Proteins", 15),
                           "the topology has no group Proteins; there are: System, Protein, Protein-H, "));
    al_index_fini(&index);
    rows[0].molecule = 3;
    topology.natoms = 3;
    topology.nrows = 1;
    assert_int_equal(al_index_of(&topology, &index, NULL), ALLOT_OK);
    assert_int_equal(index.ngroups, 4);
    assert_string_equal(found(&index, "Other", 3), "0 1 2");
    assert_string_equal(found(&index, "LIG", 3), "0 1");
    assert_string_equal(found(&index, "RES", 3), "2");
    al_index_fini(&index);
    rows[1].first_atom = 3;
    topology.natoms = 7;
    topology.nrows = 2;
    (void)snprintf(ligand[2].residue_name, sizeof ligand[2].residue_name, "sol");
    assert_int_equal(al_index_of(&topology, &index, NULL), ALLOT_OK);
    assert_string_equal(found(&index, "Other", 7), "0 1 2");
    assert_string_equal(found(&index, "water", 7), "3 4 5 6");
    assert_string_equal(found(&index, "SOL", 7),
                        "the topology has several groups SOL, which differ; rename one");
    al_index_fini(&index);
}

static void classes(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        al_residue_class is;
    } rows[] = {{"ALA", AL_RESIDUE_PROTEIN},  {"ala", AL_RESIDUE_OTHER},  {"NALA", AL_RESIDUE_PROTEIN},
                {"CHYP", AL_RESIDUE_PROTEIN}, {"XALA", AL_RESIDUE_OTHER}, {"CACE", AL_RESIDUE_OTHER},
                {"AL", AL_RESIDUE_OTHER},     {"", AL_RESIDUE_OTHER},     {"A", AL_RESIDUE_RNA},
                {"DA5", AL_RESIDUE_DNA},      {"N", AL_RESIDUE_OTHER},    {"CL-", AL_RESIDUE_ION},
                {"CA", AL_RESIDUE_ION},       {"HOH", AL_RESIDUE_WATER},  {"SOL SOL", AL_RESIDUE_OTHER},
                {"HO", AL_RESIDUE_OTHER},     {"TIP3", AL_RESIDUE_OTHER}};
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
        if (al_residue_class_of(rows[k].name) != rows[k].is)
            fail_msg("%s is %s", rows[k].name, al_residue_class_names[al_residue_class_of(rows[k].name)]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_of_files),
        cmocka_unit_test(broken_files),
        cmocka_unit_test(groups_of_topologies),
        cmocka_unit_test(classes),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
