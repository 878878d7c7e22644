"""Figures for a method that tells a background from objects before it names them."""

from collections.abc import Sequence
from typing import Any

import torch
from mmseg.registry import METRICS
from torch import Tensor

from ...ops import match_clusters, segmentation_scores
from ...utils import InputError
from .cluster_iou_metric import MAIN, ClusterIoUMetric

BACKGROUND = 'background'


@METRICS.register_module()
class LightClusterMetric(ClusterIoUMetric):
    """Hungarian and many-to-one matching, and the binary foreground masks, of every prediction.

    Cluster 0 is the background. Where the data set has such a class it is class 0 for good, as in the published
    protocols on VOC and COCO, and only the objects are matched; elsewhere it is matched like any other cluster.

    Flat results: those of :class:`ClusterIoUMetric`, and ``many_to_one_Acc``, ``many_to_one_mIoU``, ``foreground_IoU``,
    ``background_IoU`` with the prefix of the prediction.

    Args:
        foreground: Names of the classes that are foreground; by default every class that is not called background.
            Where all classes are foreground by that rule, nothing is said of the binary masks.
        **kwargs: As for :class:`ClusterIoUMetric`; ``matching`` is what ``Acc`` and ``mIoU`` mean.
    """

    def __init__(self, foreground: Sequence[str] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.foreground = foreground

    def foreground_classes(self) -> Tensor:
        """Which classes are foreground, bool ``[classes]``."""
        classes = list(self._classes())
        if unknown := sorted(set(self.foreground or ()) - set(classes)):
            raise InputError(
                f'LightClusterMetric.foreground: {unknown[0]!r} is no class; choose from {", ".join(classes)}'
            )
        wanted = set(classes) - {BACKGROUND} if self.foreground is None else set(self.foreground)
        return torch.tensor([name in wanted for name in classes])

    def match(self, confusion: Tensor) -> Tensor:
        """Class of every cluster; the background, where the data set has one, is never matched otherwise."""
        return self._match(confusion, self.matching == 'many_to_one')

    def _match(self, confusion: Tensor, many_to_one: bool) -> Tensor:
        if self.matching == 'identity' or self._classes()[0] != BACKGROUND:
            return super().match(confusion) if not many_to_one else match_clusters(confusion, many_to_one=True)
        objects = confusion[1:, :] if many_to_one else confusion[1:, 1:]
        found = match_clusters(objects, many_to_one=many_to_one)
        if not many_to_one:
            found = torch.where(found >= 0, found + 1, found)
        return torch.cat([torch.zeros(1, dtype=torch.int64), found])

    def compute_metrics(self, results: list[dict[str, Tensor]]) -> dict[str, float]:
        """Match, score and print; ``details`` keeps what does not fit into flat numbers."""
        flat = super().compute_metrics(results)
        for key, detail in self.details.items():
            confusion = torch.tensor(detail['confusion'])
            scores = segmentation_scores(confusion, self._match(confusion, many_to_one=True))
            detail['many_to_one'] = {name: float(scores[name]) for name in ('Acc', 'mIoU')}
            detail['binary'] = binary_scores(confusion, self.foreground_classes())
            name = '' if key == MAIN else f'{key[len("pred_") :]}_'
            flat |= {f'{name}many_to_one_{figure}': value for figure, value in detail['many_to_one'].items()}
            flat |= {f'{name}{figure}': value for figure, value in detail['binary'].items()}
        return flat


def binary_scores(confusion: Tensor, foreground: Tensor) -> dict[str, float]:
    """IoU, in percent, of cluster 0 against the rest as a mask of background and foreground.

    Args:
        confusion: Pixel counts ``[clusters, classes]``.
        foreground: Which classes are foreground, bool ``[classes]``.

    Returns:
        ``foreground_IoU`` and ``background_IoU``; empty where all classes, or none, are foreground.
    """
    if bool(foreground.all()) or not bool(foreground.any()):
        return {}
    rows = torch.stack([confusion[0], confusion[1:].sum(dim=0)])
    binary = torch.stack([rows[:, ~foreground].sum(dim=1), rows[:, foreground].sum(dim=1)], dim=1)
    iou = torch.as_tensor(segmentation_scores(binary, torch.arange(2))['IoU']).tolist()
    return {
        f'{name}_IoU': value for name, value in zip(('background', 'foreground'), iou, strict=True) if value == value
    }
