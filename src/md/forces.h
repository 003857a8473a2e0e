/* forces.h - forces on all atoms of a rank, by its threads.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_FORCES_H
#define AL_MD_FORCES_H

#include "md/space.h"

/** More forces than those of pairs, of each thread's share: mark the blocks that they go to; compute them,
 * and add them to f. x and f are in blocks, of float or double. */
typedef void al_forces_touch(const void *arg, uint32_t share, uint8_t *touched);
typedef void al_forces_compute(void *arg, uint32_t share, bool is_double, const void *x, void *f);

/** Messages are to travel on: called now and then by the caller's thread. */
typedef void al_forces_go_on(void *arg);

/** What threads need besides the space. Begin with zeros but for more and go_on. */
typedef struct al_forces {
    struct {
        al_forces_touch *touch;
        al_forces_compute *compute; /**< NULL: there are none */
        void *arg;
    } more;
    al_forces_go_on *go_on; /**< NULL: there are none */
    void *go_on_arg;
    struct al_forces_share *shares; /**< [nthreads] */
    uint32_t nshares;
    uint64_t cpu_ns; /**< of the thread that took longest for the last forces: its processor's time, in which
                        ranks and programs that take turns with it do not count */
} al_forces;

/** Get ready for the space's new list. @return false: out of memory */
bool al_forces_divide(al_forces *forces, const al_space *space);
/** Forces of pairs at home into space->fr, while positions of copies travel: go_on() is called now and then.
 * All pieces of them, in turn. Nothing where there is one rank.
 * @param atoms  what atoms have, by place */
void al_forces_home(al_forces *forces, al_space *space, const al_pair_params *params,
                    const al_pair_atoms *atoms, bool is_summed, uint32_t piece, uint32_t npieces);
/** After that, once copies are where they are: of all others, into space->fr, those on copies too.
 * @param[out] sums  of all of this rank's pairs; NULL: not wanted, as al_forces_home() was told */
void al_forces_rest(al_forces *forces, al_space *space, const al_pair_params *params,
                    const al_pair_atoms *atoms, al_pair_sums *sums);
void al_forces_fini(al_forces *forces);

#endif
