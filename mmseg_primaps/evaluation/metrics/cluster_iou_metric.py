"""Accuracy and IoU of clusters after matching them to classes."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.dist import all_gather_object, get_dist_info
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from mmseg.registry import METRICS
from prettytable import PrettyTable
from torch import Tensor

from ...ops import confusion_matrix, match_clusters, segmentation_scores
from ...utils import InputError

MAIN = 'pred_sem_seg'
SUPERVISED = 'pred_linear'


@METRICS.register_module()
class ClusterIoUMetric(BaseMetric):
    """Hungarian-matched accuracy and mean IoU over the whole set, in percent, for every prediction a model gives.

    Flat results: ``Acc``, ``mIoU`` of ``pred_sem_seg`` and, with a prefix, of every other ``pred_*`` map:
    ``running_Acc``, ``crf_mIoU``, ``running_crf_Acc``, ... The confusion matrix counts all valid pixels of the set;
    classes in neither labels nor predictions are dropped from the mean. A linear probe's map beside the clusters'
    (``pred_linear``) knows its classes and is never matched.

    Args:
        num_clusters: Number of clusters; the number of classes of the data set by default.
        matching: ``'hungarian'`` (published: one to one, on pixel counts), ``'many_to_one'`` (each cluster takes its
            most frequent class) or ``'identity'`` (cluster = class: for supervised heads).
        ignore_index: Label of pixels without a class.
        collect_device: ``'cpu'`` or ``'gpu'``.
        prefix: Prefix of the results.
    """

    default_prefix = None

    def __init__(
        self,
        num_clusters: int | None = None,
        matching: str = 'hungarian',
        ignore_index: int = 255,
        collect_device: str = 'cpu',
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device, prefix)
        if matching not in ('hungarian', 'many_to_one', 'identity'):
            raise InputError(f"ClusterIoUMetric.matching={matching!r}: choose 'hungarian', 'many_to_one' or 'identity'")
        self.num_clusters, self.matching, self.ignore_index = num_clusters, matching, ignore_index
        self.details: dict[str, Any] = {}

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Count one batch: a confusion matrix for each prediction of each picture."""
        for sample in data_samples:
            label = self._label(sample)
            predictions = {key: value['data'].squeeze(0) for key, value in sample.items() if key.startswith('pred_')}
            self.results.append({key: self._count(pred, label, sample) for key, pred in predictions.items()})

    def _label(self, sample: dict) -> Tensor:
        if 'gt_sem_seg' not in sample:
            raise InputError(f'{sample.get("img_path")}: no label; evaluation needs labels (see the data set config)')
        return sample['gt_sem_seg']['data'].squeeze(0)

    def _count(self, pred: Tensor, label: Tensor, sample: dict) -> Tensor:
        classes = len(self._classes())
        clusters = self.num_clusters or classes
        if pred.shape != label.shape:
            raise InputError(
                f'{sample.get("img_path")}: prediction {tuple(pred.shape)} and label {tuple(label.shape)} differ in '
                'size; load the label before the resize and crop so that it moves with the picture'
            )
        try:
            return confusion_matrix(pred, label.to(pred), clusters, classes, self.ignore_index).cpu()
        except ValueError as error:
            raise InputError(f'{sample.get("seg_map_path") or sample.get("img_path")}: {error}') from error

    def _classes(self) -> Sequence[str]:
        classes = (self.dataset_meta or {}).get('classes')
        if not classes:
            raise InputError('the data set names no classes (METAINFO): ClusterIoUMetric cannot count')
        return classes

    def evaluate(self, size: int) -> dict[str, float]:
        """Figures of the whole set of ``size`` pictures, the same on every process, no picture counted twice.

        Like mmengine, this relies on pictures being dealt out to the processes one by one, the last round filled up
        with pictures that were there before. Only sums travel, so there is no need of a folder that all nodes share.
        """
        rank, processes = get_dist_info()
        if processes == 1:
            return super().evaluate(size)
        own = _total(self.results[: len(range(rank, size, processes))])
        figures = self.compute_metrics([counts for counts in all_gather_object(own) if counts])
        self.results.clear()
        return {f'{self.prefix}/{key}' if self.prefix else key: value for key, value in figures.items()}

    def compute_metrics(self, results: list[dict[str, Tensor]]) -> dict[str, float]:
        """Match, score and print; ``details`` keeps what does not fit into flat numbers."""
        self.details = {}
        flat: dict[str, float] = {}
        for key, confusion in _total(results).items():
            supervised = key.startswith(SUPERVISED)
            assignment = torch.arange(len(confusion)) if supervised else self.match(confusion)
            scores = segmentation_scores(confusion, assignment)
            name = '' if key == MAIN else f'{key[len("pred_") :]}_'
            flat |= {f'{name}Acc': float(scores['Acc']), f'{name}mIoU': float(scores['mIoU'])}
            iou = dict(zip(self._classes(), torch.as_tensor(scores['IoU']).tolist(), strict=True))
            self.details[key] = {
                'Acc': float(scores['Acc']),
                'mIoU': float(scores['mIoU']),
                'IoU': {name: None if value != value else value for name, value in iou.items()},
                'assignment': assignment.tolist(),
                'confusion': confusion.tolist(),
            }
        self._print(flat)
        return flat

    def match(self, confusion: Tensor) -> Tensor:
        """Class of every cluster, ``[clusters]``."""
        if self.matching == 'identity':
            return torch.arange(len(confusion))
        return match_clusters(confusion, many_to_one=self.matching == 'many_to_one')

    def _print(self, flat: dict[str, float]) -> None:
        table = PrettyTable(['class', *(key[len('pred_') :] for key in self.details)])
        for name in self._classes():
            values = [detail['IoU'][name] for detail in self.details.values()]
            table.add_row([name, *('-' if value is None else f'{value:.1f}' for value in values)])
        summary = ', '.join(f'{key} {value:.2f}' for key, value in flat.items())
        MMLogger.get_current_instance().info(f'IoU of each class in percent\n{table.get_string()}\n{summary}')


def _total(results: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Pixel counts of several pictures together, for each prediction; empty without pictures."""
    return {key: torch.stack([result[key] for result in results]).sum(dim=0) for key in (results or [{}])[0]}
