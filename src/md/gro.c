/* gro.c - see gro.h.
 *
 * A line of an atom is five columns each of residue number, residue name, atom name and atom number, then
 * numbers in columns as wide as the distance between decimal points, of which the first is always the fifth
 * character: that is where the number of decimals comes from. A file has one layout, its first atom's.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/gro.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/fail.h"
#include "md/file.h"
#include "md/read/columns.h"

enum {
    NAMES_WIDTH = 4 * AL_GRO_NAME, /* columns before the first number */
    POINT = 4,                     /* characters of a field before its decimal point */
    BOX_NUMBER_MOST = 48,
    LINE_MOST = NAMES_WIDTH + 6 * (AL_GRO_DECIMALS_MOST + POINT + 1) + 1,
};

/** 10^0 .. 10^16: exact, and as many decimals as are written. */
static const double powers[] = {1e0, 1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7, 1e8,
                                1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16};

typedef struct reader {
    al_columns c;
    size_t width; /* of a number; 0: not known yet */
    char why[80]; /* it is */
} reader;

void al_gro_fini(al_gro *gro)
{
    free(gro->title);
    free(gro->labels);
    free(gro->x);
    free(gro->v);
    *gro = (al_gro){.title = NULL};
}

bool al_gro_add(al_gro *gro)
{
    if ((gro->natoms & (gro->natoms - 1)) == 0) { /* 0, or a power of two: the room is used */
        size_t room = gro->natoms == 0 ? 1 : 2 * (size_t)gro->natoms;
        al_gro_label *labels = realloc(gro->labels, room * sizeof *labels);
        gro->labels = labels != NULL ? labels : gro->labels;
        double *x = realloc(gro->x, 3 * room * sizeof *x);
        gro->x = x != NULL ? x : gro->x;
        if (labels == NULL || x == NULL)
            return false;
    }
    gro->labels[gro->natoms++] = (al_gro_label){.residue = 0};
    return true;
}

/* ---- an atom's line ------------------------------------------------------------------------------------ */

/** The layout, from the first atom. */
static allot_err find_layout(reader *r, al_gro *gro)
{
    size_t nbytes = (size_t)(r->c.line_end - r->c.line);
    const char *first =
        nbytes > NAMES_WIDTH ? memchr(r->c.line + NAMES_WIDTH, '.', nbytes - NAMES_WIDTH) : NULL;
    const char *second = first != NULL ? memchr(first + 1, '.', (size_t)(r->c.line_end - first - 1)) : NULL;
    if (second == NULL)
        return al_columns_fault(
            &r->c, r->c.line_end,
            "an atom with names in columns 1 to 20 and three numbers with decimal points is needed here");
    r->width = (size_t)(second - first);
    if (r->width < POINT + 2 || r->width > POINT + 1 + AL_GRO_DECIMALS_MOST)
        return al_columns_fault(
            &r->c, second,
            "decimal points are %zu columns apart, which is %d for no decimals; 1 to %d decimals can be "
            "read",
            r->width, POINT + 1, AL_GRO_DECIMALS_MOST);
    gro->decimals = (unsigned)(r->width - POINT - 1);
    (void)snprintf(r->why, sizeof r->why, ", as decimal points in the first atom's line are %zu apart",
                   r->width);
    if (nbytes > NAMES_WIDTH + 3 * r->width) {
        gro->v = malloc(3 * gro->natoms * sizeof *gro->v);
        if (gro->v == NULL)
            return al_columns_no_memory(&r->c);
    }
    return ALLOT_OK;
}

static allot_err read_label(reader *r, al_gro_label *label)
{
    const char *at, *end;
    int64_t number;
    char text[40];
    al_columns_field(&r->c, 0, AL_GRO_NAME, &at, &end);
    if (!al_columns_integer(at, end, &number))
        return al_columns_fault(&r->c, r->c.line,
                                "\"%s\" is no residue number; one is needed in columns 1 to 5",
                                al_columns_excerpt(r->c.line, r->c.line + AL_GRO_NAME, text));
    label->residue = (int32_t)number;
    allot_err code = al_columns_name(&r->c, AL_GRO_NAME, AL_GRO_NAME, label->residue_name);
    return code != ALLOT_OK ? code
                            : al_columns_name(&r->c, (size_t)2 * AL_GRO_NAME, AL_GRO_NAME, label->name);
}

