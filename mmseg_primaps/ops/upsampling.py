"""Bilinear upsampling of logits from the patch grid, and what is read from the pixels."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

# CPU kernels reduce over channels several times faster when rows are whole vector registers (AVX-512: 16 floats).
_ALIGNMENT = 16


def upsample(logits: Tensor, size: Sequence[int]) -> Tensor:
    """Interpolate `[B, K, h, w]` bilinearly to `[B, K, H, W]`, corners not aligned, as the published code does.

    The result lies in memory as `[B, H, W, K]` (channels last), several times faster on CPU than the usual order.
    """
    logits = logits.contiguous(memory_format=torch.channels_last)
    return F.interpolate(logits, size=list(size), mode='bilinear', align_corners=False)


def upsampled_argmax(logits: Tensor, size: Sequence[int]) -> Tensor:
    """Most likely class of every pixel: argmax over K of the upsampled logits, one image in memory at a time.

    Args:
        logits: `[B, K, h, w]` on the patch grid.
        size: Height and width (H, W) of the result.

    Returns:
        Long `[B, H, W]`; the smaller class id at a tie. Logits that are not numbers have no class.
    """
    with torch.no_grad():
        if logits.device.type != 'cpu':
            return upsample(logits, size).argmax(dim=1)
        labels = [_argmax_of_image(image, size) for image in logits.detach().split(1)]
        return torch.cat(labels) if labels else logits.new_zeros((0, *size), dtype=torch.int64)


def _argmax_of_image(logits: Tensor, size: Sequence[int]) -> Tensor:
    """The same as `argmax` in two vectorised maxima: first the value, then the smallest class that has it."""
    classes = logits.shape[1]
    lowest = torch.finfo(logits.dtype).min / 4
    padded = F.pad(logits, (0, 0, 0, 0, 0, -classes % _ALIGNMENT), value=lowest)
    pixels = upsample(padded, size).permute(0, 2, 3, 1)
    countdown = torch.arange(pixels.shape[3], 0, -1, dtype=pixels.dtype)
    winners = pixels.eq_(pixels.amax(dim=3, keepdim=True)).mul_(countdown).amax(dim=3)
    return winners.neg_().add_(pixels.shape[3]).long()
