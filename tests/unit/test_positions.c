/* test_positions.c - .pdb, .g96 and AMBER's coordinate files: what is read, and what is refused in which
 * words. That GROMACS reads the same is tests/md/positions.sh's.
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

#include "md/match.h"
#include "md/read/g96.h"
#include "md/read/pdb.h"
#include "md/read/positions.h"
#include "md/read/rst7.h"

#include "support/scratch.h"

typedef allot_err parse_function(const char *text, size_t nbytes, const char *name, al_gro *gro,
                                 allot_error *err);

/** Parse a copy that has no byte to spare. */
static allot_err parse_copy(parse_function *parse, const char *text, al_gro *gro, allot_error *err)
{
    size_t nbytes = strlen(text);
    char *copy = malloc(nbytes > 0 ? nbytes : 1);
    assert_non_null(copy);
    memcpy(copy, text, nbytes);
    *err = (allot_error){.code = ALLOT_OK};
    allot_err code = parse(copy, nbytes, "x", gro, err);
    free(copy);
    return code;
}

static void read_good(parse_function *parse, const char *text, al_gro *gro)
{
    allot_error err;
    if (parse_copy(parse, text, gro, &err) != ALLOT_OK)
        fail_msg("%s", err.text);
}

typedef struct refusal {
    const char *text, *says;
} refusal;

static void refuse(parse_function *parse, const refusal *rows, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        al_gro gro;
        allot_error err;
        assert_int_equal(parse_copy(parse, rows[k].text, &gro, &err), ALLOT_EFORMAT);
        if (strncmp(err.text, rows[k].says, strlen(rows[k].says)) != 0)
            fail_msg("%s\n  is not: %s", err.text, rows[k].says);
    }
}

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-12;
}

/* ---- .pdb -----------------------------------------------------------------------------------------------
 */

#define ONE "ATOM      1  N   MET A   1A     27.687  46.679 -22.380  1.00  0.00           N\n"
#define TWO "HETATM    2 HG11AMETXB9999    -127.903   0.000   2.001\n"

static void models_end(void **state)
{
    (void)state;
    al_gro gro;
    read_good(al_pdb_parse,
              "HEADER    x\nTITLE     one, t= 1.0\nTITLE    2 two\nREMARK ATOM\n"
              "CRYST1   57.500   60.000   62.125  90.00  90.00  90.00 P 1           1\n"
              "MODEL        1\n" ONE "ANISOU\nTER\n" TWO "ENDMDL\nMODEL        2\n" ONE "rubbish",
              &gro);
    assert_string_equal(gro.title, "one, t= 1.0");
    assert_int_equal(gro.natoms, 2);
    assert_int_equal(gro.decimals, 4);
    assert_null(gro.v);
    assert_true(near(gro.x[0], 2.7687) && near(gro.x[1], 4.6679) && near(gro.x[2], -2.2380));
    assert_true(near(gro.x[3], -12.7903) && gro.x[4] == 0 && near(gro.x[5], 0.2001));
    assert_string_equal(gro.labels[0].name, "N");
    assert_string_equal(gro.labels[0].residue_name, "MET");
    assert_int_equal(gro.labels[0].residue, 1);
    assert_string_equal(gro.labels[1].name, "HG11");
    assert_string_equal(gro.labels[1].residue_name, "METX");
    assert_int_equal(gro.labels[1].residue, 9999);
    assert_true(gro.box[0][0] == 5.75 && gro.box[1][1] == 6 && gro.box[2][2] == 6.2125);
    assert_true(gro.box[1][0] == 0 && gro.box[2][0] == 0 && gro.box[2][1] == 0 && !gro.is_triclinic);
    al_gro_fini(&gro);
    read_good(al_pdb_parse, "ENDMDL\r\nATOM  *****  N   MET    -5      27.687  46.679  22.380\r\nEND\r\n\r\n",
              &gro);
    assert_int_equal(gro.natoms, 1);
    assert_int_equal(gro.labels[0].residue, -5);
    assert_string_equal(gro.title, "");
    al_gro_fini(&gro);
}

