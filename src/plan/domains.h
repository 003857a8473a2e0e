/* domains.h - how a box of atoms is best cut for so many ranks, and what a step then takes.
 *
 * Pure functions, as in plan.h. The model: a rank's step is its atoms' work; its copies' work, for what is
 * within reach above its domain (the eighth shell: slabs, quarters of cylinders, an eighth of a ball); what
 * of them goes between ranks, there and back; so many messages, one after the other; and a sum over all
 * ranks. Nothing of it overlaps, and atoms are spread evenly: droplets are not in it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_PLAN_DOMAINS_H
#define AL_PLAN_DOMAINS_H

#include <allot/error.h>

#include <stdbool.h>
#include <stddef.h>

enum { AL_DOMAINS_RANKS_MOST = 1000000 };

/** What is to be cut. */
typedef struct al_domains_job {
    double box[3]; /**< how far apart opposite faces are: of a skewed box, that is less than its vectors */
    double edges[3],
        corner;   /**< of a skewed box, al_lattice_shares(); 0: pi/4 and pi/6, as at right angles */
    double reach; /**< copies are of atoms that are this near */
    double least; /**< no domain may be thinner, but in a direction that is not cut; > 0 */
    double natoms;
    int nranks; /**< offered, 1 to AL_DOMAINS_RANKS_MOST */
} al_domains_job;

/** What things cost. Measured: al_comm_measure() has the last three. */
typedef struct al_domains_costs {
    double atom_ns;    /**< all that a step does for an atom, by all threads of a rank together */
    double copy_ns;    /**< all that it does for a copy, but for the way */
    double byte_ns;    /**< a byte's way between ranks, beyond the message's */
    double message_ns; /**< a message's */
    double sum_ns;     /**< a sum over two ranks; over more, for each doubling */
} al_domains_costs;

/** About this machine's, with one thread a rank and single precision, where nothing was measured. */
#define AL_DOMAINS_COSTS_INIT                                                                                \
    {                                                                                                        \
        70, 12, 0.2, 2000, 2000                                                                              \
    }

/** Why a plan has so many ranks. X(name, sentence). */
#define AL_DOMAINS_REASONS(X)                                                                                \
    X(ASKED, "as asked")                                                                                     \
    X(KEPT, "as the checkpoint has it")                                                                      \
    X(ALONE, "one rank is offered")                                                                          \
    X(ALL, "all ranks offered are used")                                                                     \
    X(THIN, "fewer than offered: with all, domains would be too thin")                                       \
    X(SLOWER, "fewer than offered: with all, steps would be slower")

typedef enum al_domains_reason {
#define AL_DOMAINS_MEMBER(name, text) AL_DOMAINS_##name,
    AL_DOMAINS_REASONS(AL_DOMAINS_MEMBER)
#undef AL_DOMAINS_MEMBER
} al_domains_reason;

/** A cut, and what a step of it takes: all numbers are a rank's. */
typedef struct al_domains_plan {
    int grid[3], nranks;
    al_domains_reason reason;
    double natoms, ncopies;
    double nbytes;            /**< sent to other ranks, in single precision */
    int nmessages;            /**< to other ranks */
    double step_ns, alone_ns; /**< with this cut; on one rank */
    double efficiency;        /**< of nranks: 1 would be nranks times as fast as one */
    double all_ns;            /**< with all ranks offered; 0: they cannot all be used */
} al_domains_plan;

/** What a step takes with a grid, which must be possible (al_domains_check()). */
void al_domains_of(const al_domains_job *job, const al_domains_costs *costs, const int grid[3],
                   al_domains_plan *plan);
/** The grid of at most job->nranks domains with the shortest step. */
void al_domains_choose(const al_domains_job *job, const al_domains_costs *costs, al_domains_plan *plan);

/** "AxBxC" as a grid. @return false: it is something else */
bool al_domains_parse(const char *text, int grid[3]);
/** Whether a grid is possible. @return ALLOT_OK; ALLOT_EINVAL: too many domains, or too thin ones; the
 * sentence names the largest grid that is possible */
allot_err al_domains_check(const al_domains_job *job, const int grid[3], allot_error *err);

/** The plan as one line with its reason, and a table for 1 to 10,000 ranks, as snprintf would write them.
 * @return the length it has or would have had */
int al_domains_explain(const al_domains_job *job, const al_domains_plan *plan, char *text, size_t nbytes);
int al_domains_forecast(const al_domains_job *job, const al_domains_costs *costs, char *text, size_t nbytes);

#endif
