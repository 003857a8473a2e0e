/* allot.h - all of the public interface.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ALLOT_ALLOT_H
#define ALLOT_ALLOT_H

#include <allot/api.h>
#include <allot/engines.h>
#include <allot/error.h>
#include <allot/map.h>
#include <allot/plan.h>
#include <allot/pool.h>

#endif
