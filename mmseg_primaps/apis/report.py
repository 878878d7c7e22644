"""Metrics files: figures, what they were measured on, and how."""

import json
import math
import re
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.evaluator import Evaluator
from mmengine.runner import Runner

from ..engine.hooks.label_free_checkpoint_hook import CRITERIA
from ..evaluation.metrics import ClusterIoUMetric
from ..utils.proposal_store import describe
from ..version import __version__


def write_report(runner: Runner, evaluator: Evaluator, path: Path, checkpoint: str) -> dict[str, Any]:
    """Write the figures of the last evaluation with the protocol that made them; returns what was written.

    Args:
        runner: The runner that evaluated.
        evaluator: Its evaluator.
        path: File to write.
        checkpoint: Which checkpoint was evaluated, and by what rule it was chosen.
    """
    metrics = [metric for metric in evaluator.metrics if isinstance(metric, ClusterIoUMetric)]
    report: dict[str, Any] = {'version': __version__, 'protocol': protocol(runner, metrics, checkpoint)}
    for metric in metrics:
        report |= {'predictions': metric.details, **flat_figures(metric.details)}
    if is_main_process():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(report, indent=1, allow_nan=False))
    return report


def flat_figures(details: dict[str, Any]) -> dict[str, float | None]:
    """``Acc``, ``mIoU``, ``running_Acc``, ... of a metric's details; None where nothing was counted."""
    flat: dict[str, float | None] = {}
    for key, scores in details.items():
        name = '' if key == 'pred_sem_seg' else f'{key[len("pred_") :]}_'
        for figure in ('Acc', 'mIoU'):
            flat[name + figure] = None if math.isnan(scores[figure]) else scores[figure]
    return flat


def protocol(runner: Runner, metrics: list[ClusterIoUMetric], checkpoint: str) -> dict[str, Any]:
    """What the figures depend on: pictures, flip, CRF, prototypes, matching, seed, checkpoint."""
    model = runner.model.module if hasattr(runner.model, 'module') else runner.model
    loader = runner.test_dataloader if runner._val_loop is None else runner.val_dataloader
    test_cfg = dict(model.test_cfg or {})
    return {
        'name': runner.cfg.get('evaluation_protocol', 'config'),
        'dataset': type(loader.dataset).__name__,
        'pictures': len(loader.dataset),
        'data_notes': list(loader.dataset.metainfo.get('notes', [])),
        'pipeline': [describe(transform) for transform in _pictures(loader.dataset).transforms],
        'mode': test_cfg.get('mode', 'whole'),
        'flip': bool(test_cfg.get('flip', False)),
        'crf_scale': test_cfg.get('crf_scale', 1.0),
        'crf': bool(test_cfg.get('crf', False)),
        'predictors': list(getattr(model, 'names', ['default'])),
        'matching': [metric.matching for metric in metrics],
        'seed': runner.seed,
        'iterations': runner.iter,
        'checkpoint': checkpoint,
        'checkpoint_rule': checkpoint_rule(checkpoint),
    }


def checkpoint_rule(checkpoint: str) -> str:
    """How a checkpoint was chosen, read from the name it was saved by: last, by a criterion, or by labels."""
    best = re.match(r'best_(.+)_(epoch|iter)_\d+$', Path(checkpoint).stem)
    if best is None:
        return 'last' if checkpoint == 'last' or re.match(r'(epoch|iter)_\d+$', Path(checkpoint).stem) else 'unknown'
    if best[1] in CRITERIA:
        return f'best {best[1]} with the proposals, without labels'
    return f'best {best[1]} of the validation set: labels chose the checkpoint'


def _pictures(dataset: Any) -> Any:
    """The pipeline of a data set as its config has it, whether its features are stored or not."""
    return getattr(dataset, 'picture_pipeline', dataset.pipeline)