/** Position k of the line: 0, or the velocity: 1. */
static allot_err read_vector(reader *r, unsigned k, double values[3])
{
    static const char *const names[] = {"x", "y", "z", "vx", "vy", "vz"};
    al_columns_row row = {.first = NAMES_WIDTH + 3 * k * r->width,
                          .width = r->width,
                          .point = k == 0 ? POINT : AL_COLUMNS_ANYWHERE,
                          .names = names + (size_t)3 * k,
                          .why = r->why};
    return al_columns_vector(&r->c, &row, values);
}

static allot_err read_atom(reader *r, al_gro *gro, uint64_t k)
{
    if (!al_columns_next(&r->c)) {
        al_columns_beyond(&r->c);
        return al_columns_fault(&r->c, r->c.line,
                                "the file ends after %" PRIu64 " of %" PRIu64
                                " atoms; it was cut off, or the number in line 2 is wrong",
                                k, gro->natoms);
    }
    allot_err code = r->width == 0 ? find_layout(r, gro) : ALLOT_OK;
    if (code != ALLOT_OK)
        return code;
    size_t nbytes = (size_t)(r->c.line_end - r->c.line), column = NAMES_WIDTH + 3 * r->width;
    if (nbytes < NAMES_WIDTH + 2 * r->width)
        return al_columns_fault(&r->c, r->c.line_end,
                                "the line ends before its third number; is this an atom? Line 2 says that "
                                "there are %" PRIu64 ", and this is number %" PRIu64,
                                gro->natoms, k + 1);
    code = read_label(r, &gro->labels[k]);
    if (code == ALLOT_OK)
        code = read_vector(r, 0, gro->x + 3 * k);
    if (code != ALLOT_OK)
        return code;
    if (gro->v == NULL)
        return nbytes <= column
                   ? ALLOT_OK
                   : al_columns_fault(&r->c, r->c.line + column,
                                      "there is more than x, y and z, which is all that "
                                      "the first atom has; velocities are of all atoms or of none");
    if (nbytes > column + 3 * r->width)
        return al_columns_fault(&r->c, r->c.line + column + 3 * r->width,
                                "there is more than a position and a velocity");
    return read_vector(r, 1, gro->v + 3 * k);
}

/* ---- the whole ----------------------------------------------------------------------------------------- */

static allot_err read_title(reader *r, al_gro *gro)
{
    if (!al_columns_next(&r->c))
        return al_fail(r->c.err, ALLOT_EFORMAT, 0, "%s:1:1: the file is empty; a .gro file is needed",
                       r->c.name);
    const char *nul = memchr(r->c.line, '\0', (size_t)(r->c.line_end - r->c.line));
    if (nul != NULL)
        return al_columns_fault(&r->c, nul,
                                "the title has a byte 0x00 in it; is this a .gro file, which is text?");
    gro->title = strndup(r->c.line, (size_t)(r->c.line_end - r->c.line));
    return gro->title != NULL ? ALLOT_OK : al_columns_no_memory(&r->c);
}

