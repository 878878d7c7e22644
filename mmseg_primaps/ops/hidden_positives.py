"""HP's objective: contrast patches with the positives that pools of reference patches reveal.

Follows Seong et al. 2023 and the public code hynnsk/HP (its ``loss_version`` 1 with re-weighting).
"""

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

BASE_TEMPERATURE = 0.07


def specific_weight(iteration: int, warmup: int, total: int) -> float:
    """Weight λ of task-specific positives: 0 up to ``warmup`` iterations, then linear, 1 at ``total``."""
    if iteration <= warmup:
        return 0.0
    return min(1.0, (iteration - warmup) / max(1, total - warmup))


def nearest_reference(patches: Tensor, pool: Tensor) -> Tensor:
    """Largest cosine of every patch with a reference pool: its threshold for positives.

    Args:
        patches: ``[N, C]``, unit length.
        pool: ``[P, C]``, unit length.

    Returns:
        ``[N]``.
    """
    return torch.cat([(block @ pool.T).amax(dim=1) for block in patches.split(4096)])


def hidden_positives(anchors: Tensor, patches: Tensor, threshold: Tensor, start: int) -> Tensor:
    """Which patches are closer to an anchor than every reference patch is to one of the two.

    Args:
        anchors: ``[A, C]``: the patches ``start`` to ``start + A``.
        patches: ``[N, C]``, unit length.
        threshold: ``[N]`` of :func:`nearest_reference`.
        start: Place of the first anchor among the patches.

    Returns:
        Bool ``[A, N]``, without the anchors themselves.
    """
    similarity = anchors @ patches.T
    positive = (similarity > threshold[start : start + len(anchors), None]) | (similarity > threshold)
    index = torch.arange(len(anchors), device=anchors.device)
    positive[index, start + index] = False
    return positive


def positive_pairs_loss(
    codes: Tensor, start: int, count: int, agnostic: Tensor, weights: Tensor, kept: Tensor, temperature: float
) -> Tensor:
    """Mean over weighted pairs of ``log sum_D exp(l_ik) - l_ij`` with ``l = cosine / temperature``, for one image.

    Args:
        codes: All patches ``[N, d]``, unit length.
        start: First patch of the image.
        count: A, its number of patches.
        agnostic: Bool ``[A, N]`` of task-agnostic positives.
        weights: ``[A, N]`` weights of the pairs; rows without a task-agnostic positive are zero.
        kept: Bool ``[A, N]``: further pairs that enter the denominator.
        temperature: τ.

    Returns:
        Scalar; zero for an image without a positive.
    """
    logits = (codes[start : start + count] @ codes.T).float() / temperature
    denominator = agnostic | kept
    index = torch.arange(count, device=codes.device)
    denominator[index, start + index] = False
    # rows whose denominator is empty have weight zero; a finite stand-in keeps NaN out of their gradient
    empty = ~denominator.any(dim=1, keepdim=True)
    log_sum = logits.masked_fill(~(denominator | empty), -torch.inf).logsumexp(dim=1, keepdim=True)
    return (weights * (log_sum - logits)).sum() / weights.sum().clamp_min(1e-12)


