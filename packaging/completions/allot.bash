# Made by `make docs` from the tables of options; edit those.
_allot() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
    local command=${COMP_WORDS[1]} names=
    COMPREPLY=()
    # Words break at =: --type=f is three of them.
    [[ $before != = ]] || before=${COMP_WORDS[COMP_CWORD-2]}
    [[ $word != = ]] || word=
    if ((COMP_CWORD == 1)) || [[ $command == help ]]; then
        COMPREPLY=($(compgen -W 'map farm md runs status engines log resume retry wait cancel add forget machine help --help --version' -- "$word"))
        return
    fi
    case $command:$before in
    map:--type | map:-t) COMPREPLY=($(compgen -W 'i32 i64 u64 i128 f32 f64' -- "$word")); return ;;
    map:--out-type) COMPREPLY=($(compgen -W 'i32 i64 u64 i128 f32 f64' -- "$word")); return ;;
    map:--format) COMPREPLY=($(compgen -W 'text npy' -- "$word")); return ;;
    map:--column | map:-c) return ;;
    map:--delimiter | map:-d) return ;;
    map:--reduce | map:-r) return ;;
    map:--threads | map:-j) return ;;
    map:--on | map:-S) return ;;
    map:--ssh) return ;;
    map:--recsep) return ;;
    map:--on-error) COMPREPLY=($(compgen -W 'stop skip empty' -- "$word")); return ;;
    map:--timeout) return ;;
    map:--chunk) return ;;
    map:--progress) COMPREPLY=($(compgen -W 'auto always never' -- "$word")); return ;;
    farm:--jobs | farm:-j) return ;;
    farm:--tagstring) return ;;
    farm:--colsep | farm:-C) return ;;
    farm:--header) return ;;
    farm:--max-args | farm:-N) return ;;
    farm:--bundle) return ;;
    farm:--retries) return ;;
    farm:--retry-on) return ;;
    farm:--backoff) return ;;
    farm:--timeout) return ;;
    farm:--kill-after) return ;;
    farm:--halt) return ;;
    farm:--delay) return ;;
    farm:--load) return ;;
    farm:--memfree) return ;;
    farm:--cpus) return ;;
    farm:--mem) return ;;
    farm:--mem-grow) return ;;
    farm:--token) return ;;
    farm:--nice) return ;;
    farm:--workdir) return ;;
    farm:--env) return ;;
    farm:--shell) COMPREPLY=($(compgen -W 'auto always never' -- "$word")); return ;;
    farm:--on | farm:-S) return ;;
    farm:--sshlogin) return ;;
    farm:--ssh) return ;;
    farm:--lost-after) return ;;
    farm:--results) return ;;
    farm:--name) return ;;
    farm:--run-dir) return ;;
    farm:--on-interrupt) COMPREPLY=($(compgen -W 'again fail' -- "$word")); return ;;
    farm:--progress) COMPREPLY=($(compgen -W 'auto always never' -- "$word")); return ;;
    md:--lj) return ;;
    md:--output | md:-o) return ;;
    md:--frames) return ;;
    md:--full-frames) return ;;
    md:--renew) return ;;
    md:--units) COMPREPLY=($(compgen -W 'reduced real' -- "$word")); return ;;
    md:--sigma) return ;;
    md:--epsilon) return ;;
    md:--mass) return ;;
    md:--density) return ;;
    md:--temperature) return ;;
    md:--cutoff) return ;;
    md:--modifier) COMPREPLY=($(compgen -W 'none shift force-switch potential-switch' -- "$word")); return ;;
    md:--switch) return ;;
    md:--skin) return ;;
    md:--near-skin) return ;;
    md:--tolerance) return ;;
    md:--dt) return ;;
    md:--integrator) COMPREPLY=($(compgen -W 'md-vv md' -- "$word")); return ;;
    md:--remove-drift) return ;;
    md:--steps | md:-s) return ;;
    md:--seed) return ;;
    md:--every) return ;;
    md:--precision) COMPREPLY=($(compgen -W 'mixed double' -- "$word")); return ;;
    md:--kernel) return ;;
    md:--ranks | md:-n) return ;;
    md:--on | md:-S) return ;;
    md:--threads | md:-j) return ;;
    md:--grid) return ;;
    md:--balance) COMPREPLY=($(compgen -W 'auto never' -- "$word")); return ;;
    md:--tune-pme) return ;;
    md:--timeout) return ;;
    md:--progress) COMPREPLY=($(compgen -W 'auto always never' -- "$word")); return ;;
    resume:--jobs | resume:-j) return ;;
    resume:--tagstring) return ;;
    resume:--colsep | resume:-C) return ;;
    resume:--header) return ;;
    resume:--max-args | resume:-N) return ;;
    resume:--bundle) return ;;
    resume:--retries) return ;;
    resume:--retry-on) return ;;
    resume:--backoff) return ;;
    resume:--timeout) return ;;
    resume:--kill-after) return ;;
    resume:--halt) return ;;
    resume:--delay) return ;;
    resume:--load) return ;;
    resume:--memfree) return ;;
    resume:--cpus) return ;;
    resume:--mem) return ;;
    resume:--mem-grow) return ;;
    resume:--token) return ;;
    resume:--nice) return ;;
    resume:--workdir) return ;;
    resume:--env) return ;;
    resume:--shell) COMPREPLY=($(compgen -W 'auto always never' -- "$word")); return ;;
    resume:--on | resume:-S) return ;;
    resume:--sshlogin) return ;;
    resume:--ssh) return ;;
    resume:--lost-after) return ;;
    resume:--results) return ;;
    resume:--name) return ;;
    resume:--run-dir) return ;;
    resume:--on-interrupt) COMPREPLY=($(compgen -W 'again fail' -- "$word")); return ;;
    resume:--progress) COMPREPLY=($(compgen -W 'auto always never' -- "$word")); return ;;
    retry:--jobs | retry:-j) return ;;
    retry:--tagstring) return ;;
    retry:--colsep | retry:-C) return ;;
    retry:--header) return ;;
    retry:--max-args | retry:-N) return ;;
    retry:--bundle) return ;;
    retry:--retries) return ;;
    retry:--retry-on) return ;;
    retry:--backoff) return ;;
    retry:--timeout) return ;;
    retry:--kill-after) return ;;
    retry:--halt) return ;;
    retry:--delay) return ;;
    retry:--load) return ;;
    retry:--memfree) return ;;
    retry:--cpus) return ;;
    retry:--mem) return ;;
    retry:--mem-grow) return ;;
    retry:--token) return ;;
    retry:--nice) return ;;
    retry:--workdir) return ;;
    retry:--env) return ;;
    retry:--shell) COMPREPLY=($(compgen -W 'auto always never' -- "$word")); return ;;
    retry:--on | retry:-S) return ;;
    retry:--sshlogin) return ;;
    retry:--ssh) return ;;
    retry:--lost-after) return ;;
    retry:--results) return ;;
    retry:--name) return ;;
    retry:--run-dir) return ;;
    retry:--on-interrupt) COMPREPLY=($(compgen -W 'again fail' -- "$word")); return ;;
    retry:--progress) COMPREPLY=($(compgen -W 'auto always never' -- "$word")); return ;;
    wait:--timeout) return ;;
    esac
    case $command in
    map) names='--type --out-type --output --format --column --delimiter --header --function --reduce --threads --on --ssh --lines --null --recsep --on-error --timeout --chunk --pin --explain --json --progress --dry-run --quiet --help --version' ;;
    farm) names='--jobs --keep-order --tag --tagstring --line-buffer --ungroup --arg-file --null --colsep --header --max-args --many --bundle --tasks --dry-run --retries --retry-on --backoff --timeout --kill-after --halt --delay --load --memfree --cpus --mem --mem-grow --token --nice --workdir --env --shell --on --sshlogin --send --fetch --shared --transferfile --return --basefile --trc --cleanup --ssh --lost-after --speculate --joblog --results --name --run-dir --detach --on-interrupt --bar --eta --progress --explain --json --quiet --help --version' ;;
    md) names='--lj --conf --check --topology --parameters --reference --index --output --resume --frames --full-frames --whole --renew --units --sigma --epsilon --mass --density --temperature --cutoff --modifier --switch --dispersion --skin --near-skin --tolerance --dt --integrator --remove-drift --steps --seed --every --precision --kernel --ranks --on --dry-run --threads --grid --balance --tune-pme --timeout --explain --json --progress --quiet --help --version' ;;
    runs) names='--json --help --version' ;;
    status) names='--json --help --version' ;;
    engines) names='--json --help --version' ;;
    log) names='--failed --stdout --stderr --json --help --version' ;;
    resume) names='--jobs --keep-order --tag --tagstring --line-buffer --ungroup --arg-file --null --colsep --header --max-args --many --bundle --tasks --dry-run --retries --retry-on --backoff --timeout --kill-after --halt --delay --load --memfree --cpus --mem --mem-grow --token --nice --workdir --env --shell --on --sshlogin --send --fetch --shared --transferfile --return --basefile --trc --cleanup --ssh --lost-after --speculate --joblog --results --name --run-dir --detach --on-interrupt --bar --eta --progress --explain --json --quiet --help --version' ;;
    retry) names='--jobs --keep-order --tag --tagstring --line-buffer --ungroup --arg-file --null --colsep --header --max-args --many --bundle --tasks --dry-run --retries --retry-on --backoff --timeout --kill-after --halt --delay --load --memfree --cpus --mem --mem-grow --token --nice --workdir --env --shell --on --sshlogin --send --fetch --shared --transferfile --return --basefile --trc --cleanup --ssh --lost-after --speculate --joblog --results --name --run-dir --detach --on-interrupt --bar --eta --progress --explain --json --quiet --help --version' ;;
    wait) names='--timeout --json --help --version' ;;
    cancel) names='--json --help --version' ;;
    add) names='--json --help --version' ;;
    forget) names='--json --help --version' ;;
    machine) names='--json --fresh --help --version' ;;
    help) names='--help --version' ;;
    esac
    if [[ $word == -* ]]; then
        COMPREPLY=($(compgen -W "$names" -- "$word"))
    else
        COMPREPLY=($(compgen -f -- "$word"))
    fi
}
complete -o filenames -F _allot allot
