"""From painted surfaces to a photograph: haze, light, lens and sensor."""

import cv2
import numpy as np
from numpy.typing import NDArray

from .arrays import Array, single
from .canvas import Canvas
from .labels import Label
from .noise import fractal_noise


def photograph(canvas: Canvas, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Take the picture: ``[H, W, 3]`` uint8 RGB.

    Each picture has its own haze, exposure, white balance, broad patches of light and shade, blur and sensor noise,
    so a class does not have one colour across a data set.
    """
    image = _haze(canvas, rng)
    image *= _illumination(canvas.shape, rng)[..., None]
    image *= rng.uniform(0.75, 1.2) * (1 + rng.uniform(-0.08, 0.08, 3)).astype(np.float32)
    image = single(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 0.8)))
    image = np.clip(image, 0, 1) ** np.float32(rng.uniform(0.85, 1.2))
    image += rng.normal(0, rng.uniform(0.004, 0.02), image.shape).astype(np.float32)
    return np.clip(np.round(image * 255), 0, 255).astype(np.uint8)


def _haze(canvas: Canvas, rng: np.random.Generator) -> Array:
    colour = single([0.72, 0.75, 0.79]) * np.float32(rng.uniform(0.85, 1.1))
    amount = 1 - np.exp(-canvas.depth * rng.uniform(0.001, 0.01))
    amount = np.where(canvas.labels == Label.SKY, 0, amount)[..., None].astype(np.float32)
    return canvas.image * (1 - amount) + colour * amount


def _illumination(shape: tuple[int, int], rng: np.random.Generator) -> Array:
    rows = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None]
    columns = np.linspace(-1, 1, shape[1], dtype=np.float32)[None]
    slope = rng.uniform(-0.12, 0.12, 2).astype(np.float32)
    u, v = np.broadcast_arrays(2 * rows, 3 * columns)
    patches = fractal_noise(rng, u, v, 1.0, 2)
    vignette = 1 - rng.uniform(0, 0.2) * (rows**2 + columns**2) / 2
    return (1 + slope[0] * rows + slope[1] * columns + rng.uniform(0, 0.15) * patches) * vignette
