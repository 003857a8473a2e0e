/* positions.c - see positions.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/read/positions.h"

#include <string.h>

#include "md/file.h"
#include "md/read/g96.h"
#include "md/read/pdb.h"
#include "md/read/rst7.h"

static const struct {
    const char *suffix;
    allot_err (*parse)(const char *text, size_t nbytes, const char *name, al_gro *gro, allot_error *err);
} formats[] = {{".pdb", al_pdb_parse},     {".ent", al_pdb_parse},   {".g96", al_g96_parse},
               {".inpcrd", al_rst7_parse}, {".rst7", al_rst7_parse}, {"", al_gro_parse}};

static bool ends_with(const char *path, const char *suffix)
{
    size_t length = strlen(path), nbytes = strlen(suffix);
    return length >= nbytes && strcmp(path + length - nbytes, suffix) == 0;
}

allot_err al_positions_read(const char *path, al_gro *gro, allot_error *err)
{
    al_buffer text = {.at = NULL};
    allot_err code = al_file_read(path, &text, err);
    size_t k = 0;
    while (!ends_with(path, formats[k].suffix))
        k++;
    if (code == ALLOT_OK && formats[k].parse == al_gro_parse && al_rst7_is_one(text.at, text.nbytes))
        code = al_rst7_parse(text.at, text.nbytes, path, gro, err);
    else if (code == ALLOT_OK)
        code = formats[k].parse(text.at, text.nbytes, path, gro, err);
    al_buffer_fini(&text);
    return code;
}
