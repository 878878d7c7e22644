"""The fully connected conditional random field that aligns masks to the edges of a picture."""

import functools
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from .permutohedral import PermutohedralLattice
from .separable_gaussian import SeparableGaussian
from .threads import over_threads

Filter = Callable[[Tensor], Tensor]

_PIXELS_PER_CHUNK = 32 * 320 * 320
"""Pixels that share one lattice on an accelerator: a few GB where the pictures are nothing but noise."""
_LABELS_PER_GROUP = 32
"""Labels filtered together on CPU: a row of so many floats is two cache lines, and wider ones outgrow the cache."""
_GROUP_BYTES = 31 << 20
"""Bytes of vertex values filtered together on CPU: larger blocks go back to the system, page by page, when freed."""


def dense_crf(
    probabilities: Tensor,
    images: Tensor,
    iterations: int = 10,
    gaussian_sxy: float = 1,
    gaussian_compat: float = 3,
    bilateral_sxy: float = 67,
    bilateral_srgb: float = 3,
    bilateral_compat: float = 4,
    *,
    valid: Tensor | None = None,
    gaussian: str = 'lattice',
    chunk: int | None = None,
    longest_bag: int | None = None,
    workers: int | None = None,
) -> Tensor:
    r"""Mean-field inference in a fully connected CRF with Potts compatibility (Kraehenbuehl & Koltun, 2011).

    With the unary `p = clip(probabilities, 1e-5, 1)`, the first `Q` is `p` normalised, and every iteration sets

        Q <- p * exp(gaussian_compat * G Q + bilateral_compat * B Q), normalised over the labels,

    where `G = n K n` has the kernel on position / gaussian_sxy, `B` the one on (position / bilateral_sxy, blue, green,
    red / bilateral_srgb), and `n = 1 / sqrt(K 1)`. `K` is evaluated on the permutohedral lattice. This is what
    pydensecrf computes by default, to rounding. An image in a batch gets what it gets alone.

    Args:
        probabilities: `[B, L, H, W]`, floating point, in [0, 1]. Computed in float32 whatever the type.
        images: Uint8 RGB, `[B, 3, H, W]`. The channels are reversed inside, as the published codes do: the lattice
            is an approximation, and their order changes about 0.2 % of the pixels.
        iterations: Mean-field updates; 0 returns the normalised unary.
        gaussian_sxy: Standard deviation of the smoothness kernel in pixels.
        gaussian_compat: Weight of the smoothness kernel.
        bilateral_sxy: Standard deviation of the appearance kernel in pixels.
        bilateral_srgb: Standard deviation of the appearance kernel in grey levels (of 255).
        bilateral_compat: Weight of the appearance kernel.
        valid: Bool `[B, L]`, False for a label that an image does not have: `Q = 0` there, as if it were left out.
            Every image has at least one.
        gaussian: `'lattice'` (published), or `'conv'` for the smoothness kernel as exact separable convolution:
            faster, argmax equal on about 99.9 % of the pixels.
        chunk: Images that share one lattice; by default 1 on CPU, elsewhere as many as fit a few GB.
        longest_bag: See `PermutohedralLattice`; by default None on CPU, 256 elsewhere.
        workers: Threads that take a chunk each, with one thread inside. By default torch's number of threads on CPU
            and 1, the calling thread, elsewhere. The result does not depend on it.

    Returns:
        `Q`, `[B, L, H, W]` of the type of `probabilities`; sums to 1 over the labels.

    Raises:
        ValueError: For shapes, types, devices or options that do not fit.
    """
    _check(probabilities, images, valid)
    if gaussian not in ('lattice', 'conv') or iterations < 0 or min(gaussian_sxy, bilateral_sxy, bilateral_srgb) <= 0:
        raise ValueError("gaussian is 'lattice' or 'conv', iterations at least 0, standard deviations positive")
    height, width = images.shape[-2:]
    on_cpu = images.device.type == 'cpu'
    chunk = chunk or (1 if on_cpu else max(1, _PIXELS_PER_CHUNK // (height * width)))
    longest_bag = longest_bag or (None if on_cpu else 256)
    smooth = _smoothness(gaussian, height, width, gaussian_sxy, gaussian_compat, images.device, longest_bag)
    if on_cpu:
        # Freeing a block of this size makes glibc keep smaller ones for the next filter: page faults cost a tenth.
        torch.empty(_GROUP_BYTES, dtype=torch.uint8)

    with torch.inference_mode(False):  # a tensor that the threads, which have modes of their own, may write to
        marginals = torch.zeros(probabilities.shape, dtype=probabilities.dtype, device=probabilities.device)

    @torch.no_grad()
    def infer(begin: int) -> None:
        part = slice(begin, begin + chunk)
        unary = _unary(probabilities[part], None if valid is None else valid[part])
        lattice = PermutohedralLattice(*appearance_features(images[part], bilateral_sxy, bilateral_srgb), longest_bag)
        sizes = _groups(unary.shape[1], lattice.vertices, unary.device)
        groups = [_rows(group) for group in unary.split(sizes, 1)]
        groups = _mean_field(groups, smooth, lattice.normalise(bilateral_compat), height * width, iterations)
        for maps, rows in zip(marginals[part, : unary.shape[1]].split(sizes, 1), groups, strict=True):
            for number, image in enumerate(maps):  # one by one: torch transposes matrices fast
                image.flatten(1).copy_(rows[number :: len(maps)].T)

    over_threads(infer, range(0, len(images), chunk), workers or (torch.get_num_threads() if on_cpu else 1))
    return marginals


def _check(probabilities: Tensor, images: Tensor, valid: Tensor | None) -> None:
    """Refuse what does not fit."""
    shape = tuple(probabilities.shape)
    if len(shape) != 4 or 0 in shape[1:] or not probabilities.is_floating_point():
        raise ValueError(f'probabilities must be floating point [B, L, H, W], not {probabilities.dtype} {list(shape)}')
    if tuple(images.shape) != (shape[0], 3, *shape[2:]) or images.dtype != torch.uint8:
        expected = [shape[0], 3, *shape[2:]]
        raise ValueError(f'images must be uint8 RGB {expected}, not {images.dtype} {list(images.shape)}')
    if images.device != probabilities.device:
        raise ValueError(f'images are on {images.device}, probabilities on {probabilities.device}')
    if valid is not None and (valid.shape != shape[:2] or valid.dtype != torch.bool):
        raise ValueError(f'valid must be bool {list(shape[:2])}, not {valid.dtype} {list(valid.shape)}')


def _unary(probabilities: Tensor, valid: Tensor | None) -> Tensor:
    """Clipped probabilities, 0 where a label is not valid; labels after the last that is valid anywhere are cut off."""
    if valid is None:
        return probabilities.float().clip(1e-5, 1)
    labels = int(valid.any(0).nonzero().max()) + 1
    unary = probabilities[:, :labels].float().clip(1e-5, 1)
    valid = valid[:, :labels]
    return unary if bool(valid.all()) else unary.masked_fill_(~valid[:, :, None, None], 0)


def _rows(maps: Tensor) -> Tensor:
    """Turn `[B, C, H, W]` into `[H * W * B, C]`: pixel by pixel, the images of a pixel side by side."""
    return maps.permute(2, 3, 0, 1).reshape(-1, maps.shape[1]).contiguous()


def position_features(height: int, width: int, sxy: float, device: torch.device) -> tuple[Tensor, list[float]]:
    """`(x, y) / sxy` of every pixel, `[2, H * W]`, and their largest values."""
    y, x = torch.meshgrid(torch.arange(height, device=device), torch.arange(width, device=device), indexing='ij')
    # A tensor on the device as divisor: CUDA multiplies by the rounded inverse of a plain number.
    return torch.stack([x, y]).flatten(1) / torch.full((1,), float(sxy), device=device), [width / sxy, height / sxy]


def appearance_features(images: Tensor, sxy: float, srgb: float) -> tuple[Tensor, list[float], int]:
    """Features `[5, H * W * B]` of the pixels, their largest values, and the number of images."""
    height, width = images.shape[-2:]
    positions, extent = position_features(height, width, sxy, images.device)
    colours = _rows(images.flip(1)).T / torch.full((1,), float(srgb), device=images.device)
    features = torch.cat([positions.repeat_interleave(len(images), 1), colours])
    return features, [*extent, *[255 / srgb] * 3], len(images)


@functools.lru_cache(maxsize=8)
@torch.no_grad()
def _smoothness(
    kind: str, height: int, width: int, sxy: float, compat: float, device: torch.device, longest_bag: int | None
) -> Filter:
    """The smoothness kernel depends on the size alone, so it is made once per size."""
    if kind == 'conv':
        return SeparableGaussian(height, width, sxy, compat, device)
    return PermutohedralLattice(*position_features(height, width, sxy, device), 1, longest_bag).normalise(compat)


def _groups(labels: int, vertices: int, device: torch.device) -> list[int]:
    """Sizes of the groups of labels that are filtered together."""
    if device.type != 'cpu':
        return [labels]
    count = math.ceil(labels / max(1, min(_LABELS_PER_GROUP, _GROUP_BYTES // (4 * vertices))))
    return [labels * (i + 1) // count - labels * i // count for i in range(count)]


def _mean_field(
    unary: list[Tensor], smooth: Filter, lattice: PermutohedralLattice, pixels: int, iterations: int
) -> list[Tensor]:
    """Mean-field marginals of a unary that need not be normalised, both in groups of labels `[P, L]`."""
    marginals = _normalised([group.clone() for group in unary])
    for _ in range(iterations):
        messages = []
        for group, values in zip(unary, marginals, strict=True):
            message = lattice(values)
            message += smooth(values.view(pixels, -1)).view(message.shape)
            # No maximum is subtracted first: messages stay below the sum of the weights; 80 guards other weights.
            messages.append(message.clamp_(max=80).exp_().mul_(group))
        marginals = _normalised(messages)
    return marginals


def _normalised(groups: Sequence[Tensor]) -> list[Tensor]:
    """Divide rows by their sum over all groups, in place."""
    total = sum(group.sum(1, keepdim=True) for group in groups)
    return [group.div_(total) for group in groups]