static void cells(void **state)
{
    (void)state;
    static const double degrees[][3] = {{60, 60, 90}, {70.53, 109.47, 70.53}, {90, 90, 60}, {80, 95, 110.5}};
    for (size_t k = 0; k < sizeof degrees / sizeof *degrees; k++) {
        al_gro gro;
        char text[300];
        const double *angle = degrees[k], length[] = {50, 40, 30};
        (void)snprintf(text, sizeof text, "CRYST1%9.3f%9.3f%9.3f%7.2f%7.2f%7.2f P 21 21 21    4\n" ONE,
                       length[0], length[1], length[2], angle[0], angle[1], angle[2]);
        read_good(al_pdb_parse, text, &gro);
        assert_true(gro.is_triclinic);
        assert_true(gro.box[0][1] == 0 && gro.box[0][2] == 0 && gro.box[1][2] == 0 && gro.box[2][2] > 0);
        for (unsigned a = 0; a < 3; a++)
            for (unsigned b = 0; b <= a; b++) {
                double product = 0, cosine = a == b ? 1 : cos(angle[3 - a - b] * M_PI / 180);
                for (unsigned d = 0; d < 3; d++)
                    product += gro.box[a][d] * gro.box[b][d];
                assert_true(near(product, length[a] * length[b] / 100 * cosine));
            }
        al_gro_fini(&gro);
    }
    static const char *const none[] = {
        ONE, "CRYST1    1.000    1.000    1.000  90.00  90.00  90.00 P 1           1\n" ONE,
        "CRYST1    0.000    0.000    0.000   0.00   0.00   0.00 P 1           1\n" ONE};
    for (size_t k = 0; k < sizeof none / sizeof *none; k++) {
        al_gro gro;
        read_good(al_pdb_parse, none[k], &gro);
        assert_true(gro.box[0][0] == 0 && gro.box[1][1] == 0 && gro.box[2][2] == 0);
        al_gro_fini(&gro);
    }
}

static void pdb_is_refused(void **state)
{
    (void)state;
    static const refusal rows[] = {
        {"", "x:1:1: the file ends without an ATOM or HETATM; a .pdb file is needed"},
        {"REMARK\nEND\n", "x:3:1: the file ends without an ATOM or HETATM"},
        {"ATOM      1  N   MET     1       27.687  46.679  22.380\n",
         "x:1:34: x is no number: \"27.68\"; columns 31 to 38 are for it, the point in the fifth of them"},
        {ONE "ATOM      1  N   MET     1      27.687  46.6x9  22.380\n",
         "x:2:41: y is no number: \"46.6x9\""},
        {"ATOM      1  N   MET     1      27.687  46.679\n",
         "x:1:47: z is missing; it is needed in columns 47 to 54"},
        {"ATOM\n", "x:1:5: x is missing; it is needed in columns 31 to 38"},
        {"ATOM      1  N   MET  A000      27.687  46.679  22.380\n",
         "x:1:23: \"A000\" is no residue number; one is needed in columns 23 to 26"},
        {"ATOM      1  N  BMET     1      27.687  46.679  22.380\n",
         "x:1:17: this is alternate location B of an atom: keep one of each"},
        {"ATOM      1  N\001  MET     1      27.687  46.679  22.380\n",
         "x:1:15: a name has a byte 0x01 in it"},
        {" " ONE, "x:1:1: an atom's line begins in its first column with ATOM or HETATM"},
        {"hetatm    1\n" ONE, "x:1:1: an atom's line begins"},
        {ONE "END\n" TWO, "x:3:1: an atom behind END: of a file of several structures, take one"},
        {ONE "MODEL        2\n" TWO, "x:2:1: a MODEL begins and there is no ENDMDL"},
        {"MODEL\nMODEL\n" TWO, "x:2:1: a MODEL begins and there is no ENDMDL"},
        {"CRYST1    5.000    5.000    5.000  90.00  90.00  90.00\nCRYST1    5.000\n" ONE,
         "x:2:1: a second CRYST1"},
        {"CRYST1    5.000    5.000\n" ONE, "x:1:25: c is missing; it is needed in columns 25 to 33"},
        {"CRYST1    5.000    5.000    5.000  90.00  90.00\n" ONE, "x:1:48: gamma is missing"},
        {"CRYST1    5.000    -5.00    5.000  90.00  90.00  90.00\n" ONE,
         "x:1:16: a cell has no negative edge"},
        {"CRYST1    5.000    5.000    5.000  90.00 180.00  90.00\n" ONE,
         "x:1:41: an angle of a cell is between 0 and 180 degrees"},
        {"CRYST1    5.000    5.000    5.000  30.00  30.00  90.00\n" ONE,
         "x:1:34: no cell has these three angles"},
    };
    refuse(al_pdb_parse, rows, sizeof rows / sizeof *rows);
}

