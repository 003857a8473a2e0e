/* positions.h - what fuzz_gro.c, fuzz_pdb.c and fuzz_g96.c want of a reader.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_FUZZ_POSITIONS_H
#define TESTS_FUZZ_POSITIONS_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "md/gro.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes);

static inline void fuzz_sentence(const allot_error *err, allot_err code)
{
    if (err->code != code || code != ALLOT_EFORMAT || strncmp(err->text, "x:", 2) != 0)
        abort();
    for (const char *at = err->text; *at != '\0'; at++)
        if (*at < ' ' || *at > '~')
            abort();
}

static inline void fuzz_sense(const al_gro *gro, size_t nbytes)
{
    if (gro->natoms == 0 || gro->natoms > nbytes || gro->title == NULL || gro->decimals < 1 ||
        gro->decimals > AL_GRO_DECIMALS_MOST)
        abort();
    for (uint64_t k = 0; k < 3 * gro->natoms; k++)
        if (!isfinite(gro->x[k]) || (gro->v != NULL && !isfinite(gro->v[k])))
            abort();
    for (uint64_t k = 0; k < gro->natoms; k++)
        if (strlen(gro->labels[k].name) > AL_GRO_NAME || strlen(gro->labels[k].residue_name) > AL_GRO_NAME)
            abort();
    for (unsigned k = 0; k < 9; k++)
        if (!isfinite(gro->box[k / 3][k % 3]) || (k % 4 == 0 && gro->box[k / 3][k / 3] < 0))
            abort();
}

/** @param check  of what was accepted, what else is to hold; NULL: nothing */
static inline int fuzz_positions(const uint8_t *data, size_t nbytes,
                                 allot_err (*parse)(const char *text, size_t nbytes, const char *name,
                                                    al_gro *gro, allot_error *err),
                                 void (*check)(const al_gro *gro))
{
    al_gro gro;
    allot_error err = {.text = ""};
    allot_err code = parse(nbytes > 0 ? (const char *)data : "", nbytes, "x", &gro, &err);
    if (code != ALLOT_OK) {
        fuzz_sentence(&err, code);
        return 0;
    }
    fuzz_sense(&gro, nbytes);
    if (check != NULL)
        check(&gro);
    al_gro_fini(&gro);
    return 0;
}

#endif
