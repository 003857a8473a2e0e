/* g96.c - see g96.h. A file is a row of blocks, each a line with its name, its lines, and END; what begins
 * with # is a comment. (GROMACS reference manual, "File formats"; GROMOS96 manual, volume 4.)
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/read/g96.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "md/read/structure.h"

/** Columns, from 0, and how wide they are. */
enum {
    RESIDUE_NAME_AT = 6,
    NAME_AT = 12,
    NAMES_WIDTH = 24,
    NUMBER_WIDTH = 15,
    NUMBER_POINT = 5,
    DECIMALS = 9
};

typedef struct reader {
    al_columns c;
    al_gro made;
    bool has_box;
} reader;

/** The next line of a block. @return false: END, or with *code a complaint */
static bool next_in_block(reader *r, allot_err *code)
{
    do
        if (!al_columns_next(&r->c)) {
            al_columns_beyond(&r->c);
            *code = al_columns_fault(&r->c, r->c.line,
                                     "the file ends within a block, without END; it was cut off");
            return false;
        }
    while (al_columns_have(&r->c, 0, "#"));
    return !(al_columns_have(&r->c, 0, "END") && r->c.line_end == r->c.line + 3);
}

static allot_err read_title(reader *r)
{
    allot_err code = ALLOT_OK;
    while (code == ALLOT_OK && next_in_block(r, &code))
        code = al_structure_title(&r->c, 0, &r->made);
    return code;
}

static allot_err read_nothing(reader *r)
{
    allot_err code = ALLOT_OK;
    while (next_in_block(r, &code))
        ;
    return code;
}

static allot_err read_label(reader *r, al_gro_label *label)
{
    const char *at, *end;
    char text[40];
    int64_t number;
    al_columns_field(&r->c, 0, AL_GRO_NAME, &at, &end);
    if (!al_columns_integer(at, end, &number))
        return al_columns_fault(&r->c, r->c.line,
                                "\"%s\" is no residue number; one is needed in columns 1 to %d",
                                al_columns_excerpt(at, end, text), AL_GRO_NAME);
    label->residue = (int32_t)number;
    allot_err code = al_columns_name(&r->c, RESIDUE_NAME_AT, AL_GRO_NAME, label->residue_name);
    return code != ALLOT_OK ? code : al_columns_name(&r->c, NAME_AT, AL_GRO_NAME, label->name);
}

/** Three numbers, behind names or not. */
static allot_err read_vector(reader *r, bool has_names, bool is_velocity, double values[3])
{
    static const char *const names[] = {"x", "y", "z", "vx", "vy", "vz"};
    al_columns_row row = {.first = has_names ? NAMES_WIDTH : 0,
                          .width = NUMBER_WIDTH,
                          .point = NUMBER_POINT,
                          .names = names + (is_velocity ? 3 : 0),
                          .why = ", the point in the sixth of them"};
    if (r->c.line_end > r->c.line + row.first + (size_t)3 * NUMBER_WIDTH)
        return al_columns_fault(&r->c, r->c.line + row.first + (size_t)3 * NUMBER_WIDTH,
                                "there is more than three numbers");
    return al_columns_vector(&r->c, &row, values);
}

static allot_err read_positions(reader *r, bool has_names)
{
    al_gro *made = &r->made;
    allot_err code = ALLOT_OK;
    if (made->natoms > 0)
        return al_columns_fault(&r->c, r->c.line,
                                "positions a second time; of a file of several frames, take one");
    while (next_in_block(r, &code)) {
        if (!al_gro_add(made))
            return al_columns_no_memory(&r->c);
        code = read_vector(r, has_names, false, made->x + 3 * (made->natoms - 1));
        if (code == ALLOT_OK && has_names)
            code = read_label(r, &made->labels[made->natoms - 1]);
        if (code != ALLOT_OK)
            return code;
    }
    if (code == ALLOT_OK && made->natoms == 0)
        return al_columns_fault(&r->c, r->c.line, "there are no atoms in this block");
    return code;
}

static allot_err read_velocities(reader *r, bool has_names)
{
    al_gro *made = &r->made;
    allot_err code = ALLOT_OK;
    uint64_t n = 0;
    if (made->natoms == 0 || made->v != NULL)
        return al_columns_fault(&r->c, r->c.line,
                                made->v != NULL ? "velocities a second time"
                                                : "velocities before positions; positions come first");
    made->v = malloc(3 * made->natoms * sizeof *made->v);
    if (made->v == NULL)
        return al_columns_no_memory(&r->c);
    for (; next_in_block(r, &code); n++) {
        if (n == made->natoms)
            return al_columns_fault(&r->c, r->c.line,
                                    "there are more velocities than positions, which are %" PRIu64,
                                    made->natoms);
        code = read_vector(r, has_names, true, made->v + 3 * n);
        if (code != ALLOT_OK)
            return code;
    }
    if (code == ALLOT_OK && n < made->natoms)
        return al_columns_fault(&r->c, r->c.line,
                                "there are %" PRIu64 " velocities here, and %" PRIu64 " positions before", n,
                                made->natoms);
    return code;
}

static allot_err read_box(reader *r)
{
    allot_err code = ALLOT_OK;
    if (r->has_box)
        return al_columns_fault(&r->c, r->c.line, "a second box; of a file of several frames, take one");
    r->has_box = true;
    if (!next_in_block(r, &code))
        return code != ALLOT_OK ? code : al_columns_fault(&r->c, r->c.line, "there is no box in this block");
    code = al_columns_box(&r->c, r->made.natoms, r->made.box, &r->made.is_triclinic);
    if (code == ALLOT_OK && next_in_block(r, &code))
        return al_columns_fault(&r->c, r->c.line, "a box is one line, and END follows");
    return code;
}

static allot_err read_block(reader *r)
{
    const char *at, *end;
    char name[40];
    al_columns_field(&r->c, 0, AL_COLUMNS_REST, &at, &end);
    (void)al_columns_excerpt(at, end, name);
    if (strcmp(name, "TITLE") == 0)
        return read_title(r);
    if (strcmp(name, "TIMESTEP") == 0)
        return read_nothing(r);
    if (strcmp(name, "POSITION") == 0 || strcmp(name, "POSITIONRED") == 0)
        return read_positions(r, name[8] == '\0');
    if (strcmp(name, "VELOCITY") == 0 || strcmp(name, "VELOCITYRED") == 0)
        return read_velocities(r, name[8] == '\0');
    if (strcmp(name, "BOX") == 0)
        return read_box(r);
    return al_columns_fault(&r->c, r->c.line,
                            "\"%s\" is no block that can be read; those are TITLE, TIMESTEP, POSITION, "
                            "POSITIONRED, VELOCITY, VELOCITYRED and BOX",
                            name);
}

static allot_err read_all(reader *r)
{
    allot_err code = ALLOT_OK;
    while (code == ALLOT_OK && al_columns_next(&r->c))
        if (r->c.line < r->c.line_end && !al_columns_have(&r->c, 0, "#"))
            code = read_block(r);
    return code;
}

allot_err al_g96_parse(const char *text, size_t nbytes, const char *name, al_gro *gro, allot_error *err)
{
    reader r = {.c = {.name = name, .next = text, .end = text + nbytes, .err = err},
                .made = {.decimals = DECIMALS}};
    return al_structure_finish(&r.c, read_all(&r), &r.made, "POSITION or POSITIONRED; a .g96 file is needed",
                               gro);
}
