# conform.bash - what every way to an engine has to keep, whatever connects us to it. Sourced; not a test.
#
#     conform NAME OPTION ...     OPTION ... put tasks there: --on fake
#
# Few runs, each with much in it. What differs between engines may be said before the call, and is held to then:
#     sees_files=true|false    it works in our folder, where nothing is copied, or it does not
#     clean_env=true           tasks there have nothing of our environment but what was asked for
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154,SC2016
sees_files='' clean_env=false conformers=()

conform() {
    local before=$nfailed begin=$SECONDS step sees
    conforming=$1
    shift
    on=("$@")
    mkdir "conform.$conforming" && cd "conform.$conforming" || exit 1
    conform_inputs
    sees=false
    farm "${on[@]}" -N0 'test ! -e noise' ::: 1
    [ "$status" = 0 ] || sees=true
    verify test "$sees" = "${sees_files:-$sees}"
    for step in conform_sorts conform_files conform_outputs conform_refusals conform_killed conform_traces; do
        "$step"
    done
    cd .. && rm -rf "conform.$conforming"
    [ "$nfailed" = "$before" ] || echo "these failures: engine $conforming" >&2
    echo "$conforming: $((SECONDS - begin)) s"
}

# conform_beside NAME OPTION ... - the same, while other things are done; conform_wait counts what was found. Agents on
# this machine are known by folders of their own.
conform_beside() {
    (
        export XDG_CACHE_HOME=$work/cache.$1 TMPDIR=$work/engine-tmp.$1
        mkdir -p "$TMPDIR"
        out=$work/out.$1 err=$work/err.$1 nchecks=0 nfailed=0
        conform "$@"
        echo "$nchecks $nfailed" >"$work/conformed.$1"
    ) &
    conformers+=("$! $1")
}
conform_wait() {
    local one found
    for one in ${conformers[@]+"${conformers[@]}"}; do
        wait "${one%% *}"
        read -r -a found <"$work/conformed.${one#* }" || found=(0 1)
        nchecks=$((nchecks + found[0])) nfailed=$((nfailed + found[1]))
    done
    conformers=()
}

# Files of every kind: names that people have, modes, links, an empty one, an empty folder.
conform_inputs() {
    mkdir -p in/deep/er in/hollow
    echo plain >in/plain
    echo blanks >'in/with  two blanks'
    echo quotes >'in/quote'\''"`$x'
    echo lines >in/$'two\nlines'
    echo letters >in/öäü-λ
    echo dash >in/-n
    : >in/empty
    echo run >in/run && chmod 750 in/run
    echo leaf >in/deep/er/leaf && chmod 640 in/deep/er/leaf
    ln -s er/leaf in/deep/link
    echo base >base
    head -c 3000000 /dev/urandom >noise
}

# tree FOLDER - what is in it: names, kinds, modes of files, targets, contents.
tree() { (cd "$1" && find . -printf '%y %P %l\0' | sort -z | tr '\0' '\n' && find . -type f -printf '%m %P\0' | sort -z && find . -type f -print0 | sort -z | xargs -0 cat); }

