"""Join the processes that a launcher has started, on machines with and without an accelerator."""

import os
import subprocess
from datetime import timedelta
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import init_dist, is_distributed
from mmengine.model import MMDistributedDataParallel
from mmengine.registry import MODEL_WRAPPERS

from ..utils import InputError

# Ranks wait for each other once proposals or features are there, and hours of work never end at the same minute; a rank
# that died is the launcher's business, which ends all the others.
PATIENCE = timedelta(days=2)
DEFAULT_PORT = '29500'


def join_processes(cfg: Config) -> None:
    """Set up the process group that ``cfg.launcher`` asks for; without a CUDA device it is gloo's.

    mmengine's own set-up wants a CUDA device; it takes a process group that is there. ``env_cfg.dist_cfg`` (backend,
    ``timeout`` in seconds) applies where there is one.
    """
    launcher = cfg.get('launcher', 'none')
    if launcher == 'none' or is_distributed():
        return
    options = {'backend': 'gloo', 'timeout': PATIENCE.total_seconds(), **cfg.get('env_cfg', {}).get('dist_cfg', {})}
    if launcher == 'mpi' or torch.cuda.is_available():
        init_dist(launcher, **options)
        return
    if launcher == 'slurm':
        os.environ.update(slurm_environment(os.environ.copy()))
    torch.distributed.init_process_group('gloo', timeout=timedelta(seconds=float(options['timeout'])))


def slurm_environment(variables: dict[str, str]) -> dict[str, str]:
    """What ``torch.distributed`` wants to know, from what Slurm tells each of its tasks.

    Raises:
        InputError: The variables are not those of a Slurm task.
    """
    try:
        rank, count, nodes = (variables[f'SLURM_{name}'] for name in ('PROCID', 'NTASKS', 'NODELIST'))
    except KeyError as error:
        raise InputError(
            f'--launcher slurm: {error.args[0]} is not set; start with srun (tools/slurm_train.sh)'
        ) from None
    address = variables.get('MASTER_ADDR') or _first_host(nodes)
    return {
        'RANK': rank,
        'WORLD_SIZE': count,
        'LOCAL_RANK': variables.get('SLURM_LOCALID', '0'),
        'MASTER_ADDR': address,
        'MASTER_PORT': variables.get('MASTER_PORT') or DEFAULT_PORT,
    }


def _first_host(nodes: str) -> str:
    """Name of the first host of Slurm's short list, such as ``node[03-07]``."""
    found = subprocess.run(['scontrol', 'show', 'hostname', nodes], capture_output=True, text=True, check=True)
    return found.stdout.split()[0]


@MODEL_WRAPPERS.register_module()
class CPUDistributedDataParallel(MMDistributedDataParallel):
    """mmengine's data-parallel wrapper for models on the CPU, which have no device number."""

    def __init__(self, module: torch.nn.Module, device_ids: list[int] | None = None, **kwargs: Any) -> None:
        super().__init__(module, **{'broadcast_buffers': False, **kwargs})


def wrap_for_cpu(cfg: Config) -> None:
    """Have the runner wrap the model so that it works without a CUDA device, unless the config says how."""
    if is_distributed() and not torch.cuda.is_available() and not cfg.get('model_wrapper_cfg'):
        unused = cfg.get('find_unused_parameters', False)
        cfg.model_wrapper_cfg = {'type': CPUDistributedDataParallel.__name__, 'find_unused_parameters': unused}
