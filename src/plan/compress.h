/* compress.h - whether bytes that go over a line should be compressed first.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_PLAN_COMPRESS_H
#define AL_PLAN_COMPRESS_H

#include <stdbool.h>

/** What was measured. Rates are bytes a second, of what is not compressed unless it says so. */
typedef struct al_line_facts {
    double line_rate; /**< that the line takes, as they go over it; 0: it takes all that we have for it */
    double pack_rate; /**< that we compress; 0: not tried */
    double ratio;     /**< what a sample became: compressed bytes for each that was there */
} al_line_facts;

/** Whether the line is slow enough that compressing may pay: then a sample is worth its time. */
bool al_plan_may_compress(double line_rate);
/** Whether compressing pays. @param is_on  it is being done: then it goes on until it clearly does not pay
 * @param[out] why  static text, a clause: "the line is slow, and the files become shorter"; may be NULL */
bool al_plan_compress(const al_line_facts *facts, bool is_on, const char **why);

#endif