static allot_err read_count(reader *r, al_gro *gro)
{
    int64_t natoms = 0;
    char text[40];
    if (!al_columns_next(&r->c))
        return al_fail(r->c.err, ALLOT_EFORMAT, 0,
                       "%s:2:1: the file ends after its title; a .gro file is needed", r->c.name);
    const char *at, *end;
    al_columns_field(&r->c, 0, (size_t)(r->c.line_end - r->c.line), &at, &end);
    if (!al_columns_integer(at, end, &natoms) || natoms <= 0)
        return al_columns_fault(&r->c, at,
                                "\"%s\" is no number of atoms, at least 1, which the second line must hold",
                                al_columns_excerpt(at, end, text));
    if ((uint64_t)natoms >
        (uint64_t)(r->c.end - r->c.next) / (NAMES_WIDTH + 3)) /* before memory is asked for */
        return al_columns_fault(
            &r->c, at, "the file is too short for %" PRId64 " atoms; it was cut off, or this number is wrong",
            natoms);
    gro->natoms = (uint64_t)natoms;
    gro->labels = malloc(gro->natoms * sizeof *gro->labels);
    gro->x = malloc(3 * gro->natoms * sizeof *gro->x);
    if (gro->labels == NULL || gro->x == NULL)
        return al_columns_no_memory(&r->c);
    return ALLOT_OK;
}

static allot_err read_box(reader *r, al_gro *gro)
{
    if (al_columns_next(&r->c))
        return al_columns_box(&r->c, gro->natoms, gro->box, &gro->is_triclinic);
    al_columns_beyond(&r->c);
    return al_columns_fault(&r->c, r->c.line,
                            "the box is missing: a line of three numbers, or nine, behind the last atom");
}

static allot_err read_end(reader *r)
{
    uint64_t nlines = r->c.nlines;
    while (al_columns_next(&r->c))
        if (r->c.line < r->c.line_end)
            return al_columns_fault(
                &r->c, r->c.line,
                "there is more behind the box; of a file of several frames, take one: head "
                "-n %" PRIu64 " makes a file of the first",
                nlines);
    return ALLOT_OK;
}

allot_err al_gro_parse(const char *text, size_t nbytes, const char *name, al_gro *gro, allot_error *err)
{
    al_gro made = {.title = NULL};
    reader r = {.c = {.name = name, .next = text, .end = text + nbytes, .err = err}};
    allot_err code = read_title(&r, &made);
    if (code == ALLOT_OK)
        code = read_count(&r, &made);
    for (uint64_t k = 0; code == ALLOT_OK && k < made.natoms; k++)
        code = read_atom(&r, &made, k);
    if (code == ALLOT_OK)
        code = read_box(&r, &made);
    if (code == ALLOT_OK)
        code = read_end(&r);
    if (code == ALLOT_OK)
        *gro = made;
    else
        al_gro_fini(&made);
    return code;
}

allot_err al_gro_read(const char *path, al_gro *gro, allot_error *err)
{
    al_buffer text = {.at = NULL};
    allot_err code = al_file_read(path, &text, err);
    if (code == ALLOT_OK)
        code = al_gro_parse(text.at, text.nbytes, path, gro, err);
    al_buffer_fini(&text);
    return code;
}

/* ---- writing ------------------------------------------------------------------------------------------- */

/** The value in `width` characters. @return false: it has no room */
static bool put_fixed(char *at, size_t width, unsigned decimals, double value)
{
    double scaled = fabs(value) * powers[decimals];
    if (AL_UNLIKELY(!(scaled < 0x1p51))) { /* where scaled may be off by a digit */
        char text[400];
        int n = snprintf(text, sizeof text, "%.*f", (int)decimals, value);
        if (!isfinite(value) || n < 0 || (size_t)n > width)
            return false;
        memset(at, ' ', width - (size_t)n);
        memcpy(at + width - (size_t)n, text, (size_t)n);
        return true;
    }
    uint64_t digits = (uint64_t)(scaled + 0.5);
    size_t k = width;
    for (unsigned n = 0; n <= decimals || digits > 0; n++) {
        if (n == decimals) {
            if (k == 0)
                return false;
            at[--k] = '.';
        }
        if (k == 0)
            return false;
        at[--k] = (char)('0' + digits % 10);
        digits /= 10;
    }
    if (signbit(value) && k == 0)
        return false;
    if (signbit(value))
        at[--k] = '-';
    memset(at, ' ', k);
    return true;
}

