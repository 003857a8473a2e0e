/* space.h - a rank's atoms: at home and copied, in blocks, and the list of pairs between them.
 *
 * Positions and velocities are kept in double precision whatever the precision of forces, so that a step's
 * rounding is that of the forces alone. What kernels read are positions relative to the middle of the domain,
 * in the precision of forces; forces are in that precision, too.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_SPACE_H
#define AL_MD_SPACE_H

#include <allot/map.h>

#include "comm/cuts.h"
#include "comm/halo.h"
#include "md/groups.h"
#include "md/pairs.h"

#define AL_NO_ATOM UINT64_MAX

/** Masses of atoms. */
typedef struct al_masses {
    double same; /**< of every atom, if of is NULL */
    /** Of the atom with that number: pure, called from several threads. 0: no force moves it, and it has no
     * kinetic energy (a frozen atom, a virtual site); its velocity is to be 0, too. */
    double (*of)(const void *arg, uint64_t id);
    const void *arg;
} al_masses;

static inline double al_mass_of(const al_masses *masses, uint64_t id)
{
    return masses->of != NULL ? masses->of(masses->arg, id) : masses->same;
}

struct al_space;
/** Told when atoms have other places, before pairs are listed. @return false: out of memory */
typedef bool al_space_placed(void *arg, struct al_space *space);

typedef struct al_space_opts {
    al_comm *comm;
    double box[3], tilt[3]; /**< as in lattice.h; no tilt: a rectangular box */
    int grid[3];
    double reach;   /**< of the list: cut-off and buffer */
    double near;    /**< of what al_space_prune() leaves of it: cut-off and a smaller buffer */
    double density; /**< atoms a volume, about */
    al_masses masses;
    al_groups groups; /**< atoms that stay together on one rank; none by default */
    bool is_double;
    const al_kernels *kernels;
    allot_pool *pool; /**< NULL: the default one */
    uint32_t nthreads;
    al_space_placed *placed; /**< NULL: nobody is told */
    void *placed_arg;
} al_space_opts;

/** All of it is for md's own files to read; al_space_*() alone changes how much there is. */
typedef struct al_space {
    al_space_opts opts;
    al_threads threads;
    al_lattice lattice;
    al_cuts cuts; /**< none until domains are of different sizes */
    al_domain domain;
    double middle[3]; /**< what kernels' positions count from; in space, as x and v are */
    bool is_placed;   /**< atoms are where they belong, or beside */
    al_migrants migrants;
    al_migrants members; /**< where atoms are in groups: the same on their way */
    al_halo halo;
    al_halo_atoms atoms;
    al_zone zones[AL_ZONES];
    uint32_t nblocks, nhome_blocks, room_blocks, nhome;
    al_order order;   /**< which atom is where */
    uint32_t *places; /**< [atoms.n]: the order's */
    double *x_sorted; /**< [3 atoms.n]: from the middle, when the list was made */
    uint32_t room_sorted;
    uint64_t *id;                /**< of home places, AL_NO_ATOM where there is none */
    double *x, *v, *x_listed;    /**< of home blocks; x_listed: when the list was made */
    double *mass, *inverse_mass; /**< of home places, 0 where there is no atom; or of AL_BLOCK that stand for
                                    all, where masses are the same: one over 0 is 0 here */
    size_t mass_stride;          /**< from a block's to the next one's: AL_BLOCK or 0 */
    void *xr, *fr;               /**< float or double, of all blocks */
    al_bounds *block_bounds, *cluster_bounds, zone_bounds[AL_ZONES];
    al_spans spans;  /**< of blocks: their bounds */
    float *x_bounds; /**< positions as floats, for the list: xr itself unless is_double */
    const uint32_t *excluded_first, *excluded; /**< as in al_pair_space; placed() sets them */
    al_pairs *parts;                           /**< [nparts]: the list, in pieces of about the same length */
    uint64_t migrate_ns, halo_ns; /**< of the last al_space_rebuild(): atoms to their ranks, and copies */
    uint32_t nparts, nhome_parts; /**< the first are of blocks that no copies are near; none where there is
                                     one rank */
} al_space;

/** @return ALLOT_OK; ALLOT_ENOMEM */
allot_err al_space_open(al_space *space, const al_space_opts *opts, allot_error *err);
void al_space_close(al_space *space);

/** A number of an array that is in the precision of forces: xr, fr. */
static inline double al_space_real(const al_space *space, const void *reals, size_t at)
{
    return space->opts.is_double ? ((const double *)reals)[at] : ((const float *)reals)[at];
}
/** The vectors of its box, a row each. */
void al_space_box(const al_space *space, double box[3][3]);

/** Give the rank some atoms, anywhere, groups whole; the first al_space_rebuild() takes them where they
 * belong. */
allot_err al_space_add(al_space *space, const al_atom *atoms, uint32_t n, allot_error *err);
/** Put a place into the box, however far away it is. @return whether it is in this rank's domain */
bool al_space_claim(const al_space *space, double x[3]);
/** Migrate, copy, sort, and list the pairs. Collective.
 * @param is_fresh  as if all atoms were new: in the order of their ids, so that what follows depends on
 * nothing but where they are, and how the box is cut
 * @return ALLOT_OK; ALLOT_ERANGE, on all ranks: an atom moved too far, and which; ALLOT_ENOMEM, on this one:
 * fail() ends the others */
allot_err al_space_rebuild(al_space *space, bool is_fresh, allot_error *err);
/** The home atoms, appended to migrants->records as al_atom. @return false: out of memory */
bool al_space_collect(const al_space *space, al_migrants *migrants);

/** Leave of the list what is near now, for as long as no two atoms come nearer by near less the cut-off.
 * @return false: out of memory */
bool al_space_prune(al_space *space);
/** Move the domains' edges so that ranks will need the same time; al_space_rebuild() must follow. Collective.
 * @param load  time for forces since the last call, in any unit
 * @param[out] imbalance  the greatest load by the mean @return ALLOT_OK; ALLOT_ENOMEM, of this rank alone */
allot_err al_space_balance(al_space *space, double load, double *imbalance, allot_error *err);
/** Cut as it was when these edges were saved; before there are atoms.
 * @param edges  of opts.grid, as al_cuts_save() wrote them
 * @return ALLOT_OK; ALLOT_EFORMAT: no balance leaves such edges; ALLOT_ENOMEM */
allot_err al_space_cut(al_space *space, const double *edges, allot_error *err);
/** Go over to space->cuts, which are new; al_space_rebuild() must follow. */
void al_space_recut(al_space *space);

/** The box is another one, and all atoms have been moved with it; al_space_rebuild() must follow. */
void al_space_resize(al_space *space, const double box[3], const double tilt[3]);

/** Begin to bring positions of copies from where their atoms are at home; al_halo_go_on() now and then, by
 * the caller's thread alone, and al_halo_end(). Collective. */
void al_space_begin_forward(al_space *space);
/** Likewise forces on copies to where their atoms are at home; forces on atoms at home may be added to
 * meanwhile. Collective. */
void al_space_begin_reverse(al_space *space);

#endif
