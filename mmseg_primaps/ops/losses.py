"""Losses of the two training stages: cosine k-means and the class-weighted cross entropy of the M-step."""

import torch
import torch.nn.functional as F
from torch import Tensor

from .prototypes import prototype_logits


def cosine_kmeans_loss(features: Tensor, prototypes: Tensor) -> Tensor:
    """Objective of the initialisation stage and of the k-means baseline, L = -mean_i max_k cos(f_i, v_k).

    Args:
        features: `[B, C, h, w]`, any length.
        prototypes: `[K, C]`, any length.

    Returns:
        Scalar in -1..1; each feature pulls its nearest prototype only.
    """
    return -prototype_logits(features, prototypes, cosine=True).amax(dim=1).mean()


def class_frequencies(logits: Tensor, size: tuple[int, int]) -> Tensor:
    """Mean predicted probability of every class over all pixels, χ_k = mean_i p_ik.

    Args:
        logits: `[B, K, h, w]`, upsampled bilinearly to `size` first.
        size: Height and width (H, W) of the labels.

    Returns:
        χ `[K]`, without gradient, sums to one. Several processes average theirs (weighted by their pixels) to get
        the frequencies of the global batch.
    """
    with torch.no_grad():
        total = sum(upsample(image, size).softmax(dim=1).sum(dim=(0, 2, 3)) for image in logits.split(1))
        return torch.as_tensor(total) / (logits.shape[0] * size[0] * size[1])


def upsample(logits: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear interpolation of `[B, K, h, w]` to `[B, K, H, W]`, corners not aligned, as the published code does."""
    return F.interpolate(logits, size=size, mode='bilinear', align_corners=False)


def prototype_focal_loss(
    logits: Tensor,
    target: Tensor,
    gamma: float = 2.0,
    ignore_index: int = 255,
    frequencies: Tensor | None = None,
) -> Tensor:
    """Loss of the M-step: cross entropy weighted by how rarely a class is predicted.

    L = 1 / (B H W) Σ_i [P*_i is not ignored] (1 - χ_k)^γ (-log p_ik) with k = P*_i. As in the published code the
    weight is one number per class and batch, without gradient, and the mean runs over all pixels, ignored ones too.

    Args:
        logits: y' of the running prototypes on the patch grid, `[B, K, h, w]`; upsampled to the target here.
        target: Pseudo labels P*, 0..K-1 or `ignore_index`, `[B, H, W]`.
        gamma: Exponent γ; 0 is the plain cross entropy.
        ignore_index: Value of pixels without a pseudo label.
        frequencies: χ `[K]` from :func:`class_frequencies`; those of this batch where not given.

    Returns:
        Scalar loss.
    """
    size = (target.shape[1], target.shape[2])
    chi = class_frequencies(logits, size) if frequencies is None else frequencies.detach()
    weight = (1 - chi) ** gamma
    total = F.nll_loss(upsample(logits, size).log_softmax(1), target.long(), weight, ignore_index=ignore_index, reduction='sum')
    return total / target.numel()
