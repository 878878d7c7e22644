"""Sums over clusters are exact, whatever the batches."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_primaps.ops import ClusterStatistics, assign_clusters
from mmseg_primaps.ops.cluster_statistics import _ROWS


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), clusters=st.integers(1, 9), spherical=st.booleans(), size=st.floats(1e-3, 1e3))
def test_equal_to_sums_over_each_cluster_alone(seed: int, clusters: int, spherical: bool, size: float) -> None:
    features, centres = size * draw(3, 5, 4, 4, seed=seed), size * draw(clusters, 5, seed=seed + 1)
    statistics = ClusterStatistics(centres, spherical).update(features)
    rows = features.permute(0, 2, 3, 1).reshape(-1, 5).double()
    points, middle = (F.normalize(x, dim=1) if spherical else x for x in (rows, centres.double()))
    distances = torch.cdist(points, middle).square()
    labels = distances.argmin(dim=1)
    assert torch.equal(statistics.counts, torch.bincount(labels, minlength=clusters))
    assert torch.equal(assign_clusters(features, centres, spherical), labels.view(3, 4, 4))
    unit = 1 if spherical else size
    sums = torch.zeros(clusters, 5, dtype=torch.float64).index_add_(0, labels, points)
    assert torch.allclose(statistics.sums / unit, sums / unit, atol=1e-5)
    assert statistics.inertia / unit**2 == pytest.approx(float(distances.amin(dim=1).sum()) / unit**2, abs=1e-3)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), order=st.permutations(range(8)), cut=st.integers(0, 8), spherical=st.booleans())
def test_batches_order_and_processes_change_no_bit(seed: int, order: list[int], cut: int, spherical: bool) -> None:
    features, centres = draw(8, 6, 5, 5, seed=seed), draw(4, 6, seed=seed + 1)
    whole = ClusterStatistics(centres, spherical).update(features)
    parts = [ClusterStatistics(centres, spherical).update(features[list(part)]) for part in (order[:cut], order[cut:])]
    merged = ClusterStatistics(centres, spherical).load_state_dict(parts[1].state_dict()).merge(parts[0])
    assert torch.equal(whole.sums, merged.sums)
    assert torch.equal(whole.counts, merged.counts)
    assert whole.inertia == merged.inertia
    assert torch.equal(whole.new_centres(), merged.new_centres())


def test_rows_are_read_in_pieces() -> None:
    rows, centres = draw(_ROWS + 100, 3), draw(4, 3, seed=1)
    statistics = ClusterStatistics(centres).update(rows)
    assert int(statistics.counts.sum()) == len(rows)
    assert torch.equal(statistics.counts, torch.bincount(assign_clusters(rows, centres), minlength=4))


def test_spherical_centres_have_length_one_and_euclidean_ones_are_means() -> None:
    rows = torch.tensor([[3.0, 0.0], [0.0, 5.0], [0.0, -1.0]])
    centres = torch.tensor([[2.0, 1.0], [1.0, -9.0]])
    spherical = ClusterStatistics(centres, spherical=True).update(rows).new_centres()
    assert torch.allclose(spherical, torch.tensor([[0.5**0.5, 0.5**0.5], [0.0, -1.0]]))
    euclidean = ClusterStatistics(centres, spherical=False).update(rows).new_centres()
    assert torch.allclose(euclidean, torch.tensor([[1.0, 4 / 3], [1.0, -9.0]]), atol=1e-6)


@pytest.mark.parametrize('spherical', [True, False])
def test_an_empty_cluster_moves_to_the_farthest_spare_features(spherical: bool) -> None:
    rows = torch.tensor([[1.0, 0.0], [1.0, 0.01], [0.0, 1.0], [0.0, 1.01], [-1.0, 0.0]])
    centres = torch.tensor([[1.0, 0.0], [-50.0, -50.0], [-50.0, -49.0]])
    if spherical:
        centres = torch.tensor([[1.0, 0.2], [0.1, -1.0], [0.0, -1.0]])
        rows = rows[:4]
    statistics = ClusterStatistics(centres, spherical).update(rows)
    assert statistics.counts.tolist() == [len(rows), 0, 0]
    stay = statistics.new_centres()
    assert torch.equal(stay[1:], statistics.centres[1:])
    moved = statistics.new_centres(spare=rows)
    assert torch.equal(stay[0], moved[0])
    near = torch.cdist(moved[1:], rows).amin(dim=1)
    assert torch.allclose(near, torch.zeros(2), atol=0.02)
    assert torch.dist(moved[1], moved[2]) > 0.5


def test_an_empty_cluster_stays_where_all_spare_features_are_taken() -> None:
    centres = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    statistics = ClusterStatistics(centres).update(torch.tensor([[2.0, 0.0]]))
    assert torch.equal(statistics.new_centres(spare=torch.tensor([[3.0, 0.0]])), centres)


def test_features_that_cancel_leave_a_spherical_centre_where_it_is() -> None:
    centres = torch.tensor([[1.0, 0.0]])
    statistics = ClusterStatistics(centres).update(torch.tensor([[0.0, 1.0], [0.0, -1.0]]))
    assert torch.equal(statistics.new_centres(), centres)


def test_features_without_length_are_counted_and_change_nothing() -> None:
    statistics = ClusterStatistics(torch.eye(2)).update(torch.zeros(3, 2))
    assert statistics.counts.tolist() == [3, 0]
    assert not statistics.sums.any()


def test_centres_at_the_origin_are_allowed() -> None:
    statistics = ClusterStatistics(torch.zeros(1, 2), spherical=False).update(torch.tensor([[1.0, 3.0]]))
    assert statistics.new_centres().tolist() == [[1, 3]]
    assert statistics.inertia == pytest.approx(10, abs=1e-4)


def test_half_precision_is_summed_in_float32() -> None:
    features, centres = draw(2, 4, 3, 3).half(), draw(3, 4, seed=1)
    assert (
        ClusterStatistics(centres).update(features).inertia
        == ClusterStatistics(centres).update(features.float()).inertia
    )


def test_no_features_give_no_labels() -> None:
    assert assign_clusters(torch.zeros(0, 4, 3, 3), torch.eye(4)).shape == (0, 3, 3)


@pytest.mark.parametrize('spherical', [True, False])
@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_refuses_what_is_no_feature(spherical: bool, value: float) -> None:
    statistics = ClusterStatistics(torch.eye(2), spherical)
    with pytest.raises(ValueError, match='not finite'):
        statistics.update(torch.tensor([[1.0, 2.0], [value, 1.0]]))
    with pytest.raises(ValueError, match='must be'):
        statistics.update(torch.zeros(2))
