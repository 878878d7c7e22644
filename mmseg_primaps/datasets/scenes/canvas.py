"""The picture while it is being painted: colours, labels and depth."""

import cv2
import numpy as np

from .arrays import Array, LabelMap, Mask, Shape
from .camera import FAR
from .labels import Label
from .materials import Material

Box = tuple[int, int, int, int]


class Canvas:
    """Colours in [0, 1], label ids and depths in metres of one scene; later paint covers earlier paint.

    Args:
        shape: Height and width in pixels.
    """

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.image: Array = np.zeros((*shape, 3), np.float32)
        self.labels: LabelMap = np.full(shape, Label.UNLABELLED, np.uint8)
        self.depth: Array = np.full(shape, FAR, np.float32)

    def clip(self, left: float, top: float, right: float, bottom: float) -> Box | None:
        """The whole pixels of a rectangle that lie on the canvas: (top, bottom, left, right), or None."""
        rows, columns = self.shape
        box = (
            max(int(top), 0),
            min(int(np.ceil(bottom)) + 1, rows),
            max(int(left), 0),
            min(int(np.ceil(right)) + 1, columns),
        )
        return box if box[0] < box[1] and box[2] < box[3] else None

    def paint(self, box: Box, mask: Mask, colour: Array, label: Label | None, depth: Array | float | None) -> None:
        """Paint the masked pixels of a box.

        Args:
            box: Top, bottom, left, right.
            mask: Which pixels of the box, ``[h, w]``.
            colour: RGB for each of the ``n`` masked pixels ``[n, 3]``, or one RGB.
            label: New label, or None to keep the old one (a shadow, a lane marking).
            depth: New depth for each masked pixel ``[n]`` or for all, or None to keep the old one.
        """
        window = slice(box[0], box[1]), slice(box[2], box[3])
        self.image[window][mask] = colour
        if label is not None:
            self.labels[window][mask] = label
        if depth is not None:
            self.depth[window][mask] = depth

    def polygon(self, points: Array) -> tuple[Box, Mask] | None:
        """Box and mask of a filled polygon with vertices (column, row), or None where it misses the canvas."""
        box = self.clip(*points.min(0), *points.max(0))
        if box is None:
            return None
        top, bottom, left, right = box
        mask = np.zeros((bottom - top, right - left), np.uint8)
        cv2.fillPoly(mask, [np.round((points - (left, top)) * 16).astype(np.int32)], 1, shift=4)
        return box, mask.astype(bool)

    def fill(
        self,
        points: Array,
        material: Material,
        rng: np.random.Generator,
        resolution: float,
        label: Label | None,
        depth: float | None,
    ) -> None:
        """Fill a polygon that faces the camera with a material.

        Args:
            points: Vertices (column, row) in pixels, ``[n, 2]``.
            material: What it is made of.
            rng: Source of the texture.
            resolution: Pixels per metre.
            label: New label, or None to keep the old one.
            depth: Distance in metres, or None to keep the old one.
        """
        region = self.polygon(points)
        if region is None or not region[1].any():
            return
        (top, bottom, left, right), mask = region
        base = float(points[:, 1].max())
        rows, columns = np.nonzero(mask)
        u = (columns + np.float32(left - points[:, 0].min())) / np.float32(resolution)
        v = (np.float32(base - top) - rows) / np.float32(resolution)
        self.paint(region[0], mask, material.paint(rng, u, v, resolution), label, depth)

    def shade(self, centre: tuple[float, float], radii: tuple[float, float], strength: float) -> None:
        """Darken an ellipse with soft edges, as an object's shadow on the ground does."""
        (column, row), (a, b) = centre, (max(radii[0], 1), max(radii[1], 1))
        box = self.clip(column - a, row - b, column + a, row + b)
        if box is None:
            return
        rows = (np.arange(box[0], box[1], dtype=np.float32)[:, None] - row) / b
        columns = (np.arange(box[2], box[3], dtype=np.float32)[None] - column) / a
        shadow = strength * np.clip(1.5 - 1.5 * (rows**2 + columns**2), 0, 1)
        self.image[box[0] : box[1], box[2] : box[3]] *= (1 - shadow)[..., None]
