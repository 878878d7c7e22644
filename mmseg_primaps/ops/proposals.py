"""Mask proposals in one call."""

from typing import Any

from torch import Tensor

from .principal_masks import principal_masks
from .refine_masks import refine_masks

PROPOSALS_VERSION = 1
"""Raised whenever a change of the mathematics changes proposals; part of every cache's fingerprint."""


def mask_proposals(
    features: Tensor,
    images: Tensor,
    threshold: float = 0.4,
    coverage: float = 0.95,
    orientation: str = 'minority',
    nearest_neighbour: bool = True,
    **options: Any,
) -> Tensor:
    """Principal mask proposals of a batch of pictures: `refine_masks(principal_masks(features), images)`.

    Args:
        features: `[B, C, h, w]`, any length.
        images: uint8 RGB `[B, 3, H, W]`.
        threshold: See :func:`principal_masks`, like the next three.
        coverage: Share of locations after which no more masks are looked for.
        orientation: Sign rule of the principal direction.
        nearest_neighbour: Whether the seed is the feature nearest to the direction.
        **options: Keyword arguments of :func:`refine_masks`.

    Returns:
        Long `[B, H, W]`: 255 where there is no proposal, else the number of the mask, from 1.
    """
    masks = principal_masks(features, threshold, coverage, orientation, nearest_neighbour)
    return refine_masks(masks, images, **options)
