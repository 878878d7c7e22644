"""Scores of a clustering against labels: confusion, matching, accuracy and IoU."""

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor


def confusion_matrix(
    pred: Tensor, label: Tensor, num_clusters: int, num_classes: int, ignore_index: int = 255
) -> Tensor:
    """Count pixels by predicted cluster and labelled class.

    Args:
        pred: Predicted clusters, integers in 0..num_clusters-1, any shape. Not looked at where the label is ignored.
        label: Classes, integers in 0..num_classes-1 or `ignore_index`, the same shape.
        num_clusters: Number of clusters.
        num_classes: Number of classes.
        ignore_index: Label of pixels that do not count.

    Returns:
        int64 `[num_clusters, num_classes]`. Matrices of several batches add up.

    Raises:
        ValueError: Shapes differ, or a label or a prediction is out of range.
    """
    if pred.shape != label.shape:
        raise ValueError(f'predictions {tuple(pred.shape)} and labels {tuple(label.shape)} differ in shape')
    counted = label != ignore_index
    pred, label = pred[counted].long(), label[counted].long()
    _check_range('labels', label, num_classes, f' or {ignore_index} (ignored)')
    _check_range('predictions', pred, num_clusters)
    flat = torch.bincount(pred * num_classes + label, minlength=num_clusters * num_classes)
    return flat.view(num_clusters, num_classes)


def match_clusters(confusion: Tensor, many_to_one: bool = False) -> Tensor:
    """Assign clusters to classes so that as many pixels as possible agree.

    Args:
        confusion: Pixel counts `[clusters, classes]`.
        many_to_one: Give each cluster the class it overlaps most (the smaller class id at a tie; a cluster without
            pixels none) instead of the Hungarian one-to-one matching of the published protocol.

    Returns:
        Class of every cluster, int64 `[clusters]` on the CPU; -1 where there are more clusters than classes and a
        cluster got none.
    """
    counts = confusion.detach().cpu()
    if many_to_one:
        return counts.argmax(dim=1).masked_fill(counts.sum(dim=1) == 0, -1)
    assignment = torch.full((counts.shape[0],), -1, dtype=torch.int64)
    clusters, classes = linear_sum_assignment(counts.numpy(), maximize=True)
    assignment[torch.from_numpy(clusters)] = torch.from_numpy(classes)
    return assignment


def segmentation_scores(confusion: Tensor, assignment: Tensor) -> dict[str, float | Tensor]:
    """Accuracy and IoU, in percent, of clusters after matching.

    Pixels of a cluster without a class are wrong for the accuracy and part of no class's prediction: they lower the
    IoU of their labelled class through its union.

    Args:
        confusion: Pixel counts `[clusters, classes]`.
        assignment: Class of every cluster or -1, `[clusters]`.

    Returns:
        `Acc` (right pixels over all pixels), `IoU` (float64 `[classes]`, NaN for a class that is in neither the
        labels nor the predictions) and `mIoU` (mean over the classes that are not NaN). NaN where nothing was counted.

    Raises:
        ValueError: `assignment` is not `[clusters]` or names a class that does not exist.
    """
    counts = confusion.detach().cpu().double()
    clusters, classes = counts.shape
    assignment = assignment.cpu().long()
    if assignment.shape != (clusters,) or bool(((assignment < -1) | (assignment >= classes)).any()):
        raise ValueError(f'the assignment must give each of {clusters} clusters a class in 0..{classes - 1}, or -1')
    matched = assignment >= 0
    by_class = torch.zeros(classes, classes, dtype=torch.float64)
    by_class.index_add_(0, assignment[matched], counts[matched])
    right, predicted, labelled = by_class.diagonal(), by_class.sum(dim=1), counts.sum(dim=0)
    iou = 100 * right / (predicted + labelled - right)
    return {'Acc': float(100 * right.sum() / counts.sum()), 'mIoU': float(iou.nanmean()), 'IoU': iou}


def _check_range(name: str, values: Tensor, bound: int, besides: str = '') -> None:
    if not values.numel():
        return
    low, high = (int(value) for value in values.aminmax())
    if low < 0 or high >= bound:
        raise ValueError(f'{name} must lie in 0..{bound - 1}{besides}, found {low}..{high}')
