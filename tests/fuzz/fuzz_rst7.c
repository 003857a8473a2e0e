/* fuzz_rst7.c - any bytes as an AMBER coordinate file: what is accepted makes sense; what is refused is
 * refused in a printable sentence that says where.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/read/rst7.h"

#include "fuzz/positions.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes)
{
    (void)al_rst7_is_one(nbytes > 0 ? (const char *)data : "", nbytes);
    return fuzz_positions(data, nbytes, al_rst7_parse, NULL);
}
