"""Where vehicles, street furniture and people stand in a street."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from . import street_life, vehicles
from .labels import Label
from .sprites import Sprite

Maker = Callable[[np.random.Generator], Sprite]
Placed = tuple[Sprite, float, float]  # sprite, lateral position and depth in metres


@dataclass(frozen=True)
class Layout:
    """Cross-section of a street; lengths in metres from the camera.

    Attributes:
        centre: Middle of the road.
        road: Half the road's width.
        pavement: Distance from the middle to the outer edge of the pavement.
        tram: Whether rails run in the road.
    """

    centre: float
    road: float
    pavement: float
    tram: bool


def traffic(rng: np.random.Generator, layout: Layout) -> list[Placed]:
    """Vehicles on the road, a tram on its rails, two-wheelers."""
    placed: list[Placed] = []
    for depth in np.cumsum(rng.uniform(5, 14, int(rng.integers(1, 6)))):
        side = rng.choice([-1.0, 1.0])
        lateral = layout.centre + side * layout.road * rng.uniform(0.35, 0.8)
        kind = rng.random()
        if kind < 0.7:
            sprite = vehicles.car_end(rng)
        elif kind < 0.8:
            sprite = vehicles.car_side(rng)
        else:
            label = (Label.TRUCK, Label.BUS)[rng.integers(2)]
            sprite = vehicles.large_end(rng, label) if rng.random() < 0.7 else vehicles.large_side(rng, label)
        placed.append((sprite, lateral, float(depth) + 3))
    if layout.tram and rng.random() < 0.7:
        placed.append((vehicles.large_end(rng, Label.TRAIN), layout.centre, rng.uniform(9, 35)))
    placed += [
        (vehicles.rider(rng), layout.centre + rng.uniform(-1, 1) * layout.pavement, rng.uniform(5, 25))
        for _ in range(rng.integers(0, 3))
    ]
    return placed


def furniture(rng: np.random.Generator, layout: Layout) -> list[Placed]:
    """Lamps, signs and lights along the kerbs; often trees behind them."""
    placed: list[Placed] = []
    makers: tuple[Maker, ...] = (street_life.lamp, street_life.traffic_sign, street_life.traffic_light)
    trees = rng.random() < 0.6
    for side in (-1, 1):
        kerb = layout.centre + side * (layout.road + 0.5)
        for depth in np.cumsum(rng.uniform(7, 18, 4)):
            maker = makers[rng.choice(3, p=[0.5, 0.3, 0.2])]
            placed.append((maker(rng), kerb, float(depth)))
        if trees:
            outside = layout.centre + side * (layout.pavement - rng.uniform(0, 0.8))
            placed += [
                (street_life.broadleaf(rng), outside, float(depth)) for depth in np.cumsum(rng.uniform(6, 15, 5)) + 4
            ]
    return placed


def people(rng: np.random.Generator, layout: Layout) -> list[Placed]:
    """Persons on the pavements."""
    middle = (layout.road + layout.pavement) / 2
    placed: list[Placed] = []
    for _ in range(rng.integers(1, 7)):
        side = rng.choice([-1.0, 1.0])
        lateral = layout.centre + side * (middle + rng.uniform(-0.5, 0.5))
        placed.append((street_life.person(rng), lateral, rng.uniform(5, 30)))
    return placed
