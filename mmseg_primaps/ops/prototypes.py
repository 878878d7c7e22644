"""Prototypes in weight-norm form: a direction v and a gain g for each cluster."""

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
    gives the cosines of the upsampled features, as the published code computes them. Channels go through in blocks,
    so that the `[B, C, H, W]` features never exist.

    Args:
        features: `[B, C, h, w]`.
        size: Height and width (H, W).
    """
    squares = torch.zeros(features.shape[0], 1, *size, dtype=features.dtype, device=features.device)
    for block in features.split(16, dim=1):
        upsampled = F.interpolate(block, size=size, mode='bilinear', align_corners=False)
        squares += upsampled.square().sum(dim=1, keepdim=True)
    return squares.sqrt()
