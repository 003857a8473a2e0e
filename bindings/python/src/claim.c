/* claim.c - whoever comes first: a byte of shared memory that two processes reach for.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "claim.h"

PyObject *al_claim(PyObject *module, PyObject *args)
{
    (void)module;
    Py_buffer memory;
    Py_ssize_t offset;
    if (!PyArg_ParseTuple(args, "w*n:claim", &memory, &offset))
        return NULL;
    PyObject *mine = NULL;
    if (offset < 0 || offset >= memory.len)
        PyErr_SetString(PyExc_IndexError, "claim: the offset is outside of the memory");
    else
        mine = PyBool_FromLong(
            __atomic_exchange_n((unsigned char *)memory.buf + offset, 1, __ATOMIC_SEQ_CST) == 0);
    PyBuffer_Release(&memory);
    return mine;
}
