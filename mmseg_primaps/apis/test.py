"""Evaluate a checkpoint."""

from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict

from ..evaluation.protocol import find_protocol
from ..utils import InputError
from .cli import as_input_error
from .report import write_report
from .train import build_runner


def evaluate(cfg: Config, checkpoint: str, metrics: str | None = None) -> dict[str, Any]:
    """Evaluate ``checkpoint`` on the test set of ``cfg``; returns and writes the figures with their protocol."""
    if '://' not in checkpoint and not Path(checkpoint).is_file():
        raise InputError(f'checkpoint {checkpoint}: no such file; train one first or check the path')
    cfg.load_from = checkpoint
    runner = build_runner(cfg)
    try:
        runner.test()
    except InputError:
        raise
    except Exception as error:
        raise (as_input_error(error) or error) from error
    path = Path(metrics) if metrics else Path(runner.work_dir) / 'test_metrics.json'
    return write_report(runner, runner.test_loop.evaluator, path, checkpoint=checkpoint)


def for_seed(checkpoint: str, seed: int) -> str:
    """The checkpoint of a seed: ``runs/seed_{seed}/epoch_50.pth`` with the number filled in.

    Raises:
        InputError: The path has no ``{seed}``, so that every seed would be the same model.
    """
    if '{seed}' not in checkpoint:
        raise InputError(f'checkpoint {checkpoint}: with --seeds write {{seed}} where the number stands')
    return checkpoint.replace('{seed}', str(seed))


def use_protocol(cfg: Config, name: str) -> None:
    """Evaluate by a named protocol in place of the config's own."""
    protocol = find_protocol(name)
    protocol.apply(cfg)
    cfg.evaluation_protocol = name


def use_crf(cfg: Config) -> None:
    """Also report every prediction refined with the dense CRF."""
    _need_segmentor(cfg, '--crf')
    _test_cfg(cfg).crf = True


def use_flip(cfg: Config) -> None:
    """Average the features with those of the mirrored picture (or use mmseg's own test-time augmentation)."""
    if cfg.model.type == 'PriMaPsSegmentor':
        _test_cfg(cfg).flip = True
    elif 'tta_pipeline' in cfg and 'tta_model' in cfg:
        cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline
        cfg.tta_model.module = cfg.model
        cfg.model = cfg.tta_model
    else:
        _need_segmentor(cfg, '--tta')


def save_predictions(cfg: Config, out: str | None, show_dir: str | None) -> None:
    """Write label maps to ``out`` and coloured pictures to ``show_dir`` while evaluating."""
    if out:
        cfg.test_evaluator = [*_metrics(cfg), {'type': 'IoUMetric', 'format_only': True, 'output_dir': out}]
    if show_dir:
        cfg.default_hooks.visualization = {'type': 'SegVisualizationHook', 'draw': True, 'interval': 1}
        cfg.visualizer.save_dir = show_dir


def _metrics(cfg: Config) -> list[ConfigDict]:
    found = cfg.test_evaluator
    return list(found) if isinstance(found, (list, tuple)) else [found]


def _need_segmentor(cfg: Config, flag: str) -> None:
    if cfg.model.type != 'PriMaPsSegmentor':
        raise InputError(f'{flag} needs model.type=PriMaPsSegmentor, the config has {cfg.model.type}')


def _test_cfg(cfg: Config) -> ConfigDict:
    cfg.model.setdefault('test_cfg', ConfigDict(mode='whole'))
    return cfg.model.test_cfg
