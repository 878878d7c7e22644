"""The materials of the outdoors, each drawn anew for every surface."""

from collections.abc import Callable

import numpy as np

from .arrays import Array
from .labels import Label
from .materials import Facade, Material, Tiled

Colour = tuple[float, float, float]
Factory = Callable[[np.random.Generator], Material]


def vary(rng: np.random.Generator, colour: Colour, brightness: float = 0.15, hue: float = 0.05) -> Colour:
    """A colour near ``colour``: a common factor for brightness and a small one for each channel."""
    factors: Array = (1 + rng.uniform(-brightness, brightness)) * (1 + rng.uniform(-hue, hue, 3))
    red, green, blue = np.clip(np.array(colour) * factors, 0.02, 0.98)
    return float(red), float(green), float(blue)


def choose(rng: np.random.Generator, colours: list[Colour], brightness: float = 0.15, hue: float = 0.05) -> Colour:
    """A variation of one of ``colours``."""
    return vary(rng, colours[rng.integers(len(colours))], brightness, hue)


def asphalt(rng: np.random.Generator) -> Material:
    """Grey, fine-grained, with broad stains."""
    return Material(vary(rng, (0.36, 0.36, 0.38), 0.25), contrast=0.12, frequency=0.3, octaves=6)


def paving(rng: np.random.Generator) -> Material:
    """Light slabs with joints."""
    colour = choose(rng, [(0.58, 0.56, 0.53), (0.5, 0.48, 0.47), (0.6, 0.5, 0.44)])
    size = float(rng.uniform(0.4, 1.0))
    return Tiled(colour, contrast=0.08, frequency=1, octaves=3, tile=(size, size), joint=0.04, darkness=0.3)


def gravel(rng: np.random.Generator) -> Material:
    """Brown-grey stones."""
    return Material(vary(rng, (0.42, 0.38, 0.34)), contrast=0.35, frequency=6, octaves=3, tint=(1.0, 0.95, 0.9))


def grass(rng: np.random.Generator) -> Material:
    """A lawn or meadow: green to straw, fine blades over broad patches."""
    colour = choose(rng, [(0.35, 0.47, 0.18), (0.42, 0.48, 0.22), (0.52, 0.5, 0.26)])
    return Material(colour, contrast=0.22, frequency=0.5, octaves=6, tint=(1.1, 0.9, 0.7))


def soil(rng: np.random.Generator) -> Material:
    """Bare or ploughed earth."""
    return Material(vary(rng, (0.45, 0.35, 0.24)), contrast=0.2, frequency=1.5, octaves=5, stretch=4)


def foliage(rng: np.random.Generator) -> Material:
    """Leaves: dark green with deep gaps; sometimes autumn."""
    greens = [(0.16, 0.27, 0.1), (0.2, 0.32, 0.12), (0.26, 0.33, 0.13), (0.2, 0.3, 0.16), (0.4, 0.29, 0.12)]
    colour = choose(rng, greens, 0.2, 0.1)
    return Material(colour, contrast=0.65, frequency=1.2, octaves=4, tint=(1.0, 1.0, 0.7))


def water(rng: np.random.Generator) -> Material:
    """A lake or river with ripples along the first coordinate."""
    colour = choose(rng, [(0.3, 0.42, 0.5), (0.25, 0.36, 0.36), (0.4, 0.47, 0.52)])
    return Material(colour, contrast=0.16, frequency=1.2, octaves=4, stretch=6)


def clouds(rng: np.random.Generator) -> Material:
    """A patch of sky for a mosaic; whole skies are painted by :func:`~.sky.paint_sky`."""
    colour = choose(rng, [(0.5, 0.66, 0.86), (0.75, 0.79, 0.84), (0.62, 0.74, 0.88)])
    return Material(colour, contrast=0.14, frequency=0.12, octaves=4, stretch=2, tint=(1.3, 0.9, 0.4))


def masonry(rng: np.random.Generator) -> Material:
    """A wall of bricks or blocks."""
    colour = choose(rng, [(0.5, 0.3, 0.24), (0.55, 0.5, 0.44), (0.44, 0.42, 0.42)])
    tile = (0.5, 0.2) if rng.random() < 0.6 else (0.8, 0.4)
    return Tiled(colour, contrast=0.16, frequency=0.8, octaves=4, tile=tile, joint=0.03, darkness=0.3)


def planks(rng: np.random.Generator) -> Material:
    """A wooden fence."""
    colour = choose(rng, [(0.46, 0.33, 0.2), (0.55, 0.47, 0.38), (0.36, 0.34, 0.3)])
    return Tiled(colour, contrast=0.14, frequency=3, octaves=2, tile=(0.16, 4.0), joint=0.03, darkness=0.55)


def facade(rng: np.random.Generator) -> Material:
    """A building's wall with windows."""
    colour = choose(
        rng, [(0.62, 0.57, 0.48), (0.5, 0.33, 0.27), (0.68, 0.66, 0.62), (0.44, 0.43, 0.44), (0.66, 0.56, 0.38)], 0.2
    )
    return Facade(
        colour,
        contrast=0.08,
        frequency=0.5,
        octaves=5,
        cell=(float(rng.uniform(1.6, 3.5)), float(rng.uniform(2.6, 3.6))),
        window=(float(rng.uniform(0.3, 0.75)), float(rng.uniform(0.4, 0.65))),
        glass=vary(rng, (0.22, 0.27, 0.33), 0.4),
        offset=float(rng.uniform(0.6, 1.4)),
    )


MOSAIC_MATERIALS: list[tuple[Factory, Label]] = [
    (asphalt, Label.ROAD),
    (paving, Label.SIDEWALK),
    (gravel, Label.RAIL_TRACK),
    (grass, Label.TERRAIN),
    (soil, Label.TERRAIN),
    (foliage, Label.VEGETATION),
    (water, Label.UNLABELLED),
    (clouds, Label.SKY),
    (masonry, Label.WALL),
    (planks, Label.FENCE),
    (facade, Label.BUILDING),
]
