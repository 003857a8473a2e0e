/* items.h - the items of a worker's span, one by one, for as long as a slice of time lasts.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AL_PY_ITEMS_H
#define AL_PY_ITEMS_H

#include "area.h"

extern PyType_Spec al_items_spec;

#endif
