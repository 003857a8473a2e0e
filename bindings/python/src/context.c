/* context.c - a base class whose `with` blocks are left for certain.
 *
 * In C, since a KeyboardInterrupt is raised between two steps of the interpreter: before the first one of an
 * __exit__ in Python, too, where no `try` is open yet. Here there is none between the call of _leave() and
 * that of _abandon().
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "context.h"

static PyObject *context_exit(PyObject *self, PyObject *args)
{
    PyObject *kind, *value, *traceback;
    if (!PyArg_ParseTuple(args, "OOO:__exit__", &kind, &value, &traceback))
        return NULL;
    PyObject *result = PyObject_CallMethod(self, "_leave", "O", kind);
    if (result != NULL) {
        Py_DECREF(result);
        Py_RETURN_FALSE;
    }
    PyErr_Fetch(&kind, &value, &traceback);
    result = PyObject_CallMethod(self, "_abandon", NULL);
    if (result == NULL) // the first error is the one that tells why
        PyErr_WriteUnraisable(self);
    Py_XDECREF(result);
    PyErr_Restore(kind, value, traceback);
    return NULL;
}

static PyMethodDef methods[] = {
    {"__exit__", (PyCFunction)context_exit, METH_VARARGS, "_leave(type of the exception or None)"},
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(
    context_doc,
    "A context that is left by its _leave(type of the exception or None), and, where an exception comes\n"
    "out of that, by its _abandon() besides.");
static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)context_doc},
    {Py_tp_methods, methods},
    {0, NULL},
};

PyType_Spec al_context_spec = {
    .name = "allot._engines.Context",
    .basicsize = sizeof(PyObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = slots,
};
