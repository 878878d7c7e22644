"""Softmax over upsampled logits, a chunk of pixels at a time.

Two facts make it fast and small. Bilinear upsampling is a weighted mean, so a number taken off all classes of a patch
is a number taken off all classes of a pixel, and the softmax does not see it: overflow is prevented on the small grid.
And in base 2 the exponential is some three times cheaper on CPU.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from .pixel_rows import Chunk, PixelRows

_LOG2_E = math.log2(math.e)
# A pixel whose probabilities sum to less, relative to the largest of its patches, would lose digits in float32.
_SMALLEST_SUM = 1e-30


def mean_probabilities(logits: Tensor, size: Sequence[int]) -> Tensor:
    """Mean over all pixels of the softmax of logits `[B, K, h, w]` upsampled to `size`; `[K]`, no gradient."""
    rows = PixelRows.of(_base_two_scores(logits), size)
    sums = [_probability_sums(rows, chunk) for chunk in rows.chunks()]
    return torch.stack(sums).sum(dim=0) / (logits.shape[0] * size[0] * size[1])


class WeightedCrossEntropy(torch.autograd.Function):
    """Cross entropy of upsampled logits whose class weights follow from the batch's mean probabilities.

    Arguments of `apply`: logits `[B, K, h, w]`; classes, long `[B, H, W]`; counted, bool `[B, H, W]`; and the function
    from mean probabilities `[K]` to weights `[K]`. Gives 1 / (B H W) Σ_i counted_i w_{k(i)} (-log p_{i k(i)}), the
    weights being constants to the gradient. The backward pass repeats the upsampling in place of keeping its result.
    """

    @staticmethod
    def forward(
        ctx: Any, logits: Tensor, classes: Tensor, counted: Tensor, weigh: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """Loss, a scalar."""
        rows = PixelRows.of(_base_two_scores(logits), classes.shape[1:])
        surprise, inverse = rows.source.new_empty(classes.shape), rows.source.new_empty(classes.shape)
        chunks = rows.chunks()
        parts = [_observe(rows, c, *(rows.of_chunk(v, c) for v in (classes, surprise, inverse))) for c in chunks]
        weight = weigh(torch.stack([part for part, _ in parts]).sum(dim=0) / classes.numel())
        coefficient = weight.take(classes).mul_(counted).div_(classes.numel())
        ctx.save_for_backward(rows.source, classes, coefficient, inverse.mul_(coefficient))
        ctx.chunks = list(zip(chunks, (shift for _, shift in parts), strict=True))
        ctx.width, ctx.dtype = logits.shape[3], logits.dtype
        return surprise.mul_(coefficient).sum() / _LOG2_E

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Gradient in the logits."""
        source, *values = ctx.saved_tensors
        rows, total = PixelRows(source, (values[0].shape[1], values[0].shape[2])), torch.zeros_like(source)
        with torch.autocast('cpu', enabled=False):  # upsampling there is a product of matrices
            for c, shift in ctx.chunks:
                classes, coefficient, scale = (rows.of_chunk(value, c)[:, None] for value in values)
                pixels = _scores(rows, c, shift).exp2_().mul_(scale)
                rows.add_transposed(total, c, pixels.scatter_add_(1, classes, -coefficient))
            result = rows.to_maps(total, ctx.width)
        return (result * grad).to(ctx.dtype), None, None, None


def _base_two_scores(logits: Tensor) -> Tensor:
    """Logits in base 2 relative to the largest of their patch, in float32 or float64."""
    logits = logits.detach()
    logits = logits if logits.dtype == torch.float64 else logits.float()
    return (logits - logits.amax(dim=1, keepdim=True)) * _LOG2_E


def _scores(rows: PixelRows, chunk: Chunk, shift: bool) -> Tensor:
    """Scores of a chunk's pixels `[g, K, p]`; `shift` moves the largest of every pixel to zero."""
    pixels = rows.pixels(chunk)
    return pixels.sub_(pixels.amax(dim=1, keepdim=True)) if shift else pixels


def _exponentials(rows: PixelRows, chunk: Chunk, classes: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor, bool]:
    """Unnormalised probabilities `[g, K, p]`, their sums, the scores of `classes`, and whether pixels were shifted.

    Where neighbouring patches disagree by far, every class may vanish between them: then pixels are shifted first. A
    GPU always shifts, because looking would make it wait.
    """
    for shift in (rows.source.is_cuda, True):
        pixels = _scores(rows, chunk, shift)
        picked = pixels.new_empty(0) if classes is None else pixels.gather(1, classes[:, None]).squeeze(1)
        total = pixels.exp2_().sum(dim=1)
        if shift or bool(total.min() > _SMALLEST_SUM):
            break
    return pixels, total, picked, shift


def _probability_sums(rows: PixelRows, chunk: Chunk) -> Tensor:
    """Σ_i p_ik of a chunk, `[K]`."""
    pixels, total, _, _ = _exponentials(rows, chunk)
    return _weighted_sum(total.reciprocal_(), pixels)


def _weighted_sum(weights: Tensor, pixels: Tensor) -> Tensor:
    """Σ_i weights_i pixels_i, `[K]`, in place of the pixels: group after group, lest a long sum lose digits."""
    return pixels.mul_(weights[:, None]).sum(dim=2).sum(dim=0)


def _observe(rows: PixelRows, chunk: Chunk, classes: Tensor, surprise: Tensor, inverse: Tensor) -> tuple[Tensor, bool]:
    """Fill in -log2 p of each pixel's class and the inverse sums; returns Σ_i p_i `[K]` and if pixels were shifted."""
    pixels, total, picked, shift = _exponentials(rows, chunk, classes)
    surprise.copy_(total.log2().sub_(picked))
    inverse.copy_(total.reciprocal_())
    return _weighted_sum(total, pixels), shift
