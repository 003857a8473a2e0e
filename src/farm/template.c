/* template.c - see template.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "farm/template.h"
