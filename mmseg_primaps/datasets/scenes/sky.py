"""Sky and what stands on the horizon."""

import numpy as np

from .arrays import Array, single
from .camera import FAR, Camera
from .canvas import Canvas
from .labels import Label
from .noise import fractal_noise
from .palette import choose, facade, foliage, vary

# Colour at the zenith, colour at the horizon, how much of the sky clouds cover.
SKIES: list[tuple[tuple[float, float, float], tuple[float, float, float], float]] = [
    ((0.32, 0.52, 0.82), (0.72, 0.82, 0.92), 0.15),
    ((0.42, 0.58, 0.8), (0.85, 0.88, 0.9), 0.5),
    ((0.66, 0.69, 0.73), (0.8, 0.81, 0.82), 0.8),
    ((0.86, 0.87, 0.88), (0.92, 0.92, 0.91), 0.3),
    ((0.45, 0.5, 0.66), (0.93, 0.75, 0.58), 0.45),
]


def paint_sky(canvas: Canvas, camera: Camera, rng: np.random.Generator) -> None:
    """Fill the whole canvas with a gradient and clouds; everything else is painted over it."""
    zenith, horizon, cover = SKIES[rng.integers(len(SKIES))]
    zenith, horizon = vary(rng, zenith, 0.08), vary(rng, horizon, 0.05)
    rows, columns = canvas.shape
    height = np.clip(1 - np.arange(rows, dtype=np.float32)[:, None] / camera.horizon, 0, 1)
    bottom = int(camera.horizon) + 2
    elevation = np.broadcast_to(height[:bottom] + 0.25, (bottom, columns))
    azimuth = np.broadcast_to(np.arange(columns, dtype=np.float32)[None] / columns, elevation.shape)
    noise = fractal_noise(rng, azimuth * 3 / elevation, 3 / elevation, 1.0, 4)
    cloud = np.zeros((rows, columns), np.float32)
    cloud[:bottom] = np.clip((noise + 2 * cover - 0.9) * 1.5, 0, 1)
    blend = height**0.8
    clear = single(horizon) * (1 - blend[..., None]) + single(zenith) * blend[..., None]
    white = single(vary(rng, (0.9, 0.9, 0.91), 0.06, 0.02))
    canvas.image[:] = clear + cloud[..., None] * (white - clear) * 0.85
    canvas.labels[:] = Label.SKY


def _ridge(rng: np.random.Generator, columns: int, roughness: int) -> Array:
    """Heights of a ridge in [0, 1] for each column."""
    x = np.arange(columns, dtype=np.float32) / columns * rng.uniform(2, 5)
    noise = fractal_noise(rng, x, np.zeros_like(x), 1.0, roughness)
    return np.clip(0.5 + 0.5 * noise, 0.05, 1)


def paint_skyline(canvas: Canvas, camera: Camera, rng: np.random.Generator, kind: str) -> None:
    """Paint the far end of the view, from the horizon upwards.

    Args:
        canvas: Where to paint.
        camera: The view.
        rng: Source of randomness.
        kind: ``'trees'``, ``'hills'`` or ``'houses'``.
    """
    rows, columns = canvas.shape
    bottom = int(np.ceil(camera.horizon + camera.height * camera.scale(FAR))) + 1
    ridge = _ridge(rng, columns, {'trees': 6, 'hills': 2, 'houses': 1}[kind])
    label, material = Label.VEGETATION, foliage(rng)
    if kind == 'houses':
        label, material = Label.BUILDING, facade(rng)
        width = int(rng.integers(columns // 16, columns // 7))
        steps = rng.uniform(0.2, 1, columns // width + 1).astype(np.float32)
        ridge = np.repeat(steps, width)[:columns]
    elif kind == 'hills' and rng.random() < 0.5:
        label = Label.TERRAIN
    height = ridge * camera.focal * rng.uniform(0.06, 0.16)
    distance = camera.horizon - np.arange(bottom, dtype=np.float32)[:, None]
    mask = distance < height[None]
    resolution = camera.scale(FAR)
    row, column = np.nonzero(mask)
    u, v = column / np.float32(2 * resolution), distance[row, 0] / np.float32(2 * resolution)
    colour = material.paint(rng, u, v, resolution * 2)
    haze = single(choose(rng, [(0.62, 0.68, 0.76)]))
    canvas.paint((0, bottom, 0, columns), mask, colour * 0.65 + haze * 0.35, label, FAR)
