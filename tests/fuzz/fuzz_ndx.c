/* fuzz_ndx.c - any bytes as an index file: groups that are found are sorted and of atoms that there are; what
 * is refused is refused in a printable sentence.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "md/read/ndx.h"

enum { NATOMS = 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes);

static void check_sentence(const allot_error *err)
{
    if (strncmp(err->text, "x", 1) != 0)
        abort();
    for (const char *at = err->text; *at != '\0'; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f) /* names may have letters of any alphabet */
            abort();
}

static void check_group(const al_index *index, const char *name)
{
    uint64_t *atoms, n;
    allot_error err = {.text = ""};
    allot_err code = al_index_find(index, name, NATOMS, &atoms, &n, &err);
    if (code != ALLOT_OK) {
        if (code != ALLOT_ERANGE)
            abort();
        check_sentence(&err);
        return;
    }
    for (uint64_t k = 0; k < n; k++)
        if (atoms[k] >= NATOMS || (k > 0 && atoms[k] <= atoms[k - 1]))
            abort();
    free(atoms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes)
{
    al_index index;
    allot_error err = {.text = ""};
    allot_err code = al_ndx_parse(nbytes > 0 ? (const char *)data : "", nbytes, "x", &index, &err);
    if (code != ALLOT_OK) {
        if (code != ALLOT_EFORMAT)
            abort();
        check_sentence(&err);
        return 0;
    }
    for (uint32_t k = 0; k < index.ngroups && k < 50; k++)
        check_group(&index, index.groups[k].name);
    al_index_fini(&index);
    return 0;
}
