/* test_gro.c - .gro files: what is read, what is refused and in which words, and that what is written reads
 * the same. That GROMACS and mdtraj agree is test_md_oracle's.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "md/gro.h"

#include "support/scratch.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/** Parse a copy that has no byte to spare. */
static allot_err parse(const char *text, al_gro *gro, allot_error *err)
{
    size_t nbytes = strlen(text);
    char *copy = malloc(nbytes > 0 ? nbytes : 1);
    assert_non_null(copy);
    memcpy(copy, text, nbytes);
    *err = (allot_error){.code = ALLOT_OK};
    allot_err code = al_gro_parse(copy, nbytes, "x.gro", gro, err);
    free(copy);
    return code;
}

static void read_good(const char *text, al_gro *gro)
{
    allot_error err;
    if (parse(text, gro, &err) != ALLOT_OK)
        fail_msg("%s", err.text);
}

#define WATER                                                                                                \
    "    1SOL     OW    1   0.126   1.624   1.679  0.1227 -0.0580  0.0434\n"                                 \
    "    1SOL    HW1    2   0.190   1.661   1.747  0.8085  0.3191 -0.7791\n"                                 \
    "    2SOL    HW2    3   0.177  -1.568  11.613 -0.9045 -2.6469  1.3180\n"

static void names_and_numbers(void **state)
{
    (void)state;
    al_gro gro;
    read_good("Water, t= 0.5\n    3\n" WATER "   1.86206   1.86206   1.86206\n", &gro);
    assert_string_equal(gro.title, "Water, t= 0.5");
    assert_int_equal(gro.natoms, 3);
    assert_int_equal(gro.decimals, 3);
    assert_non_null(gro.v);
    assert_true(gro.x[0] == 0.126 && gro.x[4] == 1.661 && gro.x[7] == -1.568 && gro.x[8] == 11.613);
    assert_true(gro.v[0] == 0.1227 && gro.v[7] == -2.6469);
    assert_int_equal(gro.labels[1].residue, 1);
    assert_int_equal(gro.labels[2].residue, 2);
    assert_string_equal(gro.labels[1].residue_name, "SOL");
    assert_string_equal(gro.labels[1].name, "HW1");
    assert_true(gro.box[0][0] == 1.86206 && gro.box[1][1] == 1.86206 && gro.box[2][2] == 1.86206);
    assert_true(gro.box[0][1] == 0 && !gro.is_triclinic);
    al_gro_fini(&gro);
}

/** Decimals come from the distance of decimal points, 1 to 15. */
static void decimals(void **state)
{
    (void)state;
    for (int n = 1; n <= 15; n++)
        for (int with_v = 0; with_v < 2; with_v++) {
            char text[600];
            int at = snprintf(text, sizeof text, "t\n1\n    1A        B    1%*.*f%*.*f%*.*f", n + 5, n,
                              1.0 / 3, n + 5, n, -20.0 / 3, n + 5, n, 2000.0 / 3);
            if (with_v)
                at += snprintf(text + at, sizeof text - (size_t)at, "%*.*f%*.*f%*.*f", n + 5, n + 1, 1.0 / 7,
                               n + 5, n + 1, -20.0 / 7, n + 5, n + 1, 200.0 / 7);
            (void)snprintf(text + at, sizeof text - (size_t)at, "\n1 1 1\n");
            al_gro gro;
            read_good(text, &gro);
            assert_int_equal(gro.decimals, n);
            assert_int_equal(gro.v != NULL, with_v);
            assert_true(fabs(gro.x[1] + 20.0 / 3) <= 0.5000001 * pow(10, -n));
            assert_true(!with_v || fabs(gro.v[2] - 200.0 / 7) <= 0.5000001 * pow(10, -n - 1));
            al_gro_fini(&gro);
        }
}

