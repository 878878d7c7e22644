"""Cars, trucks, buses, trams and two-wheelers."""

import numpy as np

from .labels import Label
from .palette import choose, vary
from .sprites import Part, Sprite, bar, ellipse, plain, rectangle, trapezoid

PAINTS = [
    (0.75, 0.76, 0.78),
    (0.16, 0.16, 0.18),
    (0.4, 0.42, 0.45),
    (0.6, 0.12, 0.1),
    (0.14, 0.22, 0.45),
    (0.9, 0.9, 0.88),
    (0.25, 0.36, 0.27),
    (0.72, 0.6, 0.2),
]
GLASS = plain((0.16, 0.2, 0.24), 0.2)
TYRE = plain((0.07, 0.07, 0.08))


def car_end(rng: np.random.Generator) -> Sprite:
    """A car from behind or in front."""
    paint = plain(choose(rng, PAINTS))
    half, height = rng.uniform(0.82, 0.95), rng.uniform(1.4, 1.75)
    waist = 0.58 * height
    lamp = plain((0.7, 0.1, 0.08) if rng.random() < 0.6 else (0.95, 0.95, 0.85))
    dark = plain((0.12, 0.12, 0.13))
    outlines = [
        (rectangle(-half + 0.05, 0, -half + 0.28, 0.5), TYRE),
        (rectangle(half - 0.28, 0, half - 0.05, 0.5), TYRE),
        (trapezoid(waist - 0.05, height, half * 0.95, half * 0.72), paint),
        (trapezoid(0.25, waist, half, half * 0.97), paint),
        (trapezoid(waist + 0.03, height - 0.1, half * 0.85, half * 0.66), GLASS),
        (rectangle(-half, 0.25, half, 0.42), dark),
        (rectangle(-half * 0.97, waist - 0.28, -half * 0.7, waist - 0.1), lamp),
        (rectangle(half * 0.7, waist - 0.28, half * 0.97, waist - 0.1), lamp),
    ]
    return Sprite(tuple(Part(points, material, Label.CAR) for points, material in outlines), 2.1)


def car_side(rng: np.random.Generator) -> Sprite:
    """A car from the side."""
    paint = plain(choose(rng, PAINTS))
    half, height = rng.uniform(1.9, 2.3), rng.uniform(1.4, 1.6)
    waist, shift = 0.6 * height, rng.uniform(-0.3, 0.3)
    outlines = [
        (trapezoid(waist - 0.05, height, half * 0.72, half * 0.42, shift), paint),
        (trapezoid(waist + 0.02, height - 0.08, half * 0.62, half * 0.38, shift), GLASS),
        (rectangle(shift - 0.06, waist, shift + 0.06, height - 0.05), paint),
        (trapezoid(0.3, waist, half, half * 0.94), paint),
        (ellipse(-half * 0.62, 0.33, 0.33), TYRE),
        (ellipse(half * 0.62, 0.33, 0.33), TYRE),
        (ellipse(-half * 0.62, 0.33, 0.17), plain((0.5, 0.5, 0.52))),
        (ellipse(half * 0.62, 0.33, 0.17), plain((0.5, 0.5, 0.52))),
    ]
    return Sprite(tuple(Part(points, material, Label.CAR) for points, material in outlines), 4.4)


def large_end(rng: np.random.Generator, label: Label) -> Sprite:
    """A truck, bus or tram from behind or in front."""
    paint = plain(choose(rng, PAINTS))
    half, height = 1.25, rng.uniform(2.9, 3.6)
    outlines = [
        (rectangle(-half + 0.1, 0, -half + 0.45, 0.6), TYRE),
        (rectangle(half - 0.45, 0, half - 0.1, 0.6), TYRE),
        (rectangle(-half, 0.4, half, height), paint),
        (rectangle(-half, 0.4, half, 0.75), plain((0.13, 0.13, 0.14))),
    ]
    if label is not Label.TRUCK:
        outlines.append((rectangle(-half * 0.88, 1.4, half * 0.88, height - 0.5), GLASS))
        outlines.append((rectangle(-half * 0.6, height - 0.4, half * 0.6, height - 0.15), plain((0.85, 0.6, 0.1))))
    return Sprite(tuple(Part(points, material, label) for points, material in outlines), 2.9)


def large_side(rng: np.random.Generator, label: Label) -> Sprite:
    """A truck, bus or tram from the side."""
    paint = plain(choose(rng, PAINTS))
    half, height = rng.uniform(3.5, 5.5), rng.uniform(2.8, 3.4)
    outlines = [(rectangle(-half, 0.45, half, height), paint)]
    if label is Label.TRUCK:
        cab = plain(choose(rng, PAINTS))
        outlines += [(rectangle(half - 1.7, 0.45, half, 2.6), cab), (rectangle(half - 0.9, 1.5, half, 2.3), GLASS)]
    else:
        count = int(half)
        width = 2 * half / count
        outlines += [
            (rectangle(-half + i * width + 0.12, 1.4, -half + (i + 1) * width - 0.12, height - 0.5), GLASS)
            for i in range(count)
        ]
    outlines += [(ellipse(x * half, 0.45, 0.45), TYRE) for x in (-0.7, -0.5, 0.7)]
    return Sprite(tuple(Part(points, material, label) for points, material in outlines), 2 * half)


def _two_wheeler(rng: np.random.Generator, label: Label, tyre: float) -> list[Part]:
    frame = plain(choose(rng, PAINTS))
    dark = plain((0.1, 0.1, 0.1))
    outlines = [
        *((ellipse(x, 0.34, 0.34), TYRE) for x in (-0.55, 0.55)),
        *((ellipse(x, 0.34, 0.34 - tyre), plain((0.42, 0.42, 0.42), 0.3)) for x in (-0.55, 0.55)),
        (bar((-0.55, 0.34), (0.05, 0.75), tyre), frame),
        (bar((0.55, 0.34), (0.4, 1.0), tyre), frame),
        (bar((-0.15, 0.8), (0.45, 0.75), tyre), frame),
        (rectangle(-0.3, 0.85, 0.0, 0.93), dark),
    ]
    if label is Label.MOTORCYCLE:
        outlines.append((trapezoid(0.35, 0.85, 0.4, 0.55), frame))
    return [Part(points, material, label) for points, material in outlines]


def rider(rng: np.random.Generator) -> Sprite:
    """A bicycle or motorcycle with its rider, from the side; sometimes parked, without a rider."""
    label, tyre = (Label.BICYCLE, 0.06) if rng.random() < 0.6 else (Label.MOTORCYCLE, 0.14)
    parts = _two_wheeler(rng, label, tyre)
    if rng.random() < 0.75:
        cloth, trousers = plain(vary(rng, choose(rng, PAINTS))), plain(vary(rng, (0.2, 0.22, 0.3), 0.4))
        outlines = [
            (bar((-0.15, 0.95), (0.15, 0.4), 0.17), trousers),
            (bar((-0.18, 0.9), (0.12, 1.45), 0.36), cloth),
            (bar((0.1, 1.4), (0.42, 1.05), 0.11), cloth),
            (ellipse(0.16, 1.65, 0.13, 0.15), plain(vary(rng, (0.6, 0.45, 0.36), 0.35))),
        ]
        parts += [Part(points, material, Label.RIDER) for points, material in outlines]
    return Sprite(tuple(parts), 1.8)
