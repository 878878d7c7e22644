"""The partition of the pixels of a batch of images into masks, one mask of every image after the other."""

import torch
from torch import Tensor

from .batch_features import BatchFeatures
from .eigen import approximate, decompose, starting_basis
from .image_partition import FEW_CHANNELS, partition_image
from .seeds import MaskRule, propose

_WIDTH = 16
"""Vectors iterated at once: the noise-like rest of a feature spectrum starts about here."""
_ROUNDS = 6
_CHECK_EVERY = 4
"""Masks between two looks at whether any image goes on."""


def partition_batch(features: Tensor, rule: MaskRule, coverage: float, max_masks: int) -> list[Tensor]:
    """Masks `[N, n]` of each image, from features `[B, C, n]`.

    The images advance together without the host knowing their values; an image for which an error bound was too large
    somewhere is repeated alone.
    """
    partition = Partition(features, rule, coverage)
    masks: list[Tensor] = []
    while len(masks) < max_masks and (len(masks) % _CHECK_EVERY or bool(partition.active.any())):
        masks.append(partition.step())
    stacked = torch.stack(masks, 1)
    counts = (stacked > 0).any(2).sum(1).tolist()
    found = [stack[:count] for stack, count in zip(stacked, counts, strict=True)]
    for index in partition.doubtful.nonzero().flatten().tolist():
        found[index] = partition_image(features[index], rule, coverage, max_masks)
    return found


class Partition:
    """State of the partition of a batch of images: what is free, and where the next direction is likely to be."""

    def __init__(self, features: Tensor, rule: MaskRule, coverage: float) -> None:
        batch, channels, self.size = features.shape
        self.rule, self.coverage = rule, coverage
        self.features = BatchFeatures(features)
        self.active = torch.ones(batch, dtype=torch.bool, device=features.device)
        self.doubtful = ~self.active
        self.covered = torch.zeros(batch, dtype=torch.long, device=features.device)
        self.basis = None if channels <= FEW_CHANNELS else starting_basis(channels, _WIDTH).to(features)

    def step(self) -> Tensor:
        """Take the next mask `[B, n]` out; zero for images that are finished."""
        mask, certain = propose(*self._direction(), self.features, self.rule)
        mask = mask * self.active[:, None]
        taken = mask > 0
        self.doubtful |= self.active & ~certain
        self.covered += taken.sum(1)
        # Taking nothing leaves everything as it was, so it would repeat: the published rule of three equal maps.
        self.active &= (self.covered.double() / self.size < self.coverage) & taken.any(1)
        self.features.remove(taken)
        return mask

    def _direction(self) -> tuple[Tensor, Tensor]:
        """Principal directions `[B, C]` with error bounds `[B]`."""
        scatter, noise = self.features.scatter, self.features.noise
        if self.basis is None:
            return decompose(scatter, noise)
        ritz, error = approximate(scatter, self.basis, noise, _ROUNDS)
        self.basis = ritz.vectors
        return ritz.vectors[..., -1], error
