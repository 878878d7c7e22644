"""Upsampling from the patch grid to pixels, a few picture rows at a time.

Bilinear upsampling is a product with a matrix along each axis. On a CPU the horizontal one is done once, for the rows
of the grid; of the vertical one a chunk needs a narrow band, and its product with rows `[h, K W]` runs several times
faster than interpolation pixel by pixel. A chunk stays in the core's own cache for whatever is done with it next, and
its pixels lie side by side, so that sums over the maps are sums of vectors.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

_CPU_NUMBERS = 2**18
"""Numbers in one chunk on a CPU, for each thread: 1 MiB in float32, about what a core's own cache holds.

So the last digits of sums over pixels depend on the number of threads.
"""
_DEVICE_NUMBERS = 2**27
"""Numbers in one chunk elsewhere: 512 MiB in float32."""


class Chunk(NamedTuple):
    """Some rows of one image (on a CPU), or all rows of several."""

    images: slice
    rows: slice


@dataclass(frozen=True)
class PixelRows:
    """Maps `[B, K, h, w]`, upsampled bilinearly to `[B, K, H, W]` chunk by chunk (corners not aligned).

    The pixels of a chunk come in groups, `[g, K, p]`: picture rows on a CPU, whole images elsewhere.
    """

    source: Tensor
    """What is upsampled vertically: `[B, h, K, W]` on a CPU, elsewhere the maps themselves."""
    size: tuple[int, int]
    """H and W."""

    @classmethod
    def of(cls, maps: Tensor, size: Sequence[int]) -> 'PixelRows':
        """From maps `[B, K, h, w]`, floating point, and H and W."""
        height, width = size
        if maps.device.type == 'cpu':
            maps = maps.transpose(1, 2) @ _weights(maps.shape[3], width, maps.dtype).T
        return cls(maps, (height, width))

    def chunks(self) -> list[Chunk]:
        """The parts, which in their order are all pixels."""
        height, width = self.size
        images, numbers = len(self.source), max(1, width * self.source.shape[2 if self._on_cpu() else 1])
        if self._on_cpu():
            step = max(1, _CPU_NUMBERS * torch.get_num_threads() // numbers)
            bands = [slice(first, min(first + step, height)) for first in range(0, height, step)]
            return [Chunk(slice(image, image + 1), band) for image in range(images) for band in bands]
        step = max(1, _DEVICE_NUMBERS // (numbers * height))
        return [Chunk(slice(first, first + step), slice(0, height)) for first in range(0, images, step)]

    def pixels(self, chunk: Chunk) -> Tensor:
        """Upsampled maps of a chunk, `[g, K, p]`."""
        part = self.source[chunk.images]
        if not self._on_cpu():
            return F.interpolate(part, size=self.size, mode='bilinear', align_corners=False).flatten(2)
        weights, band = self._band(chunk.rows)
        return (weights @ part[0, band].flatten(1)).view(-1, *part.shape[2:])

    def of_chunk(self, values: Tensor, chunk: Chunk) -> Tensor:
        """Values of the pixels `[B, H, W]` in the order of a chunk: a view `[g, p]`."""
        part = values[chunk]
        return part[0] if self._on_cpu() else part.flatten(1)

    def add_transposed(self, total: Tensor, chunk: Chunk, values: Tensor) -> None:
        """Add to `total`, shaped as `source`, what the transposed upsampling makes of values `[g, K, p]`."""
        part = total[chunk.images]
        if self._on_cpu():
            weights, band = self._band(chunk.rows)
            part[0, band].flatten(1).addmm_(weights.T, values.reshape(len(weights), -1))
            return
        maps = values.reshape(len(part), -1, *self.size)
        part += torch.ops.aten.upsample_bilinear2d_backward(maps, list(self.size), list(part.shape), False, None, None)

    def to_maps(self, total: Tensor, width: int) -> Tensor:
        """What is left of the transposed upsampling: from a sum shaped as `source` to maps `[B, K, h, w]`."""
        if not self._on_cpu():
            return total
        return (total @ _weights(width, self.size[1], total.dtype)).transpose(1, 2)

    def _on_cpu(self) -> bool:
        return self.source.device.type == 'cpu'

    def _band(self, rows: slice) -> tuple[Tensor, slice]:
        """Weights `[rows, band]` of the grid's rows in some picture rows, and which of the grid's rows these are."""
        height = self.source.shape[1]
        scale = height / self.size[0]
        first = max(0, math.floor((rows.start + 0.5) * scale - 0.5) - 1)
        last = min(height, math.ceil((rows.stop - 0.5) * scale - 0.5) + 2)
        band = slice(min(first, height - 1), last)
        return _weights(height, self.size[0], self.source.dtype)[rows, band], band


@lru_cache(maxsize=16)
def _weights(length: int, size: int, dtype: torch.dtype) -> Tensor:
    """Matrix `[size, length]` of bilinear upsampling along one axis: what it makes of unit vectors."""
    with torch.inference_mode(False), torch.no_grad():
        units = torch.eye(length, dtype=dtype)[None, :, :, None]
        return F.interpolate(units, size=[size, 1], mode='bilinear', align_corners=False)[0, :, :, 0].T.contiguous()
