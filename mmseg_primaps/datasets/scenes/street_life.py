"""Persons, trees and street furniture."""

import numpy as np

from .arrays import single
from .labels import Label
from .materials import Material, Tiled
from .palette import choose, facade, foliage, vary
from .sprites import Part, Sprite, bar, blob, brighter, ellipse, plain, rectangle, trapezoid

CLOTHES = [
    (0.15, 0.16, 0.2),
    (0.6, 0.16, 0.15),
    (0.2, 0.3, 0.55),
    (0.75, 0.72, 0.68),
    (0.35, 0.38, 0.3),
    (0.8, 0.55, 0.2),
]
METAL = plain((0.42, 0.43, 0.44), 0.12)


def person(rng: np.random.Generator) -> Sprite:
    """A standing or walking person."""
    top, trousers = plain(choose(rng, CLOTHES), 0.15), plain(choose(rng, CLOTHES[:4]), 0.15)
    skin = plain(vary(rng, (0.62, 0.46, 0.36), 0.35))
    step, height = rng.uniform(0.03, 0.28), rng.uniform(0.88, 1.08)
    outlines = [
        (bar((0, 0.85), (-step, 0), 0.17), trousers),
        (bar((0, 0.85), (step, 0), 0.17), trousers),
        (bar((-0.24, 1.35), (-0.2 - step / 2, 0.8), 0.11), top),
        (bar((0.24, 1.35), (0.2 + step / 2, 0.8), 0.11), top),
        (trapezoid(0.75, 1.45, 0.2, 0.25), top),
        (ellipse(0, 1.6, 0.11, 0.14), skin),
        (ellipse(0, 1.68, 0.11, 0.08), plain(vary(rng, (0.22, 0.16, 0.12), 0.6))),
    ]
    scale = np.float32(height)
    return Sprite(tuple(Part(points * scale, material, Label.PERSON) for points, material in outlines), 0.8)


def broadleaf(rng: np.random.Generator) -> Sprite:
    """A tree with a round crown of several clumps."""
    leaves = foliage(rng)
    height, radius = rng.uniform(5, 11), rng.uniform(1.5, 3.2)
    trunk = plain(vary(rng, (0.3, 0.24, 0.18), 0.3), 0.3)
    parts = [Part(bar((0, 0), (0, height * 0.6), rng.uniform(0.2, 0.45)), trunk, Label.VEGETATION)]
    for _ in range(int(rng.integers(4, 8))):
        column, row = rng.uniform(-0.6, 0.6) * radius, height * rng.uniform(0.5, 0.85)
        outline = blob(rng, column, row, radius * rng.uniform(0.5, 0.9), height * rng.uniform(0.13, 0.26))
        parts.append(Part(outline, brighter(leaves, rng.uniform(0.7, 1.35)), Label.VEGETATION))
    return Sprite(tuple(parts), 2.2 * radius)


def conifer(rng: np.random.Generator) -> Sprite:
    """A fir: ragged tiers that narrow to a tip."""
    leaves = Material(vary(rng, (0.12, 0.22, 0.14), 0.25), contrast=0.6, frequency=1.5, octaves=4)
    height, half = rng.uniform(6, 13), rng.uniform(1.2, 2.2)
    parts = [Part(rectangle(-0.15, 0, 0.15, 1.5), plain((0.25, 0.18, 0.13), 0.3), Label.VEGETATION)]
    for tier in range(5):
        bottom = height * (0.1 + 0.16 * tier)
        outline = trapezoid(bottom, bottom + 0.28 * height, half * (1 - 0.17 * tier), half * 0.12)
        outline += rng.normal(0, 0.12, outline.shape).astype(np.float32)
        parts.append(Part(outline, brighter(leaves, rng.uniform(0.8, 1.3)), Label.VEGETATION))
    return Sprite(tuple(parts), 2 * half)


