#!/bin/bash
# md.sh - `allot md` as it is typed: energies against the reference, cuts that do not matter, ends of every kind.
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/cli/harness.bash
. "$ALLOT_SOURCE/tests/cli/harness.bash"
verb=md
md() {
    status=0
    "$ALLOT" md "$@" >"$out" 2>"$err" || status=$?
}
# close_to A B TOLERANCE - as numbers, relative to B.
close_to() { awk -v a="$1" -v b="$2" -v t="$3" 'BEGIN { d = a - b; if (d < 0) d = -d; if (b < 0) b = -b; exit !(d <= t * b) }'; }
# at STEP COLUMN - of the table that was printed: 2 temperature, 3 potential, 5 total, 6 pressure.
at() { awk -v step="$1" -v column="$2" '$1 == step { print $column }' "$out"; }

# ---- the lattice's energy is known: 4000 atoms, density 0.8442, cut-off 2.5 ---------------------------
md --lj 4000 --steps 0 --precision double
verify test "$status" = 0
verify close_to "$(at 0 3)" -6.77336805326 1e-9
verify close_to "$(at 0 6)" -5.01997318209 1e-8
verify close_to "$(at 0 2)" 1.44 1e-9
# The same with fewer than a cube's worth of atoms, and by every kernel.
for kernel in ref avx2 avx512; do
    md --lj 4000 --steps 40 --every 20 --kernel $kernel -j 2 -q
    if [ "$status" = 2 ]; then
        pass_over "--kernel $kernel: this processor does not run it"
        continue
    fi
    verify test "$status" = 0
    verify close_to "$(at 0 3)" -6.77336805326 1e-6
    cp "$out" by.$kernel
    verify close_to "$(at 40 5)" "$(awk '$1 == 40 { print $5 }' by.ref)" 1e-6
done

# ---- the cut does not matter ---------------------------------------------------------------------------
md --lj 1372 --steps 60 --every 60 --precision double -j 1
want=$(at 60 3)
for cut in '-j 2' '-j 3' '--skin 0.2' '--skin 0.9 --near-skin 0.05' '--near-skin 5'; do
    # shellcheck disable=SC2086 # words
    md --lj 1372 --steps 60 --every 60 --precision double $cut
    verify close_to "$(at 60 3)" "$want" 1e-9
done
# The same command, the same bits; another seed, another run.
md --lj 1372 --steps 60 -j 2 -q && cp "$out" first
md --lj 1372 --steps 60 -j 2 -q
verify cmp -s first "$out"
md --lj 1372 --steps 60 -j 2 -q --seed 2
verify test "$status" = 0
verify eval '! cmp -s first "$out"'

# ---- how the potential ends -------------------------------------------------------------------------------
# Whatever it is made to end like, with what lies beyond the cut-off it is about the same, and without it is not.
md --lj 4000 --steps 0 --precision double -q --dispersion
whole=$(at 0 3) pressure=$(at 0 6)
verify close_to "$whole" -7.22599867 1e-8 # -6.77336805 - 8/3 pi 0.8442/2.5^3
verify close_to "$pressure" -5.7841947 1e-7
for modifier in shift force-switch potential-switch; do
    md --lj 4000 --steps 0 --precision double -q --dispersion --modifier $modifier
    verify close_to "$(at 0 3)" "$whole" 0.01
    verify close_to "$(at 0 6)" "$pressure" 0.01
    md --lj 4000 --steps 0 --precision double -q --modifier $modifier
    verify eval '! close_to "$(at 0 3)" "$whole" 0.03'
    bare=$(at 0 3)
    for kernel in ref avx2 avx512; do
        md --lj 4000 --steps 0 -q --modifier $modifier --kernel $kernel
        [ "$status" = 2 ] || verify close_to "$(at 0 3)" "$bare" 1e-6
    done
