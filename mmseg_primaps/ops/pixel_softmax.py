"""Softmax over upsampled logits, a chunk of pixels at a time.

Three facts make it fast and small. Bilinear upsampling is a weighted mean, so a number taken off all classes of a patch
is a number taken off all classes of a pixel, and the softmax does not see it: overflow is prevented on the small grid.
In base 2 the exponential is some three times cheaper on CPU. And channels-last rows `[pixels, K]` turn all sums into
matrix-vector products.
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
        surprise, inverse = rows.wide.new_empty(classes.shape), rows.wide.new_empty(classes.shape)
        parts = [_observe(rows, c, classes[c], surprise[c], inverse[c]) for c in rows.chunks()]
        weight = weigh(torch.stack([part for part, _ in parts]).sum(dim=0) / classes.numel())
        coefficient = weight.take(classes).mul_(counted).div_(classes.numel())
        ctx.save_for_backward(rows.wide, classes, coefficient, inverse.mul_(coefficient))
        ctx.width, ctx.dtype, ctx.shifts = logits.shape[3], logits.dtype, [shift for _, shift in parts]
        return surprise.mul_(coefficient).sum() / _LOG2_E

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Gradient in the logits."""
        wide, classes, coefficient, scale = ctx.saved_tensors
        rows, total = PixelRows(wide, classes.shape[1]), torch.zeros_like(wide)
        with torch.autocast('cpu', enabled=False):  # upsampling there is a product of matrices
            for c, shift in zip(rows.chunks(), ctx.shifts, strict=True):
                pixels = _scores(rows, c, shift).exp2_().mul_(scale[c].view(-1, 1))
                pixels.view(-1).index_add_(0, _positions(pixels, classes[c]), coefficient[c].view(-1), alpha=-1)
                rows.add_transposed(total, c, pixels)
        return (rows.to_grid(total, ctx.width) * grad).to(ctx.dtype), None, None, None


def _base_two_scores(logits: Tensor) -> Tensor:
    """Logits in base 2 relative to the largest of their patch, in float32 or float64."""
    logits = logits.detach()
    logits = logits if logits.dtype == torch.float64 else logits.float()
    return (logits - logits.amax(dim=1, keepdim=True)) * _LOG2_E


def _scores(rows: PixelRows, chunk: Chunk, shift: bool) -> Tensor:
    """Scores of a chunk's pixels `[n, K]`; `shift` moves the largest of every pixel to zero."""
    pixels = rows.pixels(chunk)
    return pixels.sub_(pixels.amax(dim=1, keepdim=True)) if shift else pixels


def _positions(pixels: Tensor, classes: Tensor) -> Tensor:
    """Index of each pixel's class in the flattened scores."""
    return torch.arange(0, pixels.numel(), pixels.shape[1], device=pixels.device).add_(classes.view(-1))


def _exponentials(rows: PixelRows, chunk: Chunk, classes: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor, bool]:
    """Unnormalised probabilities `[n, K]`, their sums, the scores of `classes`, and whether pixels were shifted.

    Where neighbouring patches disagree by far, every class may vanish between them: then pixels are shifted first. A
    GPU always shifts, because looking would make it wait.
    """
    for shift in (rows.wide.is_cuda, True):
        pixels = _scores(rows, chunk, shift)
        picked = pixels.new_empty(0) if classes is None else pixels.take(_positions(pixels, classes))
        total = pixels.exp2_() @ pixels.new_ones(pixels.shape[1])
        if shift or bool(total.min() > _SMALLEST_SUM):
            break
    return pixels, total, picked, shift


def _probability_sums(rows: PixelRows, chunk: Chunk) -> Tensor:
    """Σ_i p_ik of a chunk, `[K]`."""
    pixels, total, _, _ = _exponentials(rows, chunk)
    return _weighted_sum(total.reciprocal_(), pixels, rows.wide.shape[2])


def _weighted_sum(weights: Tensor, pixels: Tensor, width: int) -> Tensor:
    """Σ_i weights_i pixels_i, `[K]`: picture rows first, because one long float32 sum would lose digits."""
    return torch.bmm(weights.view(-1, 1, width), pixels.view(-1, width, pixels.shape[1])).sum(dim=(0, 1))


def _observe(
    rows: PixelRows, chunk: Chunk, classes: Tensor, surprise: Tensor, inverse: Tensor
) -> tuple[Tensor, bool]:
    """Fill in -log2 p of each pixel's class and the inverse sums; returns Σ_i p_i `[K]` and if pixels were shifted."""
    pixels, total, picked, shift = _exponentials(rows, chunk, classes)
    surprise.view(-1).copy_(total.log2().sub_(picked))
    inverse.view(-1).copy_(total.reciprocal_())
    return _weighted_sum(total, pixels, classes.shape[2]), shift
