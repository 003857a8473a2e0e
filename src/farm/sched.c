/* sched.c - see sched.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "farm/sched.h"
