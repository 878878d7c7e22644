"""Fit LightCluster to a set of pictures, evaluate it, and leave what others can use."""

import json
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.device import get_device
from mmengine.dist import is_main_process
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmengine.runner import set_random_seed
from mmseg.registry import DATASETS, METRICS, MODELS
from mmseg.utils import register_all_modules

from ..engine.clean_pictures import CleanPictures
from ..engine.lightcluster import Fit, StageFolder, run_stages
from ..engine.lightcluster.checkpoint import KINDS, save_checkpoint
from ..engine.lightcluster.evaluation import evaluate_blocks
from ..engine.lightcluster.pipeline import NAMES
from ..engine.lightcluster.proposals import write_proposals
from ..engine.lightcluster.sheets import draw_panel
from ..evaluation.metrics import LightClusterMetric
from ..models.segmentors import LightClusterSegmentor
from ..utils import InputError
from ..utils.proposal_store import write_whole
from ..version import __version__
from .cli import as_input_error
from .lightcluster_report import CHECKPOINT, figures, protocol, without_nan
from .processes import join_processes

DEFAULTS = {'batch_size': 8, 'block_size': 32, 'checkpoint': 'auto', 'proposals': None, 'pictures': 6, 'stages': None}


def lightcluster(cfg: Config, until: str | None = None) -> dict[str, Any]:
    """Run all stages of ``cfg``, resuming what an earlier run left, and return the figures.

    The work folder then holds ``stages/``, ``lightcluster.pth`` (for mmseg's ``init_model`` and ``tools/test.py``),
    ``pictures/``, ``proposals/`` where ``lightcluster.proposals`` asks for them, and ``metrics.json``.

    Args:
        cfg: A config whose model is a ``LightClusterSegmentor``.
        until: Last stage to run, one of :data:`~mmseg_primaps.engine.lightcluster.pipeline.NAMES`.

    Raises:
        InputError: Config, pictures or numbers of clusters cannot work.
    """
    if until is not None and until not in NAMES:
        raise InputError(f'--until {until}: choose one of {", ".join(NAMES)}')
    options = _options(cfg)
    try:
        fit = build_fit(cfg, options)
        stages = run_stages(fit, until or NAMES[-1])
        return {} if until is not None else _finish(cfg, fit, stages, options)
    except InputError:
        raise
    except Exception as error:
        raise (as_input_error(error) or error) from error


def with_shared_stages(cfg: Config) -> Config:
    """Let the runs of several seeds, each in a folder of its own, share what does not depend on the seed."""
    cfg.lightcluster = {**(cfg.get('lightcluster') or {}), 'stages': str(Path(cfg.work_dir) / 'stages')}
    return cfg


def build_fit(cfg: Config, options: dict[str, Any]) -> Fit:
    """Model, pictures and folder; one seed for everything that draws."""
    register_all_modules(init_default_scope=False)
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    join_processes(cfg)
    work_dir = Path(cfg.work_dir)
    work_dir.mkdir(parents=True, exist_ok=True)
    if is_main_process():
        write_whole(work_dir / 'config.py', cfg.pretty_text.encode())
    # Under mmengine's own name: a logger of another name is replaced by this one as soon as mmengine says something.
    MMLogger.get_instance('mmengine', log_file=str(work_dir / 'lightcluster.log') if is_main_process() else None)
    model = _build_model(cfg)
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    return Fit(
        CleanPictures(dataset),
        Path(options['stages'] or work_dir / 'stages'),
        int(options['block_size']),
        int(options['batch_size']),
        int(cfg.train_dataloader.get('num_workers', 0)),
        model=model,
    )


def _build_model(cfg: Config) -> LightClusterSegmentor:
    if cfg.model.type != 'LightClusterSegmentor':
        raise InputError(
            f'tools/lightcluster.py needs model.type=LightClusterSegmentor, the config has {cfg.model.type}'
        )
    seed = int(cfg.get('randomness', {}).get('seed') or 0)
    set_random_seed(seed)
    cfg.model.method = {**(cfg.model.get('method') or {}), 'seed': seed}
    model = MODELS.build(cfg.model)
    model.init_weights()
    return model.to(get_device()).eval()


def _options(cfg: Config) -> dict[str, Any]:
    given = dict(cfg.get('lightcluster') or {})
    if unknown := sorted(set(given) - set(DEFAULTS)):
        raise InputError(f'lightcluster.{unknown[0]} is unknown: choose from {", ".join(DEFAULTS)}')
    options = {**DEFAULTS, **given}
    if options['checkpoint'] not in KINDS:
        raise InputError(f'lightcluster.checkpoint={options["checkpoint"]!r}: choose one of {", ".join(KINDS)}')
    if min(int(options['batch_size']), int(options['block_size'])) < 1:
        raise InputError('lightcluster.batch_size and lightcluster.block_size must be at least 1')
    return options


def _finish(cfg: Config, fit: Fit, stages: dict[str, StageFolder], options: dict[str, Any]) -> dict[str, Any]:
    """Checkpoint, proposals, evaluation, pictures and the report."""
    work_dir = Path(cfg.work_dir)
    labelled = cfg.get('test_dataloader') is not None and bool(cfg.get('test_evaluator'))
    test = DATASETS.build(cfg.test_dataloader.dataset) if cfg.get('test_dataloader') else None
    if is_main_process():
        save_checkpoint(fit.model, cfg.model.backbone, work_dir / CHECKPOINT, options['checkpoint'])
    report: dict[str, Any] = {'version': __version__}
    if options['proposals']:
        store = write_proposals(
            fit, stages['features'], stages['regions'], work_dir / 'proposals', options['proposals']
        )
        report['proposals'] = str(store.root)
    assignment = None
    if labelled:
        metric = _metric(cfg.test_evaluator)
        loader = cfg.test_dataloader
        folder = evaluate_blocks(
            fit.model, test, metric, fit.root, int(loader.get('batch_size', 1)), int(loader.get('num_workers', 0))
        )
        stages = {**stages, 'evaluation': folder}
        assignment = metric.details['pred_sem_seg']['assignment']
        report |= {'predictions': metric.details, **figures(metric)}
    report['protocol'] = protocol(cfg, fit, test, stages)
    if is_main_process():
        write_whole(work_dir / 'metrics.json', json.dumps(without_nan(report), indent=1, allow_nan=False).encode())
        if options['pictures'] and test is not None:
            draw_panel(fit.model, test, work_dir / 'pictures', int(options['pictures']), assignment)
    return report


def _metric(evaluator: Any) -> LightClusterMetric:
    found = [ConfigDict(metric) for metric in (evaluator if isinstance(evaluator, (list, tuple)) else [evaluator])]
    wanted = [metric for metric in found if metric.type == 'LightClusterMetric']
    if not wanted:
        raise InputError("test_evaluator: tools/lightcluster.py evaluates with dict(type='LightClusterMetric')")
    return METRICS.build(wanted[0])
