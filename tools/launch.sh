# Read by the scripts that start a tool of this folder on several processes.

# the package need not be installed
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}"

# need NUMBER ARGUMENTS...: show the script's own head and end where there are fewer arguments.
need() {
    if [ $# -le "$1" ]; then
        sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
        exit 2
    fi
}

# launch PROCESSES TOOL ARGUMENTS...
launch() {
    local gpus=$1 tool=$2
    shift 2
    case $gpus in
        '' | *[!0-9]* | 0)
            echo "error: GPUS=$gpus: give the number of processes on this machine" >&2
            exit 2
            ;;
    esac
    local nodes=${NNODES:-1} place=()
    if [ "$nodes" = 1 ] && [ -z "${PORT:-}" ]; then
        place=(--standalone) # looks for a free port itself
    else
        place=(--node-rank="${NODE_RANK:-0}" --master-addr="${MASTER_ADDR:-127.0.0.1}" --master-port="${PORT:-29500}")
    fi
    "${PYTHON:-python}" -m torch.distributed.run --nnodes="$nodes" --nproc-per-node="$gpus" "${place[@]}" \
        "$root/tools/$tool" "$@" --launcher pytorch
}
