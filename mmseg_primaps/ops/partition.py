"""The partition of the pixels of a batch of images into masks, one mask after the other."""

from collections.abc import Iterator

import torch
from torch import Tensor

from .eigen import approximate, decompose, starting_basis
from .free_features import FreeFeatures
from .seeds import MaskRule, propose

FEW_CHANNELS = 64
"""Channels up to which a full decomposition in float64 costs next to nothing."""
_WIDTH = 16
"""Vectors iterated at once: the noise-like rest of a feature spectrum starts about here."""
_ROUNDS = 12
_BATCH_ROUNDS = 6
_CHECK_EVERY = 4
"""Masks of a batch between two looks at whether any image goes on."""
_WORTH_A_LOOK = 1e-3
"""Error bound from which a mask is tried: seldom certain above it."""


def extract(features: Tensor, rule: MaskRule, coverage: float, max_masks: int) -> list[Tensor]:
    """Masks `[N, n]` of each image, from features `[B, C, n]`.

    One image alone is followed step by step by the host. Several advance together without the host knowing their
    values; an image for which an error bound was too large somewhere is repeated alone.
    """
    partition = Partition(features, rule, coverage)
    masks: list[Tensor] = []
    while len(masks) < max_masks and (len(masks) % partition.check_every or bool(partition.active.any())):
        masks.append(partition.step())
    stacked = torch.stack(masks, 1)
    counts = (stacked > 0).any(2).sum(1).tolist()
    found = [stack[:count] for stack, count in zip(stacked, counts, strict=True)]
    for index in partition.doubtful.nonzero().flatten().tolist():
        found[index] = extract(features[index : index + 1], rule, coverage, max_masks)[0]
    return found


class Partition:
    """State of the partition of a batch of images: what is free, and where the next direction is likely to be."""

    def __init__(self, features: Tensor, rule: MaskRule, coverage: float) -> None:
        batch, channels, self.size = features.shape
        self.rule, self.coverage, self.alone = rule, coverage, batch == 1
        self.check_every = 1 if self.alone else _CHECK_EVERY
        self.features = FreeFeatures(features)
        self.active = torch.ones(batch, dtype=torch.bool, device=features.device)
        self.doubtful = ~self.active
        self.covered = torch.zeros(batch, dtype=torch.long, device=features.device)
        self.basis = None if channels <= FEW_CHANNELS else starting_basis(channels, _WIDTH).to(features)

    def step(self) -> Tensor:
        """Take the next mask `[B, n]` out; zero for images that are finished."""
        mask, certain = self._next()
        mask = mask * self.active[:, None]
        taken = mask > 0
        self.doubtful |= self.active & ~certain
        self.covered += taken.sum(1)
        whole = self.features.spread(mask, self.size)
        # Taking nothing leaves everything as it was, so it would repeat: the published rule of three equal maps.
        self.active &= (self.covered.double() / self.size < self.coverage) & taken.any(1)
        if not self.alone or bool(self.active):
            self.features.remove(taken)
        return whole

    def _next(self) -> tuple[Tensor, Tensor]:
        """Mask and certainty: alone at the first certain direction, in a batch of the last one."""
        for direction, error in self._directions():
            if self.alone and float(error) < _WORTH_A_LOOK:
                mask, certain = propose(direction, error, self.features, self.rule)
                if bool(certain):
                    return mask, certain
        mask, certain = propose(direction, error, self.features, self.rule)
        return mask, certain | self.alone

    def _directions(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Principal directions `[B, C]` with error bounds `[B]`, from the cheapest to the most exact."""
        scatter, noise = self.features.scatter, self.features.noise
        if self.basis is None:
            yield decompose(scatter, noise)
            return
        for ritz, error in approximate(scatter, self.basis, noise, _ROUNDS if self.alone else _BATCH_ROUNDS):
            self.basis = ritz.vectors
            yield ritz.vectors[..., -1], error
        if self.alone:
            yield from self._exact_directions(self.basis)

    def _exact_directions(self, basis: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """The same in float64 for one image, at last by a full decomposition, which has the last word."""
        scatter, noise = self.features.exact()
        for ritz, error in approximate(scatter, basis.double(), noise, _ROUNDS):
            yield ritz.vectors[..., -1].to(basis), error
        direction, _ = decompose(scatter, noise)
        yield direction.to(basis), torch.zeros_like(noise)
