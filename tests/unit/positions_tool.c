/* positions_tool.c - for tests/md/positions.py: what the readers made of a structure, as text.
 *
 *     positions_tool FILE
 *
 * Lines: title; natoms, 1 if there are velocities; of each atom residue, residue name, name, x y z [vx vy
 * vz], names in quotes; nine numbers of the box, vector by vector.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <inttypes.h>
#include <stdio.h>

#include "md/read/positions.h"

int main(int argc, char **argv)
{
    al_gro gro;
    allot_error err;
    if (argc != 2)
        return 2;
    if (al_positions_read(argv[1], &gro, &err) != ALLOT_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    printf("%s\n%" PRIu64 " %d\n", gro.title, gro.natoms, gro.v != NULL);
    for (uint64_t k = 0; k < gro.natoms; k++) {
        const al_gro_label *label = &gro.labels[k];
        printf("%" PRId32 " '%s' '%s'", label->residue, label->residue_name, label->name);
        for (unsigned d = 0; d < (gro.v != NULL ? 6 : 3); d++)
            printf(" %.17g", (d < 3 ? gro.x : gro.v)[3 * k + d % 3]);
        printf("\n");
    }
    for (unsigned k = 0; k < 9; k++)
        printf("%.17g%c", gro.box[k / 3][k % 3], k < 8 ? ' ' : '\n');
    al_gro_fini(&gro);
    return 0;
}
