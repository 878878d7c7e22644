"""Principal masks, aligned to the edges of the picture."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .dense_crf import dense_crf

NO_PROPOSAL = 255
"""Value of pixels without a proposal."""
MOST_MASKS = 254


@torch.no_grad()
def refine_masks(
    masks: Tensor, images: Tensor, median: bool = True, crf: bool = True, gain: float = 10.0, **crf_options: Any
) -> Tensor:
    """Turn masks on the patch grid into proposals on the pixels.

    As published: a 3x3 median filter (reflecting border), gain and clamp make the masks binary; a background channel
    takes what no mask covers; the log-softmax over background and masks is upsampled bilinearly and its softmax is the
    unary of a dense CRF; the most likely channel wins, and the background is no proposal.

    Args:
        masks: `[B, N, h, w]` in extraction order, at least 0; channels that are zero everywhere are padding and left
            out of everything, as if the image came alone. A mask that the median filter empties is not.
        images: uint8 RGB `[B, 3, H, W]`.
        median: Apply the median filter (ablation).
        crf: Apply the CRF (ablation: otherwise the upsampled probabilities decide).
        gain: Factor before the clamp to 1.
        **crf_options: Keyword arguments of :func:`dense_crf`.

    Returns:
        Proposals, long `[B, H, W]`: 255 where there is none, else the number of the mask's channel, 1 to N.

    Raises:
        ValueError: There are more than 254 channels, or shapes do not fit.
    """
    if masks.ndim != 4 or images.ndim != 4 or len(masks) != len(images):
        raise ValueError(f'masks {tuple(masks.shape)} must be [B, N, h, w], images {tuple(images.shape)} [B, 3, H, W]')
    if masks.shape[1] > MOST_MASKS:
        raise ValueError(f'{masks.shape[1]} masks do not fit into 8 bits: raise the threshold or lower the coverage')
    valid = F.pad((masks != 0).flatten(2).any(2), (1, 0), value=True)
    logits = mask_logits(masks.float(), valid, median, gain)
    upsampled = F.interpolate(logits, images.shape[-2:], mode='bilinear', align_corners=False)
    probabilities = upsampled.softmax(dim=1)
    if crf:
        probabilities = dense_crf(probabilities, images, valid=valid, **crf_options)
    labels = _most_likely(probabilities)
    return labels.masked_fill_(labels == 0, NO_PROPOSAL)


def _most_likely(probabilities: Tensor) -> Tensor:
    """Argmax over the labels of `[B, L, H, W]`, as two maxima: on CPU several times faster than `argmax`."""
    labels = probabilities.shape[1]
    countdown = torch.arange(labels, 0, -1, dtype=torch.uint8, device=probabilities.device).view(1, -1, 1, 1)
    winner = (probabilities == probabilities.amax(1, keepdim=True)) * countdown
    return labels - winner.amax(1).long()


def mask_logits(masks: Tensor, valid: Tensor, median: bool = True, gain: float = 10.0) -> Tensor:
    """Log-softmax `[B, 1 + N, h, w]` over background and masks `[B, N, h, w]`; padding gets (almost) no probability."""
    if median:
        masks = median_filter(masks)
    masks = (masks * gain).clamp(0, 1)
    count = (masks != 0).flatten(1).sum(1).clamp_min(1)
    level = masks.flatten(1).sum(1) / count
    background = (level.view(-1, 1, 1, 1) - masks.sum(1, keepdim=True)).clamp(0, 1)
    stack = torch.cat([background, masks], dim=1)
    return stack.masked_fill(~valid[:, :, None, None], -1e4).log_softmax(dim=1)


def median_filter(maps: Tensor) -> Tensor:
    """3x3 median of `[B, N, h, w]`; the border reflects, so that the edge itself is not repeated."""
    height, width = (_reflected(length, maps.device) for length in maps.shape[-2:])
    windows = maps[:, :, height][..., width].unfold(2, 3, 1).unfold(3, 3, 1)
    return windows.flatten(-2).median(dim=-1).values


def _reflected(length: int, device: torch.device) -> Tensor:
    """Positions -1 to `length`, those outside mirrored at the first and last; a single one is repeated."""
    position = torch.arange(-1, length + 1, device=device).abs()
    return (length - 1 - (length - 1 - position).abs()).clamp_min(0)
