/* rst7.c - see rst7.h. A title; the number of atoms, and maybe the time; then numbers in twelve columns, six
 * in a line: positions, velocities of as many lines, and a line with the box, either of which may be missing.
 * Which are there is told by how many lines there are. (ambermd.org, "File formats".)
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/read/rst7.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "md/read/structure.h"

enum { WIDTH = 12, POINT = 4, PER_ATOM = 3 * WIDTH, LINE_MOST = 2 * PER_ATOM, DECIMALS = 8 };

#define NM 10.0       /* Angstrom */
#define PER_PS 20.455 /* a unit of time is 1/20.455 ps */
#define NETCDF "CDF"

typedef struct reader {
    al_columns c;
    al_gro made;
} reader;

bool al_rst7_is_one(const char *text, size_t nbytes)
{
    al_columns c = {.next = text, .end = text + nbytes};
    for (int line = 0; line < 3; line++)
        if (!al_columns_next(&c))
            return false;
    if (c.line_end - c.line < PER_ATOM)
        return false;
    for (int k = 0; k < 3; k++)
        if (c.line[k * WIDTH + POINT] != '.')
            return false;
    return true;
}

/** Lines that are left; blank ones at the end are none. */
static uint64_t lines_left(const reader *r)
{
    al_columns rest = r->c;
    uint64_t n = 0, last = 0;
    while (al_columns_next(&rest)) {
        n++;
        last = rest.line_end > rest.line ? n : last;
    }
    return last;
}

static allot_err read_head(reader *r, uint64_t *natoms)
{
    const char *at, *end;
    char text[40];
    int64_t number;
    allot_err code = ALLOT_OK;
    if (!al_columns_next(&r->c))
        al_columns_beyond(&r->c);
    if (al_columns_have(&r->c, 0, NETCDF))
        return al_columns_fault(
            &r->c, r->c.line,
            "this is a NetCDF file, which is not supported; cpptraj or ParmEd make a text "
            "of it (rst7)");
    code = al_structure_title(&r->c, 0, &r->made);
    if (code != ALLOT_OK)
        return code;
    if (!al_columns_next(&r->c))
        al_columns_beyond(&r->c);
    al_columns_field(&r->c, 0, AL_COLUMNS_REST, &at, &end);
    const char *stop = at;
    while (stop < end && *stop != ' ' && *stop != '\t')
        stop++;
    if (!al_columns_integer(at, stop, &number) || number < 1)
        return al_columns_fault(&r->c, at, "\"%s\" is no number of atoms; it stands in the second line",
                                al_columns_excerpt(at, stop, text));
    *natoms = (uint64_t)number;
    return ALLOT_OK;
}

/** Three numbers of each atom, two atoms in a line. */
static allot_err read_vectors(reader *r, uint64_t natoms, const char *const *names, double unit,
                              double *values)
{
    allot_err code = ALLOT_OK;
    for (uint64_t k = 0; k < natoms && code == ALLOT_OK; k++) {
        const al_columns_row row = {.first = k % 2 == 0 ? 0 : PER_ATOM,
                                    .width = WIDTH,
                                    .point = AL_COLUMNS_ANYWHERE,
                                    .names = names,
                                    .why = ""};
        if (k % 2 == 0 && al_columns_next(&r->c)) {
            size_t most = k + 1 < natoms ? LINE_MOST : PER_ATOM;
            if ((size_t)(r->c.line_end - r->c.line) > most)
                return al_columns_fault(&r->c, r->c.line + most,
                                        "the line goes on here, and %zu numbers were read", most / WIDTH);
        }
        code = al_columns_vector(&r->c, &row, values + 3 * k);
        for (int d = 0; d < 3 && code == ALLOT_OK; d++)
            values[3 * k + (uint64_t)d] *= unit;
    }
    return code;
}

static allot_err take_atoms(reader *r, uint64_t natoms, bool has_velocities)
{
    static const char *const positions[] = {"x", "y", "z"}, *const velocities[] = {"vx", "vy", "vz"};
    al_gro *made = &r->made;
    made->labels = calloc(natoms, sizeof *made->labels);
    made->x = calloc(natoms, 3 * sizeof *made->x);
    made->v = has_velocities ? calloc(natoms, 3 * sizeof *made->v) : NULL;
    if (made->labels == NULL || made->x == NULL || (has_velocities && made->v == NULL))
        return al_columns_no_memory(&r->c);
    made->natoms = natoms;
    allot_err code = read_vectors(r, natoms, positions, 1 / NM, made->x);
    if (code == ALLOT_OK && has_velocities)
        code = read_vectors(r, natoms, velocities, PER_PS / NM, made->v);
    return code;
}

/** Of one atom or two the only line behind positions may be either: it is the box, as without one nothing
 * can be simulated. */
static allot_err read_all(reader *r)
{
    uint64_t natoms = 0, nlines;
    allot_err code = read_head(r, &natoms);
    if (code != ALLOT_OK)
        return code;
    uint64_t wanted = natoms / 2 + natoms % 2, left = lines_left(r);
    if (left < wanted) {
        while (al_columns_next(&r->c))
            ;
        return al_columns_fault(&r->c, r->c.line_end,
                                "the file ends after %" PRIu64 " lines of positions, and %" PRIu64
                                " atoms have %" PRIu64 "; it was cut off",
                                left, natoms, wanted);
    }
    nlines = left - wanted;
    bool has_velocities = nlines >= wanted && nlines > 1,
         has_box = nlines == (has_velocities ? wanted + 1 : 1);
    code = take_atoms(r, natoms, has_velocities);
    if (code != ALLOT_OK)
        return code;
    if (!has_box && nlines != (has_velocities ? wanted : 0)) {
        al_columns_beyond(&r->c);
        return al_columns_fault(&r->c, r->c.line,
                                "behind positions are %" PRIu64 " lines: velocities are %" PRIu64
                                " for %" PRIu64 " atoms, and a box is one",
                                nlines, wanted, natoms);
    }
    if (!has_box)
        return ALLOT_OK;
    (void)al_columns_next(&r->c); /* it was counted */
    return al_structure_cell(&r->c, 0, WIDTH, PER_ATOM, WIDTH, &r->made);
}

allot_err al_rst7_parse(const char *text, size_t nbytes, const char *name, al_gro *gro, allot_error *err)
{
    reader r = {.c = {.name = name, .next = text, .end = text + nbytes, .err = err},
                .made = {.decimals = DECIMALS}};
    return al_structure_finish(&r.c, read_all(&r), &r.made, "atoms", gro);
}
