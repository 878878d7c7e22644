"""From a principal direction to the mask of the pixels like it, and whether a better direction could change it."""

from typing import NamedTuple

import torch
from torch import Tensor

from .free_features import FreeFeatures

ORIENTATIONS = ('minority', 'majority', 'strongest')


class MaskRule(NamedTuple):
    """How a mask follows from a direction; the arguments of `principal_masks`."""

    threshold: float
    orientation: str
    nearest_neighbour: bool


def propose(direction: Tensor, error: Tensor, features: FreeFeatures, rule: MaskRule) -> tuple[Tensor, Tensor]:
    """Mask of the free features that are like the one nearest to a direction.

    Args:
        direction: Principal direction of either sign, unit norm, `[B, C]`.
        error: Bound on the sine of its angle to the exact one, `[B]`.
        features: What is free.
        rule: Threshold, sign and whether the nearest feature takes the place of the direction.

    Returns:
        The mask `[B, n]`, zero or in `[threshold, 1]`, and whether the exact direction gives the same one, bool `[B]`.
    """
    similarity = features.cosines(direction)
    sign, clearance = _orient(similarity, features.free, rule.orientation)
    similarity, certain = similarity * sign[:, None], clearance >= error
    if not rule.nearest_neighbour:
        return _above_threshold(similarity, rule.threshold), certain & (error < 1e-4)
    seed = similarity.argmax(1, keepdim=True)
    nearest = features.cosines(features.unit(seed))
    certain &= _is_settled(similarity, nearest, seed, features.free, error)
    return _above_threshold(nearest, rule.threshold), certain


def _orient(similarity: Tensor, free: Tensor, orientation: str) -> tuple[Tensor, Tensor]:
    """Sign that the direction takes, `[B]`, and the error below which it is beyond doubt, `[B]`."""
    if orientation == 'strongest':
        high, low = similarity.amax(1), similarity.amin(1)
        return _sign(high + low), (high + low).abs() / 2
    mean = similarity.sum(1) / free.sum(1).clamp(min=1)
    return _sign(mean if orientation == 'majority' else -mean), mean.abs()


def _sign(values: Tensor) -> Tensor:
    """-1 below zero, else 1."""
    return torch.ones_like(values).copysign(values)


def _is_settled(similarity: Tensor, nearest: Tensor, seed: Tensor, free: Tensor, error: Tensor) -> Tensor:
    """Whether no other feature can be the nearest to the exact direction, bool `[B]`.

    A direction that turns by `error` moves the difference of two cosines by at most `error` times the distance of
    the two unit vectors. Taken features count as the zero vector: the published code sets their cosine to 0.
    """
    seed_free = free.gather(1, seed)
    # Cosines that differ by rounding alone are a tie, whatever the direction.
    rounding = 4 * torch.finfo(similarity.dtype).eps
    distance = torch.addcmul(seed_free - rounding, seed_free, nearest, value=-2).add_(free).clamp_(min=0).sqrt_()
    lead = (similarity.gather(1, seed) + rounding) - similarity
    return (lead >= error[:, None] * distance).all(1)


def _above_threshold(similarity: Tensor, threshold: float) -> Tensor:
    """Cosines relative to the largest, zero below the threshold; all zero where none is positive."""
    peak = similarity.amax(1, keepdim=True)
    least = (peak * threshold).clamp_(min=torch.finfo(peak.dtype).tiny)
    return (similarity / peak).masked_fill_(similarity < least, 0)
