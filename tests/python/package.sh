#!/bin/bash
# package.sh - what users do from a clone: pip builds a wheel offline, installs it, and it is whole. One wheel serves every
# Python from 3.11 on.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
python=${ALLOT_PYTHON:-/usr/bin/python3}
fail() { echo "package: $*" >&2; exit 1; }
for module in pip setuptools wheel; do
    "$python" -c "import $module" 2>/dev/null || { echo "skipped: apt-get install python3-$module"; exit 77; }
done
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
export PIP_NO_INDEX=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PYTHONDONTWRITEBYTECODE=1
unset PYTHONPATH

# A clone has what is in the tree and nothing that was built.
mkdir "$stage/clone"
tar -C "$ALLOT_SOURCE" -c --exclude=__pycache__ --exclude=bindings/python/build --exclude='*.egg-info' \
    bindings include src | tar -x -C "$stage/clone"
cd "$stage/clone"

"$python" -m pip wheel -q --no-build-isolation --no-deps -w "$stage/wheels" ./bindings/python >"$stage/log" 2>&1 ||
    { cat "$stage/log" >&2; fail "pip wheel failed"; }
version=$(sed -n 's/^#define ALLOT_VERSION "\(.*\)"$/\1/p' include/allot/api.h)
wheel=$(cd "$stage/wheels" && echo *)
[[ $wheel == allot-"$version"-cp311-abi3-linux_*.whl ]] || fail "the wheel is called $wheel"

# All that the package has in the tree is in the wheel, and the extension.
"$python" -m zipfile -l "$stage/wheels/$wheel" | awk 'NR > 1 { print $1 }' >"$stage/list"
for file in $(cd bindings/python && find allot -name '*.py' -o -name '*.pyi' -o -name py.typed) allot/_engines.abi3.so; do
    grep -qx "$file" "$stage/list" || fail "$wheel has no $file"
done
! grep -E '^(tests|src)/' "$stage/list" || fail "these do not belong in it"

"$python" -m pip install -q --no-deps --target "$stage/site" "$stage/wheels/$wheel"
cd /
export PYTHONPATH=$stage/site
for interpreter in "$python" python3.12 python3.13 python3.14 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[1-9]*/bin/python3; do
    "$interpreter" -c 'pass' 2>/dev/null || continue
    found=$("$interpreter" -c 'import allot; assert allot.map(lambda x: x + 1, [1, 2]) == [2, 3]; print(allot.__file__)') ||
        fail "$interpreter cannot use it"
    versions="${versions:+$versions, }$("$interpreter" -V)"
    [ "$found" = "$stage/site/allot/__init__.py" ] || fail "$interpreter took $found"
done
[ "$("$python" -c 'import importlib.metadata; print(importlib.metadata.version("allot"))')" = "$version" ] ||
    fail "its version is not $version"
echo "package: ok, $wheel on $versions"
