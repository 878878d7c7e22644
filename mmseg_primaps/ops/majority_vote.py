"""The E-step: one class per mask proposal."""

from torch import Tensor

from .proposal_counts import count_proposals


def majority_vote(labels: Tensor, proposals: Tensor, num_classes: int, ignore_index: int = 255) -> Tensor:
    """Give every mask proposal the class that most of its pixels were predicted to be.

    The pseudo label P* of PriMaPs-EM: P*_i = mode of the predictions y inside the proposal that holds pixel i.

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
    return count_proposals(labels, proposals, num_classes, ignore_index).vote(ignore_index)
