"""Softmax over upsampled logits, a chunk of images at a time.

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

from .upsampling import upsample

_LOG2_E = math.log2(math.e)
# A pixel whose probabilities sum to less, relative to the largest of its patches, would lose digits in float32.
_SMALLEST_SUM = 1e-30
# Numbers in one upsampled chunk on a GPU (512 MiB in float32); on CPU a chunk is one image.
_CUDA_CHUNK = 2**27


def mean_probabilities(logits: Tensor, size: Sequence[int]) -> Tensor:
    """Mean over all pixels of the softmax of logits `[B, K, h, w]` upsampled to `size`; `[K]`, no gradient."""
    scores = _base_two_scores(logits)
    sums = [_probability_sums(scores[chunk], size) for chunk in _chunks(scores, size)]
    return torch.stack(sums).sum(dim=0) / (scores.shape[0] * size[0] * size[1])


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
        scores = _base_two_scores(logits)
        surprise, inverse = scores.new_empty(classes.shape), scores.new_empty(classes.shape)
        chunks = _chunks(scores, classes.shape[1:])
        parts = [_observe(scores[c], classes[c], surprise[c], inverse[c]) for c in chunks]
        weight = weigh(torch.stack([part for part, _ in parts]).sum(dim=0) / classes.numel())
        coefficient = weight.take(classes).mul_(counted).div_(classes.numel())
        ctx.save_for_backward(scores, classes, coefficient, inverse.mul_(coefficient))
        ctx.dtype, ctx.chunks, ctx.shifts = logits.dtype, chunks, [shift for _, shift in parts]
        return surprise.mul_(coefficient).sum() / _LOG2_E

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Gradient in the logits."""
        scores, classes, coefficient, scale = ctx.saved_tensors
        result = torch.empty_like(scores)
        for c, shift in zip(ctx.chunks, ctx.shifts, strict=True):
            result[c] = _gradient(scores[c], classes[c], coefficient[c], scale[c], shift)
        return (result * grad).to(ctx.dtype), None, None, None


def _base_two_scores(logits: Tensor) -> Tensor:
    """Logits in base 2 relative to the largest of their patch, in float32 or float64."""
    logits = logits.detach()
    logits = logits if logits.dtype == torch.float64 else logits.float()
    return (logits - logits.amax(dim=1, keepdim=True)) * _LOG2_E


def _chunks(scores: Tensor, size: Sequence[int]) -> list[slice]:
    """Which images to upsample together: one on CPU (it stays in the cache), as many as fit the limit on a GPU."""
    step = max(1, _CUDA_CHUNK // (scores.shape[1] * size[0] * size[1])) if scores.is_cuda else 1
    return [slice(first, first + step) for first in range(0, scores.shape[0], step)]


def _pixels(scores: Tensor, size: Sequence[int], shift: bool) -> Tensor:
    """Upsampled scores as rows `[b H W, K]`; `shift` moves the largest of every row to zero."""
    pixels = upsample(scores, size).permute(0, 2, 3, 1).reshape(-1, scores.shape[1]).contiguous()
    return pixels.sub_(pixels.amax(dim=1, keepdim=True)) if shift else pixels


def _positions(pixels: Tensor, classes: Tensor) -> Tensor:
    """Index of each pixel's class in the flattened rows."""
    return torch.arange(0, pixels.numel(), pixels.shape[1], device=pixels.device).add_(classes.view(-1))


def _exponentials(
    scores: Tensor, size: Sequence[int], classes: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor, bool]:
    """Unnormalised probabilities `[b H W, K]`, their sums, the scores of `classes`, and whether rows were shifted.

    Where neighbouring patches disagree by far, every class may vanish between them: then rows are shifted first. A GPU
    always shifts, because looking would make it wait.
    """
    for shift in (scores.is_cuda, True):
        pixels = _pixels(scores, size, shift)
        picked = pixels.new_empty(0) if classes is None else pixels.take(_positions(pixels, classes))
        total = pixels.exp2_() @ pixels.new_ones(pixels.shape[1])
        if shift or bool(total.min() > _SMALLEST_SUM):
            break
    return pixels, total, picked, shift


def _probability_sums(scores: Tensor, size: Sequence[int]) -> Tensor:
    """Σ_i p_ik of a chunk, `[K]`."""
    pixels, total, _, _ = _exponentials(scores, size)
    return _weighted_sum(total.reciprocal_(), pixels, size[1])


def _weighted_sum(weights: Tensor, pixels: Tensor, width: int) -> Tensor:
    """Σ_i weights_i pixels_i, `[K]`: picture rows first, because one long float32 sum would lose digits."""
    return torch.bmm(weights.view(-1, 1, width), pixels.view(-1, width, pixels.shape[1])).sum(dim=(0, 1))


def _observe(scores: Tensor, classes: Tensor, surprise: Tensor, inverse: Tensor) -> tuple[Tensor, bool]:
    """Fill in -log2 p of each pixel's class and the inverse sums; returns Σ_i p_i `[K]` and if rows were shifted."""
    pixels, total, picked, shift = _exponentials(scores, classes.shape[1:], classes)
    surprise.view(-1).copy_(total.log2().sub_(picked))
    inverse.view(-1).copy_(total.reciprocal_())
    return _weighted_sum(total, pixels, classes.shape[2]), shift


def _gradient(scores: Tensor, classes: Tensor, coefficient: Tensor, scale: Tensor, shift: bool) -> Tensor:
    """Gradient of a chunk `[b, K, h, w]`: the transposed upsampling of coefficient_i (p_ik - [k is the class of i])."""
    pixels = _pixels(scores, classes.shape[1:], shift).exp2_().mul_(scale.view(-1, 1))
    pixels.view(-1).index_add_(0, _positions(pixels, classes), coefficient.view(-1), alpha=-1)
    grid = pixels.view(*classes.shape, -1).permute(0, 3, 1, 2)
    size = list(classes.shape[1:])
    return torch.ops.aten.upsample_bilinear2d_backward(grid, size, list(scores.shape), False, None, None)
