"""Exact Gaussian smoothing of a picture, normalised like the kernels of a dense CRF."""

import math

import torch
from torch import Tensor

from .permutohedral import sum_bags


class SeparableGaussian:
    r"""The operator `compat * n K n` with `K_ij = exp(-|x_i - x_j|^2 / (2 sxy^2))` and `n = 1 / sqrt(K 1)`.

    Both `K` and `n` are products of a row and a column factor, so two banded sums suffice. The kernel ends at three
    standard deviations and at the border.

    Args:
        height: rows of the picture.
        width: columns of the picture.
        sxy: standard deviation in pixels.
        compat: factor of the result.
        device: where to filter.
    """

    def __init__(self, height: int, width: int, sxy: float, compat: float, device: torch.device) -> None:
        self.height = height
        rows, row_weights = _band(height, sxy, device)
        columns, column_weights = _band(width, sxy, device)
        band = rows.shape[1]
        every_row = columns + width * torch.arange(height, device=device)[:, None, None]
        self.rows = rows.flatten().int(), _offsets(height, band, device), (row_weights * compat).flatten()
        self.columns = every_row.flatten().int(), _offsets(height * width, band, device), column_weights.repeat(height, 1).flatten()

    def __call__(self, values: Tensor) -> Tensor:
        """Filter `values` `[H * W, L]` (float32); returns `[H * W, L]`."""
        vertical = sum_bags(values.view(self.height, -1), *self.rows)
        return sum_bags(vertical.view(values.shape), *self.columns)


def _band(length: int, sxy: float, device: torch.device) -> tuple[Tensor, Tensor]:
    """Positions and weights, `[length, 2 r + 1]`, of the neighbours along one axis; weight 0 beyond the border."""
    radius = math.ceil(3 * sxy)
    step = torch.arange(-radius, radius + 1, device=device)
    position = torch.arange(length, device=device)[:, None] + step
    weight = torch.exp(-0.5 * (step / sxy) ** 2) * ((position >= 0) & (position < length))
    position = position.clamp(0, length - 1)
    scale = torch.rsqrt(weight.sum(1))
    return position, weight * scale[:, None] * scale[position]


def _offsets(bags: int, size: int, device: torch.device) -> Tensor:
    return torch.arange(0, bags * size + 1, size, dtype=torch.int32, device=device)
