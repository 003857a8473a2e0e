/* parm.h - AMBER topologies (prmtop, parm7) into al_topology. docs/formats/amber.md says what is read.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_MD_READ_PARM_H
#define AL_MD_READ_PARM_H

#include <stdbool.h>
#include <stddef.h>

#include <allot/error.h>

#include "base/buffer.h"
#include "md/topology.h"

/** Read the text of a file. Nothing is ignored silently: what is not supported is refused by name.
 * @param name             of the file, for sentences
 * @param is_flexible      waters keep their bonds and angles; otherwise they are rigid
 * @param[out] topology    al_topology_fini(); written only with ALLOT_OK
 * @param[in,out] warnings sentences, each ended by a newline, are appended
 * @return ALLOT_OK; ALLOT_EFORMAT: name:line:column, what is wrong and what to do; ALLOT_ENOMEM */
allot_err al_parm_parse(const char *text, size_t nbytes, const char *name, bool is_flexible,
                        al_topology *topology, al_buffer *warnings, allot_error *err);

#endif