/* ---- .g96 -----------------------------------------------------------------------------------------------
 */

#define G96_ONE "    1 MET   N          1    2.768667936   -4.667891979    2.238013983\n"
#define G96_TWO "99999 SOLXX HW1XX      2    2.790324926  684.809208000    2.338318110\n"
#define RED "    2.768667936   -4.667891979    2.238013983\n"
#define POSITIONS "POSITION\n" G96_ONE "#x\n" G96_TWO "END\n"

static void blocks(void **state)
{
    (void)state;
    al_gro gro;
    read_good(al_g96_parse,
              "# made by hand\nTITLE\none, t= 1.0\ntwo\nEND\nTIMESTEP\n  5  1.0\nEND\n" POSITIONS
              "VELOCITY\n" G96_TWO G96_ONE "END\nBOX\n    5.752748966    5.752748966    4.067813873\nEND\n",
              &gro);
    assert_string_equal(gro.title, "one, t= 1.0");
    assert_int_equal(gro.natoms, 2);
    assert_int_equal(gro.decimals, 9);
    assert_true(gro.x[0] == 2.768667936 && gro.x[1] == -4.667891979 && gro.x[4] == 684.809208);
    assert_non_null(gro.v);
    assert_true(gro.v[0] == 2.790324926 && gro.v[5] == 2.238013983);
    assert_string_equal(gro.labels[0].name, "N");
    assert_string_equal(gro.labels[0].residue_name, "MET");
    assert_string_equal(gro.labels[1].name, "HW1XX");
    assert_string_equal(gro.labels[1].residue_name, "SOLXX");
    assert_int_equal(gro.labels[1].residue, 99999);
    assert_true(gro.box[0][0] == 5.752748966 && gro.box[2][2] == 4.067813873 && !gro.is_triclinic);
    al_gro_fini(&gro);
    read_good(al_g96_parse,
              "BOX\r\n1 2 3 4 5 6 7 8 9\r\nEND\r\nPOSITIONRED\r\n" RED RED "END\r\nVELOCITYRED\r\n" RED
              "#\r\n    2.768667936   -4.667891979    0.000000000\r\nEND",
              &gro);
    assert_int_equal(gro.natoms, 2);
    assert_string_equal(gro.title, "");
    assert_string_equal(gro.labels[1].name, "");
    assert_true(gro.x[3] == 2.768667936 && gro.v[2] == 2.238013983 && gro.v[5] == 0);
    assert_true(gro.is_triclinic && gro.box[0][1] == 4 && gro.box[0][2] == 5 && gro.box[1][0] == 6 &&
                gro.box[1][2] == 7 && gro.box[2][0] == 8 && gro.box[2][1] == 9);
    al_gro_fini(&gro);
}

static void g96_is_refused(void **state)
{
    (void)state;
    static const refusal rows[] = {
        {"", "x:1:1: the file ends without POSITION or POSITIONRED; a .g96 file is needed"},
        {"TITLE\nx\n", "x:3:1: the file ends within a block, without END"},
        {"GENBOX\nEND\n", "x:1:1: \"GENBOX\" is no block that can be read; those are TITLE,"},
        {"POSITION\nEND\n", "x:2:1: there are no atoms in this block"},
        {"POSITION\n" RED "END\n", "x:2:25: x is no number: \"891979    2.238\"; columns 25 to 39"},
        {"POSITIONRED\n" G96_ONE "END\n", "x:2:46: there is more than three numbers"},
        {"POSITIONRED\n   2.768667936   -4.667891979    2.238013983\nEND\n", "x:2:4: x is no number"},
        {"POSITION\n    x MET   N          1    2.768667936    4.667891979    2.238013983\nEND\n",
         "x:2:1: \"x\" is no residue number; one is needed in columns 1 to 5"},
        {POSITIONS POSITIONS, "x:6:1: positions a second time; of a file of several frames, take one"},
        {"VELOCITYRED\n" RED "END\n", "x:1:1: velocities before positions; positions come first"},
        {POSITIONS "VELOCITYRED\n" RED "END\n", "x:8:1: there are 1 velocities here, and 2 positions before"},
        {POSITIONS "VELOCITYRED\n" RED RED RED "END\n",
         "x:9:1: there are more velocities than positions, which are 2"},
        {POSITIONS "VELOCITYRED\n" RED RED "END\nVELOCITYRED\n" RED RED "END\n",
         "x:10:1: velocities a second time"},
        {POSITIONS "VELOCITYRED\n    2.768667936\nEND\n", "x:7:16: vy is missing"},
        {POSITIONS "BOX\n1 2\nEND\n", "x:7:4: a box has three numbers, or nine, and here are 2"},
        {POSITIONS "BOX\nEND\n", "x:7:1: there is no box in this block"},
        {POSITIONS "BOX\n1 2 3\n1 2 3\nEND\n", "x:8:1: a box is one line, and END follows"},
        {POSITIONS "BOX\n1 2 3\nEND\nBOX\n1 2 3\nEND\n", "x:9:1: a second box"},
        {POSITIONS "BOX\n1 2 3\n", "x:8:1: the file ends within a block"},
    };
    refuse(al_g96_parse, rows, sizeof rows / sizeof *rows);
}

