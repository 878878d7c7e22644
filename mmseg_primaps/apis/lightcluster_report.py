"""What ``metrics.json`` says of a LightCluster run."""

import os
from typing import Any

import torch
from mmengine.config import Config

from ..engine.lightcluster import Fit, StageFolder
from ..evaluation.metrics import LightClusterMetric
from ..models.lightcluster import saliency_source
from ..utils.proposal_store import describe
from .report import flat_figures

CHECKPOINT = 'lightcluster.pth'


def figures(metric: LightClusterMetric) -> dict[str, float | None]:
    """Flat figures of every prediction: ``mIoU``, ``foreground_IoU``, ``dataset_plain_many_to_one_Acc``, ..."""
    flat = flat_figures(metric.details)
    for key, detail in metric.details.items():
        name = '' if key == 'pred_sem_seg' else f'{key[len("pred_") :]}_'
        flat |= {f'{name}many_to_one_{figure}': value for figure, value in detail['many_to_one'].items()}
        flat |= {f'{name}{figure}': value for figure, value in detail['binary'].items()}
    return flat


def protocol(cfg: Config, fit: Fit, test: Any, stages: dict[str, StageFolder]) -> dict[str, Any]:
    """What the figures depend on."""
    evaluator = cfg.get('test_evaluator') or {}
    backbone = fit.model.backbone
    return {
        'method': 'LightCluster',
        'options': describe(fit.options),
        'num_classes': fit.model.num_classes,
        'backbone': describe(dict(cfg.model.backbone)),
        'saliency': saliency_source(backbone),
        'features': list(getattr(backbone, 'features', ['feature map'])),
        'fitted_to': {'dataset': type(fit.pictures.leaves[0]).__name__, 'pictures': len(fit.pictures)},
        'dataset': None if test is None else type(test).__name__,
        'pictures': None if test is None else len(test),
        'pipeline': None if test is None else describe(test.pipeline.transforms),
        'predictions': {name: list(variant) for name, variant in fit.model.variants.items()},
        'evaluator': describe(dict(evaluator)) if isinstance(evaluator, dict) else describe(list(evaluator)),
        'labels_used': 'in the evaluation alone: to match clusters to classes',
        'seed': fit.options.seed,
        'stages': {name: folder.fingerprint for name, folder in stages.items()},
        'threads': torch.get_num_threads(),
        'processes': int(os.environ.get('WORLD_SIZE', '1')),
        'checkpoint': CHECKPOINT,
    }


def without_nan(value: Any) -> Any:
    """The same with None in place of numbers that do not exist, such as the IoU of a class that does not occur."""
    if isinstance(value, dict):
        return {key: without_nan(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_nan(inner) for inner in value]
    return None if isinstance(value, float) and value != value else value
