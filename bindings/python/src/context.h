/* context.h - `with` blocks that are left for certain.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_PY_CONTEXT_H
#define AL_PY_CONTEXT_H

#include "object.h"

extern PyType_Spec al_context_spec;

#endif
