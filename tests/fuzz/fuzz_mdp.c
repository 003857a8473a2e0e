/* fuzz_mdp.c - any bytes as a file of run parameters: what is accepted makes sense; what is refused is
 * refused in a printable sentence that says where.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "md/mdp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t nbytes)
{
    al_mdp mdp;
    allot_error err = {.text = ""};
    allot_err code = al_mdp_parse(nbytes > 0 ? (const char *)data : "", nbytes, "x.mdp", &mdp, &err);
    if (code == ALLOT_OK) {
        bool is_sensible = mdp.rvdw > 0 && mdp.rcoulomb > 0 && mdp.nsteps >= -1 && mdp.pme_order >= 3 &&
                           mdp.freeze_dimensions.n == 3 * mdp.freeze_groups.n;
        al_mdp_fini(&mdp);
        if (!is_sensible)
            abort();
        return 0;
    }
    if (err.code != code || strncmp(err.text, "x.mdp:", 6) != 0)
        abort();
    for (const char *at = err.text; *at != '\0'; at++)
        if (*at > 0 && *at < ' ')
            abort();
    return 0;
}
