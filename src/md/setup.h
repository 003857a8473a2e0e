/* setup.h - from GROMACS' run parameters and a topology to what md.h simulates.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_SETUP_H
#define AL_MD_SETUP_H

#include "md/box.h"
#include "md/index.h"
#include "md/md.h"
#include "md/mdp.h"

/** What is simulated, as files have it; all borrowed. */
typedef struct al_setup_files {
    const al_mdp *mdp;
    const char *mdp_name; /**< for sentences */
    const al_topology *topology;
    const al_index *index;   /**< groups by name */
    const al_gro *reference; /**< where restraints hold atoms; NULL: not known */
    const char *reference_name;
    uint64_t seed; /**< of chance, where ld-seed is -1 */
} al_setup_files;

/** What al_md_opts borrows. Begin with zeros. */
typedef struct al_setup {
    al_couple couple;
    uint8_t *group, *frozen; /**< as al_ensemble_opts and al_field_opts have them */
    uint8_t *still_group;
    al_drift_groups still; /**< borrows still_group */
    uint64_t *framed;      /**< [nframed] atoms that compressed frames have, sorted; NULL: all */
    uint64_t nframed;
    al_reference reference;
} al_setup;

/** The longer one of the cut-offs. Pure. */
double al_setup_cutoff(const al_mdp *mdp);
/** The split of electrostatics that is asked for; its cut-off is 0 where they have no mesh. Pure. */
void al_setup_split(const al_mdp *mdp, const al_box *box, al_split *split);
/** How forces are found, and steps are taken.
 * @param[in,out] opts  pairs, field, ensemble, dispersion, dt, integrator, still_every, still, freedom,
 * settles_start, begins_late and units are set; borrows files' and setup's parts
 * @param[out] setup  al_setup_fini(), whatever it returns
 * @return ALLOT_OK; ALLOT_EUNSUPPORTED: what is asked for and cannot be done, by its key; ALLOT_ERANGE,
 * ALLOT_ENOTFOUND: groups that are not, or have an atom twice; ALLOT_ENOMEM */
allot_err al_setup_make(al_setup *setup, const al_setup_files *files, const al_box *box, al_md_opts *opts,
                        allot_error *err);
void al_setup_fini(al_setup *setup);

#endif
