/* object.h - what every type of the extension needs: Python's objects made and given back by way of the
 * limited API.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_PY_OBJECT_H
#define AL_PY_OBJECT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/** @return an object of the type, zeroed but for its head; NULL with an exception set */
static inline void *al_object_make(PyTypeObject *type)
{
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    return allocate(type, 0);
}

static inline void al_object_free(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

#endif
