"""The country: meadows, fields, hills, a path, water, trees, a few houses."""

import numpy as np

from . import palette, street_life, vehicles
from .arrays import Array, Shape, single
from .blocks import Block, paint_block
from .camera import Camera
from .canvas import Canvas
from .ground import Strip, lane_marks, paint_marks, paint_strips
from .labels import Label
from .sky import paint_sky, paint_skyline
from .sprites import Sprite, paint_sprite, plain


def paint_landscape(rng: np.random.Generator, shape: Shape) -> Canvas:
    """Paint a country scene of the given height and width."""
    camera, canvas = Camera.draw(rng, shape), Canvas(shape)
    paint_sky(canvas, camera, rng)
    paint_skyline(canvas, camera, rng, 'hills')
    if rng.random() < 0.7:
        paint_skyline(canvas, camera, rng, 'trees')
    path = rng.uniform(-3, 3)
    _paint_ground(canvas, camera, rng, path)
    _paint_border(canvas, camera, rng, path)
    for sprite, lateral, depth in sorted(_things(rng, path), key=lambda item: -item[2]):
        paint_sprite(canvas, camera, rng, sprite, lateral, depth)
    return canvas


def _paint_ground(canvas: Canvas, camera: Camera, rng: np.random.Generator, path: float) -> None:
    swing, length = rng.uniform(0, 3), rng.uniform(15, 40)

    def bend(depth: Array) -> Array:
        return np.float32(swing) * np.sin(depth / np.float32(length))

    strips = [Strip(-1e4, 1e4, palette.grass(rng), Label.TERRAIN)]
    side = rng.choice([-1.0, 1.0])
    if rng.random() < 0.5:
        left, right = sorted((path + side * rng.uniform(6, 12), side * 1e4))
        strips.append(Strip(left, right, palette.water(rng), Label.UNLABELLED, bend))
    elif rng.random() < 0.6:
        left, right = sorted((path + side * rng.uniform(4, 9), side * 1e4))
        strips.append(Strip(left, right, palette.soil(rng), Label.TERRAIN))
    kind, half = rng.random(), rng.uniform(1.0, 3.2)
    if kind < 0.5:
        strips.append(Strip(path - half, path + half, palette.asphalt(rng), Label.ROAD, bend if half < 2 else None))
    elif kind < 0.75:
        strips.append(Strip(path - 1.4, path + 1.4, palette.paving(rng), Label.SIDEWALK, bend))
    paint_strips(canvas, camera, rng, strips)
    if kind < 0.5 and half >= 2:
        paint_marks(canvas, camera, lane_marks(path, half, 6), single([0.85, 0.85, 0.83]))


def _paint_border(canvas: Canvas, camera: Camera, rng: np.random.Generator, path: float) -> None:
    if rng.random() < 0.5:
        return
    lateral = path + rng.choice([-1.0, 1.0]) * rng.uniform(4, 8)
    kind = rng.integers(4)
    block = [
        Block(lateral, 4, 80, rng.uniform(0.9, 1.5), 0.1, palette.planks(rng), Label.FENCE),
        Block(lateral, 4, 80, rng.uniform(0.8, 2), 0.4, palette.masonry(rng), Label.WALL),
        Block(lateral, 4, 80, rng.uniform(1, 2.5), 1.5, palette.foliage(rng), Label.VEGETATION),
        Block(lateral, 2, 80, 0.85, 0.1, plain((0.6, 0.61, 0.62), 0.15), Label.GUARD_RAIL, foot=0.4),
    ][kind]
    paint_block(canvas, camera, rng, block, rng.uniform(0.8, 1.05))


def _things(rng: np.random.Generator, path: float) -> list[tuple[Sprite, float, float]]:
    placed: list[tuple[Sprite, float, float]] = []

    def beside(near: float, far: float, clear: float) -> tuple[float, float]:
        depth = rng.uniform(near, far)
        reach = clear + 0.6 * depth
        return path + rng.choice([-1.0, 1.0]) * rng.uniform(clear, reach), depth

    for _ in range(rng.integers(2, 12)):
        maker = (street_life.broadleaf, street_life.conifer, street_life.bush)[rng.choice(3, p=[0.45, 0.25, 0.3])]
        placed.append((maker(rng), *beside(9, 60, 4)))
    for _ in range(rng.integers(0, 3)):
        placed.append((street_life.house(rng), *beside(28, 70, 9)))
    for _ in range(rng.integers(0, 4)):
        placed.append((street_life.person(rng), path + rng.uniform(-2, 2), rng.uniform(6, 25)))
    for _ in range(rng.integers(0, 3)):
        maker = (vehicles.car_end, vehicles.car_side, vehicles.rider)[rng.integers(3)]
        placed.append((maker(rng), path + rng.uniform(-1, 1), rng.uniform(8, 40)))
    return placed
