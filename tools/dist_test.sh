#!/usr/bin/env bash
# Evaluate on GPUS processes of this machine, one GPU each; without a GPU they work on the CPU.
#
#   tools/dist_test.sh CONFIG CHECKPOINT GPUS [options of tools/test.py]
#
# Several machines: run this on each of them with NNODES, NODE_RANK (0, 1, ...), and on all of them MASTER_ADDR and PORT
# of the first.
set -euo pipefail
. "$(dirname "$0")/launch.sh"
need 3 "$@"
config=$1
checkpoint=$2
gpus=$3
shift 3
launch "$gpus" test.py "$config" "$checkpoint" "$@"
