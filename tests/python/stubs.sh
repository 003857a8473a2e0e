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
export MYPYPATH=$ALLOT_SOURCE/bindings/python PYTHONPATH=$ALLOT_BUILD/python MYPY_CACHE_DIR=$stage/cache
cd "$stage"

# Private modules have no stubs; what the extension offers is theirs alone.
stubtest --ignore-missing-stub --concise allot >"$stage/found" 2>&1 || { cat "$stage/found" >&2; fail "stubs and module differ"; }

mypy --strict --no-error-summary "$ALLOT_SOURCE/tests/python/typed.py" >"$stage/found" 2>&1 || { cat "$stage/found" >&2; fail "typed.py"; }

# And slips are found: each line of typed_wrong.py that ends in "# wrong" is complained of, and no other.
mypy --strict --no-error-summary "$ALLOT_SOURCE/tests/python/typed_wrong.py" >"$stage/found" 2>&1 || true
grep -n '# wrong$' "$ALLOT_SOURCE/tests/python/typed_wrong.py" | cut -d: -f1 >"$stage/wanted"
sed -nE 's/^[^:]*typed_wrong\.py:([0-9]+): error:.*/\1/p' "$stage/found" | sort -nu >"$stage/lines"
cmp -s "$stage/wanted" "$stage/lines" || { diff "$stage/wanted" "$stage/lines" >&2 || true; cat "$stage/found" >&2; fail "typed_wrong.py"; }
echo "stubs: ok, $(wc -l <"$stage/wanted") slips found"
