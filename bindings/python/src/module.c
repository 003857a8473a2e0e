/* module.c - the extension allot._engines: its table of names.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "allot._engines",
    .m_doc = "Shared memory and processes of allot's engines.",
    .m_size = 0,
};

PyMODINIT_FUNC PyInit__engines(void)
{
    return PyModule_Create(&module);
}
