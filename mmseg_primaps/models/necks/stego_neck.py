"""STEGO's projection head as a neck."""

from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor

from ...utils import InputError
from .projection import CodeNeck, CodeProjection


@MODELS.register_module()
class STEGONeck(CodeNeck):
    """Codes of STEGO (Hamilton et al. 2022) from frozen ViT features.

    Args:
        in_channels: C of the backbone's feature map (384 or 768).
        dim: d of the codes (100 Cityscapes, 90 COCO-Stuff, 70 Potsdam in the released files).
        preset: ``'paper'``: dropout stays on even in evaluation, as it did when PriMaPs-EM was stacked on STEGO in the
            published code (so its figures are random in the last digits). ``'fixed'``: dropout in training mode only;
            STEGO's own training and evaluation.
        **options: Further arguments of :class:`~.projection.CodeNeck`.
    """

    def __init__(self, in_channels: int, dim: int, preset: str = 'paper', **options: Any) -> None:
        super().__init__(in_channels, dim, **options)
        self.projection = CodeProjection(in_channels, dim)
        if preset not in ('paper', 'fixed'):
            raise InputError(f"neck.preset={preset!r} is unknown: choose 'paper' or 'fixed'")
        self.always_drop = preset == 'paper'

    def drop(self, features: Tensor) -> Tensor:
        """Drop whole channels: always under ``'paper'``, else in training mode."""
        return F.dropout2d(features, self.dropout, self.always_drop or self.training)

    def forward(self, inputs: Tensor | Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Features and codes.

        Args:
            inputs: Feature maps ``[B, C, h, w]`` of the backbone.

        Returns:
            The features, under their own dropout as STEGO's loss sees them, ``[B, C, h, w]``; codes ``[B, d, h, w]``.
        """
        features = self.select(inputs)
        return self.drop(features), self.projection(features, self.drop)
