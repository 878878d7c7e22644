"""A whole run on scenes that the package makes: seconds of every stage, memory and disk, for ever more pictures.

    python benchmarks/whole_run.py --pictures 64 128 256 --json whole_run.json --plot whole_run.png
    python benchmarks/whole_run.py --pictures 2975 --val 500 --vit vit_small_patch8_224 --size 320 --epochs 50

The second line is of Cityscapes' size, with random weights; it takes a GPU if there is one. Every number of pictures
has a process and an empty cache of its own. Memory is what the process holds beside mapped
files, which the system caches.
"""

import argparse
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmseg_primaps.apis import build_runner, load_config
from mmseg_primaps.apis.benchmark import write_rows
from mmseg_primaps.apis.benchmark_pipeline import use_random_vit
from mmseg_primaps.apis.memory import resident
from mmseg_primaps.datasets.scenes import write_scenes

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
STAGES = {'FeatureStoreHook': 'features', 'MaskProposalHook': 'proposals', 'PrototypeInitHook': 'start'}


class Watch(Hook):
    """Notes the time of EM and of the evaluation, and the largest memory beside mapped files."""

    priority = 'VERY_LOW'

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.memory = 0.0
        self._began: dict[str, float] = {}

    def look(self) -> None:
        """Note the memory of this moment."""
        self.memory = max(self.memory, resident('RssAnon') or 0.0)

    def begin(self, stage: str) -> None:
        """Start a stage's clock."""
        self._began[stage] = time.perf_counter()

    def end(self, stage: str) -> None:
        """Add to a stage's time."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - self._began[stage]
        self.look()

    def before_train_epoch(self, runner: Runner) -> None:
        """An epoch of EM begins."""
        self.begin('em')

    def after_train_iter(self, runner: Runner, *_: Any, **__: Any) -> None:
        """Look at the memory while a batch is in it."""
        self.look()

    def after_train_epoch(self, runner: Runner) -> None:
        """An epoch of EM ends."""
        self.end('em')

    def before_val_epoch(self, runner: Runner) -> None:
        """The evaluation begins."""
        self.begin('evaluation')

    def after_val_epoch(self, runner: Runner, metrics: Any = None) -> None:
        """The evaluation ends."""
        self.end('evaluation')


def timed(function: Callable[[Runner], None], stage: str, watch: Watch) -> Callable[[Runner], None]:
    """A hook's `before_train` that notes how long it takes."""

    def call(runner: Runner) -> None:
        watch.begin(stage)
        function(runner)
        watch.end(stage)

    return call


def run(pictures: int, options: argparse.Namespace, scenes: str) -> dict[str, Any]:
    """One whole run."""
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        os.environ['PRIMAPS_CACHE'] = str(Path(folder) / 'cache')
        cfg = load_config(str(CONFIGS / 'quickstart.py'), {'data_root': scenes}, str(Path(folder) / 'work'))
        cfg.train_cfg.max_epochs = cfg.train_cfg.val_interval = cfg.default_hooks.checkpoint.interval = options.epochs
        cfg.log_level = 'WARNING'
        cfg.train_dataloader.dataset.indices, cfg.train_dataloader.batch_size = pictures, options.batch_size
        for name in ('train', 'val', 'test'):
            loader = cfg[f'{name}_dataloader']
            loader.num_workers, loader.persistent_workers = options.workers, options.workers > 0
            for transform in loader.dataset.pipeline:
                if 'size' in transform:
                    transform['size'] = options.size
        if options.vit:
            use_random_vit(cfg, options.vit, Path(folder))
        watch, start = Watch(), time.perf_counter()
        runner = build_runner(cfg)
        for hook in runner.hooks:
            if stage := STAGES.get(type(hook).__name__):
                hook.before_train = timed(hook.before_train, stage, watch)
        runner.register_hook(watch)
        runner.train()
        total = time.perf_counter() - start
        disk = sum(path.stat().st_size for path in Path(os.environ['PRIMAPS_CACHE']).rglob('*') if path.is_file())
    return {
        'pictures': pictures,
        **{f'{stage}_s': seconds for stage, seconds in watch.seconds.items()},
        'whole_s': total,
        'memory_mb': watch.memory,
        'gpu_peak_mb': torch.cuda.max_memory_allocated() / 2**20 if torch.cuda.is_available() else None,
        'cache_mb': disk / 2**20,
        'device': torch.cuda.get_device_name() if torch.cuda.is_available() else 'cpu',
    }


def plot(rows: list[dict[str, Any]], path: str) -> None:
    """Seconds of the stages, and memory, over pictures."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout='constrained')
    left, right = figure.subplots(1, 2)
    pictures = [row['pictures'] for row in rows]
    for name in rows[0]:
        if name.endswith('_s') and name != 'whole_s':
            left.plot(pictures, [row[name] for row in rows], 'o-', label=name[:-2])
    right.plot(pictures, [row['memory_mb'] for row in rows], 'o-', label='memory beside mapped files')
    right.plot(pictures, [row['cache_mb'] for row in rows], 'o-', label='features and proposals on disk')
    for axes, title in ((left, 'seconds'), (right, 'MB')):
        axes.set(xlabel='training pictures', title=title, xlim=(0, None), ylim=(0, None))
        axes.legend()
    figure.savefig(path, dpi=110)


def main() -> None:
    """Parse the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--pictures', type=int, nargs='+', default=[64, 128, 256])
    parser.add_argument('--val', type=int, default=16, help='scenes to evaluate on')
    parser.add_argument('--epochs', type=int, default=10)
    parser.add_argument('--batch-size', type=int, default=16)
    parser.add_argument('--size', type=int, default=320, help='side of the crops in pixels')
    parser.add_argument('--vit', help='a ViT of timm with random weights (hand-crafted features by default)')
    parser.add_argument('--workers', type=int, default=0, help='processes that load pictures')
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--scenes', help='folder that keeps the scenes for another time')
    parser.add_argument('--json', help='file to write the rows to')
    parser.add_argument('--plot', help='PNG file to draw the curves to')
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scenes = write_scenes(Path(options.scenes or folder), max(options.pictures), options.val)
        rows = []
        for pictures in options.pictures:
            with ProcessPoolExecutor(1, multiprocessing.get_context('spawn')) as executor:
                rows.append(executor.submit(run, pictures, options, str(scenes)).result())
    for one in rows:
        figures = {name: round(value, 1) if isinstance(value, float) else value for name, value in one.items()}
        print(', '.join(f'{name} {value}' for name, value in figures.items()))
    if options.json:
        write_rows(rows, options.json)
    if options.plot:
        plot(rows, options.plot)


if __name__ == '__main__':
    main()