static void what_others_write(void **state)
{
    (void)state;
    al_gro gro;
    /* CR, no leading zeros, no last newline, numbers of atoms that mean nothing, negative residues */
    read_good("t\r\n2\r\n   -1SOL     OW*****    .230    .628   -.113\r\n"
              "99999SOL    HW1    0    .137    .626    .150\r\n   1.86206   1.86206   1.86206",
              &gro);
    assert_true(gro.x[0] == 0.230 && gro.x[2] == -0.113 && gro.v == NULL);
    assert_true(gro.labels[0].residue == -1 && gro.labels[1].residue == 99999);
    assert_string_equal(gro.title, "t");
    al_gro_fini(&gro);
    /* exponents, more digits than a double has; blanks behind everything; empty lines at the end */
    read_good("\n 1 \n    1A        B    1   0.12345678901234   1.000000000000e0   1.00000000000000  \n"
              "1e1 0.30000000000000000000000001 2  0 0 -0.25  0.1 .2 1e-3 \n \n\n",
              &gro);
    assert_true(gro.box[0][0] == 10 && gro.box[1][1] == 0.3 && gro.x[0] == 0.12345678901234);
    assert_true(gro.box[1][0] == -0.25 && gro.box[1][2] == 0.1 && gro.box[2][0] == 0.2 &&
                gro.box[2][1] == 1e-3 && gro.is_triclinic);
    al_gro_fini(&gro);
}

static void what_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"", "x.gro:1:1: the file is empty"},
        {"t\n", "x.gro:2:1: the file ends after its title"},
        {"t\nmany\n", "x.gro:2:1: \"many\" is no number of atoms"},
        {"t\n  0\n1 1 1\n", "x.gro:2:3: \"0\" is no number of atoms, at least 1"},
        {"t\n-3\n" WATER, "x.gro:2:1: \"-3\" is no number"},
        {"t\n 4000000000000\n" WATER "1 1 1\n", "x.gro:2:2: the file is too short for 4000000000000 atoms"},
        {"t\n4\n" WATER "1 1 1\n",
         "x.gro:6:6: the line ends before its third number; is this an atom? Line 2 "
         "says that there are 4, and this is number 4"},
        {"t\n4\n" WATER, "x.gro:6:1: the file ends after 3 of 4 atoms; it was cut off"},
        {"t\n3\n" WATER, "x.gro:6:1: the box is missing"},
        {"t\n2\n" WATER "1 1 1\n", "x.gro:5:5: \"2SOL\" is no number; the box is needed here, as 2 atoms"},
        {"t\n3\n" WATER "1 1\n", "x.gro:6:4: a box has three numbers, or nine, and here are 2"},
        {"t\n3\n" WATER "1 -1 1\n", "x.gro:6:3: a box has no negative edge"},
        {"t\n3\n" WATER "1 nan 1\n", "x.gro:6:3: \"nan\" is no number"},
        {"t\n3\n" WATER "1 1e999 1\n", "x.gro:6:3: \"1e999\" is no number"},
        {"t\n3\n" WATER "1 1 1 1 1 1 1 1 1 1\n",
         "x.gro:6:19: a box has three or nine numbers, and this is the tenth"},
        {"t\n3\n" WATER "1 1 1\nt\n3\n",
         "x.gro:7:1: there is more behind the box; of a file of several frames, "
         "take one: head -n 6 "},
        {"t\n1\n    1A        B    1   1   2   3\n1 1 1\n",
         "x.gro:3:33: an atom with names in columns 1 to 20"},
        {"t\n1\n    1A        B    1   1.  2.  3.\n1 1 1\n",
         "x.gro:3:29: decimal points are 4 columns apart"},
        {"t\n1\n    1A        B    1  1.000   2.000   3.000\n1 1 1\n",
         "x.gro:3:23: x is no number: \"1.000\"; "
         "columns 21 to 28"},
        {"t\n1\n    1A        B    1   1.000   2.0x0   3.000\n1 1 1\n",
         "x.gro:3:32: y is no number: \"2.0x0\"; columns 29 to 36 are for it, as decimal points in the first "
         "atom's "
         "line are 8 apart"},
        {"t\n1\n   xxA        B    1   1.000   2.000   3.000\n1 1 1\n",
         "x.gro:3:1: \"   xx\" is no residue number; one is needed in columns 1 to 5"},
        {"t\n1\n    1A    \x01    B    1   1.000   2.000   3.000\n1 1 1\n",
         "x.gro:3:11: a name has a byte 0x01"},
        {"t\n1\n    1A        B    1   1.000   2.000   3.000  0.1000\n1 1 1\n",
         "x.gro:3:53: vy is missing; it is needed in columns 53 to 60"},
        {"t\n1\n    1A        B    1   1.000   2.000   3.000  0.1000  0.1000  0.1000 7\n1 1 1\n",
         "x.gro:3:69: there is more than a position and a velocity"},
        {"t\n2\n    1A        B    1   1.000   2.000   3.000\n"
         "    1A        B    2   1.000   2.000   3.000  0.1000  0.1000  0.1000\n1 1 1\n",
         "x.gro:4:45: there is more than x, y and z"},
        {"t\n2\n    1A        B    1   1.000   2.000   3.000  0.1000  0.1000  0.1000\n"
         "    1A        B    2   1.000   2.000   3.000\n1 1 1\n",
         "x.gro:4:45: vx is missing; it is needed in columns 45 to 52"},
        {"t\n2\n    1A        B    1   1.000   2.000   3.000\n"
         "    1A       B    2   1.000   2.000   3.000\n1 1 1\n",
         "x.gro:4:23: x is no number: \"1.000\""},
    };
    for (size_t k = 0; k < COUNT(rows); k++) {
        al_gro gro = {.natoms = 77};
        allot_error err;
        allot_err code = parse(rows[k].text, &gro, &err);
        if (code != ALLOT_EFORMAT || strncmp(err.text, rows[k].says, strlen(rows[k].says)) != 0)
            fail_msg("row %zu: got %d \"%s\", not \"%s\"", k, (int)code, err.text, rows[k].says);
        assert_int_equal(gro.natoms, 77); /* no part of it */
    }
}

