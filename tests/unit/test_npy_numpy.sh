#!/bin/sh
# test_npy_numpy.sh - .npy headers against NumPy itself, see test_npy_numpy.py.
# SPDX-License-Identifier: Apache-2.0
for python in python3 /usr/bin/python3; do
    if "$python" -c 'import numpy' 2>/dev/null; then
        exec "$python" "$(dirname "$0")/test_npy_numpy.py" "${ALLOT_BUILD:?the build folder}/tests/npy_tool"
    fi
done
echo "SKIPPED test_npy_numpy: no python3 with numpy (Debian: python3-numpy)"
exit 77