/* ---- AMBER's ---------------------------------------------------------------------------------------------
 */

#define RST7_TWO "  27.6866794 -46.6789198  22.3801398   1.0000000   2.0000000   3.0000000\n"
#define RST7_ONE "  -0.5000000   0.0000000   4.0000000\n"
#define RST7_BOX "  30.0000000  40.0000000  50.0000000  90.0000000  90.0000000  90.0000000\n"

static void restarts(void **state)
{
    (void)state;
    al_gro gro;
    read_good(al_rst7_parse, "by hand\n    3  0.1000000E+01\n" RST7_TWO RST7_ONE RST7_TWO RST7_ONE RST7_BOX,
              &gro);
    assert_string_equal(gro.title, "by hand");
    assert_int_equal(gro.natoms, 3);
    assert_true(fabs(gro.x[1] + 4.66789198) < 1e-14 && fabs(gro.x[6] + 0.05) < 1e-14);
    assert_true(fabs(gro.v[0] - 27.6866794 * 2.0455) < 1e-12 && fabs(gro.v[8] - 4 * 2.0455) < 1e-12);
    assert_true(gro.box[0][0] == 3 && gro.box[1][1] == 4 && gro.box[2][2] == 5 && !gro.is_triclinic);
    al_gro_fini(&gro);
    read_good(al_rst7_parse, "\n3\n" RST7_TWO RST7_ONE, &gro);
    assert_true(gro.v == NULL && gro.box[0][0] == 0);
    al_gro_fini(&gro);
    read_good(al_rst7_parse, "\n3\n" RST7_TWO RST7_ONE RST7_TWO RST7_ONE "\n\n", &gro);
    assert_true(gro.v != NULL && gro.box[0][0] == 0);
    al_gro_fini(&gro);
    read_good(al_rst7_parse,
              "t\n     2\n" RST7_TWO
              "  40.0000000  40.0000000  40.0000000 109.4712190 109.4712190 109.4712190",
              &gro);
    assert_true(gro.v == NULL && gro.is_triclinic);
    assert_true(fabs(gro.box[1][0] + 4 / 3.0) < 1e-6 && fabs(gro.box[2][2] - 4 * sqrt(2 / 3.0)) < 1e-6);
    al_gro_fini(&gro);
    assert_true(al_rst7_is_one("t\n2\n" RST7_TWO, sizeof "t\n2\n" RST7_TWO - 1));
    assert_false(al_rst7_is_one("t\n2\n    1A        B    1   2.768   4.668   2.238\n", 47));
}

static void restarts_are_refused(void **state)
{
    (void)state;
    static const refusal rows[] = {
        {"", "x:2:1: \"\" is no number of atoms; it stands in the second line"},
        {"t\nmany\n", "x:2:1: \"many\" is no number of atoms"},
        {"t\n0\n", "x:2:1: \"0\" is no number of atoms"},
        {"t\n3\n" RST7_TWO,
         "x:3:73: the file ends after 1 lines of positions, and 3 atoms have 2; it was cut off"},
        {"t\n3\n" RST7_TWO RST7_ONE RST7_TWO RST7_ONE RST7_BOX RST7_BOX,
         "x:7:1: behind positions are 4 lines: velocities are 2 for 3 atoms, and a box is one"},
        {"t\n5\n" RST7_TWO RST7_TWO RST7_ONE RST7_TWO RST7_TWO,
         "x:6:1: behind positions are 2 lines: velocities are 3 for 5 atoms, and a box is one"},
        {"t\n2\n  27.6866794 -46.6789198************   1.0000000   2.0000000   3.0000000\n",
         "x:3:25: z is no number: \"************\"; columns 25 to 36 are for it"},
        {"t\n3\n" RST7_TWO RST7_TWO, "x:4:37: the line goes on here, and 3 numbers were read"},
        {"t\n2\n  27.6866794 -46.6789198  22.3801398   1.0000000\n",
         "x:3:49: y is missing; it is needed in col"},
        {"t\n2\n" RST7_TWO "  30.0000000  40.0000000  50.0000000\n", "x:4:37: alpha is missing"},
        {"t\n2\n" RST7_TWO "  30.0000000  40.0000000  50.0000000  90.0000000 190.0000000  90.0000000\n",
         "x:4:49: an angle of a cell is between 0 and 180"},
        {"CDF\1\n", "x:1:1: this is a NetCDF file, which is not supported; cpptraj or ParmEd make a text"},
    };
    refuse(al_rst7_parse, rows, sizeof rows / sizeof *rows);
}

