/* compress.c - see compress.h.
 *
 * A line that takes R bytes a second moves files at R; with bytes that become r of what they were, at R / r,
 * as long as compressing, C, keeps up. Both ends have something else to do, and ssh on a fast line takes the
 * same processors, so compressing is to be faster than the line with room to spare: then it takes a third of
 * a processor at most, and a line of 1 Gbit/s is slow, one within a machine is not. What becomes hardly
 * shorter is left alone.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "plan/compress.h"

#include <stddef.h>

#define SPARE 3.0          /* times as fast as the line */
#define SPARE_ON 2.0       /* ... where it is being done */
#define RATIO_MOST 0.85    /* what it may leave of bytes */
#define RATIO_MOST_ON 0.92 /* ... where it is being done */
#define FASTEST 1.5e9      /* nobody compresses faster */

bool al_plan_may_compress(double line_rate)
{
    return line_rate > 0 && line_rate * SPARE_ON < FASTEST;
}

bool al_plan_compress(const al_line_facts *facts, bool is_on, const char **why)
{
    const char *text = "the line is slow, and the files become shorter";
    bool pays = false;
    if (!al_plan_may_compress(facts->line_rate))
        text = "the line is fast";
    else if (!(facts->pack_rate > 0))
        text = "not tried yet";
    else if (!(facts->ratio <= (is_on ? RATIO_MOST_ON : RATIO_MOST)))
        text = "the files hardly become shorter";
    else if (facts->pack_rate < facts->line_rate * (is_on ? SPARE_ON : SPARE))
        text = "the line is about as fast as compressing";
    else
        pays = true;
    if (why != NULL)
        *why = text;
    return pays;
}
