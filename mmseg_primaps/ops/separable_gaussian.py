"""Exact Gaussian smoothing of a picture, normalised like the kernels of a dense CRF."""

import math

import torch
from torch import Tensor

from .bags import Bags, equal_offsets


class SeparableGaussian:
    r"""The operator `compat * n K n` with `K_ij = exp(-|x_i - x_j|^2 / (2 sxy^2))` and `n = 1 / sqrt(K 1)`.

    `K` and `n` are products of a factor for the rows and one for the columns, so two banded sums suffice. The kernel
    ends at three standard deviations (rounded up to a pixel) and at the border.

    Args:
        height: Rows of the picture.
        width: Columns of the picture.
        sxy: Standard deviation in pixels.
        compat: Factor of the result.
        device: Where to filter.
    """

    def __init__(self, height: int, width: int, sxy: float, compat: float, device: torch.device) -> None:
        self.height = height
        rows, weights = _band(height, sxy, device)
        self.rows = Bags(
            rows.flatten().int(), equal_offsets(height, rows.shape[1], device), (weights * compat).flatten()
        )
        columns, weights = _band(width, sxy, device)
        pixels = (columns + width * torch.arange(height, device=device)[:, None, None]).flatten(0, 1)
        offsets = equal_offsets(len(pixels), pixels.shape[1], device)
        self.columns = Bags(pixels.flatten().int(), offsets, weights.repeat(height, 1).flatten())

    def __call__(self, values: Tensor) -> Tensor:
        """Filter `values` `[H * W, L]` (float32); returns `[H * W, L]`."""
        vertical = self.rows(values.view(self.height, -1))
        return self.columns(vertical.view(values.shape))


def _band(length: int, sxy: float, device: torch.device) -> tuple[Tensor, Tensor]:
    """Positions and weights, `[length, 2 r + 1]`, of the neighbours along one axis; weight 0 beyond the border."""
    radius = math.ceil(3 * sxy)
    step = torch.arange(-radius, radius + 1, device=device)
    position = torch.arange(length, device=device)[:, None] + step
    weight = torch.exp(-0.5 * (step / sxy) ** 2) * ((position >= 0) & (position < length))
    position = position.clamp(0, length - 1)
    scale = torch.rsqrt(weight.sum(1))
    return position, weight * scale[:, None] * scale[position]
