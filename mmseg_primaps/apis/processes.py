"""Join the processes that a launcher has started."""

import torch
from mmengine.config import Config
from mmengine.dist import init_dist, is_distributed


def join_processes(cfg: Config) -> None:
    """Set up the process group that ``cfg.launcher`` asks for, on machines without an accelerator, too.

    mmengine's own set-up for ``torchrun`` wants a CUDA device; afterwards it takes a process group that is there.
    """
    launcher = cfg.get('launcher', 'none')
    if launcher == 'none' or is_distributed():
        return
    options = {'backend': 'gloo', **cfg.get('env_cfg', {}).get('dist_cfg', {})}
    if launcher == 'pytorch' and not torch.cuda.is_available():
        torch.distributed.init_process_group('gloo')
    else:
        init_dist(launcher, **options)
