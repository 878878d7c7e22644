"""Losses of the two training stages: cosine k-means and the class-weighted cross entropy of the M-step."""

from collections.abc import Callable

import torch
from torch import Tensor

from .pixel_softmax import WeightedCrossEntropy, mean_probabilities
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
    with torch.autocast(logits.device.type, enabled=False):
        return mean_probabilities(logits, size)


def prototype_focal_loss(
    logits: Tensor,
    target: Tensor,
    gamma: float = 2.0,
    ignore_index: int = 255,
    frequencies: Tensor | Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """Loss of the M-step: cross entropy weighted by how rarely a class is predicted.

    L = 1 / (B H W) Σ_i [P*_i is not ignored] (1 - χ_k)^γ (-log p_ik) with k = P*_i. As in the published code the
    weight is one number per class and batch, without gradient, and the mean runs over all pixels, ignored ones too.

    A few picture rows at a time are upsampled (on a GPU a few images), in the forward and again in the backward pass:
    the memory beside the logits is one or two `[B, K, h, W]` and a few `[B, H, W]` maps.

    Args:
        logits: y' of the running prototypes on the patch grid, `[B, K, h, w]`; upsampled to the target here.
        target: Pseudo labels P*, 0..K-1 or `ignore_index`, `[B, H, W]`.
        gamma: Exponent γ; 0 is the plain cross entropy.
        ignore_index: Value of pixels without a pseudo label.
        frequencies: χ `[K]` to use in place of this batch's, or a function that makes them of this batch's χ (their
            mean over processes, where a batch is spread over several).

    Returns:
        Scalar loss, float32 (float64 for float64 logits), differentiable once in the logits.

    Raises:
        ValueError: The target is not `[B, H, W]` or holds a value outside the classes that is not `ignore_index`.
    """
    if target.ndim != 3 or target.shape[0] != logits.shape[0] or not target.numel():
        raise ValueError(f'target {tuple(target.shape)} must be [B, H, W] for logits {tuple(logits.shape)}')
    target = target.long()
    counted = target != ignore_index
    classes = target.masked_fill(~counted, 0)
    low, high = (int(value) for value in classes.aminmax())
    if low < 0 or high >= logits.shape[1]:
        wrong = low if low < 0 else high
        raise ValueError(f'target must lie in 0..{logits.shape[1] - 1} or be {ignore_index} (ignored), found {wrong}')
    weigh = _weighting(frequencies, gamma)
    with torch.autocast(logits.device.type, enabled=False):
        return WeightedCrossEntropy.apply(logits, classes, counted, weigh)


def _weighting(frequencies: Tensor | Callable[[Tensor], Tensor] | None, gamma: float) -> Callable[[Tensor], Tensor]:
    """The function from this batch's class frequencies to the class weights (1 - χ)^γ."""

    def weigh(batch: Tensor) -> Tensor:
        chi = batch if frequencies is None else frequencies(batch) if callable(frequencies) else frequencies
        return (1 - chi.detach().to(batch)).clamp_min(0) ** gamma

    return weigh