def hidden_positive_loss(
    features: Tensor,
    stable_codes: Tensor,
    views: tuple[Tensor, ...],
    agnostic_pool: Tensor,
    specific_pool: Tensor,
    weight: float,
    temperature: float,
    kept_share: float,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """HP's contrastive loss, averaged over images and over views of the codes.

    A patch's positives are found among all patches of the batch: by features (task-agnostic) and by the codes of the
    moving-average head (task-specific). The denominator holds the task-agnostic positives and a random share of all
    pairs, drawn once for every place and shared by the images, as published. Anchors without a task-agnostic positive
    are left out; an image without any anchor, which gives NaN in the published code, counts as zero.

    Args:
        features: ``[B, P, C]``, unit length, no gradient.
        stable_codes: ``[B, P, d]`` of the moving-average head, unit length, no gradient.
        views: Projected codes ``[B, P, d]``, unit length, with gradient: as they are, and mixed with their neighbours.
        agnostic_pool: ``[R, C]``, unit length.
        specific_pool: ``[R, d]``, unit length.
        weight: λ, see :func:`specific_weight`.
        temperature: τ.
        kept_share: ρ, the share of all pairs in the denominator.
        generator: Where that share is drawn from, of the codes' device; torch's global one where not given.

    Returns:
        The loss (times τ / 0.07, as published), and for the log the mean number of positives of a patch.
    """
    images, count, _ = features.shape
    flat, stable = features.flatten(0, 1), stable_codes.flatten(0, 1)
    thresholds = nearest_reference(flat, agnostic_pool), nearest_reference(stable, specific_pool)
    kept = torch.rand(count, len(flat), generator=generator, device=flat.device) < kept_share
    flat_views = [view.flatten(0, 1) for view in views]
    total, positives = features.new_zeros(()), features.new_zeros(())
    for start in range(0, len(flat), count):
        # pairs of one image at a time, and computed again for the gradient: all of them would take gigabytes
        loss, found = checkpoint(
            _image_loss, start, count, flat, stable, thresholds, kept, weight, temperature, *flat_views,
            use_reentrant=False, preserve_rng_state=False,
        )  # fmt: skip
        total, positives = total + loss, positives + found
    scale = temperature / BASE_TEMPERATURE / images / len(views)
    return total * scale, {'positives': positives / len(flat)}


def _image_loss(
    start: int,
    count: int,
    features: Tensor,
    stable: Tensor,
    thresholds: tuple[Tensor, Tensor],
    kept: Tensor,
    weight: float,
    temperature: float,
    *views: Tensor,
) -> tuple[Tensor, Tensor]:
    """Loss of one image's anchors, summed over views, and its number of task-agnostic positives."""
    own = slice(start, start + count)
    agnostic = hidden_positives(features[own], features, thresholds[0], start)
    specific = hidden_positives(stable[own], stable, thresholds[1], start)
    weights = (agnostic + weight * specific) * agnostic.any(dim=1, keepdim=True)
    losses = [positive_pairs_loss(view, start, count, agnostic, weights, kept, temperature) for view in views]
    return torch.stack(losses).sum(), agnostic.sum()


def neighbourhood(grid: tuple[int, int], device: torch.device | None = None) -> Tensor:
    """Which patches lie in the 3x3 neighbourhood of a patch, itself included: bool ``[P, P]`` with P = rows columns."""
    rows, columns = (torch.arange(length, device=device) for length in grid)
    near_rows, near_columns = ((place[:, None] - place).abs() <= 1 for place in (rows, columns))
    return (near_rows[:, None, :, None] & near_columns[None, :, None, :]).flatten(2).flatten(0, 1)


def attention_mix(codes: Tensor, scores: Tensor) -> Tensor:
    """Mix every code with those of its 3x3 neighbours, weighted by attention: HP's local hidden positives.

    Rows of the scores are clipped to their own 0.1 and 0.9 quantiles, softmaxed over all patches and multiplied by
    the side of the grid (28 as published, at 28x28); weights below the row's mean are dropped; the sum over the
    neighbourhood is divided by the number of neighbours inside the grid (4, 6 or 9), without renormalising the weights.

    Args:
        codes: ``[B, d, h, w]``; gradient flows to the neighbours.
        scores: Attention between patches before the softmax, mean over heads, ``[B, P, P]`` with P = h w.

    Returns:
        ``[B, d, h, w]``.
    """
    grid = (codes.shape[-2], codes.shape[-1])
    near = neighbourhood(grid, codes.device)
    weights = torch.stack([_row_weights(rows.detach().float()) for rows in scores]) * near
    mixed = torch.einsum('bpq,bdq->bdp', weights.to(codes.dtype), codes.flatten(2))
    return (mixed / near.sum(dim=1)).unflatten(2, grid)


def _row_weights(scores: Tensor) -> Tensor:
    """Clipped, softmaxed, scaled and thresholded attention ``[P, P]`` of one image."""
    count = len(scores)
    low, high = torch.quantile(scores, scores.new_tensor([0.1, 0.9]), dim=1, keepdim=True)
    weights = scores.clamp(low, high).softmax(dim=1)
    return weights * (weights >= 1 / count) * count**0.5
