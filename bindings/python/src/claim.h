/* claim.h - a byte of shared memory that two processes reach for.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once
#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* claim(memory, offset): sets the byte there; True if it was 0. */
PyObject *al_claim(PyObject *module, PyObject *args);
