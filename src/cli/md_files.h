/* md_files.h - what describes molecules that are to be simulated: a topology, GROMACS' run parameters, a
 * structure.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_CLI_MD_FILES_H
#define AL_CLI_MD_FILES_H

#include "cli/md_options.h"
#include "md/gro.h"
#include "md/index.h"
#include "md/mdp.h"
#include "md/topology.h"

/** Begin with zeros; al_md_files_fini(). */
typedef struct al_md_files {
    al_mdp mdp;
    al_topology topology;
    al_gro gro, reference; /**< reference: where restraints hold atoms */
    al_index index;        /**< groups by name */
    al_buffer warnings;    /**< a line each */
    bool has_mdp, has_topology, has_gro, has_reference;
} al_md_files;

/** Read what the options name, and compare the parts. What was read before an error is there, too.
 * @return as al_mdp_read(), al_topology_read(), al_positions_read() and al_topology_match() */
allot_err al_md_files_read(const al_md_options *options, al_md_files *files, allot_error *err);
/** Complain of each warning. */
void al_md_files_warn(const al_md_files *files);
void al_md_files_fini(al_md_files *files);

/** What the parameters say of how long, and of what is written when, where the command line does not. */
void al_md_files_apply(const al_md_files *files, al_md_options *options);

#endif