done
# Steps of 0.005 in double precision: what ends smoothly keeps its energy, what is cut off does not.
md --lj 1372 --steps 400 --every 100 --precision double -q
moved() { awk 'NR > 2 { d = $5 - was; sum += d < 0 ? -d : d } { was = $5 } END { print sum }' "$out"; }
cut=$(moved)
md --lj 1372 --steps 400 --every 100 --precision double -q --modifier force-switch
verify awk -v a="$(moved)" -v b="$cut" 'BEGIN { exit !(a < b / 3) }'
# Where the switch begins matters, and 0.8 of the cut-off is where it does if nothing is said.
md --lj 500 --steps 0 --precision double -q --modifier potential-switch --switch 2 && cp "$out" said
md --lj 500 --steps 0 --precision double -q --modifier potential-switch
verify cmp -s said "$out"
md --lj 500 --steps 0 --precision double -q --modifier potential-switch --switch 1.5
verify eval '! cmp -s said "$out"'
md --lj 500 --switch 2
verify test "$status" = 2
verify grep -q 'where a switch begins' "$err"
md --lj 500 --switch 2.5 --modifier force-switch
verify test "$status" = 2
verify grep -q 'before the cut-off' "$err"

# ---- what it tells ---------------------------------------------------------------------------------------
md --lj 500 --steps 4 --every 2 --json -q
verify test "$($python -c 'import json,sys; print([json.loads(l)["step"] for l in open(sys.argv[1])])' "$out")" = '[0, 2, 4]'
verify test ! -s "$err"
# ---- units, and how time goes on ----------------------------------------------------------------------
# Argon is the same melt: potential 0.99774, temperature 120.0, pressure 419.7 bar for one in reduced units.
md --lj 1372 --steps 60 --every 60 --precision double -q
want=$(at 60 3) && hot=$(at 60 2)
real=(--lj 1372 --steps 60 --every 60 --precision double -q --units real)
md "${real[@]}" --remove-drift 0
verify close_to "$(at 60 3)" "$(awk -v e="$want" 'BEGIN { printf "%.12g", 0.99774 * e }')" 1e-8
verify close_to "$(at 60 2)" "$(awk -v t="$hot" 'BEGIN { printf "%.12g", 0.99774 / 0.00831446262 * t }')" 1e-8
verify test "$(sed -n 2p "$out" | xargs)" = "K kJ/mol kJ/mol kJ/mol bar"
cp "$out" by.default
# Each default is what the page says it is.
md "${real[@]}" --remove-drift 0 --sigma 0.3405 --epsilon 0.99774 --mass 39.948 --cutoff 0.85125 --skin 0.23835 --near-skin 0.051075
verify cmp -s by.default "$out"
md "${real[@]}" --remove-drift 0 --density 21.3842488194 --temperature 172.800776909 --dt 0.0107727343211
verify close_to "$(at 60 3)" "$(awk '$1 == 60 { print $3 }' by.default)" 1e-6
md "${real[@]}"
cp "$out" by.default
md "${real[@]}" --remove-drift 100
verify cmp -s by.default "$out"
# Another potential in reduced units: its defaults are its own, too.
md --lj 1372 --steps 60 --every 60 --precision double -q --sigma 2 --epsilon 4 --mass 9
verify close_to "$(at 60 3)" "$(awk -v e="$want" 'BEGIN { printf "%.12g", 4 * e }')" 1e-8
verify close_to "$(at 60 2)" "$(awk -v t="$hot" 'BEGIN { printf "%.12g", 4 * t }')" 1e-8
md --lj 1372 --steps 60 --every 60 --units real
verify grep -q ' ns/day; the energy went from .* kJ/mol an atom$' "$err"
# Leap-frog: from a lattice, where no force is, the same path; kinetic energy is another's.
md --lj 1372 --steps 60 --every 60 --precision double -q
moving=$(at 60 4)
md --lj 1372 --steps 60 --every 60 --precision double -q --integrator md
verify close_to "$(at 60 3)" "$want" 1e-8
verify close_to "$(at 60 4)" "$moving" 1e-2
verify eval '! close_to "$(at 60 4)" "$moving" 1e-5'

