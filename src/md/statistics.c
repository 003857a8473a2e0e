/* statistics.c - see statistics.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/statistics.h"

#include <math.h>

void al_statistics_add(al_statistics *statistics, double t, double y)
{
    double n = (double)++statistics->n, off_t = t - statistics->mean_t, off_y = y - statistics->mean_y;
    statistics->mean_t += off_t / n;
    statistics->mean_y += off_y / n;
    statistics->tt += off_t * (t - statistics->mean_t);
    statistics->ty += off_t * (y - statistics->mean_y);
    statistics->yy += off_y * (y - statistics->mean_y);
}

double al_statistics_rms(const al_statistics *statistics)
{
    return statistics->n > 1 ? sqrt(fmax(statistics->yy, 0) / (double)statistics->n) : 0;
}

double al_statistics_slope(const al_statistics *statistics)
{
    return statistics->tt > 0 ? statistics->ty / statistics->tt : 0;
}

double al_statistics_rms_about_line(const al_statistics *statistics)
{
    double explained = al_statistics_slope(statistics) * statistics->ty;
    return statistics->n > 1 ? sqrt(fmax(statistics->yy - explained, 0) / (double)statistics->n) : 0;
}
