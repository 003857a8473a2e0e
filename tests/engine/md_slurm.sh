#!/bin/bash
# md_slurm.sh - `allot md` in a real Slurm: an allocation of its own, one that is there, and under srun; the same
# energies as here, and whatever ends it leaves what it can go on from.
# SPDX-License-Identifier: Apache-2.0
# shellcheck source=tests/cli/harness.bash
. "$ALLOT_SOURCE/tests/cli/harness.bash"
# shellcheck source=tests/engine/slurm.bash
. "$ALLOT_SOURCE/tests/engine/slurm.bash"
verb=md
command -v mpirun >/dev/null || { pass_over "no mpirun (openmpi-bin)"; exit 77; }
[ -x "$ALLOT_BUILD/allot-md-mpi" ] || { pass_over "built without MPI (libopenmpi-dev)"; exit 77; }
start_slurm
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
# Four nodes that are one machine: its shared memory would be taken for that of one node.
export OMPI_MCA_btl=tcp,self OMPI_MCA_btl_tcp_if_include=lo OMPI_MCA_oob_tcp_if_include=lo
export OMPI_MCA_mpi_yield_when_idle=1 # and with fewer processors than ranks
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0 # Open MPI keeps memory to its end
md() {
    status=0
    "$ALLOT" md "$@" >"$out" 2>"$err" || status=$?
}
digits() { grep -o '"[a-z]*":[-0-9.e]*' "$1" | awk -F : '{ printf "%s %.10g\n", $1, $2 }'; }
no_jobs() { [ -z "$(squeue -h)" ]; }

# ---- the same as here -----------------------------------------------------------------------------------
melt=(--lj 1372 --steps 20 --every 10 --precision double --json)
md "${melt[@]}" -q
digits "$out" >expected
md "${melt[@]}" --on slurm:nodes=2,time=10m -n 4 --explain --balance never
verify test "$status" = 0
verify cmp expected <(digits "$out")
verify grep -q '^allot md: .* of 4 ranks, ' "$err"
verify grep -q 'Granted job allocation' "$err"
verify grep -q '^{"steps":20,"atoms":1372,.*"efficiency":' "$err"
# One rank a node; the threads are the node's. Quietly.
md "${melt[@]}" --on slurm:nodes=2 -q --grid 1x1x2
verify test "$status" = 0
verify cmp expected <(digits "$out")
verify test ! -s "$err"
until_true no_jobs

# ---- refused: by Slurm, by us; and what cannot go on ----------------------------------------------------
expect 1 '' '*nvalid partition*' "${melt[@]}" --on slurm:partition=nowhere -n 2
expect 2 '' '*--on slurm:nodes: *KEY=VALUE*' "${melt[@]}" --on slurm:nodes -n 2
expect 2 '' '*one allocation of Slurm*' "${melt[@]}" --on localhost -n 2
md "${melt[@]}" --on slurm -n 2 -q --grid 2x2x1
verify test "$status" = 2
verify grep -q 'rank 0 of 2: a grid of 2x2x1 has 4 domains' "$err"

# ---- ended in the middle: what it says, what it leaves, and how that goes on -----------------------------
long=(--lj 500 --every 100 --renew 100 --frames 0 --grid 1x1x2 --balance never -j 1)
# begin FOLDER WORD... - steps without end, until some are done.
begin() {
    "$ALLOT" md "${long[@]}" --steps 100000000 --on slurm:nodes=2 -n 2 -o "$1" >"$out" 2>"$err" &
    simulation=$!
    until_true grep -q '^ *200 ' "$out"
}
# ends FOLDER STATUS
ends() {
    status=0
    wait "$simulation" || status=$?
    verify test "$status" = "$2"
    verify test -s "$1/checkpoint"
    verify grep -q 'ended at step [0-9]* of 100000000; the same command with --resume goes on' "$err"
    verify test "$(grep -c 'with --resume goes on' "$err")" = 1
}
begin term
kill -TERM $simulation
ends term 143
begin int
kill -INT $simulation
ends int 130
begin notice # what Slurm does before the time is up
scancel --me --signal=USR1
ends notice 138
until_true no_jobs
# It goes on from a step that is a multiple of 100: end it 200 later, and compare with what was not ended.
steps=$(($(od -A n -t u8 -j 16 -N 8 term/checkpoint) + 200))
md "${long[@]}" --steps $steps --on slurm -n 2 -o term --resume -q
verify test "$status" = 0
"$ALLOT" md "${long[@]}" --steps $steps -n 2 -o whole -q >"$out" 2>"$err"
for file in energies.xvg energies.jsonl final.gro checkpoint; do verify cmp whole/$file term/$file; done

# Ctrl-C at a terminal, where progress is shown.
$python - "$ALLOT" md "${long[@]}" --steps 100000000 --on slurm:nodes=2 -n 2 -o terminal <<'END' >terminal.out 2>&1
import os, pty, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], ["allot"] + sys.argv[2:])
said, asked = b"", False
while True:
    try:
        some = os.read(fd, 4096)
    except OSError:
        break
    if not some:
        break
    said += some
    if not asked and b"\r" in said and b"steps" in said and b"day" in said:
        os.write(fd, b"\x03")
        asked = True
sys.stdout.buffer.write(said)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
verify test "$?" = 130
verify grep -q 'with --resume goes on' terminal.out
verify test -s terminal/checkpoint

# In the queue: given up, nothing is left.
"$ALLOT" md "${melt[@]}" --on slurm:begin=now+1hour -n 2 >"$out" 2>"$err" &
simulation=$!
until_true eval '[ -n "$(squeue -h -n allot-md)" ]'
kill -TERM $simulation
wait $simulation
verify test "$?" = 143
until_true no_jobs

# ---- an allocation that is there, and srun ----------------------------------------------------------------
salloc -q --ntasks=2 --nodes=2 "$ALLOT" md "${melt[@]}" --on slurm -n 2 -q >"$out" 2>"$err" || fail "salloc allot md: $(cat "$err")"
verify cmp expected <(digits "$out")
status=0
srun --mpi=none -n 3 "$ALLOT" md "${melt[@]}" >"$out" 2>"$err" || status=$?
verify test "$status" = 2
verify test ! -s "$out"
verify test "$(grep -c 'srun started 3 of this, and each found itself alone.*srun --mpi=pmix; or mpirun -n 3' "$err")" = 1
srun --mpi=none -n 2 "$ALLOT" md "${melt[@]}" -n 1 -q -j 1 >"$out" 2>"$err" || fail "two simulations: $(cat "$err")"
verify test "$(grep -c '"step":20' "$out")" = 2
if srun --mpi=list 2>&1 | grep -qw pmix; then
    srun --mpi=pmix -N 1 -n 2 "$ALLOT" md "${melt[@]}" -q -j 1 >"$out" 2>"$err" || fail "srun --mpi=pmix: $(cat "$err")"
    verify cmp expected <(digits "$out")
else
    pass_over "srun --mpi=pmix: this Slurm has no pmix"
fi
done_testing
