/* fuzz_gro.c - any bytes as a .gro file: what is accepted makes sense, and written it reads the same; what is
 * refused is refused in a printable sentence that says where.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "fuzz/positions.h"

/** Written, read and written: the same text. Numbers may have no room, where the file had an exponent. */
static void check_rewritten(const al_gro *gro)
{
    al_buffer text = {.at = NULL}, again = {.at = NULL};
    al_gro back;
    allot_error err;
    allot_err code = al_gro_format(gro, &text, &err);
    if (code != ALLOT_OK && code != ALLOT_ERANGE)
        abort();
    if (code == ALLOT_OK) {
        if (al_gro_parse(text.at, text.nbytes, "y.gro", &back, NULL) != ALLOT_OK ||
            al_gro_format(&back, &again, NULL) != ALLOT_OK)
            abort();
        if (again.nbytes != text.nbytes || memcmp(again.at, text.at, text.nbytes) != 0)
            abort();
        al_gro_fini(&back);
    }
    al_buffer_fini(&text);
    al_buffer_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes)
{
    return fuzz_positions(data, nbytes, al_gro_parse, check_rewritten);
}
