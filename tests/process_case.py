"""Small runs that give the same result on any number of processes, and the processes to run them on."""

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.multiprocessing as mp
from mmengine.config import Config

from tests.conftest import tiny_config

GLOBAL_BATCH = 4
TIMEOUT = 400
# gloo would look up the host's own name, which need not lead anywhere
SMALL = {'OMP_NUM_THREADS': '1', 'MKL_NUM_THREADS': '1', 'CUDA_VISIBLE_DEVICES': '', 'GLOO_SOCKET_IFNAME': 'lo'}


def case_config(case: str, camvid: Path, work_dir: Path, processes: int) -> Config:
    """A tiny run without random steps whose global batch is the same whatever the number of processes."""
    name = {'best': 'primaps_best_mobilenetv2_camvid.py', 'kmeans': 'kmeans_mobilenetv2_camvid.py'}
    cfg = tiny_config(name.get(case, 'primaps_mobilenetv2_camvid.py'), camvid, work_dir)
    cfg.train_dataloader.batch_size = GLOBAL_BATCH // processes
    for step in cfg.train_dataloader.dataset.pipeline:
        if step['type'] == 'RandomFlip':
            step['prob'] = 0.0
    if case in ('best', 'plain'):
        cfg.custom_hooks = [hook for hook in cfg.custom_hooks if hook['type'] != 'FeatureStoreHook']
    for hook in cfg.custom_hooks:
        if hook['type'] == 'MomentumPrototypeHook':
            hook['interval'] = 2
        if hook['type'] == 'PrototypeInitHook' and case == 'best':
            hook.update(restarts=2, sample_size=300)  # fewer than there are, so that passes over everything follow
    if case == 'plain':
        cfg.model.type, cfg.model.test_cfg = 'EncoderDecoder', dict(mode='whole')
        one_stage = dict(num_stages=1, strides=(1,), dilations=(1,), out_indices=(0,))
        cfg.model.backbone = dict(type='ResNetV1c', depth=18, norm_cfg=dict(type='BN'), **one_stage)
        cfg.model.decode_head.in_channels = 64
    cfg.default_hooks.logger.interval = 1
    shrink(cfg)
    return cfg


def shrink(cfg: Config, size: int = 48) -> None:
    """Cut every loader's pictures down."""
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        for transform in loader.dataset.pipeline:
            if 'size' in transform:
                transform['size'] = size


def run_case(case: str, camvid: Path, work_dir: Path, processes: int = 1) -> dict[str, Any]:
    """Train; returns the head's tensors, the backbone's digest and the figures that this process has."""
    from mmseg_primaps.apis import build_runner
    from mmseg_primaps.apis.report import write_report
    from mmseg_primaps.engine.hooks.frozen_encoder_hook import bare_model
    from mmseg_primaps.utils.proposal_store import weights_digest

    cfg = case_config(case, camvid, work_dir / case, processes)
    cfg.launcher = 'none' if processes == 1 else 'pytorch'
    runner = build_runner(cfg)
    runner.train()
    report = write_report(runner, runner.val_loop.evaluator, work_dir / case / 'metrics.json', 'last')
    model = bare_model(runner)
    head = {key: value.clone() for key, value in model.decode_head.state_dict().items()}
    scalars = {key: list(runner.message_hub.get_scalar(key).data[0]) for key in runner.message_hub.log_scalars
               if key.startswith('train/') and key.split('/')[1] in SCALARS}  # fmt: skip
    found = {'head': head, 'backbone': weights_digest(model.backbone), 'scalars': scalars}
    return found | {key: value for key, value in report.items() if key != 'protocol'}


SCALARS = ('decode.loss_focal', 'decode.loss_kmeans', 'decode.labelled', 'decode.agreement', 'decode.information')


def on_processes(count: int, work: Callable[[int], None], **variables: str) -> None:
    """Call ``work(rank)`` in forked processes (spawned ones would import everything again), as torchrun would.

    Raises:
        ProcessRaisedException, ProcessExitedException: One of them failed; the others are ended.
        TimeoutError: They hang.
    """
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = str(free.getsockname()[1])
    together = {'WORLD_SIZE': str(count), 'MASTER_ADDR': '127.0.0.1', 'MASTER_PORT': port, **SMALL, **variables}
    context = mp.start_processes(_work, (work, together), nprocs=count, join=False, start_method='fork')
    deadline = time.monotonic() + TIMEOUT
    while not context.join(timeout=1):
        if time.monotonic() > deadline:
            for process in context.processes:
                process.kill()
            raise TimeoutError(f'{count} processes were still at work after {TIMEOUT} s')


def _work(rank: int, work: Callable[[int], None], variables: dict[str, str]) -> None:
    torch.set_num_threads(1)
    os.environ.update({**variables, 'RANK': str(rank), 'LOCAL_RANK': str(rank)})
    work(rank)
    if torch.distributed.is_initialized():
        # torch 2.5 now and then hangs when it takes gloo down: end at once, when all are done
        torch.distributed.barrier()
        os._exit(0)
