/* fuzz_checkpoint.c - any bytes as a checkpoint, with the sum they have and with the right one: what is
 * accepted is written as the same bytes; what is refused is refused in a printable sentence.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "md/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes);

static void check_sentence(const allot_error *err, allot_err code)
{
    if (err->code != code || strncmp(err->text, "x: ", 3) != 0)
        abort();
    for (const char *at = err->text; *at != '\0'; at++)
        if (*at < ' ' || *at > '~')
            abort();
}

static bool is_same_cut(const al_checkpoint_cut *a, const al_checkpoint_cut *b)
{
    bool same = a->nranks == b->nranks && memcmp(a->grid, b->grid, sizeof a->grid) == 0 &&
                (a->edges == NULL) == (b->edges == NULL);
    return same &&
           (a->edges == NULL || memcmp(a->edges, b->edges, al_cuts_nedges(a->grid) * sizeof *a->edges) == 0);
}

static bool is_same_split(const al_split *a, const al_split *b)
{
    return memcmp(a->mesh, b->mesh, sizeof a->mesh) == 0 && a->cutoff == b->cutoff;
}

/** @return whether it was accepted */
static bool check(const char *bytes, size_t nbytes)
{
    al_checkpoint checkpoint;
    allot_error err = {.text = ""};
    allot_err code = al_checkpoint_decode(bytes, nbytes, "x", &checkpoint, &err);
    if (code != ALLOT_OK) {
        check_sentence(&err, code);
        return false;
    }
    al_buffer again = {.at = NULL};
    if (al_checkpoint_encode(&checkpoint, &again, NULL) != ALLOT_OK ||
        again.nbytes != nbytes + 24u * (3u - (unsigned)bytes[8])) /* of the cut, of the split */
        abort();
    /* what is reserved or filled up is not kept */
    al_checkpoint back;
    if (al_checkpoint_decode(again.at, again.nbytes, "x", &back, NULL) != ALLOT_OK ||
        back.natoms != checkpoint.natoms || strcmp(back.options, checkpoint.options) != 0 ||
        memcmp(back.atoms, checkpoint.atoms, back.natoms * sizeof *back.atoms) != 0 ||
        !is_same_cut(&back.cut, &checkpoint.cut) || !is_same_split(&back.split, &checkpoint.split))
        abort();
    al_checkpoint_fini(&back);
    al_checkpoint_fini(&checkpoint);
    al_buffer_fini(&again);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes)
{
    char *bytes = calloc(nbytes > 0 ? nbytes : 1, 1);
    if (bytes == NULL)
        return 0;
    if (nbytes > 0)
        memcpy(bytes, data, nbytes);
    if (!check(bytes, nbytes) && nbytes >= 16) {
        XXH128_hash_t sum = XXH3_128bits(bytes, nbytes - 16);
        memcpy(bytes + nbytes - 16, &sum.low64, 8);
        memcpy(bytes + nbytes - 8, &sum.high64, 8);
        (void)check(bytes, nbytes);
    }
    free(bytes);
    return 0;
}
