#!/bin/bash
# charged.sh - a system with a net charge, on a mesh: its pressure is what its energy loses as the box grows. No other program is asked,
# since GROMACS' pressure of such a system is not that (docs/md.md).
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/md/common.sh
. "$ALLOT_SOURCE/tests/md/common.sh"
$python "$ALLOT_SOURCE/tests/md/charged.py"
