/* md_costs.c - see md_costs.h.
 *
 * Two boxes, since a small one has more copies an atom than a large one: the times of their steps are two
 * equations for what an atom and what a copy costs. Time is the thread's own (ranks may take turns on a
 * processor), and of so many steps that lists and prunings are in it as often as in a run. What does not fit
 * into caches costs more.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/md_costs.h"

#include <math.h>

#include "base/clock.h"
#include "base/fail.h"
#include "md/start.h"

enum { NSTEPS = 50, MELTING = 20, LEAST_ATOMS = 500, MANY = 6 };

/** One box: how many it has, and how long a step takes. */
typedef struct trial {
    double natoms, ncopies, step_ns;
} trial;

static allot_err try_steps(al_md *md, trial *t, allot_error *err)
{
    allot_err code = al_md_advance(md, MELTING, err);
    uint64_t begin_ns = al_clock_thread_ns();
    if (code == ALLOT_OK)
        code = al_md_advance(md, NSTEPS, err);
    t->step_ns = (double)(al_clock_thread_ns() - begin_ns) / NSTEPS;
    t->natoms = md->space.nhome;
    t->ncopies = md->space.atoms.n - md->space.nhome;
    return code;
}

static allot_err run_box(const al_md_opts *like, double thermal, uint64_t natoms, trial *t, allot_error *err)
{
    al_md md = {.step = 0};
    al_md_opts opts = *like;
    allot_pool_opts alone = ALLOT_POOL_OPTS_INIT;
    double edge = al_start_edge(natoms, opts.space.density);
    opts.space.comm = al_comm_serial();
    for (int d = 0; d < 3; d++) {
        opts.space.box[d] = edge;
        opts.space.grid[d] = 1;
        opts.space.tilt[d] = 0;
    }
    opts.space.nthreads = alone.nthreads = 1;
    opts.balance_every = 0;
    opts.stop = NULL;
    opts.deadline_ns = 0;
    allot_err code = allot_pool_create(&opts.space.pool, &alone, err);
    if (code != ALLOT_OK)
        return code;
    code = al_md_open(&md, &opts, err);
    if (code == ALLOT_OK)
        code = al_start_lattice(&md.space, natoms, edge, err);
    if (code == ALLOT_OK) {
        al_start_velocities(&md.space, natoms, thermal, 1);
        code = al_md_start(&md, 0, err);
    }
    if (code == ALLOT_OK)
        code = try_steps(&md, t, err);
    al_md_close(&md);
    allot_pool_destroy(opts.space.pool);
    return code;
}

allot_err al_md_costs_measure(const al_md_opts *like, double thermal, al_domains_costs *costs,
                              allot_error *err)
{
    trial few, many;
    double least =
        like->space.density * pow(like->space.reach * 1.05, 3); /* a box is not shorter than the reach */
    uint64_t natoms = (uint64_t)fmax(LEAST_ATOMS, 4 * ceil(least / 4));
    allot_err code = run_box(like, thermal, natoms, &few, err);
    if (code == ALLOT_OK)
        code = run_box(like, thermal, MANY * natoms, &many, err);
    if (code != ALLOT_OK)
        return code;
    double by = few.natoms * many.ncopies - many.natoms * few.ncopies;
    double copy_ns = (few.natoms * many.step_ns - many.natoms * few.step_ns) / by;
    copy_ns = by != 0 && copy_ns > 0 ? copy_ns : 0; /* disturbed: all is the atoms' */
    copy_ns = fmin(copy_ns, many.step_ns / (many.natoms + many.ncopies));
    costs->copy_ns = copy_ns;
    costs->atom_ns = (many.step_ns - copy_ns * many.ncopies) / many.natoms;
    return ALLOT_OK;
}
