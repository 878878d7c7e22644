"""Things that face the camera, made of flat parts in metres, and how they are put into the view."""

from dataclasses import dataclass, replace

import numpy as np

from .arrays import Array, single
from .camera import Camera
from .canvas import Canvas
from .labels import Label
from .materials import Material


@dataclass(frozen=True)
class Part:
    """One flat part of a sprite.

    Attributes:
        points: Outline in metres, ``[n, 2]``: right of the foot point, above the ground.
        material: Its surface.
        label: Its class.
    """

    points: Array
    material: Material
    label: Label


@dataclass(frozen=True)
class Sprite:
    """Parts from back to front, and the width in metres of the shadow below them."""

    parts: tuple[Part, ...]
    shadow: float


def plain(colour: tuple[float, float, float], contrast: float = 0.08) -> Material:
    """A nearly even surface: paint, cloth, metal."""
    return Material(colour, contrast=contrast, frequency=2.0, octaves=3)


def rectangle(left: float, bottom: float, right: float, top: float) -> Array:
    """Outline of a rectangle."""
    return single([(left, bottom), (right, bottom), (right, top), (left, top)])


def trapezoid(bottom: float, top: float, lower_half: float, upper_half: float, shift: float = 0.0) -> Array:
    """Outline of a trapezoid, symmetric about ``shift``, from its two half widths."""
    return single(
        [
            (shift - lower_half, bottom),
            (shift + lower_half, bottom),
            (shift + upper_half, top),
            (shift - upper_half, top),
        ]
    )


def ellipse(column: float, row: float, radius: float, height: float | None = None) -> Array:
    """Outline of an ellipse with 20 vertices; a circle without ``height`` (the vertical radius)."""
    angle = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    vertical = radius if height is None else height
    return single(np.stack([column + radius * np.cos(angle), row + vertical * np.sin(angle)], -1))


def blob(rng: np.random.Generator, column: float, row: float, radius: float, height: float) -> Array:
    """Outline of a ragged ellipse, such as a clump of leaves."""
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    ragged = 1 + 0.09 * rng.standard_normal(48) + 0.1 * np.sin(3 * angle + rng.uniform(0, 6))
    return np.float32(np.stack([column + radius * ragged * np.cos(angle), row + height * ragged * np.sin(angle)], -1))


def bar(start: tuple[float, float], end: tuple[float, float], width: float) -> Array:
    """Outline of a straight bar between two points."""
    a, b = single(start), single(end)
    along = (b - a) / max(float(np.hypot(*(b - a))), 1e-6)
    across = single([-along[1], along[0]]) * width / 2
    return np.stack([a - across, b - across, b + across, a + across])


def brighter(material: Material, factor: float) -> Material:
    """The same material, ``factor`` times as bright."""
    red, green, blue = (min(channel * factor, 1.0) for channel in material.colour)
    return replace(material, colour=(red, green, blue))


def paint_sprite(
    canvas: Canvas, camera: Camera, rng: np.random.Generator, sprite: Sprite, lateral: float, depth: float
) -> None:
    """Put a sprite on the ground at a lateral position and depth in metres, with its shadow."""
    scale = camera.scale(depth)
    column, row = camera.foot(lateral, depth)
    canvas.shade((column, row), (0.6 * sprite.shadow * scale, 0.12 * sprite.shadow * scale + 1), 0.55)
    for part in sprite.parts:
        points = single([column, row]) + part.points * single([scale, -scale])
        canvas.fill(points, part.material, rng, scale, part.label, depth)
