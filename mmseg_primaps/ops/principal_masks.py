"""Principal mask proposals: iterative binary partition of a feature map (PriMaPs, visinf/primaps `primaps.py`)."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from .eigen import approximate, decompose, starting_basis
from .scatter import FreeScatter
from .seeds import ORIENTATIONS, MaskRule, propose

_WIDTH = 16
"""Vectors iterated at once: the noise-like rest of a feature spectrum starts about here."""
_FEW_CHANNELS = 64
"""Channels up to which a full decomposition in float64 costs next to nothing."""
_ROUNDS = 12
_BATCH_ROUNDS = 6
_CHECK_EVERY = 4


@torch.no_grad()
def principal_masks(
    features: Tensor,
    threshold: float = 0.4,
    coverage: float = 0.95,
    orientation: str = 'minority',
    nearest_neighbour: bool = True,
    max_masks: int = 254,
) -> Tensor:
    """Masks of pixels that are alike, found one after the other along the principal direction of what is left.

    Each mask starts from the first principal component of the features that are still free, takes the free feature
    nearest to it as the seed and every free feature whose cosine with the seed is at least `threshold` times the
    largest. This repeats until `coverage` of the pixels is taken or nothing more is taken.

    The direction is exact: an iterated one is used only where its proven error cannot change the choice of the seed,
    otherwise the solve is repeated in float64 and, at last, by a full decomposition. So the result equals that of an
    exact solver also where the two largest eigenvalues nearly coincide.

    Args:
        features: `[B, C, h, w]`, any floating dtype, not normalised. Computed in at least float32.
        threshold: Least cosine relative to the largest, in `(0, 1]`; the paper's psi.
        coverage: Fraction of pixels to take, in `(0, 1]`.
        orientation: Sign of the direction, which a decomposition leaves open: `'minority'` makes the mean cosine of
            the free features negative, `'majority'` positive, `'strongest'` takes the largest absolute cosine.
        nearest_neighbour: Published behaviour. False compares with the principal direction itself (an ablation).
        max_masks: Stop after so many: an 8-bit map of proposals names no more (the published code has no limit).

    Returns:
        `[B, N, h, w]` in order of extraction, 0 or in `[threshold, 1]`; all-zero channels pad to the largest N.

    Raises:
        ValueError: For a wrong shape or option, or features that are not finite.
    """
    rule = MaskRule(threshold, orientation, nearest_neighbour)
    _validate(features, rule, coverage, max_masks)
    tokens = _as_tokens(features)
    with _full_precision(features.device.type):
        groups = [tokens] if features.is_cuda else tokens.split(1)
        found = [mask for group in groups for mask in extract(group, rule, coverage, max_masks)]
    masks = pad_sequence(found, batch_first=True)
    return masks.unflatten(2, features.shape[2:]).to(torch.promote_types(features.dtype, torch.float32))


def extract(tokens: Tensor, rule: MaskRule, coverage: float, max_masks: int) -> list[Tensor]:
    """Masks `[N, n]` of each image, from tokens `[B, n, C]`.

    One image alone is followed step by step by the host. Several advance together without the host knowing their
    values; an image for which an error bound was too large somewhere is repeated alone.
    """
    partition = _Partition(tokens, rule, coverage)
    masks = []
    while len(masks) < max_masks and (len(masks) % partition.check_every or bool(partition.active.any())):
        masks.append(partition.step())
    stacked = torch.stack(masks, 1) if masks else tokens.new_zeros(len(tokens), 0, tokens.shape[1])
    counts = (stacked > 0).any(2).sum(1).tolist()
    found = [stack[:count] for stack, count in zip(stacked, counts, strict=True)]
    for index in partition.doubtful.nonzero().flatten().tolist():
        found[index] = extract(tokens[index : index + 1], rule, coverage, max_masks)[0]
    return found


class _Partition:
    """State of the partition of a batch of images: what is free, and where the next direction is likely to be."""

    def __init__(self, tokens: Tensor, rule: MaskRule, coverage: float) -> None:
        batch, self.size, channels = tokens.shape
        self.rule, self.coverage, self.alone = rule, coverage, batch == 1
        self.check_every = 1 if self.alone else _CHECK_EVERY
        self.unit = F.normalize(tokens, dim=2)
        self.scatter = FreeScatter(tokens - tokens.mean(1, keepdim=True))
        self.free = torch.ones(batch, self.size, dtype=torch.bool, device=tokens.device)
        self.active = self.free.any(1)
        self.doubtful = ~self.active
        self.basis = None if channels <= _FEW_CHANNELS else starting_basis(channels, _WIDTH, tokens)

    def step(self) -> Tensor:
        """Take the next mask `[B, n]` out; zero for images that are finished."""
        mask, certain = self._next()
        mask = mask * self.active[:, None]
        taken = mask > 0
        self.doubtful |= self.active & ~certain
        self.free &= ~taken
        # Taking nothing leaves everything as it was, so it would repeat: the published rule of three equal maps.
        covered = (~self.free).sum(1).double() / self.size
        self.active &= (covered < self.coverage) & taken.any(1)
        if not self.alone or bool(self.active):
            self.scatter.remove(taken, self.free)
        return mask

    def _next(self) -> tuple[Tensor, Tensor]:
        """Mask and certainty: alone at the first certain direction, in a batch of the last one."""
        for direction, error in self._directions():
            if self.alone and bool(error < 0.01):
                mask, certain = propose(direction, error, self.unit, self.free, self.rule)
                if bool(certain):
                    return mask, certain
        mask, certain = propose(direction, error, self.unit, self.free, self.rule)
        return mask, certain | self.alone

    def _directions(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Principal directions `[B, C]` with error bounds `[B]`, from the cheapest to the most exact."""
        matrix, noise = self.scatter.matrix(), self.scatter.noise()
        if self.basis is None:
            yield decompose(matrix, noise)
            return
        for ritz, error in approximate(matrix, self.basis, noise, _ROUNDS if self.alone else _BATCH_ROUNDS):
            self.basis = ritz.vectors
            yield ritz.vectors[..., -1], error
        if self.alone:
            yield from self._exact_directions()

    def _exact_directions(self) -> Iterator[tuple[Tensor, Tensor]]:
        matrix, noise = self.scatter.exact(self.free)
        for ritz, error in approximate(matrix, self.basis.double(), noise, _ROUNDS):
            yield ritz.vectors[..., -1].to(self.unit), error
        direction, _ = decompose(matrix, noise)
        yield direction.to(self.unit), torch.zeros_like(noise)


