"""A pinhole camera that looks along a street, and the metres behind its pixels."""

from dataclasses import dataclass

import numpy as np

from .arrays import Array, Shape

FAR = 120.0


@dataclass(frozen=True)
class Camera:
    """A level camera above flat ground.

    Attributes:
        shape: Height and width of the picture in pixels.
        focal: Focal length in pixels.
        horizon: Row of the horizon.
        centre: Column of the vanishing point.
        height: Height above the ground in metres.
    """

    shape: Shape
    focal: float
    horizon: float
    centre: float
    height: float

    @classmethod
    def draw(cls, rng: np.random.Generator, shape: Shape) -> 'Camera':
        """A camera in a car or a hand, pointing roughly along the street."""
        rows, columns = shape
        return cls(
            shape,
            focal=rows * rng.uniform(0.95, 1.35),
            horizon=rows * rng.uniform(0.36, 0.5),
            centre=columns * rng.uniform(0.4, 0.6),
            height=rng.uniform(1.3, 2.0),
        )

    def scale(self, depth: float) -> float:
        """Pixels per metre at a depth in metres."""
        return self.focal / depth

    def foot(self, lateral: float, depth: float) -> tuple[float, float]:
        """Column and row of a point on the ground, ``lateral`` metres right of the camera and ``depth`` in front."""
        return self.centre + lateral * self.scale(depth), self.horizon + self.height * self.scale(depth)

    def ground(self) -> tuple[Array, Array, int]:
        """Lateral position and depth in metres of each ground pixel, and the first row of the ground."""
        first = int(np.ceil(self.horizon + self.height * self.focal / FAR))
        rows = np.arange(first, self.shape[0], dtype=np.float32)[:, None]
        columns = np.arange(self.shape[1], dtype=np.float32)[None]
        depth = self.focal * self.height / (rows - self.horizon)
        lateral = (columns - self.centre) * depth / self.focal
        return lateral, np.broadcast_to(depth, lateral.shape), first
