#!/bin/bash
# deb.sh - python3-allot is built as Debian builds packages, holds the module, and works from where it is unpacked.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
fail() { echo "deb: $*" >&2; exit 1; }
for program in dpkg-buildpackage dh_python3 dh dpkg-deb; do
    command -v "$program" >/dev/null || { echo "skipped: $program is missing: tools/setup package"; exit 77; }
done
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
unset PYTHONPATH # of the build

package=$("$ALLOT_SOURCE/packaging/python3-allot/build" "$stage")
dpkg-deb -x "$package" "$stage/root"
folder=$stage/root/usr/lib/python3/dist-packages
for file in $(cd "$ALLOT_SOURCE/bindings/python" && find allot -name '*.py' -o -name '*.pyi' -o -name py.typed) \
    allot/_engines.abi3.so; do
    [ -s "$folder/$file" ] || [ "$file" = allot/py.typed ] || fail "$package has no $file"
done
dpkg-deb -f "$package" Depends | grep -qE 'python3(:any)? \(>= 3\.11' || fail "it depends on $(dpkg-deb -f "$package" Depends)"
zgrep -q . "$stage/root/usr/share/doc/python3-allot/"python.md* || fail "docs/python.md is not in it"
cd /
found=$(PYTHONPATH=$folder /usr/bin/python3 -c 'import allot; assert allot.map(abs, [-1]) == [1]; print(allot.__file__)')
[ "$found" = "$folder/allot/__init__.py" ] || fail "python3 took $found"
echo "deb: ok, $(basename "$package")"
