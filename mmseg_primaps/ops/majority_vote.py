"""The E-step: one class per mask proposal."""

import torch
from torch import Tensor


def majority_vote(labels: Tensor, proposals: Tensor, num_classes: int, ignore_index: int = 255) -> Tensor:
    """Give every mask proposal the class that most of its pixels were predicted to be.

    The pseudo label P* of PriMaPs-EM: P*_i = mode of the predictions y inside the proposal that holds pixel i. All
    proposals of all images are counted at once, in one histogram over (image, proposal, class).

    Args:
        labels: Predictions y of the momentum prototypes, integers in 0..num_classes-1, `[B, H, W]`.
        proposals: Mask ids, non-negative integers, `ignore_index` where no mask is, `[B, H, W]`. The ids of an image
            need not be contiguous.
        num_classes: Number of classes K.
        ignore_index: Mask id of pixels without a proposal, and their value in the result.

    Returns:
        Pseudo labels, long `[B, H, W]`: the class of the proposal (the smaller class id at a tie) or `ignore_index`.

    Raises:
        ValueError: Shapes differ, a label is outside 0..num_classes-1 or a mask id is negative.
    """
    if labels.shape != proposals.shape or labels.ndim != 3:
        raise ValueError(f'labels {tuple(labels.shape)} and proposals {tuple(proposals.shape)} must both be [B, H, W]')
    labels, proposals = labels.long(), proposals.long()
    ignored = proposals == ignore_index
    # Slot 0 collects the ignored pixels, so that no pixel has to be left out (boolean indexing would copy them all).
    slots = (proposals + 1).masked_fill_(ignored, 0)
    _check_range(labels, slots, num_classes)
    images, num_slots = labels.shape[0], int(slots.max()) + 1 if slots.numel() else 1
    first = torch.arange(images, device=labels.device).view(-1, 1, 1) * num_slots
    cells = (slots + first) * num_classes + labels
    votes = torch.bincount(cells.flatten(), minlength=images * num_slots * num_classes)
    winners = votes.view(images, num_slots, num_classes).argmax(dim=2)
    winners[:, 0] = ignore_index
    return winners.gather(1, slots.flatten(1)).view_as(labels)


def _check_range(labels: Tensor, slots: Tensor, num_classes: int) -> None:
    if not labels.numel():
        return
    low, high = (int(bound) for bound in labels.aminmax())
    if low < 0 or high >= num_classes:
        raise ValueError(f'labels must lie in 0..{num_classes - 1}, found {low}..{high}')
    if int(slots.min()) < 0:
        raise ValueError(f'mask ids must not be negative, found {int(slots.min()) - 1}')
