/* pme_choice.c - see pme_choice.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/pme_choice.h"

#include <limits.h>
#include <math.h>
#include <stddef.h>

double al_pme_beta(double cutoff, double tolerance)
{
    double least = 0, most = 1 / cutoff;
    while (erfc(most * cutoff) > tolerance)
        most *= 2;
    for (int k = 0; k < 100; k++) {
        double middle = (least + most) / 2;
        *(erfc(middle * cutoff) > tolerance ? &least : &most) = middle;
    }
    return (least + most) / 2;
}

int al_pme_points(double length, double spacing)
{
    static const int small[] = {6, 8, 10, 12, 14, 16, 20, 24, 25, 28, 32, 36, 40, 42, 44},
                     large[] = {45, 48, 50, 52, 54, 56, 60, 64, 70, 72, 75, 80, 81, 84};
    double least = length / spacing * (1 - 1e-9);
    for (size_t k = 0; k < sizeof small / sizeof small[0]; k++)
        if (small[k] >= least)
            return small[k];
    for (int by = 1; by <= INT_MAX / 128; by *= 2)
        for (size_t k = 0; k < sizeof large / sizeof large[0]; k++)
            if (large[k] * by >= least && large[k] * by % 4 == 0)
                return large[k] * by;
    return INT_MAX;
}
