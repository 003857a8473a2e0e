# Made by `make docs` from the tables of options; edit those.
_allot() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
    local command=${COMP_WORDS[1]} names=
    COMPREPLY=()
    # Words break at =: --type=f is three of them.
    [[ $before != = ]] || before=${COMP_WORDS[COMP_CWORD-2]}
    [[ $word != = ]] || word=
    if ((COMP_CWORD == 1)) || [[ $command == help ]]; then
        COMPREPLY=($(compgen -W 'map machine help --help --version' -- "$word"))
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
    map:--timeout) return ;;
    map:--chunk) return ;;
    map:--progress) COMPREPLY=($(compgen -W 'auto always never' -- "$word")); return ;;
    esac
    case $command in
    map) names='--type --out-type --output --format --column --delimiter --header --function --reduce --threads --timeout --chunk --pin --explain --json --progress --dry-run --quiet --help --version' ;;
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
