"""Boxes beside the street: buildings, walls, fences, hedges and guard rails."""

from dataclasses import dataclass

import numpy as np

from .arrays import Array, single
from .camera import Camera
from .canvas import Canvas
from .labels import Label
from .materials import Material


@dataclass(frozen=True)
class Block:
    """A box whose long side runs along the street.

    Attributes:
        lateral: Distance of that side from the camera in metres, negative on the left.
        near: Depth of its near end.
        far: Depth of its far end.
        height: Height in metres.
        thickness: Extent away from the street in metres.
        material: Surface of the walls; ``v`` is the height above ground.
        label: Class.
        foot: Height of the lower edge (a rail's gap, a bridge's clearance).
    """

    lateral: float
    near: float
    far: float
    height: float
    thickness: float
    material: Material
    label: Label
    foot: float = 0.0


def paint_block(canvas: Canvas, camera: Camera, rng: np.random.Generator, block: Block, shade: float) -> None:
    """Paint the end that faces the camera, then the long side, ``shade`` times as bright."""
    side = np.sign(block.lateral)
    scale = camera.scale(block.near)
    inner = camera.centre + block.lateral * scale
    outer = camera.centre + (block.lateral + side * block.thickness) * scale
    ground = camera.horizon + camera.height * scale
    top, foot = ground - block.height * scale, ground - block.foot * scale
    corners = single([(inner, foot), (outer, foot), (outer, top), (inner, top)])
    canvas.fill(corners, block.material, rng, scale, block.label, block.near)
    _paint_side(canvas, camera, rng, block, shade)


def _paint_side(canvas: Canvas, camera: Camera, rng: np.random.Generator, block: Block, shade: float) -> None:
    ends = [camera.centre + block.lateral * camera.scale(depth) for depth in (block.near, block.far)]
    scale = camera.scale(block.near)
    ground = camera.horizon + camera.height * scale
    box = canvas.clip(min(ends), min(ground - block.height * scale, camera.horizon), max(ends), ground)
    if box is None:
        return
    columns = np.arange(box[2], box[3], dtype=np.float32)[None]
    rows = np.arange(box[0], box[1], dtype=np.float32)[:, None]
    offset: Array = (columns - camera.centre) / (camera.focal * block.lateral)
    depth = 1 / np.maximum(offset, 1e-4)
    height = camera.height - (rows - camera.horizon) * depth / camera.focal
    mask = (height >= block.foot) & (height < block.height) & (depth >= block.near) & (depth < block.far)
    along = np.broadcast_to(depth, mask.shape)[mask]
    colour = block.material.paint(rng, along, height[mask], np.float32(camera.focal) / along) * np.float32(shade)
    canvas.paint(box, mask, colour, block.label, along)
