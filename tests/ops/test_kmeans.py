"""k-means finds clusters, in memory and streaming, the same whatever the batches."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.cluster.vq import kmeans2
from scipy.optimize import linear_sum_assignment

from mmseg_primaps.ops import assign_clusters, kmeans, kmeans_plus_plus


def draw_blobs(count: int, clusters: int, channels: int = 8, spread: float = 0.1, seed: int = 0) -> tuple:
    generator = torch.Generator().manual_seed(seed)
    centres = F.normalize(torch.randn(clusters, channels, generator=generator), dim=1)
    labels = torch.randint(clusters, (count,), generator=generator)
    rows = centres[labels] + spread * torch.randn(count, channels, generator=generator)
    return rows * (0.5 + torch.rand(count, 1, generator=generator)), labels


def agreement(found: torch.Tensor, labels: torch.Tensor) -> float:
    confusion = np.zeros((64, 64))
    np.add.at(confusion, (found.flatten().numpy(), labels.flatten().numpy()), 1)
    return float(confusion[linear_sum_assignment(confusion, maximize=True)].sum() / labels.numel())


def test_spherical_kmeans_finds_directions_whatever_the_lengths() -> None:
    rows, labels = draw_blobs(3000, 10)
    result = kmeans(rows, 10)
    assert agreement(assign_clusters(rows, result.centres), labels) > 0.99
    assert torch.allclose(result.centres.norm(dim=1), torch.ones(10), atol=1e-6)
    assert int(result.counts.sum()) == 3000


def euclidean_inertia(rows: torch.Tensor, centres: torch.Tensor) -> float:
    return float(torch.cdist(rows.double(), centres.double()).amin(dim=1).square().sum())


def test_euclidean_kmeans_is_as_good_as_scipys() -> None:
    rows, _ = draw_blobs(2000, 12, channels=5, spread=0.3, seed=1)
    starts = [kmeans2(rows.numpy(), 12, iter=100, minit='++', seed=seed)[0] for seed in range(4)]
    reference = min(euclidean_inertia(rows, torch.from_numpy(centres)) for centres in starts)
    result = kmeans(rows, 12, spherical=False)
    polished, _ = kmeans2(rows.numpy(), result.centres.numpy(), iter=100, minit='matrix')
    assert result.inertia == pytest.approx(euclidean_inertia(rows, result.centres), rel=1e-4)
    assert result.inertia < reference * 1.02
    assert result.inertia == pytest.approx(euclidean_inertia(rows, torch.from_numpy(polished)), rel=1e-3)


def stream(features: torch.Tensor, batches: list[list[int]], numbered: bool = True) -> Callable[[], Iterator]:
    def read() -> Iterator:
        for batch in batches:
            yield (features[batch], torch.tensor(batch)) if numbered else features[batch]

    return read


@pytest.mark.parametrize('spherical', [True, False])
@pytest.mark.parametrize('sample_size', [50, 10**6])
def test_batches_and_their_order_change_no_bit(spherical: bool, sample_size: int) -> None:
    rows, _ = draw_blobs(12 * 25, 5)
    features = rows.view(12, 25, 8).transpose(1, 2).reshape(12, 8, 5, 5)
    options = {'clusters': 5, 'spherical': spherical, 'sample_size': sample_size, 'restarts': 2}
    whole = kmeans(features, **options)
    for batches in ([[i] for i in range(12)], [[3, 1, 2], [11, 0], [10, 9, 8, 7, 6, 5, 4]]):
        result = kmeans(stream(features, batches), **options)
        assert torch.equal(result.centres, whole.centres)
        assert torch.equal(result.counts, whole.counts)
        assert result.inertia == whole.inertia
    unnumbered = kmeans(stream(features, [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9, 10, 11]], numbered=False), **options)
    assert torch.equal(unnumbered.centres, whole.centres)


def test_passes_over_everything_improve_on_the_sample() -> None:
    rows, _ = draw_blobs(4000, 8, spread=0.4)
    features = rows.view(40, 100, 8).transpose(1, 2).reshape(40, 8, 10, 10)

    def inertia(centres: torch.Tensor) -> float:
        cosines = F.normalize(rows, dim=1) @ centres.T
        return float((2 - 2 * cosines.amax(dim=1)).sum())

    of_sample = kmeans(features, 8, sample_size=200, passes=0)
    result = kmeans(features, 8, sample_size=200, passes=20)
    assert int(of_sample.counts.sum()) == 200
    assert int(result.counts.sum()) == 4000
    assert inertia(result.centres) < inertia(of_sample.centres)
    assert inertia(result.centres) == pytest.approx(result.inertia, rel=0.01)
    assert inertia(result.centres) == pytest.approx(kmeans(features, 8).inertia, rel=0.03)


@pytest.mark.parametrize('spherical', [True, False])
def test_mini_batches_come_close_in_one_pass(spherical: bool) -> None:
    rows, labels = draw_blobs(4000, 8, spread=0.15)
    features = rows.view(40, 100, 8).transpose(1, 2).reshape(40, 8, 10, 10)
    truth = labels.view(40, 10, 10)
    batches = stream(features, [list(range(i, i + 5)) for i in range(0, 40, 5)])
    result = kmeans(batches, 8, spherical=spherical, sample_size=300, passes=1, minibatch=True)
    exact = kmeans(features, 8, spherical=spherical)
    assert int(result.counts.sum()) == 4000
    assert result.inertia == pytest.approx(exact.inertia, rel=0.05)
    agreed = agreement(assign_clusters(features, result.centres, spherical), truth)
    assert agreed >= agreement(assign_clusters(features, exact.centres, spherical), truth) - 0.03


def test_the_best_of_several_starts_is_taken() -> None:
    rows, _ = draw_blobs(800, 20, channels=3, spread=0.05)
    alone = [kmeans(rows, 20, seed=seed, restarts=1) for seed in range(5)]
    best = kmeans(rows, 20, seed=0, restarts=5)
    assert len({round(result.inertia, 6) for result in alone}) > 1
    assert best.inertia <= min(result.inertia for result in alone) * 1.05


def test_the_same_seed_gives_the_same_clusters_and_another_one_others() -> None:
    rows, _ = draw_blobs(500, 30, spread=0.5)
    assert torch.equal(kmeans(rows, 30, seed=1).centres, kmeans(rows, 30, seed=1).centres)
    assert not torch.equal(kmeans(rows, 30, seed=1).centres, kmeans(rows, 30, seed=2).centres)


def test_no_cluster_is_left_empty() -> None:
    rows = torch.cat([torch.randn(200, 4) * 0.01 + 1, torch.randn(5, 4)])
    for seed in range(5):
        assert kmeans(rows, 40, seed=seed, restarts=1, spherical=False).counts.all()


def test_fewer_different_features_than_clusters_still_end() -> None:
    rows = torch.eye(3).repeat(20, 1)
    result = kmeans(rows, 5, iterations=10)
    assert result.inertia == pytest.approx(0, abs=1e-4)
    assert int((result.counts > 0).sum()) == 3


def test_kmeans_plus_plus_starts_in_every_blob() -> None:
    rows, labels = draw_blobs(600, 12, spread=0.02)
    for spherical in (True, False):
        centres = kmeans_plus_plus(rows, 12, torch.Generator().manual_seed(0), spherical)
        points = F.normalize(rows, dim=1) if spherical else rows
        nearest = torch.cdist(centres, points).argmin(dim=1)
        assert torch.allclose(points[nearest], centres, atol=1e-6)
        # Spread along the length makes two Euclidean centres in one blob possible.
        assert len(labels[nearest].unique()) >= (12 if spherical else 10)


def test_one_candidate_draws_by_squared_distance() -> None:
    rows = torch.tensor([[0.0], [1.0], [3.0]])
    second = torch.zeros(3)
    for seed in range(900):
        first, other = kmeans_plus_plus(rows, 2, torch.Generator().manual_seed(seed), False, candidates=1).flatten()
        if first == 0:
            second[int((rows.flatten() == other).nonzero())] += 1
    assert second[0] == 0
    assert float(second[2] / second.sum()) == pytest.approx(0.9, abs=0.06)


def test_all_features_equal_give_equal_centres() -> None:
    centres = kmeans_plus_plus(torch.ones(4, 2), 3, torch.Generator().manual_seed(0), spherical=False)
    assert torch.equal(centres, torch.ones(3, 2))


def test_refuses_too_few_features_and_no_iterations() -> None:
    with pytest.raises(ValueError, match='5 clusters need at least as many features, not 3'):
        kmeans(torch.eye(3), 5)
    with pytest.raises(ValueError, match='must be at least 1, not 0 and 100'):
        kmeans(torch.eye(3), 2, restarts=0)
