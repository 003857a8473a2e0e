/* module.c - the extension allot._engines: its table of names.
 *
 * The limited API of Python 3.11: one build serves that and every later one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "area.h"
#include "claim.h"
#include "context.h"
#include "items.h"
#include "numbers.h"
#include "processes.h"
#include "wire.h"

#include "topo/topo.h"

static PyObject *processors(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    return PyLong_FromUnsignedLong(al_cpus_usable());
}

static PyMethodDef functions[] = {
    {"processors", processors, METH_NOARGS,
     "processors() -> how many this process may use, quotas included."},
    {"uniform", al_uniform, METH_O,
     "uniform(list) -> the type that all its elements are exactly of, or None."},
    {"pack_numbers", al_pack_numbers, METH_O,
     "pack_numbers(list) -> bytes, or None where it is not all floats or all integers of 64 bits."},
    {"unpack_numbers", al_unpack_numbers, METH_O,
     "unpack_numbers(data) -> the list that pack_numbers() was given."},
    {"link_pair", al_link_pair, METH_NOARGS, "link_pair() -> (Link, Link), connected with each other."},
    {"claim", al_claim, METH_VARARGS, "claim(memory, offset) -> whether the byte there was 0; it is 1 then."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "allot._engines",
    .m_doc = "Shared memory and processes of allot's engines.",
    .m_size = -1,
    .m_methods = functions,
};

static PyTypeObject *add_type(PyObject *self, const char *name, PyType_Spec *spec)
{
    PyObject *type = PyType_FromSpec(spec);
    if (type == NULL || PyModule_AddObjectRef(self, name, type) != 0)
        Py_CLEAR(type);
    return (PyTypeObject *)type;
}

PyMODINIT_FUNC PyInit__engines(void)
{
    PyObject *self = PyModule_Create(&module);
    if (self == NULL)
        return NULL;
    al_area_type = add_type(self, "Area", &al_area_spec);
    al_mapping_type = add_type(self, "Mapping", &al_mapping_spec);
    al_link_type = add_type(self, "Link", &al_link_spec);
    PyTypeObject *items = add_type(self, "Items", &al_items_spec);
    PyTypeObject *processes = add_type(self, "Processes", &al_processes_spec);
    PyTypeObject *context = add_type(self, "Context", &al_context_spec);
    bool is_done = al_area_type != NULL && al_mapping_type != NULL && al_link_type != NULL && items != NULL &&
                   processes != NULL && context != NULL;
    Py_XDECREF((PyObject *)items);
    Py_XDECREF((PyObject *)processes);
    Py_XDECREF((PyObject *)context);
    if (!is_done)
        Py_CLEAR(self);
    return self;
}
