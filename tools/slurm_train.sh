#!/usr/bin/env bash
# Train as a Slurm job, one process a GPU.
#
#   tools/slurm_train.sh PARTITION JOB_NAME CONFIG [options of tools/train.py]
#
# Environment: GPUS (all processes, 8), GPUS_PER_NODE (8, at most GPUS; 0 for machines without), TASKS_PER_NODE (that of
# GPUS_PER_NODE), CPUS_PER_TASK (5), SRUN_ARGS (further options of srun), PORT (29500).
set -euo pipefail
. "$(dirname "$0")/launch.sh"
need 3 "$@"
partition=$1
job_name=$2
config=$3
shift 3
gpus=${GPUS:-8}
per_node=${GPUS_PER_NODE:-$((gpus < 8 ? gpus : 8))}
tasks=${TASKS_PER_NODE:-$((per_node > 0 ? per_node : gpus))}
export MASTER_PORT=${PORT:-29500}
resources=()
if [ "$per_node" -gt 0 ]; then
    resources=(--gres="gpu:$per_node")
fi
# a rank that dies would leave the others waiting: end them all, then start the job again with --resume
# shellcheck disable=SC2086 # SRUN_ARGS holds several words
srun --partition="$partition" --job-name="$job_name" --ntasks="$gpus" --ntasks-per-node="$tasks" \
    --cpus-per-task="${CPUS_PER_TASK:-5}" --kill-on-bad-exit=1 ${resources[@]+"${resources[@]}"} ${SRUN_ARGS:-} \
    "${PYTHON:-python}" -u "$root/tools/train.py" "$config" --launcher slurm "$@"