# ---- refusals ----------------------------------------------------------------------------------------------
expect 2 '' '*what is to be simulated*'
expect 2 '' '*takes no operands*' --lj 500 more
expect 2 '' '*--kernel abacus*' --lj 500 --kernel abacus
expect 2 '' '*not a positive number*' --lj 500 --dt -1
expect 2 '' '*not a positive number*' --lj 500 --density nan
expect 2 '' "*did you mean '--density'*" --lj 500 --densty 1
expect 1 '' '*shorter than cut-off and skin*' --lj 20
md --lj 500 --dt 1 --steps 50
verify test "$status" = 1
verify grep -q 'step [0-9]*: .*blew up' "$err"

# ---- files, and going on --------------------------------------------------------------------------------
whole=(--lj 1372 --steps 3000 --every 500 --frames 500 --full-frames 1000 --renew 200 -j 2 -q)
md "${whole[@]}" -o once
verify test "$status" = 0
# Ended in the middle, and once more by kill -9: the same bits in every file in the end.
"$ALLOT" md "${whole[@]}" -o again >"$out" 2>"$err" &
simulation=$!
until_true grep -q '^ *500 ' "$out"
kill -TERM $simulation
wait $simulation
verify test "$?" = 143
verify test -s again/checkpoint
"$ALLOT" md "${whole[@]}" -o again --resume >"$out" 2>"$err" &
simulation=$!
until_true grep -q '^ *1500 ' "$out"
kill -9 $simulation
wait $simulation 2>/dev/null
md "${whole[@]}" -o again --resume
verify test "$status" = 0
for file in energies.xvg energies.jsonl trajectory.xtc trajectory.trr final.gro checkpoint; do
    verify cmp once/$file again/$file
done
# Nothing to do is no fault; a folder with a run in it is not begun anew; another run does not go on there.
md "${whole[@]}" -o again --resume
verify test "$status" = 0
verify cmp once/energies.xvg again/energies.xvg
expect 2 '' '*has a simulation in it*--resume*' "${whole[@]}" -o once
expect 2 '' '*checkpoint: was made with "dt*' "${whole[@]}" -o once --resume --dt 0.001
# Other units or another potential are another run.
expect 2 '' '*checkpoint: was made with "units reduced", and now it is "units real"*' "${whole[@]}" -o once --resume --units real
expect 2 '' '*was made with "integrator md-vv"*' "${whole[@]}" -o once --resume --integrator md
expect 2 '' '*was made with "sigma 1"*' "${whole[@]}" -o once --resume --sigma 1.1
expect 2 '' '*was made with "epsilon 1"*' "${whole[@]}" -o once --resume --epsilon 1.1
expect 2 '' '*was made with "mass 1"*' "${whole[@]}" -o once --resume --mass 2
expect 2 '' '*was made with "remove-drift 0"*' "${whole[@]}" -o once --resume --remove-drift 10
# Leap-frog in real units: as velocity Verlet, the same bits in every file.
leap=(--lj 1372 --units real --integrator md --remove-drift 30 --every 50 --frames 50 --full-frames 100 --renew 100 -j 2 -q)
md "${leap[@]}" --steps 400 -o leap
verify test "$status" = 0
md "${leap[@]}" --steps 200 -o leap.again
md "${leap[@]}" --steps 400 -o leap.again --resume
verify test "$status" = 0
for file in energies.xvg energies.jsonl trajectory.xtc trajectory.trr final.gro checkpoint; do
    verify cmp leap/$file leap.again/$file
