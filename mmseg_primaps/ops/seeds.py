"""From a principal direction to the mask of the pixels like it, and whether a better direction could change it."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from .batch_features import BatchFeatures
from .gram_features import GramFeatures
from .image_features import ImageFeatures

ORIENTATIONS = ('minority', 'majority', 'strongest')


class MaskRule(NamedTuple):
    """How a mask follows from a direction; the arguments of `principal_masks`."""

    threshold: float
    orientation: str
    nearest_neighbour: bool


def propose(direction: Tensor, error: Tensor, features: BatchFeatures, rule: MaskRule) -> tuple[Tensor, Tensor]:
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
    balance = _balance(similarity, features.free.sum(1).clamp(min=1), rule.orientation)
    similarity, certain = similarity * torch.ones_like(balance).copysign(balance)[:, None], balance.abs() >= error
    if not rule.nearest_neighbour:
        return _above_threshold(similarity, rule.threshold), certain & (error < 1e-4)
    seed = similarity.argmax(1, keepdim=True)
    nearest = features.cosines(features.unit(seed))
    certain &= _is_settled(similarity, nearest, seed, features.free, error)
    return _above_threshold(nearest, rule.threshold), certain


def propose_for_image(
    direction: Tensor, error: float, features: ImageFeatures | GramFeatures, rule: MaskRule
) -> tuple[Tensor, bool]:
    """`propose` for one image: the direction as its features name it, error and certainty the host's, a mask `[m]`."""
    similarity = features.cosines(direction)
    balance = float(_balance(similarity, features.count, rule.orientation))
    if math.copysign(1, balance) < 0:
        similarity.neg_()
    certain = abs(balance) >= error
    if not rule.nearest_neighbour:
        return _above_threshold(similarity, rule.threshold), certain and error < 1e-4
    seed = similarity.argmax()
    nearest = features.cosines_with(int(seed))
    if certain and not _is_far_ahead(similarity, error):
        free = features.free.to(similarity)
        bound = similarity.new_full((1,), error)
        certain = bool(_is_settled(similarity[None], nearest[None], seed.view(1, 1), free[None], bound))
    return _above_threshold(nearest, rule.threshold), certain


def _balance(similarity: Tensor, count: Tensor | int, orientation: str) -> Tensor:
    """Number for each row of cosines `[..., m]` whose sign the direction takes: beyond doubt if errors are smaller."""
    if orientation == 'strongest':
        return (similarity.amax(-1) + similarity.amin(-1)) / 2
    mean = similarity.sum(-1) / count
    return mean if orientation == 'majority' else -mean


def _is_far_ahead(similarity: Tensor, error: float) -> bool:
    """Whether the largest cosine of `[m]` leads by more than any distance of unit vectors allows, which is 2."""
    if len(similarity) < 2:
        return True
    first, second = similarity.topk(2).values.tolist()
    return first - second >= 2 * error > 0


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
    """Cosines `[B, m]` or `[m]` relative to the largest, zero below the threshold; all zero where none is positive."""
    # Of one image the largest has no dimension: such a number is compared several times faster.
    peak = similarity.amax(-1, keepdim=similarity.dim() > 1)
    least = (peak * threshold).clamp_(min=torch.finfo(peak.dtype).tiny)
    return (similarity / peak).masked_fill_(similarity < least, 0)