def bush(rng: np.random.Generator) -> Sprite:
    """A low clump of leaves."""
    radius = rng.uniform(0.6, 1.6)
    outline = blob(rng, 0, radius * 0.55, radius, radius * 0.7)
    return Sprite((Part(outline, foliage(rng), Label.VEGETATION),), 2 * radius)


def lamp(rng: np.random.Generator) -> Sprite:
    """A street lamp."""
    height, side = rng.uniform(5, 8), rng.choice([-1.0, 1.0])
    arm = bar((0, height), (side * 1.3, height + 0.25), 0.1)
    head = rectangle(min(side * 1.0, side * 1.6), height + 0.15, max(side * 1.0, side * 1.6), height + 0.32)
    parts = [Part(points, METAL, Label.POLE) for points in (bar((0, 0), (0, height), 0.16), arm, head)]
    return Sprite(tuple(parts), 0.4)


def traffic_sign(rng: np.random.Generator) -> Sprite:
    """A round, triangular or rectangular sign on a pole."""
    height = rng.uniform(2.2, 3.0)
    face = choose(rng, [(0.85, 0.12, 0.1), (0.1, 0.25, 0.65), (0.92, 0.8, 0.15), (0.9, 0.9, 0.9)])
    inner = plain((0.92, 0.92, 0.92) if max(face) - min(face) > 0.3 else (0.1, 0.1, 0.1))
    shapes = [
        (ellipse(0, 0, 0.42), ellipse(0, 0, 0.25)),
        (trapezoid(-0.4, 0.4, 0.5, 0.02), trapezoid(-0.28, 0.15, 0.3, 0.02)),
        (rectangle(-0.4, -0.4, 0.4, 0.4), rectangle(-0.25, -0.1, 0.25, 0.1)),
    ]
    outer, centre = (outline + single([0, height]) for outline in shapes[rng.integers(3)])
    pole = Part(bar((0, 0), (0, height), 0.1), METAL, Label.POLE)
    return Sprite((pole, Part(outer, plain(face), Label.TRAFFIC_SIGN), Part(centre, inner, Label.TRAFFIC_SIGN)), 0.3)


def traffic_light(rng: np.random.Generator) -> Sprite:
    """A pole with three lights, one of them lit."""
    lit = int(rng.integers(3))
    colours = [(0.1, 0.85, 0.35), (0.95, 0.75, 0.1), (0.95, 0.12, 0.1)]
    parts = [
        Part(bar((0, 0), (0, 2.9), 0.13), METAL, Label.POLE),
        Part(rectangle(-0.22, 2.3, 0.22, 3.4), plain((0.08, 0.1, 0.08)), Label.TRAFFIC_LIGHT),
    ]
    for index, (red, green, blue) in enumerate(colours):
        factor = 1.0 if index == lit else 0.25
        face = plain((red * factor, green * factor, blue * factor))
        parts.append(Part(ellipse(0, 2.5 + 0.34 * index, 0.13), face, Label.TRAFFIC_LIGHT))
    return Sprite(tuple(parts), 0.3)


def house(rng: np.random.Generator) -> Sprite:
    """A house with a pitched roof that faces the camera."""
    half, eaves, ridge = rng.uniform(3, 7), rng.uniform(3, 6.5), rng.uniform(2, 4)
    colour = choose(rng, [(0.5, 0.24, 0.17), (0.3, 0.27, 0.27), (0.42, 0.32, 0.27)])
    tiles = Tiled(colour, contrast=0.2, tile=(0.4, 0.4))
    roof = trapezoid(eaves, eaves + ridge, half + 0.5, half * rng.uniform(0.1, 0.8))
    parts = (
        Part(rectangle(-half, 0, half, eaves), facade(rng), Label.BUILDING),
        Part(roof, tiles, Label.BUILDING),
        Part(rectangle(-0.6, 0, 0.6, 2.1), plain(vary(rng, (0.3, 0.22, 0.16), 0.5)), Label.BUILDING),
    )
    return Sprite(parts, 2 * half)
