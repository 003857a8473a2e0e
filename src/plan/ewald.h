/* ewald.h - how electrostatics are best split between pairs in a cut-off and a mesh.
 *
 * Pure functions, as in plan.h. With a cut-off, a Gaussian and a mesh's spacing that are all longer by one
 * factor, what is cut off and what the mesh misses stay what they were, or become less. Pairs then take
 * longer, and the mesh is done sooner. What a split takes is measured, one after the other; here it is
 * decided which is worth being measured next, and in the end which is taken.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_PLAN_EWALD_H
#define AL_PLAN_EWALD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    AL_EWALD_SPLITS_MOST = 16,
    AL_EWALD_STEPS_LEAST = 500 /**< fewer steps are not worth a look */
};

/** What another split must save of what forces take. */
#define AL_EWALD_WORTH 0.03

/** A split, and what it was found to take. */
typedef struct al_ewald_split {
    int mesh[3];
    double cutoff;
    bool is_measured;
    double pairs_ns; /**< of a step: pairs, bonded terms, copies, and its part of a list */
    double mesh_ns;  /**< of a step */
    double trial_ns; /**< that it took to find that out */
} al_ewald_split;

typedef struct al_ewald_job {
    uint32_t nsplits;
    al_ewald_split splits[AL_EWALD_SPLITS_MOST]; /**< the first is as asked for; cut-offs rise */
    double margin; /**< pairs are computed so far beyond the cut-off: a buffer, and a cluster */
    double nsteps; /**< that are to be done */
} al_ewald_job;

/** Why a plan is what it is. X(name, sentence). */
#define AL_EWALD_REASONS(X)                                                                                  \
    X(ALONE, "no coarser mesh fits splines, box and cut")                                                    \
    X(SHORT, "too few steps for a search to pay")                                                            \
    X(BEST, "by what it takes no coarser mesh can be 3 % faster")                                            \
    X(SLOWER, "no coarser mesh was 3 % faster")                                                              \
    X(FASTER, "the fastest of those tried")

typedef enum al_ewald_reason {
#define AL_EWALD_MEMBER(name, text) AL_EWALD_##name,
    AL_EWALD_REASONS(AL_EWALD_MEMBER)
#undef AL_EWALD_MEMBER
} al_ewald_reason;

typedef struct al_ewald_plan {
    uint32_t split; /**< the one to take; 0: as asked for */
    al_ewald_reason reason;
} al_ewald_plan;

/** The split to measure next. @return it; or nsplits: there is nothing more to find out */
uint32_t al_ewald_next(const al_ewald_job *job);
/** Which to take, by what was measured. */
void al_ewald_choose(const al_ewald_job *job, al_ewald_plan *plan);
/** The plan in a line, and one for each split that was measured, each begun by prefix, as snprintf would
 * write them. @return the length they have or would have had */
int al_ewald_explain(const al_ewald_job *job, const al_ewald_plan *plan, const char *prefix, char *text,
                     size_t nbytes);

#endif
