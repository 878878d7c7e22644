"""Pictures of features with a known foreground: discs of a few kinds on a background of another few."""

from typing import NamedTuple

import torch
from torch import Tensor


class FigureGround(NamedTuple):
    """A generated set of pictures."""

    features: Tensor
    """`[B, C, h, w]`."""
    saliency: Tensor
    """`[B, h, w]`: higher in the foreground, noisy."""
    foreground: Tensor
    """Bool `[B, h, w]`."""
    kinds: Tensor
    """Kind of object of each picture, `[B]`."""


def figure_ground(
    pictures: int = 12, grid: int = 20, channels: int = 16, kinds: int = 3, noise: float = 0.15, seed: int = 0
) -> FigureGround:
    """One disc in every picture; objects and backgrounds have random directions as features."""
    draw = torch.Generator().manual_seed(seed)
    objects = torch.nn.functional.normalize(torch.randn(kinds, channels, generator=draw), dim=1)
    grounds = torch.nn.functional.normalize(torch.randn(2, channels, generator=draw), dim=1)
    y, x = torch.meshgrid(torch.arange(grid), torch.arange(grid), indexing='ij')
    centre = grid // 2 + torch.randint(-grid // 8, grid // 8 + 1, (pictures, 2), generator=draw)
    radius = grid * (0.2 + 0.1 * torch.rand(pictures, generator=draw))
    distance = (y - centre[:, 0, None, None]) ** 2 + (x - centre[:, 1, None, None]) ** 2
    foreground = distance <= radius[:, None, None] ** 2
    which = torch.arange(pictures) % kinds
    horizon = (y > grid // 2).long().expand_as(foreground)
    clean = torch.where(foreground[..., None], objects[which][:, None, None], grounds[horizon])
    features = clean.permute(0, 3, 1, 2) + noise * torch.randn(pictures, channels, grid, grid, generator=draw)
    saliency = 0.2 + 0.8 * foreground + 0.4 * torch.rand(foreground.shape, generator=draw)
    return FigureGround(features, saliency, foreground, which)


def binary_iou(prediction: Tensor, truth: Tensor) -> float:
    """Intersection over union of the foreground of all pictures together."""
    return float((prediction & truth).sum() / (prediction | truth).sum())
