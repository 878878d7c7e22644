#!/usr/bin/env bash
# Train on GPUS processes of this machine, one GPU each; without a GPU they work on the CPU.
#
#   tools/dist_train.sh CONFIG GPUS [options of tools/train.py]
#
# Several machines: run this on each of them with NNODES, NODE_RANK (0, 1, ...), and on all of them MASTER_ADDR and PORT
# of the first.
set -euo pipefail
. "$(dirname "$0")/launch.sh"
need 2 "$@"
config=$1
gpus=$2
shift 2
launch "$gpus" train.py "$config" "$@"
