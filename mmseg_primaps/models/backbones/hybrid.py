"""Learned and hand-crafted features side by side."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor

from ...utils.errors import InputError


@MODELS.register_module()
class HybridBackbone(BaseModule):
    """Concatenates the features of several backbones, each L2-normalised per location and weighted.

    The squared cosine share of a group in the concatenation is its weight squared over the sum of squares, whatever the
    scale of its features. The grid is the first backbone's: the others are averaged or interpolated onto it.

    Args:
        backbones: Configs of the backbones; of each, the last feature map is taken.
        weights: One non-negative number per backbone; default 1 for each.
        init_cfg: Accepted because mmseg sets it.

    Attributes:
        out_channels: C of the concatenation, where every backbone tells its own.

    Raises:
        InputError: Fewer than two backbones, or another number of weights.
    """

    def __init__(
        self, backbones: Sequence[dict], weights: Sequence[float] | None = None, init_cfg: dict | None = None
    ) -> None:
        super().__init__(init_cfg=None)
        weights = tuple(weights) if weights is not None else (1.0,) * len(backbones)
        if len(backbones) < 2 or len(weights) != len(backbones) or min(weights) < 0:
            raise InputError(
                f'HybridBackbone needs two or more backbones and one weight >= 0 for each, '
                f'not {len(backbones)} and weights={weights}'
            )
        self.weights = weights
        self.backbones = torch.nn.ModuleList([MODELS.build(config) for config in backbones])

    def extra_repr(self) -> str:
        """The weights of the groups: caches are filed under a digest of the representation."""
        return f'weights={self.weights}'

    @property
    def out_channels(self) -> int:
        """Channels of the concatenation."""
        return sum(int(_last(backbone.out_channels)) for backbone in self.backbones)

    def forward(self, images: Tensor) -> tuple[Tensor]:
        """One feature map ``[B, sum of C, h, w]`` of normalised images ``[B, 3, H, W]``."""
        maps = [_last(backbone(images)) for backbone in self.backbones]
        grid = (maps[0].shape[-2], maps[0].shape[-1])
        return (
            torch.cat([w * F.normalize(_to_grid(m, grid), dim=1) for w, m in zip(self.weights, maps, strict=True)], 1),
        )


def _last(values: Any) -> Any:
    """Last of several maps or channel counts; some backbones of mmseg give a bare one."""
    return values[-1] if isinstance(values, (tuple, list)) else values


def _to_grid(features: Tensor, grid: tuple[int, int]) -> Tensor:
    """Average down where the grid is coarser, interpolate where it is finer."""
    if features.shape[-2] > grid[0]:
        return F.adaptive_avg_pool2d(features, grid)
    return F.interpolate(features, grid, mode='bilinear', align_corners=False)
