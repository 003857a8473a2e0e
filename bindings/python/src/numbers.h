/* numbers.h - lists of numbers as bytes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_PY_NUMBERS_H
#define AL_PY_NUMBERS_H

#include "object.h"

/** uniform(list) -> the type that all elements are exactly of, or None. */
PyObject *al_uniform(PyObject *module, PyObject *list);
/** pack_numbers(list) -> bytes or None: all floats, or all integers of 64 bits. */
PyObject *al_pack_numbers(PyObject *module, PyObject *list);
/** unpack_numbers(data) -> list */
PyObject *al_unpack_numbers(PyObject *module, PyObject *data);

#endif
