"""A whole run from the feature store beside the same run that recomputes its features in every step."""

import copy
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

from ..utils import progress
from .benchmark import check_device
from .config import load_config
from .memory import resident
from .train import build_runner

STORE = 'FeatureStoreHook'
METRICS = ('Acc', 'mIoU')
_VISIBLE = 'CUDA_VISIBLE_DEVICES'
EPOCHS = 50
"""Epochs of the run that is told of."""


@dataclass(frozen=True)
class PipelineCase:
    """A run to be timed with and without the feature store."""

    name: str
    config: str
    """File in the folder of configs."""
    gate: float | None = None
    pictures: tuple[int, int] | None = None
    """Use so many pictures of the training and of the test split only."""
    options: dict[str, Any] = field(default_factory=dict)
    """Settings that override the config's."""
    vit: str | None = None
    """timm's name of a ViT that takes the backbone's place, with random weights."""


CASES = [
    PipelineCase('MobileNetV2, CamVid', 'primaps_mobilenetv2_camvid.py', gate=3.0),
    PipelineCase(
        'ViT-S/8 (random weights), 16 + 8 pictures of CamVid',
        'primaps_mobilenetv2_camvid.py',
        gate=10.0,
        pictures=(16, 8),  # as 123 + 59 of the whole set
        options={'train_dataloader.batch_size': 8},
        vit='vit_small_patch8_224',
    ),
]


class EpochClock(Hook):
    """Notes when training epochs begin and end."""

    priority = 'VERY_LOW'

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._start = 0.0

    def before_train_epoch(self, runner: Runner) -> None:
        """Start the clock."""
        self._start = time.perf_counter()

    def after_train_epoch(self, runner: Runner) -> None:
        """Note the time of this epoch."""
        self.seconds.append(time.perf_counter() - self._start)


def benchmark_pipeline(
    configs: str | Path, epochs: int = 6, device: str = 'cpu', cases: list[PipelineCase] | None = None
) -> list[dict[str, Any]]:
    """Time short runs and extrapolate to 50 epochs: what is done once, plus 50 times the median epoch.

    The first epoch, which warms up, counts as done once. Each run has its own process and its own empty cache, so it
    fills the feature store as well.

    Args:
        configs: Folder of the configs.
        epochs: Epochs that are really run, 6 or more for a median of five.
        device: `'cpu'` or `'cuda'`.
        cases: Others than MobileNetV2 and ViT-S/8 on CamVid.

    Returns:
        Rows as of :func:`benchmark`; peaks are of the whole process, `max_error` is the difference of the
        evaluations in percent.

    Raises:
        InputError: The device is not there.
    """
    check_device(device)
    chosen = CASES if cases is None else cases
    with _shown_to_children(device):
        return [_row(case, Path(configs), epochs) for case in progress(chosen, 'benchmark pipeline')]


@contextmanager
def _shown_to_children(device: str) -> Iterator[None]:
    """Hide CUDA devices from the processes of a run on the CPU: mmengine takes one wherever it sees one."""
    before = os.environ.get(_VISIBLE)
    if device == 'cpu':
        os.environ[_VISIBLE] = ''
    try:
        yield
    finally:
        os.environ.pop(_VISIBLE, None)
        if before is not None:
            os.environ[_VISIBLE] = before


def _row(case: PipelineCase, configs: Path, epochs: int) -> dict[str, Any]:
    ours, reference = (_in_process(case, configs, epochs, store) for store in (True, False))
    return {
        'case': f'{case.name}, {EPOCHS} epochs extrapolated from {epochs}',
        'reference': 'features recomputed',
        'threads': torch.get_num_threads(),
        'ours_s': ours['seconds'],
        'reference_s': reference['seconds'],
        'ratio': reference['seconds'] / ours['seconds'],
        'ours_peak_mb': ours['peak'],
        'reference_peak_mb': reference['peak'],
        'max_error': max(abs(ours['metrics'][name] - reference['metrics'][name]) for name in METRICS),
        'gate': case.gate,
    }


def _in_process(case: PipelineCase, configs: Path, epochs: int, store: bool) -> dict[str, Any]:
    """Run in a process of its own, as a fresh start of the tool would."""
    # an executor's processes may have children, which loaders need; those of a Pool may not
    with ProcessPoolExecutor(1, multiprocessing.get_context('spawn')) as executor:
        return executor.submit(_run, case, configs, epochs, store, torch.get_num_threads()).result()


def _run(case: PipelineCase, configs: Path, epochs: int, store: bool, threads: int) -> dict[str, Any]:
    """Seconds, peak in megabytes and metrics of one run."""
    torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory() as folder:
        os.environ['PRIMAPS_CACHE'] = str(Path(folder) / 'cache')
        cfg = shortened(case, configs, epochs, store, Path(folder))
        clock = EpochClock()
        start = time.perf_counter()
        runner = build_runner(cfg)
        runner.register_hook(clock)
        runner.train()
        total = time.perf_counter() - start
        metrics = {name: float(runner.message_hub.get_scalar(f'val/{name}').current()) for name in METRICS}
    once = total - sum(clock.seconds[1:])
    seconds = once + (EPOCHS - 1) * statistics.median(clock.seconds[1:])
    return {'seconds': seconds, 'peak': resident('VmHWM'), 'metrics': metrics}


def shortened(case: PipelineCase, configs: Path, epochs: int, store: bool, folder: Path) -> Config:
    """The config of a short run with one evaluation at its end, with or without the feature store."""
    cfg = load_config(str(configs / case.config), copy.deepcopy(case.options), str(folder / 'work'))
    cfg.train_cfg.max_epochs = cfg.train_cfg.val_interval = cfg.default_hooks.checkpoint.interval = epochs
    cfg.log_level = 'WARNING'
    if not store:
        cfg.custom_hooks = [hook for hook in cfg.custom_hooks if hook['type'] != STORE]
    if case.pictures is not None:
        cfg.train_dataloader.dataset.indices, cfg.val_dataloader.dataset.indices = case.pictures
    if case.vit is not None:
        use_random_vit(cfg, case.vit, folder)
    return cfg


def use_random_vit(cfg: Config, name: str, folder: Path) -> None:
    """Put a ViT of timm with random weights, which go to a file in ``folder``, in the backbone's place."""
    import timm

    path = folder / f'{name}.pth'
    torch.manual_seed(0)
    vit = timm.create_model(name, pretrained=False, num_classes=0, dynamic_img_size=True)
    torch.save(vit.state_dict(), path)
    cfg.model.backbone = {'type': 'TimmViT', 'model_name': name, 'checkpoint': str(path)}
    cfg.model.decode_head.in_channels = vit.num_features