/** Each beginning of a file is refused, or is all but blanks. */
static void each_beginning_is_refused(void **state)
{
    (void)state;
    static const char text[] = "Water\n    3\n" WATER "   1.86206   1.86206   1.86206\n";
    for (size_t n = 0; n < sizeof text - 1; n++) {
        char part[sizeof text];
        al_gro gro;
        allot_error err;
        memcpy(part, text, n);
        part[n] = '\0';
        if (parse(part, &gro, &err) != ALLOT_OK)
            continue;
        assert_true(n > sizeof text - 10); /* within the last number */
        al_gro_fini(&gro);
    }
}

static void what_is_written_reads_the_same(void **state)
{
    (void)state;
    enum { N = 2000 };
    static double x[3 * N], v[3 * N];
    static al_gro_label labels[N];
    for (unsigned p = 1; p <= 15; p++) {
        for (size_t k = 0; k < 3 * N; k++) {
            x[k] = (drand48() - 0.1) * (k % 3 == 0 ? 1000 : 1);
            v[k] = (drand48() - 0.5) * 10;
        }
        for (size_t k = 0; k < N; k++) {
            labels[k].residue = (int32_t)(99000 + k);
            (void)snprintf(labels[k].residue_name, sizeof labels[k].residue_name, "R%zu", k % 1000);
            (void)snprintf(labels[k].name, sizeof labels[k].name, "A%zu", k % 10000);
        }
        al_gro gro = {.title = (char *)(uintptr_t) "a title",
                      .natoms = N,
                      .decimals = p,
                      .labels = labels,
                      .x = x,
                      .v = p % 2 ? v : NULL,
                      .box = {{3, 0, 0}, {0.5, 3, 0}, {0.25, -1.5, 2}},
                      .is_triclinic = p % 3 == 0};
        al_buffer text = {.at = NULL}, again = {.at = NULL};
        allot_error err;
        al_gro back;
        if (al_gro_format(&gro, &text, &err) != ALLOT_OK ||
            al_gro_parse(text.at, text.nbytes, "y.gro", &back, &err) != ALLOT_OK)
            fail_msg("%s", err.text);
        assert_int_equal(back.decimals, p);
        assert_int_equal(back.natoms, N);
        assert_true(back.box[1][1] == 3 && back.is_triclinic == (p % 3 == 0));
        assert_true(back.box[2][1] == (p % 3 == 0 ? -1.5 : 0) && back.box[1][0] == (p % 3 == 0 ? 0.5 : 0));
        for (size_t k = 0; k < 3 * N; k++) {
            assert_true(fabs(back.x[k] - x[k]) <= 0.5001 * pow(10, -(double)p) + fabs(x[k]) * 3e-16);
            assert_true(p % 2 == 0 ||
                        fabs(back.v[k] - v[k]) <= 0.5001 * pow(10, -(double)p - 1) + fabs(v[k]) * 3e-16);
        }
        for (size_t k = 0; k < N; k++) {
            assert_int_equal(back.labels[k].residue, (99000 + k) % 100000);
            assert_string_equal(back.labels[k].name, labels[k].name);
            assert_string_equal(back.labels[k].residue_name, labels[k].residue_name);
        }
        assert_int_equal(al_gro_format(&back, &again, &err), ALLOT_OK);
        assert_int_equal(again.nbytes, text.nbytes);
        assert_memory_equal(again.at, text.at, text.nbytes);
        al_gro_fini(&back);
        al_buffer_fini(&text);
        al_buffer_fini(&again);
    }
}

