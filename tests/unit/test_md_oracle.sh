#!/bin/sh
# test_md_oracle.sh - files of md against GROMACS and mdtraj, see test_md_oracle.py.
# SPDX-License-Identifier: Apache-2.0
if ! command -v gmx >/dev/null; then
    echo "SKIPPED test_md_oracle: no gmx (Debian: gromacs)"
    exit 77
fi
for python in python3 /usr/bin/python3; do
    if "$python" -c 'import mdtraj' 2>/dev/null; then
        exec "$python" "$(dirname "$0")/test_md_oracle.py" "${ALLOT_BUILD:?the build folder}/tests/md_files_tool"
    fi
done
echo "SKIPPED test_md_oracle: no python3 with mdtraj (Debian: python3-mdtraj)"
exit 77
