/* inputs.c - see inputs.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "farm/inputs.h"
