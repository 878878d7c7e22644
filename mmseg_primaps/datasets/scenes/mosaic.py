"""Texture mosaics: flat patches of outdoor materials with winding borders and no perspective."""

import numpy as np

from .arrays import Array, Shape
from .canvas import Canvas
from .noise import fractal_noise
from .palette import MOSAIC_MATERIALS


def paint_mosaic(rng: np.random.Generator, shape: Shape) -> Canvas:
    """Paint four to nine patches; each is the Voronoi cell of a random point, seen through a warped lens."""
    canvas = Canvas(shape)
    canvas.depth[:] = 0
    rows, columns = np.meshgrid(*(np.arange(size, dtype=np.float32) for size in shape), indexing='ij')
    cells = _warped_cells(rng, rows, columns, int(rng.integers(4, 10)))
    box = 0, shape[0], 0, shape[1]
    for cell in range(int(cells.max()) + 1):
        factory, label = MOSAIC_MATERIALS[rng.integers(len(MOSAIC_MATERIALS))]
        angle, resolution = rng.uniform(-0.4, 0.4), shape[0] * rng.uniform(0.06, 0.2)
        mask = cells == cell
        row, column = rows[mask] / np.float32(resolution), columns[mask] / np.float32(resolution)
        cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        # heights start at 50 m, because a facade has no windows below its first storey
        u, v = column * cosine + row * sine, row * cosine - column * sine + 50
        canvas.paint(box, mask, factory(rng).paint(rng, u, v, resolution), label, None)
    return canvas


def _warped_cells(rng: np.random.Generator, rows: Array, columns: Array, count: int) -> Array:
    size = np.float32(rows.shape[0])
    reach = size * np.float32(rng.uniform(0.03, 0.15))
    y = rows + reach * fractal_noise(rng, rows / size, columns / size, 3.0, 3)
    x = columns + reach * fractal_noise(rng, rows / size, columns / size, 3.0, 3)
    points = rng.uniform(0, 1, (count, 2)) * rows.shape
    distances = [(y - np.float32(row)) ** 2 + (x - np.float32(column)) ** 2 for row, column in points]
    return np.argmin(distances, axis=0)
