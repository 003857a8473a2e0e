/* split.c - see split.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "md/split.h"

#include <math.h>
#include <string.h>

#include "base/fail.h"

/** The cut-off that goes with a coarser mesh: as many times as long as the mesh is coarser where it is most
 * so. */
static double cutoff_of(const al_split *asked, const int mesh[3])
{
    double factor = 1;
    for (int d = 0; d < 3; d++)
        factor = fmax(factor, (double)asked->mesh[d] / mesh[d]);
    return asked->cutoff * factor;
}

/** Atoms may touch half of a mesh in each direction at most. */
static bool is_wide_enough(const int mesh[3], int order)
{
    return mesh[0] >= 2 * order && mesh[1] >= 2 * order && mesh[2] >= 2 * order;
}

allot_err al_split_coarser(const al_split *asked, int order, double factor, al_split *split, allot_error *err)
{
    al_split made;
    for (int d = 0; d < 3; d++) {
        int n = al_pme_points(asked->mesh[d], factor);
        made.mesh[d] = n < asked->mesh[d] ? n : asked->mesh[d]; /* that may not be one that transforms fast */
    }
    made.cutoff = cutoff_of(asked, made.mesh);
    if (made.cutoff > asked->cutoff && !is_wide_enough(made.mesh, order))
        return al_fail(err, ALLOT_ERANGE, 0,
                       "a mesh of %d x %d x %d points is too coarse for splines of order %d", made.mesh[0],
                       made.mesh[1], made.mesh[2], order);
    *split = made;
    return ALLOT_OK;
}

/** The least factor that makes some direction coarser than it is in a split. */
static double next_factor(const al_split *asked, const al_split *split)
{
    double least = HUGE_VAL;
    for (int d = 0; d < 3; d++) {
        int n = split->mesh[d] - 1;
        while (n > 1 && al_pme_points(n, 1) != n)
            n--;
        least = fmin(least, n > 1 ? (double)asked->mesh[d] / n : HUGE_VAL);
    }
    return least;
}

uint32_t al_split_list(const al_split *asked, int order, double most_cutoff, al_split *splits, uint32_t most)
{
    uint32_t n = 1;
    splits[0] = *asked;
    while (n < most) {
        double factor = next_factor(asked, &splits[n - 1]);
        if (factor > AL_SPLIT_MOST || asked->cutoff * factor > most_cutoff ||
            al_split_coarser(asked, order, factor, &splits[n], NULL) != ALLOT_OK)
            break;
        n++;
    }
    return n;
}

bool al_split_is_of(const al_split *asked, const al_split *split)
{
    for (int d = 0; d < 3; d++)
        if (split->mesh[d] < 1 || split->mesh[d] > asked->mesh[d])
            return false;
    return split->cutoff > asked->cutoff && split->cutoff == cutoff_of(asked, split->mesh);
}

static double longer(const al_pair_params *pairs)
{
    return fmax(pairs->lj_cutoff, pairs->coulomb_cutoff);
}

void al_split_apply(const al_split *split, al_md_opts *opts)
{
    al_pair_params *pairs = &opts->pairs;
    double before = longer(pairs), factor = split->cutoff / pairs->coulomb_cutoff;
    pairs->coulomb_cutoff = split->cutoff;
    pairs->beta /= factor;
    pairs->ewald_shift /= factor; /* erfc(beta cutoff)/cutoff */
    opts->space.reach = longer(pairs) + (opts->space.reach - before);
    opts->space.near = longer(pairs) + (opts->space.near - before);
    memcpy(opts->field.mesh, split->mesh, sizeof opts->field.mesh);
    opts->split = *split;
}

allot_err al_split_change(al_md *md, const al_md_opts *asked, const al_split *split, allot_error *err)
{
    al_md_opts opts = *asked;
    if (split->cutoff != asked->pairs.coulomb_cutoff)
        al_split_apply(split, &opts);
    al_pair_unprepare(&md->opts.pairs);
    md->opts.pairs = opts.pairs;
    if (!al_pair_prepare(&md->opts.pairs))
        return al_fail(err, ALLOT_ENOMEM, 0, "out of memory");
    md->opts.split = opts.split;
    md->opts.space.reach = md->space.opts.reach = opts.space.reach;
    md->opts.space.near = md->space.opts.near = opts.space.near;
    memcpy(md->opts.field.mesh, opts.field.mesh, sizeof md->opts.field.mesh);
    return al_field_set_mesh(&md->field, opts.field.mesh, &md->space, err);
}