done
verify grep -q 'label "(K), (kJ/mol), (bar)"' leap/energies.xvg
verify test "$(head -n 1 leap/final.gro)" = "Lennard-Jones atoms"
md --conf leap/final.gro --units real --steps 0 --precision double -q
verify close_to "$(at 0 3)" "$(tail -n 1 leap/energies.jsonl | $python -c 'import json,sys; print(json.loads(sys.stdin.read())["potential"])')" 1e-4
# A damaged checkpoint: the one before, with a warning.
printf x | dd of=again/checkpoint bs=1 seek=300 conv=notrunc status=none
cp -r again broken
md "${whole[@]}" -o again --resume
verify test "$status" = 0
verify grep -q 'checkpoint' "$err"
verify cmp once/final.gro again/final.gro
printf x | dd of=broken/checkpoint.1 bs=1 seek=300 conv=notrunc status=none
md "${whole[@]}" -o broken --resume
verify test "$status" = 1
# What it wrote it can begin from.
md --conf once/final.gro --steps 10 --every 10 --precision double -q
verify close_to "$(at 0 3)" "$(tail -n 1 once/energies.jsonl | $python -c 'import json,sys; print(json.loads(sys.stdin.read())["potential"])')" 1e-4
sed 's/^\(.\{22\}\)./\1x/' once/final.gro >bad.gro
expect 1 '' '*bad.gro:3:*' --conf bad.gro
expect 1 '' '*nowhere.gro*No such file*' --conf nowhere.gro
expect 2 '' '*choose one*' --conf once/final.gro --lj 500
expect 2 '' '*Name its folder*' --lj 500 --resume
expect 2 '' '*three numbers of domains*2x2x1*' --lj 500 --grid 2x2
expect 2 '' '*2x1x1 has 2 domains*possible is 1x1x1*' --lj 4000 --grid 2x1x1
# ---- boxes that are not rectangular: five lines of atoms in one that leans too much, and in its twin ------
box() { # box NUMBER... - 1000 atoms along the vectors of a cube of edge 11, in a box of these numbers
    $python - "$@" <<END
import sys
print("leaning\n1000")
for k in range(1000):
    x = [1.1 * (k // 100) + 0.01 * (k % 7), 1.1 * (k // 10 % 10), 1.1 * (k % 10)]
    print(f"{k + 1:5d}LJ      LJ{k + 1:5d}" + "".join(f"{part:8.3f}" for part in x) + "".join(f"{0:8.4f}" for _ in x))
print(*sys.argv[1:])
END
}
box 11 11 11 0 0 -3 0 4 5 >leaning.gro
box 11 11 11 0 0 8 0 23 16 >twin.gro # b + a, c + b + a
md --conf leaning.gro --steps 20 --every 20 --precision double -o leaning
verify test "$status" = 0
want=$(at 20 3)
verify test "$(tail -n 1 leaning/final.gro)" = '11.000000000 11.000000000 11.000000000 0.000000000 0.000000000 -3.000000000 0.000000000 4.000000000 5.000000000'
md --conf twin.gro --steps 20 --every 20 --precision double
verify close_to "$(at 20 3)" "$want" 1e-10
verify grep -q 'twin.gro: the box leans by more than half an edge: taken as 11.00000 11.00000 11.00000 0 0 -3.00000 0 4.00000 5.00000, which is the same crystal' "$err"
md --conf twin.gro --steps 0 -q
verify test ! -s "$err"
box 11 11 11 0 0.5 0 0 0 0 >bad.gro
expect 1 '' '*bad.gro: the first vector of the box must lie along x*' --conf bad.gro
box 11 0 11 >bad.gro
expect 1 '' '*bad.gro: the box has no volume: its edges are 11, 0 and 11*' --conf bad.gro
box 11 11 11 0 0 0 0 5.5 0 >bad.gro # wide enough, if it did not lean: 121 / 12.298
expect 1 '' '*a box of 9.8387 x 11 x 11 between its faces*shorter than cut-off and skin, 10*' --conf bad.gro --cutoff 9.3
# A blow-up leaves what it can go on from, and says where.
md --lj 500 --dt 0.03 --steps 5000 --every 1000 --renew 1 -o blown -q
verify test "$status" = 1
verify grep -q 'what there was at step [0-9]* is in blown/checkpoint' "$err"
verify test -s blown/checkpoint
# Which atom, and who was beside it; from a file with the names that it has there.
md --lj 500 --dt 0.05 --steps 100 -q
verify grep -q 'Farthest went atom [0-9]*: it was at (.*) when pairs were last listed, and came to (.*); beside it were atoms [0-9]* at [0-9.]*, ' "$err"
md --lj 500 --steps 0 -o named -q
md --conf named/final.gro --dt 0.05 --steps 100 -q
verify test "$status" = 1
verify grep -q 'Farthest went atom [0-9]* (LJ of [0-9]*LJ): it was at .* beside it were atoms [0-9]* (LJ of [0-9]*LJ) at ' "$err"
# Energy that comes from nowhere is noticed before an atom is astray; hot, cold and melting systems are not suspected.
md --lj 500 --dt 0.03 --steps 2000 --every 1 -q
verify test "$status" = 1
verify grep -q 'the total energy jumped from [-0-9.]* an atom at step [0-9]* to [-+e0-9.]*, by more than half' "$err"
for thermal in 1e-9 0.1 50; do
    md --lj 500 --temperature $thermal --dt 0.0005 --steps 100 --every 10 -q
    verify test "$status" = 0
done

# ---- the log ------------------------------------------------------------------------------------------
md --lj 500 --steps 100 --every 20 -o logged -q
verify test "$status" = 0
verify grep -q '^system    500 atoms; box 8.39' logged/md.log
verify test "$(grep -cE '^ +[0-9]+ +[0-9.]+ +-' logged/md.log)" = 6
verify close_to "$(awk '$1 == "total" && NF > 3 { print $2 }' logged/md.log)" "$(awk 'NF == 6 && $1 ~ /^[0-9]+$/ { s += $5; n++ } END { printf "%.10g", s / n }' logged/md.log)" 1e-7
verify grep -q '^the total energy drifts by ' logged/md.log
verify grep -q '^peak      forces: 29 operations a computed pair, .* %$' logged/md.log
verify grep -q '^allot md: 100 steps of 500 atoms' logged/md.log
md --lj 500 --steps 200 --every 20 -o logged --resume -q # goes on behind it
verify test "$(grep -c '^allot md, on .*: from step' logged/md.log)" = 2
verify grep -q ': from step 100 to 200$' logged/md.log
# A full disk: said, with what there is still whole.
if mkdir full && mount -t tmpfs -o size=256k tmpfs full 2>/dev/null; then
    md --lj 1372 --steps 2000 --full-frames 20 --renew 100 -o full/run -q
    verify test "$status" = 1
    verify grep -q 'trajectory.trr.*No space left' "$err"
    umount full
else
    pass_over "a full disk: a file system cannot be mounted here"
fi

# ---- ends of other kinds ---------------------------------------------------------------------------------
"$ALLOT" md --lj 32000 --steps 1000000 --every 1000000 >"$out" 2>"$err" &
simulation=$!
until_true grep -q ' 0 ' "$out"
sleep 0.3
kill -INT $simulation
wait $simulation
verify test "$?" = 130
verify test "$(grep -c . "$out")" = 3 # the head, the first step, and the one it ended at
md --lj 32000 --steps 1000000 --every 10 --timeout 0.5
verify test "$status" = 124
"$ALLOT" md --lj 500 --steps 100000 --every 1 2>"$err" | head -n 3 >"$out"
verify test "${PIPESTATUS[0]}" != 0
"$ALLOT" md --lj 500 --steps 10 >/dev/full 2>"$err"
verify test "$?" = 1
verify grep -q 'standard output' "$err"
done_testing
