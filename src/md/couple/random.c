/* random.c - see random.h. Philox's counter is the group, how many were drawn, and the step.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/couple/random.h"

#include <math.h>

#include "base/philox.h"

/** Two independent ones, uniform in (0, 1]. */
static void draw(al_random *random, double unit[2])
{
    const uint32_t key[2] = {(uint32_t)random->seed, (uint32_t)(random->seed >> 32) ^ random->use};
    const uint32_t counter[4] = {random->of, random->ndrawn++, (uint32_t)random->step,
                                 (uint32_t)(random->step >> 32)};
    uint32_t out[4];
    al_philox(counter, key, out);
    unit[0] = al_philox_unit(out[0], out[1]);
    unit[1] = al_philox_unit(out[2], out[3]);
}

double al_random_normal(al_random *random)
{
    double unit[2];
    draw(random, unit);
    return sqrt(-2 * log(unit[0])) * cos(2 * M_PI * unit[1]); /* Box and Muller, 1958 */
}

/** Of the gamma distribution of a shape from 1 on. */
static double gamma_number(al_random *random, double shape)
{
    double d = shape - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        double x = al_random_normal(random), t = 1 + c * x, unit[2];
        if (t <= 0)
            continue;
        double v = t * t * t;
        draw(random, unit);
        if (log(unit[0]) < x * x / 2 + d - d * v + d * log(v))
            return d * v;
    }
}

double al_random_squares(al_random *random, double n)
{
    double shape = n / 2, unit[2];
    if (!(shape > 0))
        return 0;
    if (shape >= 1)
        return 2 * gamma_number(random, shape);
    draw(random, unit);
    return 2 * gamma_number(random, shape + 1) * pow(unit[0], 1 / shape);
}
