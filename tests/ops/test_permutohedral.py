"""The lattice is the published one, sum by sum, and close to a Gaussian."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mmseg_primaps.ops.permutohedral import PermutohedralLattice
from mmseg_primaps.ops.separable_gaussian import SeparableGaussian


def draw(points: int, dimension: int, seed: int, extent: float = 4.0) -> Tensor:
    return extent * torch.rand(dimension, points, generator=torch.Generator().manual_seed(seed))


def simplex(point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices `[d + 1, d + 1]` of the simplex around one point and its barycentric weights, step by step."""
    d = len(point)
    scale = [math.sqrt(2 / 3) * (d + 1) / math.sqrt((i + 1) * (i + 2)) for i in range(d)]
    embedded = np.zeros(d + 1)
    total = 0.0
    for j in range(d - 1, -1, -1):
        embedded[j + 1] = total - (j + 1) * scale[j] * point[j]
        total += scale[j] * point[j]
    embedded[0] = total
    nearest = (d + 1) * np.round(embedded / (d + 1))
    order = np.argsort(nearest - embedded, kind='stable')
    rank = np.empty(d + 1, dtype=int)
    rank[order] = np.arange(d + 1)
    rank += round(nearest.sum() / (d + 1))
    nearest[rank < 0] += d + 1
    nearest[rank > d] -= d + 1
    rank %= d + 1
    remaining = (embedded - nearest) / (d + 1)
    descending = remaining[np.argsort(-rank)]
    weights = np.diff(descending, prepend=descending[-1] - 1)
    corners = [nearest + np.where(rank <= d - r, r, r - (d + 1)) for r in range(d + 1)]
    return np.array(corners).round().astype(int), weights


def filter_plainly(features: Tensor, values: Tensor) -> np.ndarray:
    """The same filter with a dictionary of vertices, one point and one vertex at a time, in float64."""
    d = len(features)
    simplices = [simplex(point) for point in features.double().numpy().T]
    table: dict[tuple[int, ...], np.ndarray] = {}
    for (corners, weights), value in zip(simplices, values.double().numpy(), strict=True):
        for corner, weight in zip(corners, weights, strict=True):
            table[tuple(corner)] = table.get(tuple(corner), 0) + weight * value
    for axis in range(d + 1):
        step = np.ones(d + 1, dtype=int)
        step[axis] -= d + 1
        table = {
            key: value + 0.5 * (table.get(tuple(key + step), 0) + table.get(tuple(key - step), 0))
            for key, value in table.items()
        }
    rows = [weights @ [table[tuple(corner)] for corner in corners] for corners, weights in simplices]
    return np.array(rows) / (1 + 2.0**-d)


@pytest.mark.parametrize(
    ('dimension', 'points', 'extent'), [(1, 30, 8), (2, 80, 5), (3, 60, 3), (5, 70, 4), (5, 40, 0)]
)
def test_equals_a_lattice_built_vertex_by_vertex(dimension: int, points: int, extent: float) -> None:
    features = draw(points, dimension, 0, extent)
    values = torch.rand(points, 3, generator=torch.Generator().manual_seed(1))
    result = PermutohedralLattice(features, [extent] * dimension)(values)
    np.testing.assert_allclose(result.numpy(), filter_plainly(features, values), rtol=0, atol=2e-5)


def test_counts_the_vertices_that_points_touch() -> None:
    """A single point has the d + 1 vertices of its simplex; the same point again adds none."""
    assert PermutohedralLattice(draw(1, 5, 0), [4] * 5).vertices == 6
    assert PermutohedralLattice(draw(1, 5, 0).repeat(1, 7), [4] * 5).vertices == 6


