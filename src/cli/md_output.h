/* md_output.h - the folder that a simulation fills: energies, trajectories, checkpoints, the last structure.
 *
 * Rank 0 has the files; calls are collective all the same, since atoms come from all ranks.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MD_OUTPUT_H
#define AL_CLI_MD_OUTPUT_H

#include "cli/md_columns.h"
#include "cli/md_options.h"
#include "md/checkpoint.h"
#include "md/gro.h"
#include "md/md.h"
#include "md/series.h"
#include "md/setup.h"
#include "md/trajectory.h"
#include "md/whole.h"

/** Begin with zeros. */
typedef struct al_md_output {
    const al_md_options *options;
    const al_gro *conf;                           /**< names for the last structure; NULL: none were read */
    const al_setup *setup;                        /**< which atoms compressed frames have */
    al_whole whole;                               /**< of molecules */
    al_series_column columns[AL_MD_COLUMNS_MOST]; /**< of energies */
    uint32_t ncolumns;
    al_series *energies[2]; /**< .xvg, .jsonl */
    al_trajectory *frames, *full_frames;
    al_checkpoint latest; /**< what a restart would go on from */
    bool has_latest, is_latest_written, keeps_newest;
    uint64_t written_ns; /**< when the last one was written */
    uint32_t nranks;     /**< that there are, used or not */
    char *texts;         /**< the options that a restart must have in common; owned */
} al_md_output;

/** What files are of. All borrowed. */
typedef struct al_md_output_facts {
    int nranks;                /**< that there are, used or not */
    const al_checkpoint *from; /**< NULL: a run that begins; or the checkpoint that it goes on from */
    const al_gro *conf;        /**< names for the last structure; NULL: none were read */
    const al_setup *setup;     /**< of molecules; zeros: all atoms are in all frames */
} al_md_output_facts;

/** Open what options->output asks for; nothing where it is NULL.
 * @return ALLOT_OK; ALLOT_EINVAL: the folder has a run; ALLOT_EIO; ALLOT_EFORMAT; ALLOT_ENOMEM. The same on
 * all ranks */
allot_err al_md_output_open(al_md_output *output, const al_md_options *options, const al_md *md,
                            const al_md_output_facts *facts, allot_error *err);
/** The step that md is at: whatever is due of energies, frames and checkpoints. @return as
 * al_md_output_open() */
allot_err al_md_output_step(al_md_output *output, al_md *md, const al_thermo *thermo, allot_error *err);
/** Steps until something is due, at least 1. */
uint64_t al_md_output_wait(const al_md_options *options, uint64_t step);
/** The end: the last structure and checkpoint, if it is there (is_done); otherwise what to go on from later.
 */
allot_err al_md_output_end(al_md_output *output, al_md *md, bool is_done, allot_error *err);
/** The end of a minimisation, which no checkpoint goes on from: the last structure, without velocities. */
allot_err al_md_output_minimum(al_md_output *output, al_md *md, allot_error *err);
/** After a failure, of rank 0 alone: what a restart would go on from is on disk.
 * @return whether there is anything; *step: which step's */
bool al_md_output_save(al_md_output *output, uint64_t *step);
/** Close files and free everything. */
allot_err al_md_output_close(al_md_output *output, allot_error *err);

/** Read the checkpoint of the folder that options->output names. @param[out] warning  text may be empty
 * @return as al_checkpoint_read(); ALLOT_EINVAL: other options; which */
allot_err al_md_output_recall(const al_md_options *options, al_checkpoint *checkpoint, allot_error *warning,
                              allot_error *err);

#endif
