/* structure.c - see structure.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/read/structure.h"

#include <string.h>

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