def _as_tokens(features: Tensor) -> Tensor:
    """Features as contiguous `[B, n, C]` of magnitude one, scaled by a power of two so that no digit changes."""
    few = features.shape[1] <= _FEW_CHANNELS
    dtype = torch.float64 if few else torch.promote_types(features.dtype, torch.float32)
    tokens = features.flatten(2).mT.to(dtype).contiguous()
    return torch.ldexp(tokens, -torch.frexp(tokens.abs().amax((1, 2), keepdim=True)).exponent)


@contextmanager
def _full_precision(device_type: str) -> Iterator[None]:
    """No autocast and no TF32 inside: the error bounds count on the digits of the dtype."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision('highest')
    try:
        with torch.autocast(device_type, enabled=False):
            yield
    finally:
        torch.set_float32_matmul_precision(before)


def _validate(features: Tensor, rule: MaskRule, coverage: float, max_masks: int) -> None:
    """Stop at the first wrong argument, naming it."""
    if features.dim() != 4 or not features.is_floating_point() or not features.numel():
        raise ValueError(f'features must be a floating tensor [B, C, h, w], not {features.dtype} {list(features.shape)}')
    if not bool(features.isfinite().all()):
        raise ValueError('features must be finite, but hold NaN or infinity: check the weights and the precision')
    if rule.orientation not in ORIENTATIONS:
        raise ValueError(f'orientation must be one of {", ".join(ORIENTATIONS)}, not {rule.orientation!r}')
    for name, value in (('threshold', rule.threshold), ('coverage', coverage)):
        if not 0 < value <= 1:
            raise ValueError(f'{name} must be above 0 and at most 1, not {value}')
    if max_masks < 1:
        raise ValueError(f'max_masks must be at least 1, not {max_masks}')
