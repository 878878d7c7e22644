"""Upsampling from the patch grid to pixels, a few picture rows at a time.

Bilinear upsampling is a product with a matrix along each axis. The horizontal one is done once, on a map of a few rows;
of the vertical one a chunk needs a narrow band, and its product with rows `[h, W K]` runs several times faster on a CPU
than interpolation pixel by pixel. A chunk stays in the core's own cache for whatever is done with it next.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .upsampling import upsample

_CPU_NUMBERS = 2**18
"""Numbers in one chunk on a CPU: 1 MiB in float32, about what a core's own cache holds."""
_DEVICE_NUMBERS = 2**27
"""Numbers in one chunk elsewhere: 512 MiB in float32."""


class Chunk(NamedTuple):
    """Some rows of one image (on a CPU), or all rows of several."""

    images: slice
    rows: slice


@dataclass(frozen=True)
class PixelRows:
    """Maps `[B, K, h, w]`, upsampled bilinearly to `[B, K, H, W]` chunk by chunk (corners not aligned)."""

    wide: Tensor
    """The maps at full width, `[B, h, W, K]`."""
    height: int
    """H."""

    @classmethod
    def of(cls, maps: Tensor, size: Sequence[int]) -> 'PixelRows':
        """From maps `[B, K, h, w]`, floating point, and H and W."""
        wide = upsample(maps, (maps.shape[2], size[1]))
        return cls(wide.permute(0, 2, 3, 1).contiguous(), size[0])

    def chunks(self) -> list[Chunk]:
        """The parts, which in their order are all pixels."""
        images, _, width, maps = self.wide.shape
        numbers = max(1, width * maps)
        if self._on_cpu():
            step = max(1, _CPU_NUMBERS // numbers)
            bands = [slice(first, min(first + step, self.height)) for first in range(0, self.height, step)]
            return [Chunk(slice(image, image + 1), band) for image in range(images) for band in bands]
        step = max(1, _DEVICE_NUMBERS // (numbers * self.height))
        return [Chunk(slice(first, first + step), slice(0, self.height)) for first in range(0, images, step)]

    def pixels(self, chunk: Chunk) -> Tensor:
        """Upsampled maps of a chunk, pixel after pixel: `[pixels, K]`."""
        part = self.wide[chunk.images]
        if not self._on_cpu():
            return upsample(part.permute(0, 3, 1, 2), (self.height, part.shape[2])).permute(0, 2, 3, 1).flatten(0, 2)
        weights, band = self._band(chunk.rows)
        return (weights @ part[0, band].flatten(1)).view(-1, part.shape[3])

    def add_transposed(self, total: Tensor, chunk: Chunk, values: Tensor) -> None:
        """Add to `total`, shaped as `wide`, what the transposed vertical upsampling makes of values `[pixels, K]`."""
        part = total[chunk.images]
        if self._on_cpu():
            weights, band = self._band(chunk.rows)
            rows = part[0, band].flatten(1)
            rows.addmm_(weights.T, values.reshape(len(weights), -1))
            return
        shape = [len(part), part.shape[3], part.shape[1], part.shape[2]]
        maps = values.reshape(len(part), self.height, part.shape[2], -1).permute(0, 3, 1, 2)
        part += _transposed_upsample(maps, shape).permute(0, 2, 3, 1)

    def to_grid(self, total: Tensor, width: int) -> Tensor:
        """The transposed horizontal upsampling: from a sum shaped as `wide` to maps `[B, K, h, w]` of width w."""
        images, height, _, maps = total.shape
        return _transposed_upsample(total.permute(0, 3, 1, 2), [images, maps, height, width])

    def _on_cpu(self) -> bool:
        return self.wide.device.type == 'cpu'

    def _band(self, rows: slice) -> tuple[Tensor, slice]:
        """Weights `[rows, band]` of the grid's rows in some picture rows, and which of the grid's rows these are."""
        height = self.wide.shape[1]
        scale = height / self.height
        first = max(0, math.floor((rows.start + 0.5) * scale - 0.5) - 1)
        last = min(height, math.ceil((rows.stop - 0.5) * scale - 0.5) + 2)
        band = slice(min(first, height - 1), last)
        return _vertical_weights(height, self.height, self.wide.dtype)[rows, band], band


@lru_cache(maxsize=16)
def _vertical_weights(height: int, size: int, dtype: torch.dtype) -> Tensor:
    """Matrix `[size, height]` of bilinear upsampling along one axis: what it makes of unit vectors."""
    with torch.inference_mode(False), torch.no_grad():
        units = torch.eye(height, dtype=dtype)[None, :, :, None]
        return F.interpolate(units, size=[size, 1], mode='bilinear', align_corners=False)[0, :, :, 0].T.contiguous()


def _transposed_upsample(maps: Tensor, shape: Sequence[int]) -> Tensor:
    """The transpose of `upsample`, from `[B, K, H, W]` to a shape `[B, K, h, w]`."""
    size = list(maps.shape[2:])
    return torch.ops.aten.upsample_bilinear2d_backward(maps, size, list(shape), False, None, None)
