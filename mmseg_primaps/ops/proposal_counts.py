"""How many pixels of every class every mask proposal holds: what votes and agreement are made of."""

from typing import NamedTuple

import torch
from torch import Tensor

_COUNTABLE = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


class ProposalCounts(NamedTuple):
    """Pixels of every class in every proposal of a batch."""

    pixels: Tensor
    """Long `[B, S, K]`; slot 0 holds the pixels without a proposal, slot m + 1 those of mask number m."""
    slots: Tensor
    """Image times S plus slot of every pixel, int32 (int64 where there are too many) `[B, H, W]`."""

    def vote(self, ignore_index: int = 255) -> Tensor:
        """Class of most of its proposal's pixels for every pixel `[B, H, W]`, or `ignore_index` without a proposal."""
        winners = self.pixels.argmax(dim=2)
        winners[:, 0] = ignore_index
        return winners.flatten().index_select(0, self.slots.flatten()).view(self.slots.shape)

    def histogram(self) -> Tensor:
        """Counts of the proposals of all images that have a pixel, `[P, K]`."""
        counts = self.pixels[:, 1:].flatten(0, 1)
        return counts[counts.sum(dim=1) > 0]


def count_proposals(labels: Tensor, proposals: Tensor, num_classes: int, ignore_index: int = 255) -> ProposalCounts:
    """Count all proposals of all images at once, in one histogram over (image, proposal, class).

    Args:
        labels: Classes 0..num_classes-1, `[B, H, W]`.
        proposals: Mask ids, non-negative integers, `ignore_index` where no mask is, `[B, H, W]`.
        num_classes: Number of classes K.
        ignore_index: Mask id of pixels without a proposal.

    Raises:
        ValueError: Shapes differ, a label is outside 0..num_classes-1 or a mask id is negative.
    """
    if labels.shape != proposals.shape or labels.ndim != 3:
        raise ValueError(f'labels {tuple(labels.shape)} and proposals {tuple(proposals.shape)} must both be [B, H, W]')
    labels, proposals = (v if v.dtype in _COUNTABLE else v.long() for v in (labels, proposals))
    largest = _check_range(labels, proposals, num_classes, ignore_index)
    # Passes over all pixels cost their bytes, and numbers of two kinds in one sum cost more: all as short as will do.
    dtype = _shortest(len(labels) * (largest + 2) * num_classes)
    labels, ids = labels.to(dtype), proposals.to(dtype)
    # Slot 0 collects the ignored pixels, so that no pixel has to be left out (boolean indexing would copy them all).
    slots = (ids + 1).mul_(ids != ignore_index)
    least, most = (int(bound) for bound in slots.aminmax()) if slots.numel() else (0, 0)
    if least < 0:
        raise ValueError(f'mask ids must not be negative, found {least - 1}')
    images, num_slots = len(labels), most + 1
    slots += (torch.arange(images, dtype=dtype, device=labels.device) * num_slots).view(-1, 1, 1)
    cells = (slots * num_classes).add_(labels)
    pixels = torch.bincount(cells.flatten(), minlength=images * num_slots * num_classes)
    return ProposalCounts(pixels.view(images, num_slots, num_classes), slots)


def _check_range(labels: Tensor, proposals: Tensor, num_classes: int, ignore_index: int) -> int:
    """Refuse what cannot be counted, before a shorter type could hide it; returns the largest id's magnitude."""
    if not labels.numel():
        return abs(ignore_index)
    low, high = (int(bound) for bound in labels.aminmax())
    if low < 0 or high >= num_classes:
        raise ValueError(f'labels must lie in 0..{num_classes - 1}, found {low}..{high}')
    low, high = (int(bound) for bound in proposals.aminmax())
    if low < 0 and low != ignore_index:
        raise ValueError(f'mask ids must not be negative, found {low}')
    return max(high, abs(ignore_index))


def _shortest(count: int) -> torch.dtype:
    """Type that holds numbers below `count`."""
    return torch.int32 if count <= 2**31 else torch.int64
