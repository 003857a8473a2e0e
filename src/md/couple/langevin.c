/* langevin.c - see langevin.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/couple/langevin.h"

#include <math.h>

#include "md/space.h"

#define FOR_LANGEVIN 0x6c616e67u /* tells this use of the seed apart */

al_friction al_friction_of(double tau, double thermal, double dt)
{
    double kept = tau > 0 ? exp(-dt / tau) : 1;
    return (al_friction){.kept = kept, .noise = sqrt(thermal * (1 - kept * kept))};
}

/** @return the energy that the atom was given */
static double rub(const al_langevin *langevin, size_t place, const double *chance, double *x, double *v)
{
    double per_mass = langevin->inverse_mass[place / AL_BLOCK * langevin->stride + place % AL_BLOCK], sum = 0;
    const al_friction *friction = &langevin->frictions[langevin->group != NULL ? langevin->group[place] : 0];
    if (langevin->id[place] == AL_NO_ATOM || !(per_mass > 0) || !(friction->kept < 1))
        return 0;
    double noise = friction->noise * sqrt(per_mass);
    unsigned frozen = langevin->frozen != NULL ? langevin->frozen[place] : 0;
    for (unsigned d = 0; d < 3; d++) {
        if (frozen >> d & 1)
            continue;
        size_t at = al_block_at(place, d);
        double before = v[at];
        v[at] = friction->kept * before + noise * chance[d * AL_BLOCK + place % AL_BLOCK];
        x[at] += langevin->half * (v[at] - before);
        sum += v[at] * v[at] - before * before;
    }
    return sum / (2 * per_mass);
}

double al_langevin_rub(const al_langevin *langevin, size_t begin, size_t end, double *x, double *v)
{
    double given = 0, chance[AL_BLOCK_REALS];
    for (size_t block = begin; block < end; block++) {
        langevin->noise(langevin->seed, FOR_LANGEVIN, langevin->step, langevin->id + block * AL_BLOCK,
                        chance);
        for (size_t k = 0; k < AL_BLOCK; k++)
            given += rub(langevin, block * AL_BLOCK + k, chance, x, v);
    }
    return given;
}
