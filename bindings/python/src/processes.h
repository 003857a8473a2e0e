/* processes.h - the processes that engines are.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_PY_PROCESSES_H
#define AL_PY_PROCESSES_H

#include "object.h"

extern PyType_Spec al_processes_spec;

#endif
