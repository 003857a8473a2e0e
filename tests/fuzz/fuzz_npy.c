/* fuzz_npy.c - any bytes as a .npy file: what is accepted makes sense, and written it reads the same; what
 * is refused is refused in a printable sentence.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "data/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes);

static void check_sentence(const allot_error *err, allot_err code)
{
    if (err->code != code || strncmp(err->text, "x.npy: ", 7) != 0)
        abort();
    for (const char *at = err->text; *at != '\0'; at++) {
        if (*at < ' ' || *at > '~')
            abort();
    }
}

static void check_rewritten(const al_npy *npy)
{
    static char header[AL_NPY_HEADER_MAX];
    size_t nbytes = sizeof header;
    al_npy back;
    allot_error err;
    if (al_npy_format(npy, header, &nbytes, &err) != ALLOT_OK || nbytes % 64 != 0)
        abort();
    if (al_npy_parse(header, nbytes, UINT64_MAX, "y.npy", &back, &err) != ALLOT_OK)
        abort();
    if (back.type != npy->type || back.fortran_order != npy->fortran_order || back.ndims != npy->ndims ||
        back.nitems != npy->nitems || memcmp(back.dims, npy->dims, npy->ndims * sizeof *npy->dims) != 0)
        abort();
}

static void check_parse(const uint8_t *data, size_t nbytes, uint64_t file_nbytes)
{
    al_npy npy;
    allot_error err = {.text = ""};
    allot_err code = al_npy_parse(data, nbytes, file_nbytes, "x.npy", &npy, &err);
    if (code != ALLOT_OK) {
        check_sentence(&err, code);
        return;
    }
    if (npy.data_offset != al_npy_header_nbytes(data, nbytes) || npy.data_offset > nbytes ||
        npy.ndims > AL_NPY_MAX_DIMS || npy.type == AL_TYPE_i128)
        abort();
    if (file_nbytes != UINT64_MAX && (file_nbytes - npy.data_offset) / al_type_nbytes(npy.type) < npy.nitems)
        abort();
    check_rewritten(&npy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes)
{
    check_parse(data, nbytes, nbytes);
    check_parse(data, nbytes, UINT64_MAX);
    return 0;
}