static allot_err AL_COLD no_room(uint64_t atom, char what, double value, unsigned decimals, allot_error *err)
{
    return al_fail(err, ALLOT_ERANGE, 0,
                   "%s of atom %" PRIu64
                   " is %g: .gro has no room for it with %u decimals; write fewer, or put "
                   "the atoms back into the box",
                   what == 'x' ? "the position" : "the velocity", atom + 1, value, decimals);
}

static allot_err put_atom(const al_gro *gro, uint64_t k, al_buffer *text, allot_error *err)
{
    const al_gro_label *label = &gro->labels[k];
    char *at = al_buffer_reserve(text, LINE_MOST);
    if (at == NULL)
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    size_t width = gro->decimals + POINT + 1, n = NAMES_WIDTH;
    char names[64];
    (void)snprintf(names, sizeof names, "%5d%-5.5s%5.5s%5u", label->residue % AL_GRO_WRAP,
                   label->residue_name, label->name, (unsigned)((k + 1) % AL_GRO_WRAP));
    memcpy(at, names, NAMES_WIDTH);
    for (unsigned d = 0; d < 3; d++, n += width)
        if (!put_fixed(at + n, width, gro->decimals, gro->x[3 * k + d]))
            return no_room(k, 'x', gro->x[3 * k + d], gro->decimals, err);
    for (unsigned d = 0; gro->v != NULL && d < 3; d++, n += width)
        if (!put_fixed(at + n, width, gro->decimals + 1, gro->v[3 * k + d]))
            return no_room(k, 'v', gro->v[3 * k + d], gro->decimals, err);
    at[n] = '\n';
    text->nbytes += n + 1;
    return ALLOT_OK;
}

static allot_err put_box(const al_gro *gro, al_buffer *text, allot_error *err)
{
    /* As GROMACS has it: five decimals in ten columns, or nine where positions have many. */
    bool is_fine = gro->decimals >= 5;
    int decimals = !is_fine ? 5 : gro->decimals > 9 ? (int)gro->decimals : 9;
    al_gro copy = *gro;
    for (unsigned n = 0; n < (gro->is_triclinic ? 9 : 3); n++) {
        char number[BOX_NUMBER_MOST];
        double value = *al_columns_box_at(copy.box, n);
        int length = snprintf(number, sizeof number, is_fine ? "%s%.*f" : "%s%9.*f",
                              is_fine && n == 0 ? "" : " ", decimals, value);
        if (!isfinite(value) || length >= (int)sizeof number)
            return al_fail(err, ALLOT_ERANGE, 0, "the box is %g long: .gro has no room for it", value);
        (void)al_buffer_text(text, number);
    }
    return al_buffer_byte(text, '\n') ? ALLOT_OK : al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
}

allot_err al_gro_format(const al_gro *gro, al_buffer *text, allot_error *err)
{
    if (gro->decimals < 1 || gro->decimals > AL_GRO_DECIMALS_MOST)
        return al_fail(err, ALLOT_ERANGE, 0, "%u decimals: .gro has 1 to %d", gro->decimals,
                       AL_GRO_DECIMALS_MOST);
    char count[32];
    (void)snprintf(count, sizeof count, "\n%5" PRIu64 "\n", gro->natoms);
    (void)al_buffer_append(text, gro->title, strcspn(gro->title, "\n"));
    (void)al_buffer_text(text, count);
    for (uint64_t k = 0; k < gro->natoms; k++) {
        allot_err code = put_atom(gro, k, text, err);
        if (code != ALLOT_OK)
            return code;
    }
    return put_box(gro, text, err);
}

allot_err al_gro_write(const char *path, const al_gro *gro, allot_error *err)
{
    al_buffer text = {.at = NULL};
    allot_err code = al_gro_format(gro, &text, err);
    if (code == ALLOT_OK)
        code = al_file_replace(path, NULL, text.at, text.nbytes, err);
    al_buffer_fini(&text);
    return code;
}
