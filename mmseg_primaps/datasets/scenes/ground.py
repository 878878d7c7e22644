"""The ground in world coordinates: strips of road, pavement, grass, rails along the street."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .arrays import Array, Mask
from .camera import Camera
from .canvas import Canvas
from .labels import Label
from .materials import Material


@dataclass(frozen=True)
class Strip:
    """A strip of ground that runs along the street.

    Attributes:
        left: Left edge in metres from the camera.
        right: Right edge.
        material: Its surface.
        label: Its class.
        bend: Lateral shift in metres for each depth, for a winding path; None for a straight strip.
    """

    left: float
    right: float
    material: Material
    label: Label
    bend: Callable[[Array], Array] | None = None


def paint_strips(canvas: Canvas, camera: Camera, rng: np.random.Generator, strips: list[Strip]) -> None:
    """Paint strips in order; later ones lie on top."""
    lateral, depth, first = camera.ground()
    resolution = camera.focal / depth
    for strip in strips:
        across = lateral if strip.bend is None else lateral - strip.bend(depth)
        mask = (across >= strip.left) & (across < strip.right)
        # the grain of a surface is shorter than a pixel along the view long before it is across
        colour = strip.material.paint(rng, lateral[mask], depth[mask], resolution[mask] * np.float32(0.7))
        canvas.paint((first, canvas.shape[0], 0, canvas.shape[1]), mask, colour, strip.label, depth[mask])


def paint_marks(canvas: Canvas, camera: Camera, select: Callable[[Array, Array], Mask], colour: Array) -> None:
    """Paint marks on the ground without changing its labels.

    Args:
        canvas: Where to paint.
        camera: The view.
        select: Gives the marked pixels from lateral position and depth in metres.
        colour: RGB of the marks.
    """
    lateral, depth, first = camera.ground()
    mask = select(lateral, depth)
    box = first, canvas.shape[0], 0, canvas.shape[1]
    canvas.paint(box, mask, 0.3 * canvas.image[first:][mask] + 0.7 * colour, None, None)


def lane_marks(centre: float, half_width: float, dash: float) -> Callable[[Array, Array], Mask]:
    """Edge lines and a dashed centre line of a road."""

    def select(lateral: Array, depth: Array) -> Mask:
        across = lateral - centre
        dashed = (np.abs(across) < 0.08) & (depth % dash < 0.45 * dash)
        return dashed | (np.abs(np.abs(across) - half_width + 0.3) < 0.07)

    return select


def crossing(centre: float, half_width: float, near: float) -> Callable[[Array, Array], Mask]:
    """A zebra crossing three metres deep that starts ``near`` metres away."""

    def select(lateral: Array, depth: Array) -> Mask:
        across = lateral - centre
        return (np.abs(across) < half_width) & (across % 1.0 < 0.5) & (depth > near) & (depth < near + 3)

    return select


def rails(centre: float) -> Callable[[Array, Array], Mask]:
    """The two rails of a track."""

    def select(lateral: Array, depth: Array) -> Mask:
        return np.abs(np.abs(lateral - centre) - 0.72) < 0.06 + 0 * depth

    return select
