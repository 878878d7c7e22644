"""Inputs of the benchmark: alike on every machine, with no data or weights to fetch."""

import torch
import torch.nn.functional as F
from skimage import data
from torch import Tensor

PHOTOGRAPHS = ('coffee', 'chelsea', 'astronaut', 'rocket')
"""Photographs that scikit-image brings along."""


def feature_maps(batch: int, channels: int, height: int, width: int, seed: int = 0) -> Tensor:
    """Features with the look of a vision transformer's, `[B, C, h, w]`: about a dozen masks on a 40x40 grid.

    Plateaus with soft borders on a few directions of falling weight, a common mean, and noise in every channel; the
    eigenvalues of the scatter matrix fall slowly, as those of real features do.
    """
    generator = torch.Generator().manual_seed(seed)
    rank = min(channels, 128)
    coarse = torch.randn(batch, rank, height // 4 + 2, width // 4 + 2, generator=generator)
    fields = F.interpolate(coarse, (height, width), mode='bicubic', align_corners=False).mul(2).tanh()
    fields *= torch.arange(1, rank + 1)[:, None, None] ** -0.6
    directions = torch.linalg.qr(torch.randn(channels, rank, generator=generator)).Q
    features = torch.einsum('cr,brhw->bchw', directions, fields)
    features += 0.35 * torch.randn(batch, channels, height, width, generator=generator) / channels**0.5
    return features + 0.8 * torch.randn(batch, channels, 1, 1, generator=generator) / channels**0.5


def degenerate_features(channels: int, side: int, gap: float) -> Tensor:
    """Features `[1, C, side, side]` whose two largest eigenvalues are a relative `gap` apart."""
    generator = torch.Generator().manual_seed(1)
    pixels = torch.randn(side * side, channels, generator=generator, dtype=torch.float64)
    left = torch.linalg.qr(pixels - pixels.mean(0)).Q
    values = torch.arange(1, channels + 1, dtype=torch.float64) ** -1.2
    values[0] = values[1] * (1 + gap)
    right = torch.linalg.qr(torch.randn(channels, channels, generator=generator, dtype=torch.float64)).Q
    mean = torch.randn(channels, generator=generator, dtype=torch.float64)
    mean *= 0.8 * (values.sum() / side**2).sqrt() / mean.norm()
    return ((left * values.sqrt()) @ right.T + mean).T.reshape(1, channels, side, side).float()


def photographs(count: int, height: int, width: int) -> Tensor:
    """Photographs cut to size, uint8 RGB `[count, 3, H, W]`."""
    pictures = []
    for index in range(count):
        picture = torch.from_numpy(getattr(data, PHOTOGRAPHS[index % len(PHOTOGRAPHS)])()).movedim(-1, 0)
        scale = max(height / picture.shape[1], width / picture.shape[2])
        size = [max(height, round(picture.shape[1] * scale)), max(width, round(picture.shape[2] * scale))]
        scaled = F.interpolate(picture[None].float(), size, mode='bilinear', antialias=True)[0]
        pictures.append(scaled[:, :height, :width].round().clamp(0, 255).to(torch.uint8))
    return torch.stack(pictures)


def regions(batch: int, count: int, height: int, width: int, seed: int = 0) -> Tensor:
    """Maps of `count` smooth regions, long `[B, H, W]` in 0..count-1."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(batch, count, 9, 9, generator=generator)
    return F.interpolate(coarse, (height, width), mode='bicubic', align_corners=True).argmax(1)


def flat_probabilities(count: int, labels: int, height: int, width: int) -> Tensor:
    """What enters the CRF after a softmax over 0/1 masks on an 8 pixel grid, `[count, L, H, W]`."""
    masks = F.one_hot(regions(count, labels, height // 8, width // 8), labels).movedim(3, 1).float()
    logits = F.interpolate(masks.log_softmax(1), (height, width), mode='bilinear', align_corners=False)
    return logits.softmax(1)
