"""A street in a town: road, pavements, buildings, traffic, people."""

import numpy as np

from . import palette
from .arrays import Shape, single
from .blocks import Block, paint_block
from .camera import Camera
from .canvas import Canvas
from .ground import Strip, crossing, lane_marks, paint_marks, paint_strips, rails
from .labels import Label
from .placement import Layout, furniture, people, traffic
from .sky import paint_sky, paint_skyline
from .sprites import paint_sprite, plain


def paint_street(rng: np.random.Generator, shape: Shape) -> Canvas:
    """Paint a street scene of the given height and width."""
    camera, canvas = Camera.draw(rng, shape), Canvas(shape)
    road = rng.uniform(3.2, 6.5)
    layout = Layout(rng.uniform(-1.5, 1.5), road, road + rng.uniform(1.5, 4), bool(rng.random() < 0.25))
    paint_sky(canvas, camera, rng)
    paint_skyline(canvas, camera, rng, ('trees', 'houses', 'hills')[rng.integers(3)])
    _paint_ground(canvas, camera, rng, layout)
    for side in (-1, 1):
        _paint_side(canvas, camera, rng, layout, side)
    if rng.random() < 0.1:
        _paint_bridge(canvas, camera, rng)
    sprites = traffic(rng, layout) + furniture(rng, layout) + people(rng, layout)
    for sprite, lateral, depth in sorted(sprites, key=lambda item: -item[2]):
        paint_sprite(canvas, camera, rng, sprite, lateral, depth)
    return canvas


def _paint_ground(canvas: Canvas, camera: Camera, rng: np.random.Generator, layout: Layout) -> None:
    centre, far = layout.centre, 1e4
    verges = [(palette.grass, Label.TERRAIN), (palette.asphalt, Label.PARKING), (palette.paving, Label.SIDEWALK)]
    strips = []
    for left, right in ((-far, centre), (centre, far)):
        factory, label = verges[rng.choice(3, p=[0.5, 0.2, 0.3])]
        strips.append(Strip(left, right, factory(rng), label))
    strips.append(Strip(centre - layout.pavement, centre + layout.pavement, palette.paving(rng), Label.SIDEWALK))
    strips.append(Strip(centre - layout.road, centre + layout.road, palette.asphalt(rng), Label.ROAD))
    if layout.tram:
        strips.append(Strip(centre - 1.3, centre + 1.3, palette.gravel(rng), Label.RAIL_TRACK))
    paint_strips(canvas, camera, rng, strips)
    white = single([0.85, 0.85, 0.83]) * np.float32(rng.uniform(0.7, 1.1))
    if layout.tram:
        paint_marks(canvas, camera, rails(centre), single([0.55, 0.55, 0.56]))
    elif rng.random() < 0.75:
        paint_marks(canvas, camera, lane_marks(centre, layout.road, rng.uniform(4, 9)), white)
    if rng.random() < 0.2:
        paint_marks(canvas, camera, crossing(centre, layout.road, rng.uniform(5, 20)), white)


def _paint_side(canvas: Canvas, camera: Camera, rng: np.random.Generator, layout: Layout, side: int) -> None:
    kind = ('houses', 'houses', 'mixed', 'park')[rng.integers(4)]
    setback = layout.pavement + (0 if kind == 'houses' else rng.uniform(0, 4))
    lateral = layout.centre + side * setback
    shade = rng.uniform(0.75, 1.05)
    blocks, depth = [], 90.0
    while depth > 1.5:
        near = max(depth - rng.uniform(5, 18), 1.2)
        blocks.append(_block(rng, kind, lateral, near, depth))
        depth = near - (rng.uniform(1, 5) if rng.random() < 0.3 else 0)
    for block in blocks:
        paint_block(canvas, camera, rng, block, shade)


def _block(rng: np.random.Generator, kind: str, lateral: float, near: float, far: float) -> Block:
    weights = {'houses': (0.9, 0.1, 0, 0, 0), 'mixed': (0.4, 0.2, 0.15, 0.2, 0.05), 'park': (0, 0.1, 0.35, 0.35, 0.2)}
    choice = rng.choice(5, p=weights[kind])
    if choice == 0:
        return Block(lateral, near, far, rng.uniform(5, 18), 14, palette.facade(rng), Label.BUILDING)
    if choice == 1:
        return Block(lateral, near, far, rng.uniform(1.5, 3), 0.3, palette.masonry(rng), Label.WALL)
    if choice == 2:
        return Block(lateral, near, far, rng.uniform(1.1, 2), 0.1, palette.planks(rng), Label.FENCE)
    if choice == 3:
        return Block(lateral, near, far, rng.uniform(1, 3.5), 1.5, palette.foliage(rng), Label.VEGETATION)
    return Block(lateral, near, far, 0.85, 0.1, plain((0.6, 0.61, 0.62), 0.15), Label.GUARD_RAIL, foot=0.4)


def _paint_bridge(canvas: Canvas, camera: Camera, rng: np.random.Generator) -> None:
    depth = rng.uniform(25, 60)
    scale = camera.scale(depth)
    ground = camera.horizon + camera.height * scale
    top, bottom = ground - scale * rng.uniform(6.2, 7.5), ground - scale * 5
    corners = single([(0, bottom), (canvas.shape[1], bottom), (canvas.shape[1], top), (0, top)])
    canvas.fill(corners, palette.masonry(rng), rng, scale, Label.BRIDGE, depth)
