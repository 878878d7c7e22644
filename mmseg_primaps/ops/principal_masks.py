"""Principal mask proposals: iterative binary partition of a feature map (PriMaPs, visinf/primaps `primaps.py`)."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from .batch_partition import partition_batch
from .image_partition import FEW_CHANNELS, partition_image
from .seeds import ORIENTATIONS, MaskRule
from .threads import over_threads

_LARGE_EXPONENT = 20
"""Features beyond 2 to this power, or below its inverse, are rescaled: their squares' squares would overflow."""


@torch.no_grad()
def principal_masks(
    features: Tensor,
    threshold: float = 0.4,
    coverage: float = 0.95,
    orientation: str = 'minority',
    nearest_neighbour: bool = True,
    max_masks: int = 254,
    workers: int | None = None,
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
        workers: Threads that take an image each on CPU, by default torch's number of threads. On an accelerator all
            images advance together. The result does not depend on it.

    Returns:
        `[B, N, h, w]` in order of extraction, 0 or in `[threshold, 1]`; all-zero channels pad to the largest N.

    Raises:
        ValueError: For a wrong shape or option, or features that are not finite.
    """
    rule = MaskRule(threshold, orientation, nearest_neighbour)
    _validate(features, rule, coverage, max_masks)
    prepared = _prepare(features)

    def partition(image: Tensor) -> Tensor:
        with torch.autocast(image.device.type, enabled=False), torch.inference_mode():
            return partition_image(image, rule, coverage, max_masks)

    with _full_precision():
        if features.is_cuda and len(features) > 1:
            with torch.autocast('cuda', enabled=False), torch.inference_mode():
                found = partition_batch(prepared, rule, coverage, max_masks)
        else:
            found = over_threads(partition, prepared.unbind(), workers or torch.get_num_threads())
    masks = pad_sequence(found, batch_first=True)
    return masks.unflatten(2, features.shape[2:]).to(torch.promote_types(features.dtype, torch.float32))


def _prepare(features: Tensor) -> Tensor:
    """Features as `[B, C, n]` of moderate magnitude, scaled by a power of two so that no digit changes."""
    few = features.shape[1] <= FEW_CHANNELS
    features = features.to(torch.float64 if few else torch.promote_types(features.dtype, torch.float32)).flatten(2)
    # One pass clears nearly all inputs: the largest value is at most the norm, and no less than the root mean square.
    norm = torch.linalg.vector_norm(features, dim=(1, 2))
    moderate = (norm < 2.0**_LARGE_EXPONENT) & (norm > 2.0**-_LARGE_EXPONENT * features[0].numel() ** 0.5)
    return features if bool(moderate.all()) else _rescaled(features)


def _rescaled(features: Tensor) -> Tensor:
    largest = torch.maximum(features.amax((1, 2)), -features.amin((1, 2)))
    if not bool(largest.isfinite().all()):
        raise ValueError('features must be finite, but hold NaN or infinity: check the weights and the precision')
    exponent = torch.frexp(largest).exponent
    exponent = exponent.masked_fill(exponent.abs() <= _LARGE_EXPONENT, 0)
    return torch.ldexp(features, -exponent[:, None, None])


@contextmanager
def _full_precision() -> Iterator[None]:
    """No TF32 inside: the error bounds count on the digits of the dtype."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision('highest')
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def _validate(features: Tensor, rule: MaskRule, coverage: float, max_masks: int) -> None:
    """Stop at the first wrong argument, naming it."""
    if features.dim() != 4 or not features.is_floating_point() or not features.numel():
        raise ValueError(f'features must be a floating tensor [B, C, h, w], not {features.dtype} {[*features.shape]}')
    if rule.orientation not in ORIENTATIONS:
        raise ValueError(f'orientation must be one of {", ".join(ORIENTATIONS)}, not {rule.orientation!r}')
    for name, value in (('threshold', rule.threshold), ('coverage', coverage)):
        if not 0 < value <= 1:
            raise ValueError(f'{name} must be above 0 and at most 1, not {value}')
    if max_masks < 1:
        raise ValueError(f'max_masks must be at least 1, not {max_masks}')
