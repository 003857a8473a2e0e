#!/bin/bash
# restart.sh - edges of domains that have moved are in the checkpoint: what goes on from it has the same bits. What moves
# them is measured time, so they are kept where they are once they have moved.
# SPDX-License-Identifier: Apache-2.0
source "$ALLOT_SOURCE/tests/mpi/common.sh"
for n in 2 8; do
    [ "$(on $n "$ALLOT_BUILD/tests/md_ranks" restart "$scratch/state.$n" 2>&1)" = "the same bits" ] || complain "$n ranks: other bits"
done

# As it is typed. A crystal in the corner of a box.
awk 'BEGIN {
    print "a corner"; print 500
    for (k = 0; k < 1000; k++) {
        x = k % 10; y = int(k / 10) % 10; z = int(k / 100)
        if ((x + y + z) % 2 == 0)
            printf "%5dLJ      LJ%5d%8.3f%8.3f%8.3f\n", ++n, n, 0.4 + 0.8 * x, 0.4 + 0.8 * y, 0.4 + 0.8 * z
    }
    print 20, 20, 20 }' >"$scratch/corner.gro"
md=("$ALLOT_BUILD/allot-md-mpi" --conf "$scratch/corner.gro" --temperature 0.6 --every 100 --renew 100 --skin 0.3 -j 1 -q)
# nedges FOLDER - how many edges its checkpoint has.
nedges() { od -A n -t u8 -j 160 -N 8 "$1/checkpoint" | tr -d ' '; }
on 4 -q "${md[@]}" --grid 2x2x1 --steps 400 -o "$scratch/moved" >/dev/null || complain "it does not run"
[ "$(nedges "$scratch/moved")" = 17 ] || complain "no edges have moved, or they were not written: $(nedges "$scratch/moved")"
cp -r "$scratch/moved" "$scratch/again"
cp -r "$scratch/moved" "$scratch/fewer"
# The grid need not be named: with as many ranks it is the checkpoint's.
on 4 -q "${md[@]}" --balance never --steps 700 -o "$scratch/moved" --resume --explain >/dev/null 2>"$scratch/err"
grep -q '2x2x1 domains on 4 of 4 ranks, as the checkpoint has it: ' "$scratch/err" || complain "another grid: $(cat "$scratch/err")"
[ "$(nedges "$scratch/moved")" = 17 ] || complain "edges were lost on the way: $(nedges "$scratch/moved")"
on 4 -q "${md[@]}" --balance never --steps 500 -o "$scratch/again" --resume >/dev/null
on 4 -q "${md[@]}" --balance never --steps 700 -o "$scratch/again" --resume >/dev/null
for file in energies.jsonl final.gro checkpoint; do
    cmp "$scratch/moved/$file" "$scratch/again/$file" || complain "it went on to another $file"
done
# Fewer ranks go on from there, too, with domains of one size.
on 2 -q "${md[@]}" --balance never --steps 500 -o "$scratch/fewer" --resume >/dev/null || complain "two ranks do not go on"
[ "$(nedges "$scratch/fewer")" = 0 ] || complain "two ranks have $(nedges "$scratch/fewer") edges"
exit $failed
