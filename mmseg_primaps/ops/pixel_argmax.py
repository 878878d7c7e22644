"""The most likely class of every pixel."""

from collections.abc import Sequence

import torch
from torch import Tensor

from .pixel_rows import PixelRows


def upsampled_argmax(logits: Tensor, size: Sequence[int]) -> Tensor:
    """Most likely class of every pixel: argmax over K of the upsampled logits, a few rows in memory at a time.

    Args:
        logits: `[B, K, h, w]` on the patch grid; those of less than float32 are upsampled in float32.
        size: Height and width (H, W) of the result.

    Returns:
        Long `[B, H, W]`; the smaller class id at a tie. Logits that are not numbers have no class.
    """
    # On a CPU upsampling is a product of matrices, which autocast would round.
    with torch.no_grad(), torch.autocast('cpu', enabled=False):
        rows = PixelRows.of(logits.to(torch.promote_types(logits.dtype, torch.float32)), size)
        labels = [_argmax(rows.pixels(chunk)).flatten() for chunk in rows.chunks()]
        return torch.cat([*labels, logits.new_zeros(0, dtype=torch.int64)]).view(len(logits), *size)


def _argmax(pixels: Tensor) -> Tensor:
    """Class of every pixel of `[g, K, p]`; on a CPU by two vectorised maxima, the value and the first that has it."""
    if pixels.device.type != 'cpu':
        return pixels.argmax(1)
    classes = pixels.shape[1]
    countdown = torch.arange(classes, 0, -1, dtype=pixels.dtype)[:, None]
    winners = pixels.eq_(pixels.amax(1, keepdim=True)).mul_(countdown).amax(1)
    return winners.neg_().add_(classes).long()
