/* pdb.c - see pdb.h. Columns are those of the Protein Data Bank ("Atomic Coordinate Entry Format", 3.3), and
 * of GROMACS, whose names of residues have four.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/read/pdb.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "md/read/structure.h"

/** Columns, from 0. */
enum {
    TITLE_AT = 10,
    NAME_AT = 12,
    ALTERNATE_AT = 16,
    RESIDUE_NAME_AT = 17,
    RESIDUE_AT = 22,
    NAME_WIDTH = 4,
    X_AT = 30,
    X_WIDTH = 8,
    X_POINT = 4,
    CELL_AT = 6,
    CELL_WIDTH = 9,
    ANGLES_AT = CELL_AT + 3 * CELL_WIDTH,
    ANGLES_WIDTH = 7
};

enum { DECIMALS = 4 }; /* of nm: a ten-thousandth is a thousandth of Angstrom */

#define NM 10.0 /* Angstrom */

typedef struct reader {
    al_columns c;
    al_gro made;
    bool has_cell, has_model, is_over; /* is_over: END was read */
} reader;

static allot_err read_cell(reader *r)
{
    if (r->has_cell)
        return al_columns_fault(&r->c, r->c.line, "a second CRYST1; a structure has one cell");
    r->has_cell = true;
    return al_structure_cell(&r->c, CELL_AT, CELL_WIDTH, ANGLES_AT, ANGLES_WIDTH, &r->made);
}

/* ---- atoms ----------------------------------------------------------------------------------------------
 */

static allot_err read_label(reader *r, al_gro_label *label)
{
    const char *at, *end;
    char text[40];
    int64_t number;
    char alternate = r->c.line_end > r->c.line + ALTERNATE_AT ? r->c.line[ALTERNATE_AT] : ' ';
    if (alternate != ' ' && alternate != 'A')
        return al_columns_fault(
            &r->c, r->c.line + ALTERNATE_AT,
            "this is alternate location %s of an atom: keep one of each, in column 17 blank or A",
            al_columns_excerpt(&alternate, &alternate + 1, text));
    allot_err code = al_columns_name(&r->c, NAME_AT, NAME_WIDTH, label->name);
    if (code == ALLOT_OK)
        code = al_columns_name(&r->c, RESIDUE_NAME_AT, NAME_WIDTH, label->residue_name);
    if (code != ALLOT_OK)
        return code;
    al_columns_field(&r->c, RESIDUE_AT, NAME_WIDTH, &at, &end);
    if (!al_columns_integer(at, end, &number))
        return al_columns_fault(&r->c, at, "\"%s\" is no residue number; one is needed in columns %d to %d",
                                al_columns_excerpt(at, end, text), RESIDUE_AT + 1, RESIDUE_AT + NAME_WIDTH);
    label->residue = (int32_t)number;
    return ALLOT_OK;
}

static allot_err read_atom(reader *r)
{
    static const char *const names[] = {"x", "y", "z"};
    static const al_columns_row row = {.first = X_AT,
                                       .width = X_WIDTH,
                                       .point = X_POINT,
                                       .names = names,
                                       .why = ", the point in the fifth of them"};
    double x[3];
    al_gro *made = &r->made;
    if (r->is_over)
        return al_columns_fault(&r->c, r->c.line,
                                "an atom behind END: of a file of several structures, take one");
    allot_err code = al_columns_vector(&r->c, &row, x);
    if (code != ALLOT_OK)
        return code;
    if (!al_gro_add(made))
        return al_columns_no_memory(&r->c);
    for (unsigned d = 0; d < 3; d++)
        made->x[3 * (made->natoms - 1) + d] = x[d] / NM;
    return read_label(r, &made->labels[made->natoms - 1]);
}

/** Whether a line means an atom, but is not where it should be. */
static bool is_shifted(const al_columns *c)
{
    static const char *const records[] = {"ATOM", "HETATM"};
    const char *at, *end;
    al_columns_field(c, 0, AL_COLUMNS_REST, &at, &end);
    for (unsigned k = 0; k < 2; k++) {
        size_t n = strlen(records[k]), same = 0;
        while (same < n && at + same < end && toupper((unsigned char)at[same]) == records[k][same])
            same++;
        if (same == n && (at + n == end || at[n] == ' '))
            return true;
    }
    return false;
}

/* ---- the whole ------------------------------------------------------------------------------------------
 */

static allot_err begin_model(reader *r)
{
    if (r->has_model || r->made.natoms > 0)
        return al_columns_fault(&r->c, r->c.line,
                                "a MODEL begins and there is no ENDMDL behind the atoms before it; only the "
                                "first model is read");
    r->has_model = true;
    return ALLOT_OK;
}

/** Records that are not named here tell nothing of where atoms are. */
static allot_err read_record(reader *r)
{
    const al_columns *c = &r->c;
    if (al_columns_have(c, 0, "ATOM") || al_columns_have(c, 0, "HETATM"))
        return read_atom(r);
    if (al_columns_have(c, 0, "CRYST1"))
        return read_cell(r);
    if (al_columns_have(c, 0, "TITLE"))
        return al_structure_title(&r->c, TITLE_AT, &r->made); /* of several lines the first */
    if (al_columns_have(c, 0, "MODEL") && !al_columns_have(c, 0, "MODELL"))
        return begin_model(r);
    if (is_shifted(c))
        return al_columns_fault(&r->c, c->line,
                                "an atom's line begins in its first column with ATOM or HETATM");
    r->is_over = r->is_over || (al_columns_have(c, 0, "END") && c->line_end == c->line + 3);
    return ALLOT_OK;
}

static allot_err read_all(reader *r)
{
    allot_err code = ALLOT_OK;
    while (code == ALLOT_OK && al_columns_next(&r->c)) {
        if (al_columns_have(&r->c, 0, "ENDMDL") && r->made.natoms > 0)
            break;
        code = read_record(r);
    }
    return code;
}

allot_err al_pdb_parse(const char *text, size_t nbytes, const char *name, al_gro *gro, allot_error *err)
{
    reader r = {.c = {.name = name, .next = text, .end = text + nbytes, .err = err},
                .made = {.decimals = DECIMALS}};
    return al_structure_finish(&r.c, read_all(&r), &r.made, "an ATOM or HETATM; a .pdb file is needed", gro);
}
