/* topologies.h - a topology from a file of any format that we read.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_READ_TOPOLOGIES_H
#define AL_MD_READ_TOPOLOGIES_H

#include "md/read/source.h"
#include "md/topology.h"

/** Read a file: AMBER's, which is told by how it begins, as parm.h says; all others as top.h says. Of defines
 * AMBER's know FLEXIBLE.
 * @param[out] topology  al_topology_fini(); written only with ALLOT_OK
 * @return as al_top_read() and al_parm_parse(); ALLOT_EINVAL: a define that AMBER's do not know */
allot_err al_topology_read(const char *path, const al_source_options *options, al_topology *topology,
                           al_buffer *warnings, allot_error *err);

#endif