/* ---- which is which -------------------------------------------------------------------------------------
 */

static void suffixes(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
    } files[] = {{"a.pdb", ONE},
                 {"a.ent", ONE},
                 {"a.g96", "POSITIONRED\n" RED "END\n"},
                 {"a.gro", "t\n1\n    1A        B    1   2.768   4.668   2.238\n1 1 1\n"},
                 {"a.rst7", "t\n1\n  27.6870000   4.6680000   2.2380000\n"},
                 {"a.restrt", "t\n1\n  27.6870000   4.6680000   2.2380000\n"},
                 {"pdb", "t\n1\n    1A        B    1   2.768   4.668   2.238\n1 1 1\n"}};
    al_gro gro;
    allot_error err;
    for (size_t k = 0; k < sizeof files / sizeof *files; k++) {
        const char *path = scratch_path(files[k].name);
        FILE *out = fopen(path, "w");
        assert_non_null(out);
        assert_true(fputs(files[k].text, out) >= 0);
        assert_int_equal(fclose(out), 0);
        if (al_positions_read(path, &gro, &err) != ALLOT_OK)
            fail_msg("%s", err.text);
        assert_int_equal(gro.natoms, 1);
        assert_true(fabs(gro.x[0] - 2.7687) < 1e-3);
        al_gro_fini(&gro);
    }
    assert_int_equal(al_positions_read(scratch_path("none.pdb"), &gro, &err), ALLOT_ENOTFOUND);
}

/** Where a structure has no names there is nothing that differs. */
static void names_that_are_not_there(void **state)
{
    (void)state;
    al_molecule_atom atoms[] = {{.name = "N", .mass = 1, .residue = 7},
                                {.name = "HG11X", .mass = 1, .residue = 9, .residue_name = "ABC"}};
    al_molecule molecule = {.name = (char[]){"M"}, .natoms = 2, .atoms = atoms};
    al_molecule_row row = {.count = 1};
    al_topology topology = {.natoms = 2, .molecules = &molecule, .nmolecules = 1, .rows = &row, .nrows = 1};
    al_gro gro;
    al_buffer warnings = {.at = NULL};
    allot_error err;
    read_good(al_g96_parse, "POSITIONRED\n" RED RED "END\n", &gro);
    assert_int_equal(al_topology_match(&topology, &gro, "x.g96", &warnings, &err), ALLOT_OK);
    assert_int_equal(warnings.nbytes, 0);
    al_topology_label(&topology, &gro);
    assert_string_equal(gro.labels[1].name, "HG11X");
    assert_string_equal(gro.labels[1].residue_name, "ABC");
    assert_true(gro.labels[0].residue == 1 && gro.labels[1].residue == 2);
    al_gro_fini(&gro);
    read_good(al_pdb_parse, ONE TWO, &gro);
    assert_int_equal(al_topology_match(&topology, &gro, "x.pdb", &warnings, &err), ALLOT_OK);
    assert_true(al_buffer_byte(&warnings, '\0'));
    assert_string_equal(warnings.at, "x.pdb: atom 2 is called HG11, and HG11X in the topology (M)\n");
    al_gro_fini(&gro);
    al_buffer_fini(&warnings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(models_end),
        cmocka_unit_test(cells),
        cmocka_unit_test(pdb_is_refused),
        cmocka_unit_test(blocks),
        cmocka_unit_test(g96_is_refused),
        cmocka_unit_test(restarts),
        cmocka_unit_test(restarts_are_refused),
        cmocka_unit_test(suffixes),
        cmocka_unit_test(names_that_are_not_there),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
