/* store.c - see store.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "farm/store.h"
