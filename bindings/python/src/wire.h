/* wire.h - messages between the caller and its engines, with memory that goes along.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_PY_WIRE_H
#define AL_PY_WIRE_H

#include "object.h"

extern PyType_Spec al_mapping_spec, al_link_spec;
extern PyTypeObject *al_mapping_type, *al_link_type; /**< made of them when the module is loaded */

/** link_pair() -> (Link, Link), connected with each other. */
PyObject *al_link_pair(PyObject *module, PyObject *unused);

#endif
