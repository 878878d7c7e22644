"""From a principal direction to the mask of the pixels like it, and whether a better direction could change it."""

from typing import NamedTuple

import torch
from torch import Tensor

ORIENTATIONS = ('minority', 'majority', 'strongest')


class MaskRule(NamedTuple):
    """How a mask follows from a direction; the arguments of `principal_masks`."""

    threshold: float
    orientation: str
    nearest_neighbour: bool


def propose(
    direction: Tensor, error: Tensor, unit: Tensor, free: Tensor, rule: MaskRule
) -> tuple[Tensor, Tensor]:
    """Mask of the free features that are like the one nearest to a direction.

    Args:
        direction: Principal direction of either sign, unit norm, `[B, C]`.
        error: Bound on the sine of its angle to the exact one, `[B]`.
        unit: Features of unit (or zero) norm, `[B, n, C]`.
        free: Features that no mask has taken, bool `[B, n]`.
        rule: Threshold, sign and whether the nearest feature takes the place of the direction.

    Returns:
        The mask `[B, n]`, zero or in `[threshold, 1]`, and whether the exact direction gives the same one, bool `[B]`.
    """
    similarity = _similarity(unit, direction) * free
    sign, clearance = _orient(similarity, free, rule.orientation)
    similarity, certain = similarity * sign[:, None], clearance >= error
    if rule.nearest_neighbour:
        seed = similarity.argmax(1)
        rows = torch.arange(len(seed), device=seed.device)
        nearest = _similarity(unit, unit[rows, seed])
        certain &= _is_settled(similarity, nearest, seed, free, error)
        similarity = nearest * free
    else:
        certain &= error < 1e-4
    return _above_threshold(similarity, rule.threshold), certain


def _similarity(unit: Tensor, direction: Tensor) -> Tensor:
    """Cosines `[B, n]` of features with one direction `[B, C]` an image."""
    return (unit @ direction[..., None]).squeeze(-1)


def _orient(similarity: Tensor, free: Tensor, orientation: str) -> tuple[Tensor, Tensor]:
    """Sign that the direction takes, `[B]`, and the error below which it is beyond doubt, `[B]`."""
    if orientation == 'strongest':
        high, low = similarity.amax(1), similarity.amin(1)
        return torch.where(-low > high, -1.0, 1.0).to(similarity), (high + low).abs() / 2
    mean = similarity.sum(1) / free.sum(1).clamp(min=1)
    wanted = -1.0 if orientation == 'minority' else 1.0
    return torch.where(mean * wanted < 0, -1.0, 1.0).to(similarity), mean.abs()


def _is_settled(similarity: Tensor, nearest: Tensor, seed: Tensor, free: Tensor, error: Tensor) -> Tensor:
    """Whether no other feature can be the nearest to the exact direction, bool `[B]`.

    A direction that turns by `error` moves the difference of two cosines by at most `error` times the distance of
    the two unit vectors. Taken features count as the zero vector: the published code sets their cosine to 0.
    """
    is_free = free.to(similarity.dtype)
    seed_free = is_free.gather(1, seed[:, None])
    distance = (seed_free + is_free - 2 * seed_free * is_free * nearest).clamp(min=0).sqrt()
    lead = similarity.gather(1, seed[:, None]) - similarity
    rounding = 4 * torch.finfo(similarity.dtype).eps
    # A bound that is infinite leaves NaN at distance zero, which compares as it should: not settled.
    return (lead + rounding >= error[:, None] * distance).all(1)


def _above_threshold(similarity: Tensor, threshold: float) -> Tensor:
    """Cosines relative to the largest, zero below the threshold; all zero where none is positive."""
    peak = similarity.amax(1, keepdim=True)
    return torch.where((similarity >= threshold * peak) & (similarity > 0), similarity / peak, 0)