# How tasks end: each as it would here, and its output in its place.
conform_sorts() {
    cat >specs <<'END'
{"command":"true"}
{"command":"echo out; echo err >&2; exit 3"}
{"command":"exit 255"}
{"command":"kill -9 $$"}
{"command":"kill -SEGV $$"}
{"command":"sleep 60","timeout":0.4}
{"command":"trap '' TERM; sleep 60 & wait; sleep 60","timeout":0.4}
{"argv":["/nowhere/no such program"]}
{"command":"MEMORY","mem":"60M"}
{"command":"cat noise","in":"noise"}
{"command":"cat; cat","stdin":"s a i d\n"}
{"argv":["printf","%s|","a  b","'\"$`\\","","two\nlines","*"]}
{"command":"true","out":"gone"}
{"command":"echo $OWN; pwd | grep -c /below$","env":{"OWN":"it's \"own\""},"cwd":"below","in":"../in/plain","out":"made"}
END
    mkdir -p below
    sed -i "s|MEMORY|$python -c 'x = bytearray(200 << 20); import time; time.sleep(60)'|" specs
    # Files elsewhere are known by names from our folder: no cwd with files there.
    sed -i 's|,"in":"../in/plain","out":"made"}|}|' specs
    $sees || sed -i 's|; pwd . grep -c /below$",\(.*\),"cwd":"below"}|; echo 1",\1}|' specs
    farm "${on[@]}" -k --kill-after 0.5 --name sorts.$conforming --tasks specs
    { echo out; cat noise; printf 's a i d\na  b|'\''"$`\\||two\nlines|*|it'\''s "own"\n1\n'; } >want
    verify test "$status" = 9
    verify cmp want "$out"
    verify grep -q '^err$' "$err"
    "$ALLOT" log --json sorts.$conforming | $python -c '
import json, sys
print(" ".join("%s:%s" % (t["cause"], t["signal"] or t["exit_status"]) for t in map(json.loads, sys.stdin)))' >ends
    echo 'exit:0 exit:3 exit:255 signal:9 signal:11 timeout:15 timeout:9 not-started:2 memory:9 exit:0 exit:0 exit:0 output:2 exit:0' >want
    verify diff want ends
}

# Files that go there and come back, alike in every way.
conform_files() {
    local stem
    local -a names=(in/plain 'in/with  two blanks' in/quote* in/$'two\nlines' in/öäü-λ in/-n in/empty)
    farm "${on[@]}" --send {} --fetch {}.up --shared base --shared in/deep --fetch 'made/{/}' \
        'cat base in/deep/link >/dev/null && tr a-z A-Z <{} >{}.up && mkdir -p made/{/} && cp -a base in/deep made/{/}/' \
        ::: "${names[@]}"
    verify test "$status" = 0
    for stem in "${names[@]}"; do
        verify test "$(tr a-z A-Z <"$stem" | cksum)" = "$(cksum <"$stem.up")"
        rm -f "$stem.up"
    done
    mkdir same && cp -a base in/deep same/
    verify diff -a <(tree same) <(tree 'made/with  two blanks')
    # A whole tree, there and back again.
    echo '{"command":"cp -a in back && chmod 600 back/plain","in":"in","out":"back"}' >specs
    farm "${on[@]}" --tasks specs
    verify test "$status" = 0
    chmod 600 in/plain
    verify diff -a <(tree in) <(tree back)
}

# Output as it comes, byte for byte and in whole lines; the environment.
conform_outputs() {
    farm "${on[@]}" -u --shared noise -N0 'cat noise' ::: 1
    verify cmp noise "$out"
    seq 20000 >want
    farm "${on[@]}" --line-buffer -N0 'seq 20000; seq 3000 >&2' ::: 1
    verify cmp want "$out"
    verify test "$(grep -cxE '[0-9]+' "$err")" = 3000
    seq 400 >want
    UNASKED=x ASKED="a 'b'" farm "${on[@]}" --env ASKED --env SET='c  d' -k 'echo {} {#} "$ALLOT_TASK" "$ASKED" "$SET" "${UNASKED-none}"' :::: want
    local unasked
    unasked=$(sed -n '1s/.* //p' "$out")
    ! $clean_env || verify test "$unasked" = none
    verify cmp <(awk -v "u=$unasked" '{ print $1, $1, $1, "a '\''b'\''", "c  d", u }' want) "$out"
}

# What leads out of the folder: nothing of it is written here, nor read.
conform_refusals() {
    expect 1 '' '*No such file*' "${on[@]}" --send {} --fetch {}.x 'test -e {} || { echo "No such file" >&2; exit 1; }' ::: nowhere
    expect 1 '' '*did not*' "${on[@]}" --fetch gone -N0 true ::: 1
    $sees && return
    expect 1 '' '*below the current folder*' "${on[@]}" --send {} true ::: /etc/passwd
    expect 1 '' '*below the current folder*' "${on[@]}" --fetch {} true ::: ../gone
    farm "${on[@]}" --fetch evil -N0 'mkdir evil; ln -s /etc evil/etc; ln -s ../../../x evil/up' ::: 1
    verify test "$status" = 1
    verify test ! -L evil/etc -a ! -L evil/up
}

# The controller is killed: what runs there ends, and the rest is done once somebody resumes.
conform_killed() {
    local controller nap=4$RANDOM.$RANDOM
    "$ALLOT" farm "${on[@]}" --name cut.$conforming -j3 --env NAP=$nap \
        'case {} in 1|2) sleep $NAP;; *) sleep 0.03;; esac; echo {}' ::: $(seq 40) >first 2>"$err" &
    controller=$!
    until_true test -s first
    kill -9 $controller
    wait $controller 2>/dev/null
    allot resume cut.$conforming --env NAP=0
    verify test "$status" = 0
    verify test "$(state cut.$conforming succeeded)" = 40
    verify cmp <(seq 40) <(sort -un first "$out")
    naps_over() { ! pgrep -f "^sleep $nap" >/dev/null; }
    until_true naps_over
}

# No agent, no scratch folder but those of the one that looks.
conform_traces() {
    # shellcheck disable=SC2034 # until_true's: these are runs, not looks
    local patience=5
    traces_gone() {
        [ "$("$ALLOT" farm "${on[@]}" -j1 -N0 'a=$(readlink /proc/$PPID/exe); case $a in */agent-*) ;; *) exec echo 1 1 ;; esac; echo $(ls -l /proc/[0-9]*/exe 2>/dev/null | grep -c " $a\$") $(ls -d "${TMPDIR:-/tmp}"/allot-$(id -u)-* "${a%/*}"/scratch-* 2>/dev/null | wc -l)' ::: 1)" = '1 1' ]
    }
    until_true traces_gone
}
