"""Prototypes in weight-norm form: a direction v and a gain g for each cluster."""

from itertools import combinations_with_replacement

import torch
import torch.nn.functional as F
from torch import Tensor


def prototype_logits(features: Tensor, direction: Tensor, gain: Tensor | None = None, cosine: bool = False) -> Tensor:
    """Similarity of every feature to every prototype, g_k <v_k / |v_k|, f>.

    The published code's weight-normalised 1x1 convolution. Being linear in f it commutes with bilinear upsampling:
    compute the logits on the patch grid and upsample those, never the features.

    Args:
        features: `[B, C, h, w]`.
        direction: Raw directions v of any length, `[K, C]`.
        gain: Gains g, `[K]`; one for each cluster where not given.
        cosine: Normalise the features too (the initialisation stage; EM does not).

    Returns:
        Logits `[B, K, h, w]`.
    """
    weight = F.normalize(direction, dim=1)
    if gain is not None:
        weight = weight * gain.view(-1, 1)
    logits = torch.einsum('kc,bchw->bkhw', weight, features)
    if cosine:
        # Dividing the K logits by |f| is cheaper than dividing the C features.
        logits = logits / features.norm(dim=1, keepdim=True).clamp_min(1e-12)
    return logits


def upsampled_length(features: Tensor, size: tuple[int, int]) -> Tensor:
    """Length of the upsampled feature at every pixel, `[B, 1, H, W]`.

    Logits that are dot products commute with upsampling, cosines do not: dividing the upsampled logits by this length
    gives the cosines of the upsampled features, as the published code computes them. A pixel's feature is a weighted
    sum of four, so its squared length is a weighted sum of their ten products, and those are taken on the patch grid:
    the `[B, C, H, W]` features never exist.

    Args:
        features: `[B, C, h, w]`.
        size: Height and width (H, W).
    """
    height, width = features.shape[2:]
    corners = F.pad(features, (0, 1, 0, 1), mode='replicate')
    moved = [corners[:, :, y : y + height, x : x + width] for y in (0, 1) for x in (0, 1)]
    rows, columns = (_linear_weights(n, m, features) for n, m in zip((height, width), size, strict=True))
    weights = [row.unsqueeze(1) * column for row in rows[1] for column in columns[1]]
    place = (rows[0].unsqueeze(1) * width + columns[0]).flatten()
    squares = torch.zeros(features.shape[0], *size, dtype=features.dtype, device=features.device)
    for one, other in combinations_with_replacement(range(4), 2):
        product = (moved[one] * moved[other]).sum(dim=1).flatten(1)[:, place].view_as(squares)
        squares += product * (weights[one] * weights[other] * (1 if one == other else 2))
    return squares.clamp_min_(0).sqrt_().unsqueeze(1)


def _linear_weights(length: int, target: int, like: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """First neighbour of each of `target` places on a line of `length`, and the weights of it and the next."""
    place = (torch.arange(target, device=like.device, dtype=torch.float64) + 0.5) * (length / target) - 0.5
    place = place.clamp(0, length - 1)
    first = place.floor()
    share = (place - first).to(like.dtype)
    return first.long(), (1 - share, share)
