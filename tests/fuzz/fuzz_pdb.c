/* fuzz_pdb.c - any bytes as a .pdb file: what is accepted makes sense; what is refused is refused in a
 * printable sentence that says where.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/read/pdb.h"

#include "fuzz/positions.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes)
{
    return fuzz_positions(data, nbytes, al_pdb_parse, NULL);
}
