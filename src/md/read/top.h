/* top.h - GROMACS topologies (.top, .itp) into al_topology. docs/formats/top.md says what is read.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_READ_TOP_H
#define AL_MD_READ_TOP_H

#include "md/read/source.h"
#include "md/topology.h"

/** Read a topology. Nothing is ignored silently: what is not supported is refused by name.
 * @param[out] topology  al_topology_fini(); written only with ALLOT_OK
 * @param[in,out] warnings  sentences, each ended by a newline, are appended
 * @return ALLOT_OK; ALLOT_EFORMAT: file:line, what is wrong; as al_source_read() */
allot_err al_top_read(const char *path, const al_source_options *options, al_topology *topology,
                      al_buffer *warnings, allot_error *err);
/** The same of a text that is called name. */
allot_err al_top_parse(const char *text, size_t nbytes, const char *name, const al_source_options *options,
                       al_topology *topology, al_buffer *warnings, allot_error *err);
/** Make bonds (1 and 2) constraints: all, or those of hydrogens.
 * @return ALLOT_OK; ALLOT_ENOMEM: the topology is unusable, al_topology_fini() it */
allot_err al_topology_constrain(al_topology *topology, bool only_hydrogens, allot_error *err);

#endif