static void what_has_no_room(void **state)
{
    (void)state;
    static const double bad[] = {1e4, -1000, 9999.9996, NAN, INFINITY, 1e300, -1e300};
    static const double good[] = {9999.999, -999.999, -0.0001, 0};
    double x[3] = {1, 2, 3};
    al_gro_label label = {.residue = 1, .residue_name = "R", .name = "A"};
    al_gro gro = {.title = (char *)(uintptr_t) "", .natoms = 1, .decimals = 3, .labels = &label, .x = x};
    for (size_t k = 0; k < COUNT(bad) + COUNT(good); k++) {
        bool is_good = k >= COUNT(bad);
        al_buffer text = {.at = NULL};
        allot_error err = {.text = ""};
        x[1] = is_good ? good[k - COUNT(bad)] : bad[k];
        assert_int_equal(al_gro_format(&gro, &text, &err), is_good ? ALLOT_OK : ALLOT_ERANGE);
        assert_true(is_good || strncmp(err.text, "the position of atom 1 is ", 26) == 0);
        al_buffer_fini(&text);
    }
}

static void files(void **state)
{
    (void)state;
    const char *path = scratch_path("x.gro");
    al_gro gro, back;
    allot_error err;
    read_good("Water\n3\n" WATER "1 1 1\n", &gro);
    assert_int_equal(al_gro_write(path, &gro, &err), ALLOT_OK);
    assert_int_equal(al_gro_read(path, &back, &err), ALLOT_OK);
    assert_memory_equal(back.x, gro.x, 9 * sizeof *gro.x);
    al_gro_fini(&back);
    gro.x[0] = NAN; /* what is there stays */
    assert_int_equal(al_gro_write(path, &gro, &err), ALLOT_ERANGE);
    assert_int_equal(al_gro_read(path, &back, &err), ALLOT_OK);
    al_gro_fini(&back);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(al_gro_read(path, &back, &err), ALLOT_ENOTFOUND);
    assert_non_null(strstr(err.text, path));
    gro.x[0] = 0;
    assert_int_equal(al_gro_write("/nowhere/x.gro", &gro, &err), ALLOT_EIO);
    al_gro_fini(&gro);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_numbers),         cmocka_unit_test(decimals),
        cmocka_unit_test(what_others_write),         cmocka_unit_test(what_is_refused),
        cmocka_unit_test(each_beginning_is_refused), cmocka_unit_test(what_is_written_reads_the_same),
        cmocka_unit_test(what_has_no_room),          cmocka_unit_test(files),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
