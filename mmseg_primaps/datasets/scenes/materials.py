"""Surfaces: what colour a point of a wall, a lawn or a road has.

Every material draws its own colours, so two buildings or two lawns differ as much as they do outdoors.
"""

from dataclasses import dataclass, field

import numpy as np

from .arrays import Array, single
from .noise import fractal_noise


@dataclass(frozen=True)
class Material:
    """A base colour with fractal noise.

    Attributes:
        colour: RGB in [0, 1].
        contrast: Strength of the noise relative to the colour.
        frequency: Coarsest noise cells per metre.
        octaves: Number of noise octaves.
        stretch: How much longer the noise is along the first coordinate than along the second.
        tint: RGB weights of the noise: unequal weights make the hue vary.
    """

    colour: tuple[float, float, float]
    contrast: float = 0.1
    frequency: float = 1.0
    octaves: int = 3
    stretch: float = 1.0
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def paint(self, rng: np.random.Generator, u: Array, v: Array, resolution: Array | float) -> Array:
        """Colour of the points ``(u, v)``, in metres on the surface; ``[..., 3]`` in about [0, 1]."""
        noise = fractal_noise(rng, u / np.float32(self.stretch), v, self.frequency, self.octaves, resolution)
        return single(self.colour) * (1 + self.contrast * noise[..., None] * single(self.tint))


@dataclass(frozen=True)
class Tiled(Material):
    """A material with darker joints on a grid, such as paving stones, bricks or planks.

    Attributes:
        tile: Tile size along both coordinates, in metres.
        joint: Width of a joint, in metres.
        darkness: How much darker a joint is, in [0, 1].
    """

    tile: tuple[float, float] = (0.6, 0.6)
    joint: float = 0.03
    darkness: float = 0.3

    def paint(self, rng: np.random.Generator, u: Array, v: Array, resolution: Array | float) -> Array:
        """See :meth:`Material.paint`; a joint narrower than a pixel darkens it in proportion."""
        colour = super().paint(rng, u, v, resolution)
        pixel = 1 / np.maximum(np.asarray(resolution, np.float32), 1e-3)
        width = np.maximum(self.joint, pixel)
        row = np.floor(v / self.tile[1])
        on_joint = ((u / self.tile[0] + 0.5 * (row % 2)) % 1 * self.tile[0] < width) | (v % self.tile[1] < width)
        return colour * (1 - self.darkness * (self.joint / width) * on_joint)[..., None]


@dataclass(frozen=True)
class Facade(Material):
    """A wall with a regular grid of windows.

    Attributes:
        cell: Distance between windows along the wall and between storeys, in metres.
        window: Part of the cell that the window takes, along both coordinates.
        glass: RGB of the glass.
        offset: Height of the first window row above the ground, in metres.
    """

    cell: tuple[float, float] = (2.5, 3.0)
    window: tuple[float, float] = (0.5, 0.55)
    glass: tuple[float, float, float] = (0.25, 0.3, 0.36)
    offset: float = field(default=1.0)

    def paint(self, rng: np.random.Generator, u: Array, v: Array, resolution: Array | float) -> Array:
        """See :meth:`Material.paint`; ``v`` is the height above the ground."""
        colour = super().paint(rng, u, v, resolution)
        column, row = u / self.cell[0], (v - self.offset) / self.cell[1]
        inside = (column % 1 < self.window[0]) & (row % 1 < self.window[1]) & (row > 0)
        brightness = rng.uniform(0.6, 1.5, (64, 64)).astype(np.float32)
        pane = brightness[np.floor(column).astype(np.int32) % 64, np.floor(row).astype(np.int32) % 64]
        glass = single(self.glass) * pane[..., None]
        return np.where(inside[..., None], glass, colour)
