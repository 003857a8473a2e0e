/* structure.c - see structure.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/read/structure.h"

#include <math.h>
#include <string.h>

#define NM 10.0 /* Angstrom */
#define PI 3.14159265358979323846

allot_err al_structure_title(al_columns *c, size_t first, al_gro *made)
{
    const char *at, *end;
    if (made->title != NULL)
        return ALLOT_OK;
    al_columns_field(c, first, AL_COLUMNS_REST, &at, &end);
    const char *nul = memchr(at, '\0', (size_t)(end - at));
    if (nul != NULL)
        return al_columns_fault(c, nul, "the title has a byte 0x00 in it; is this a text?");
    made->title = strndup(at, (size_t)(end - at));
    return made->title != NULL ? ALLOT_OK : al_columns_no_memory(c);
}

static allot_err complete(al_columns *c, al_gro *made, const char *wanted)
{
    if (made->natoms == 0) {
        al_columns_beyond(c);
        return al_columns_fault(c, c->line, "the file ends without %s", wanted);
    }
    if (made->title == NULL)
        made->title = strdup("");
    return made->title != NULL ? ALLOT_OK : al_columns_no_memory(c);
}

allot_err al_structure_finish(al_columns *c, allot_err code, al_gro *made, const char *wanted, al_gro *gro)
{
    if (code == ALLOT_OK)
        code = complete(c, made, wanted);
    if (code == ALLOT_OK)
        *gro = *made;
    else
        al_gro_fini(made);
    return code;
}

/* ---- cells ----------------------------------------------------------------------------------------------
 */

static double cosine(double degrees)
{
    return degrees == 90 ? 0 : cos(degrees * (PI / 180));
}

/** The vectors of a cell as GROMACS lays it: the first along x, the second in the plane of x and y.
 * (International Tables for Crystallography B, 3.1.) @return false: there is no such cell */
static bool lay(const double length[3], const double degrees[3], double box[3][3])
{
    double cosine_a = cosine(degrees[0]), cosine_b = cosine(degrees[1]), cosine_c = cosine(degrees[2]),
           sine_c = sqrt(1 - cosine_c * cosine_c), zy = (cosine_a - cosine_b * cosine_c) / sine_c,
           zz2 = 1 - cosine_b * cosine_b - zy * zy;
    const double made[3][3] = {
        {length[0], 0, 0},
        {length[1] * cosine_c, length[1] * sine_c, 0},
        {length[2] * cosine_b, length[2] * zy, length[2] * sqrt(zz2)},
    };
    memcpy(box, made, sizeof made);
    return zz2 > 0;
}

allot_err al_structure_cell(al_columns *c, size_t first, size_t width, size_t angles_first,
                            size_t angles_width, al_gro *made)
{
    static const char *const lengths[] = {"a", "b", "c"}, *const angles[] = {"alpha", "beta", "gamma"};
    const al_columns_row rows[] = {
        {.first = first, .width = width, .point = AL_COLUMNS_ANYWHERE, .names = lengths, .why = ""},
        {.first = angles_first,
         .width = angles_width,
         .point = AL_COLUMNS_ANYWHERE,
         .names = angles,
         .why = ""},
    };
    double length[3], degrees[3];
    allot_err code = al_columns_vector(c, &rows[0], length);
    if (code == ALLOT_OK)
        code = al_columns_vector(c, &rows[1], degrees);
    bool is_none = true, is_unit = true, is_right = true;
    for (unsigned d = 0; d < 3 && code == ALLOT_OK; d++) {
        if (length[d] < 0)
            return al_columns_fault(c, c->line + first + (size_t)d * width, "a cell has no negative edge");
        is_none = is_none && length[d] == 0;
        is_unit = is_unit && length[d] == 1 && degrees[d] == 90;
        is_right = is_right && degrees[d] == 90;
        length[d] /= NM;
    }
    if (code != ALLOT_OK || is_none || is_unit)
        return code;
    for (unsigned d = 0; d < 3; d++)
        if (!(degrees[d] > 0 && degrees[d] < 180))
            return al_columns_fault(c, c->line + angles_first + (size_t)d * angles_width,
                                    "an angle of a cell is between 0 and 180 degrees");
    made->is_triclinic = !is_right;
    return lay(length, degrees, made->box)
               ? ALLOT_OK
               : al_columns_fault(c, c->line + angles_first, "no cell has these three angles");
}
