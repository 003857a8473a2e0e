/* module.c - the extension allot._engines: its table of names.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "claim.h"

static PyMethodDef functions[] = {
    {"claim", al_claim, METH_VARARGS, "claim(memory, offset) -> whether the byte there was 0; it is 1 then."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "allot._engines",
    .m_doc = "Shared memory and processes of allot's engines.",
    .m_size = 0,
    .m_methods = functions,
};

PyMODINIT_FUNC PyInit__engines(void)
{
    return PyModule_Create(&module);
}
