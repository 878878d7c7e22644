"""Numbers for the vertices of a permutohedral lattice, and the simplex of vertices around every point."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Numbering(NamedTuple):
    """A linear function from the vertices of a lattice to whole numbers that tells them apart.

    A vertex has `d + 1` coordinates that sum to zero and leave the same remainder when divided by `d + 1`. So one of
    them and the differences of the others from it, divided by `d + 1`, say all: few enough numbers to sort fast.
    """

    multiples: list[int]
    """How much the number rises where one of the coordinates rises by `d + 1` (0 for the one that the others imply)."""
    step: int
    """How much the number rises where all coordinates rise by one."""
    lowest: int
    """No number is smaller."""
    total: int
    """Numbers lie below `lowest + total`."""


def numbering(extent: Sequence[float], batch: int) -> Numbering:
    """Numbers for `batch` lattices whose points have coordinates from 0 to `extent`.

    Raises:
        ValueError: 62 bits do not suffice.
    """
    d, corners = len(extent), len(extent) + 1
    reach = [e * s for e, s in zip(extent, scales(d), strict=True)]
    # Where coordinates lie: those of points, and some room for vertices beside them and for their neighbours.
    room = 2 * (d + 2)
    low = [0.0, *(-(j + 1) * reach[j] for j in range(d))]
    high = [sum(reach), *(sum(reach[j + 1 :]) for j in range(d))]
    # The order decides which vertices lie side by side in memory: rows of the picture first keeps gathers local.
    first, *others = [i for i in (2, 1, 0, *range(3, d + 1)) if i <= d][:d]
    multiples, factor, lowest = [0] * corners, batch, 0
    for i in reversed(others):
        least = math.floor((low[i] - high[first] - 2 * room) / corners)
        most = math.ceil((high[i] - low[first] + 2 * room) / corners)
        multiples[i], lowest = factor, lowest + least * factor
        factor *= most - least + 1
    least, most = math.floor(low[first]) - room, math.ceil(high[first]) + room
    multiples[first] = corners * factor - sum(multiples)
    count = factor * (most - least + 1)
    if count >= 2**62:
        raise ValueError(
            f'a lattice of {[round(e) for e in extent]} standard deviations for {batch} images has too many vertices '
            'to number: take larger standard deviations or a smaller chunk'
        )
    return Numbering(multiples, factor, lowest + least * factor, count)


def scales(dimension: int) -> list[float]:
    """Length of each feature axis on the lattice, rounded as a float32 program would."""
    unit = torch.tensor(math.sqrt(2 / 3) * (dimension + 1), dtype=torch.float32).item()
    return [unit / math.sqrt((i + 1) * (i + 2)) for i in range(dimension)]


def simplices(features: Tensor, numbers: Numbering, batch: int) -> tuple[Tensor, Tensor]:
    """Keys (int64) and barycentric weights, both `[d + 1, P]`, of the vertices around each point `[d, P]`."""
    corners = len(numbers.multiples)
    inverse = torch.tensor(1 / corners, dtype=torch.float32).item()
    embedded = _embed(features)
    nearest = torch.round(embedded * inverse)
    excess = torch.round(nearest.sum(0)).to(torch.int8)
    rank = _rank(embedded - nearest * corners) + excess
    # Where the rounded coordinates do not sum to zero, those rounded furthest move by one lattice step.
    wrap = (rank < 0).to(torch.int8) - (rank >= corners).to(torch.int8)
    rank = (rank + wrap * corners).long()
    nearest += wrap
    offset = (embedded - nearest * corners) * inverse
    ordered = torch.empty_like(offset).scatter_(0, corners - 1 - rank, offset)
    weights = torch.diff(ordered, dim=0, prepend=ordered[-1:] - 1)
    return _keys(nearest, rank, numbers, batch), weights


def _embed(features: Tensor) -> Tensor:
    """Rotate points `[d, P]` into the plane of `d + 1` coordinates that sum to zero, `[d + 1, P]`."""
    embedded = features.new_empty(len(features) + 1, features.shape[1])
    total = torch.zeros_like(features[0])
    for j, scale in reversed(list(enumerate(scales(len(features))))):
        scaled = features[j] * scale
        embedded[j + 1] = total - (j + 1) * scaled
        total = total + scaled
    embedded[0] = total
    return embedded


def _rank(offsets: Tensor) -> Tensor:
    """Position of each coordinate `[d + 1, P]` in descending order (int8); of equal ones the later ranks higher."""
    rank = torch.arange(len(offsets), dtype=torch.int8, device=offsets.device)[:, None].repeat(1, offsets.shape[1])
    for i in range(len(offsets)):
        for j in range(i + 1, len(offsets)):
            smaller = (offsets[i] < offsets[j]).view(torch.int8)
            rank[i] += smaller
            rank[j] -= smaller
    return rank


def _keys(nearest: Tensor, rank: Tensor, numbers: Numbering, batch: int) -> Tensor:
    """Keys of a simplex's vertices: from one to the next every coordinate rises by 1, and one falls by `d + 1`."""
    keys = torch.empty_like(rank)
    torch.remainder(torch.arange(rank.shape[1], device=rank.device), batch, out=keys[0])
    falls = torch.empty_like(rank)
    for i, multiple in enumerate(numbers.multiples):
        keys[0] += nearest[i].long() * multiple
        falls.scatter_(0, rank[i : i + 1], multiple)
    for r in range(1, len(keys)):
        torch.sub(keys[r - 1] + numbers.step, falls[-r], out=keys[r])
    return keys
