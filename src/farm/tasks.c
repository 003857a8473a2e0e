/* tasks.c - see tasks.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "farm/tasks.h"
