/* md_report.h - what `allot md` tells: energies as they come, and at the end how fast it was.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MD_REPORT_H
#define AL_CLI_MD_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "md/md.h"
#include "plan/domains.h"

/** What the columns are, and their units, if they have some. */
void al_md_report_head(FILE *out, const al_units *units, bool json);
/** Energies an atom at a step. @return false: it could not be written */
bool al_md_report_line(FILE *out, const al_thermo *thermo, bool json);
/** Where the time went, and pairs computed, over all ranks. */
typedef struct al_md_times {
    double mean_ns[AL_MD_NPHASES], worst_ns[AL_MD_NPHASES];
    double output_ns;    /**< mean: files, and lines of energies */
    double imbalance_ns; /**< mean: waited for the rank that took longest for its forces; not in mean_ns */
    double npairs;       /**< a step */
} al_md_times;

/** What there is to tell in the end. All borrowed. */
typedef struct al_md_end {
    const al_md *md;
    const al_md_times *times;
    const al_thermo *first, *latest;
    uint64_t loop_ns;
    const al_domains_plan *plan; /**< what was expected; NULL: costs were not measured */
} al_md_end;

/** Collective. @param output_ns  this rank's */
void al_md_report_gather(const al_md *md, uint64_t output_ns, al_md_times *times);
/** The speed, how well the energy was kept; with `explain`, how the work was cut, where the time went, and
 * how efficient it was beside what was expected. */
void al_md_report_end(FILE *out, const al_md_end *end, bool explain);
/** All of that as one JSON object on a line. */
void al_md_report_json(FILE *out, const al_md_end *end);

#endif
