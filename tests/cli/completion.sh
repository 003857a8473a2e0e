#!/bin/bash
# Completion in bash, as a Tab would ask for it; for zsh and fish that they accept what is there, where they are.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
completions=$ALLOT_SOURCE/packaging/completions
# shellcheck source=/dev/null
source "$completions/allot.bash"
failed=0

# check EXPECTED WORD... - the last word is the one being typed.
check() {
    local expected=$1
    shift
    COMP_WORDS=("$@")
    COMP_CWORD=$(($# - 1))
    COMPREPLY=()
    _allot || true
    local got="${COMPREPLY[*]}"
    [ "$got" = "$expected" ] || { echo "completing '$*': '$got', expected '$expected'"; failed=1; }
}

check "map machine" allot ma
check "help" allot h
check "machine" allot help mac
check "--fresh" allot machine --fr
check "--header --help" allot map --he
check "f32 f64" allot map --type f
check "i128" allot map -t i1
check "f32 f64" allot map --type = f
check "i32 i64 u64 i128 f32 f64" allot map --type =
check "" allot map --threads 1
cd "$ALLOT_SOURCE"
check "CMakeLists.txt" allot map CMakeL
check "CMakeLists.txt" allot map x CMakeL
check "CMakeLists.txt" allot map --output CMakeL

for shell in zsh fish; do
    [ "$shell" = zsh ] && file=_allot || file=allot.fish
    command -v $shell >/dev/null || { echo "$shell is not here: $file is not checked"; continue; }
    $shell -n "$completions/$file" || { echo "$shell does not accept $file"; failed=1; }
done
exit $failed