def test_is_close_to_the_gaussian_it_stands_for() -> None:
    positions = torch.stack(torch.meshgrid(torch.arange(20.0), torch.arange(20.0), indexing='ij')).flatten(1) / 2
    values = torch.rand(400, 1, generator=torch.Generator().manual_seed(2))
    kernel = torch.exp(-0.5 * torch.cdist(positions.T, positions.T).square())
    exact = kernel @ values / kernel.sum(1, keepdim=True)
    lattice = PermutohedralLattice(positions, [10, 10])
    approximate = lattice(values) / lattice(torch.ones(400, 1))
    assert (approximate - exact).abs().max() < 0.03
    assert torch.corrcoef(torch.cat([approximate, exact], 1).T)[0, 1] > 0.99


@pytest.mark.parametrize('longest_bag', [None, 3])
def test_normalisation_scales_both_sides_by_the_root_of_the_row_sums(longest_bag: int | None) -> None:
    features, values = draw(50, 3, 3), torch.rand(50, 2, generator=torch.Generator().manual_seed(4))
    plain = PermutohedralLattice(features, [4] * 3, 1, longest_bag)
    scale = plain(torch.ones(50, 1)).rsqrt()
    expected = 2.5 * scale * plain(scale * values)
    result = PermutohedralLattice(features, [4] * 3, 1, longest_bag).normalise(2.5)(values)
    torch.testing.assert_close(result, expected)


@given(batch=st.integers(1, 4), seed=st.integers(0, 2**16))
@settings(max_examples=15, deadline=None)
def test_interleaved_lattices_do_not_touch_each_other(batch: int, seed: int) -> None:
    features, values = draw(12 * batch, 5, seed, 2), torch.rand(12 * batch, 2)
    together = PermutohedralLattice(features, [2] * 5, batch)(values)
    for i in range(batch):
        alone = PermutohedralLattice(features[:, i::batch], [2] * 5)(values[i::batch])
        torch.testing.assert_close(together[i::batch], alone, rtol=0, atol=1e-6)


@given(longest_bag=st.integers(1, 40), points=st.integers(1, 60), seed=st.integers(0, 2**16))
@settings(max_examples=30, deadline=None)
def test_cutting_long_bags_changes_nothing_but_rounding(longest_bag: int, points: int, seed: int) -> None:
    features, values = draw(points, 2, seed, 1), torch.rand(points, 3)
    whole = PermutohedralLattice(features, [1, 1])(values)
    cut = PermutohedralLattice(features, [1, 1], 1, longest_bag)
    assert cut.splat.offsets.diff().max() <= longest_bag
    torch.testing.assert_close(cut(values), whole, rtol=1e-5, atol=1e-6)


@given(seed=st.integers(0, 2**16))
@settings(max_examples=15, deadline=None)
def test_filter_is_linear_and_keeps_positive_values_positive(seed: int) -> None:
    lattice, values = PermutohedralLattice(draw(40, 5, seed), [4] * 5), torch.rand(2, 40, 3)
    torch.testing.assert_close(lattice(values[0] + 2 * values[1]), lattice(values[0]) + 2 * lattice(values[1]))
    assert (lattice(values[0]) > -1e-6).all()


def test_refuses_more_vertices_than_it_can_number() -> None:
    with pytest.raises(ValueError, match='too many vertices'):
        PermutohedralLattice(draw(3, 5, 0), [1e4] * 5)


@pytest.mark.parametrize(('height', 'width', 'sxy'), [(9, 7, 1.0), (5, 12, 2.0), (1, 4, 0.5)])
def test_separable_gaussian_is_the_product_of_two_normalised_kernels(height: int, width: int, sxy: float) -> None:
    def kernel(length: int) -> Tensor:
        distance = (torch.arange(length)[:, None] - torch.arange(length)).abs()
        matrix = torch.exp(-0.5 * (distance / sxy) ** 2) * (distance <= math.ceil(3 * sxy))
        scale = matrix.sum(1).rsqrt()
        return scale[:, None] * matrix * scale

    values = torch.rand(height * width, 4, generator=torch.Generator().manual_seed(0))
    result = SeparableGaussian(height, width, sxy, 3.0, torch.device('cpu'))(values)
    torch.testing.assert_close(result, 3 * torch.kron(kernel(height), kernel(width)) @ values)
