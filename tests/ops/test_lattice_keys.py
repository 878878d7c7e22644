"""Every vertex has a number of its own."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_primaps.ops.lattice_keys import numbering, simplices

from .test_permutohedral import simplex


def number(vertex: np.ndarray, multiples: list[int], step: int) -> int:
    """The number of a vertex `[d + 1]`: `step` for each of its remainder, a multiple for each whole coordinate."""
    corners = len(vertex)
    remainder = int(vertex[0] % corners)
    assert (vertex % corners == remainder).all()
    return remainder * step + sum(int(c) * m for c, m in zip((vertex - remainder) // corners, multiples, strict=True))


@settings(max_examples=40, deadline=None)
@given(extent=st.lists(st.floats(0, 6), min_size=1, max_size=5), seed=st.integers(0, 2**16), batch=st.integers(1, 3))
def test_keys_are_the_numbers_of_the_vertices_and_lie_in_their_range(
    extent: list[float], seed: int, batch: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    features = torch.rand(len(extent), 30, generator=generator) * torch.tensor(extent)[:, None]
    numbers = numbering(extent, batch)
    keys, _ = simplices(features, numbers, batch)
    assert keys.min() >= numbers.lowest
    assert keys.max() < numbers.lowest + numbers.total
    for point, key in zip(features.T.double().numpy(), keys.T.tolist(), strict=True):
        corners, weights = simplex(point)
        if weights.min() > 1e-4:  # rounding may put a point on a face into either simplex
            lattice = key[0] - number(corners[0], numbers.multiples, numbers.step)
            assert 0 <= lattice < batch
            assert key == [number(c, numbers.multiples, numbers.step) + lattice for c in corners]


@pytest.mark.parametrize('extent', [[2.0], [2.0, 1.0], [1.0, 0.5, 2.0], [0.5, 0.5, 1.0, 0.5, 0.5]])
def test_vertices_and_their_neighbours_are_told_apart(extent: list[float]) -> None:
    numbers, d = numbering(extent, 1), len(extent)
    grid = torch.tensor(list(itertools.product(*(np.linspace(0, e, 5) for e in extent))), dtype=torch.float32).T
    vertices = {tuple(c) for point in grid.T.double().numpy() for c in simplex(point)[0]}
    for axis, sign in itertools.product(range(d + 1), (1, -1)):
        step = np.ones(d + 1, dtype=int)
        step[axis] -= d + 1
        vertices |= {tuple(np.array(v) + sign * step) for v in list(vertices)[:2000]}
    found = {number(np.array(v), numbers.multiples, numbers.step) for v in vertices}
    assert len(found) == len(vertices)
    assert min(found) >= numbers.lowest
    assert max(found) < numbers.lowest + numbers.total


def test_photographs_leave_room_for_positions_in_64_bits() -> None:
    """So that the vertices of a picture of 1024 x 2048 are sorted fast too."""
    numbers = numbering([2048 / 67, 1024 / 67, 85, 85, 85], 1)
    assert (numbers.total - 1).bit_length() + (6 * 1024 * 2048 - 1).bit_length() <= 64
