"""The partition of the pixels of one image into masks, one mask after the other, followed step by step by the host."""

from collections.abc import Iterator

import torch
from torch import Tensor

from .eigen import decompose, starting_basis
from .gram_features import GramFeatures
from .image_features import ImageFeatures
from .leading_vector import leading_vectors
from .seeds import MaskRule, propose_for_image

FEW_CHANNELS = 64
"""Channels up to which a full decomposition in float64 costs next to nothing."""
_WIDTH = 12
"""Vectors iterated at once: the noise-like rest of a feature spectrum starts about here."""
_ROUNDS = 12
_WORTH_A_LOOK = 1e-2
"""Error bound from which a mask is tried: seldom certain above it."""


def partition_image(features: Tensor, rule: MaskRule, coverage: float, max_masks: int) -> Tensor:
    """Masks `[N, n]` of an image, from features `[C, n]`."""
    search = _Search(features, rule)
    masks: list[Tensor] = []
    covered = 0
    while len(masks) < max_masks:
        mask = search.next_mask()
        taken = mask.nonzero().squeeze(1)
        # Taking nothing leaves everything as it was, so it would repeat: the published rule of three equal maps.
        if not len(taken):
            break
        masks.append(search.features.spread(mask))
        covered += len(taken)
        if covered / search.features.size >= coverage:
            break
        search.remove(taken)
    return torch.stack(masks) if masks else features.new_zeros(0, features.shape[1])


class _Search:
    """What is free, and where the next direction is likely to be."""

    features: ImageFeatures | GramFeatures
    limit: int
    """Features below which their products cost less than their scatter matrix; 0 where that is decomposed at once."""
    basis: Tensor
    """Rows to start from."""

    def __init__(self, features: Tensor, rule: MaskRule) -> None:
        channels, count = features.shape
        self.rule, self.limit = rule, channels if channels > FEW_CHANNELS else 0
        self.basis = starting_basis(channels, _WIDTH)[0].T.to(features)
        whole = ImageFeatures(features, measure=count >= self.limit)
        self.features = whole
        if count < self.limit:
            self._multiply(whole, torch.zeros(0, dtype=torch.long, device=features.device))

    def next_mask(self) -> Tensor:
        """Mask `[m]` of the first direction that certainly gives the exact one's."""
        for direction, error in self._directions():
            if error < _WORTH_A_LOOK:
                mask, certain = propose_for_image(direction, error, self.features, self.rule)
                if certain:
                    return mask
        return propose_for_image(direction, error, self.features, self.rule)[0]

    def remove(self, taken: Tensor) -> None:
        """Go on without the stored features with these numbers."""
        if isinstance(self.features, GramFeatures):
            self.basis = self.features.remove(taken, self.basis)
        elif self.features.count - len(taken) < self.limit:
            self._multiply(self.features, taken)
        else:
            self.features.remove(taken)

    def _multiply(self, features: ImageFeatures, taken: Tensor) -> None:
        """Go on with the products of the features that are left."""
        self.features = GramFeatures(features, taken)
        self.basis = self.basis @ self.features.tokens.T

    def _directions(self) -> Iterator[tuple[Tensor, float]]:
        """Principal directions with error bounds, from the cheapest to the most exact."""
        scatter = self.features.scatter
        if self.limit:
            if len(scatter) > 2 * _WIDTH:
                for found in leading_vectors(scatter, self.basis, self.features.noise, _ROUNDS):
                    self.basis = found.basis
                    yield found.vector, found.error
            scatter, noise = self.features.exact()
            if len(scatter) > 2 * _WIDTH:
                for found in leading_vectors(scatter, self.basis.double(), noise, _ROUNDS):
                    yield found.vector.to(self.basis), found.error
        # The full decomposition has the last word.
        yield decompose(scatter[None], scatter.new_zeros(1))[0][0].to(self.features.tokens), 0.0
