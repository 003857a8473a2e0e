/* freedom.c - see freedom.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/couple/freedom.h"

static uint8_t least(uint8_t a, uint8_t b)
{
    return a < b ? a : b;
}

void al_freedom_hold(uint8_t *a, uint8_t *b)
{
    uint8_t of_a = *a > 0 ? 1 : 0, of_b = *b > 0 ? 1 : 0;
    if (of_a == 0)
        of_b = 2;
    else if (of_b == 0)
        of_a = 2;
    *a -= least(of_a, *a);
    *b -= least(of_b, *b);
}

/** What is left of one degree of freedom of a group of motion. */
static double left_of(const al_freedom_part *parts, uint32_t ntemperature, uint32_t nmotion, uint32_t motion,
                      double removed)
{
    double whole = 0;
    for (uint32_t g = 0; g < ntemperature; g++)
        whole += parts[(uint64_t)g * nmotion + motion].freedom;
    return whole > removed ? (whole - removed) / whole : 0;
}

void al_freedom_share(const al_freedom_part *parts, uint32_t ntemperature, uint32_t nmotion,
                      const double *removed, double *freedom)
{
    for (uint32_t g = 0; g < ntemperature; g++) {
        const al_freedom_part *row = &parts[(uint64_t)g * nmotion];
        double natoms = 0, own = 0, left = 0;
        for (uint32_t c = 0; c < nmotion; c++) {
            natoms += row[c].natoms;
            own += row[c].freedom;
            left += row[c].natoms * left_of(parts, ntemperature, nmotion, c, removed[c]);
        }
        freedom[g] = natoms > 0 ? own * left / natoms : 0;
    }
}
