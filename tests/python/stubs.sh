#!/bin/bash
# stubs.sh - the type stubs are those of the module (stubtest), and say what users' type checkers should know (typed.py).
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
fail() { echo "stubs: $*" >&2; exit 1; }
for program in mypy stubtest; do
    command -v "$program" >/dev/null || { echo "skipped: $program is missing: apt-get install mypy python3-mypy"; exit 77; }
done
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
# The stub and nothing else: what is private has none, and is nobody's business.
mkdir -p "$stage/types/allot"
cp "$ALLOT_SOURCE"/bindings/python/allot/{__init__.pyi,py.typed} "$stage/types/allot"
export MYPYPATH=$stage/types PYTHONPATH=$ALLOT_BUILD/python MYPY_CACHE_DIR=$stage/cache
cd "$stage"

echo 'allot\._.*' >allowed
stubtest --allowlist allowed --ignore-unused-allowlist --concise allot >found 2>&1 || { cat found >&2; fail "stubs and module differ"; }

mypy --strict --no-error-summary "$ALLOT_SOURCE/tests/python/typed.py" >found 2>&1 || { cat found >&2; fail "typed.py"; }

# And slips are found: each line of typed_wrong.py that ends in "# wrong" is complained of, and no other.
mypy --strict --no-error-summary "$ALLOT_SOURCE/tests/python/typed_wrong.py" >found 2>&1 || true
grep -n '# wrong$' "$ALLOT_SOURCE/tests/python/typed_wrong.py" | cut -d: -f1 >wanted
sed -nE 's/^[^:]*typed_wrong\.py:([0-9]+): error:.*/\1/p' found | sort -nu >lines
cmp -s wanted lines || { diff wanted lines >&2 || true; cat found >&2; fail "typed_wrong.py"; }
echo "stubs: ok, $(wc -l <wanted) slips found"
