/* fuzz_top.c - any bytes as a topology: what is accepted makes sense, what is refused says where.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "md/read/top.h"

#include "fuzz/topology.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes)
{
    al_topology t;
    al_source_options options = {.nfolders = 0};
    al_buffer warnings = {.at = NULL};
    allot_error err = {.text = ""};
    allot_err code =
        al_top_parse(nbytes > 0 ? (const char *)data : "", nbytes, "x.top", &options, &t, &warnings, &err);
    if (code == ALLOT_OK) {
        fuzz_topology_sense(&t);
        al_topology_fini(&t);
    } else if (err.code != code || strncmp(err.text, "x.top:", 6) != 0) {
        abort();
    }
    al_buffer_fini(&warnings);
    return 0;
}
