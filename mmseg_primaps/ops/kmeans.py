"""k-means, spherical or Euclidean, of features that need not fit in memory."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from .cluster_statistics import ClusterStatistics, centres_of
from .feature_sample import FeatureSample

Batch = Tensor | tuple[Tensor, Tensor]
Features = Tensor | Callable[[], Iterable[Batch]]
Accumulator = TypeVar('Accumulator', FeatureSample, ClusterStatistics)


@dataclass(frozen=True)
class KMeansResult:
    """Centres and what the last pass over the features said about the centres before them."""

    centres: Tensor
    """`[K, C]`, float32; unit vectors where spherical."""
    inertia: float
    """Sum of the squared distances of the (unit) features to their nearest centres."""
    counts: Tensor
    """Features of each cluster, int64 `[K]`."""
    passes: int
    """How often the centres were moved."""


def _alone(accumulator: Accumulator) -> Accumulator:
    return accumulator


def kmeans(
    features: Features,
    clusters: int,
    seed: int = 0,
    spherical: bool = True,
    restarts: int = 4,
    iterations: int = 100,
    passes: int = 5,
    tolerance: float = 1e-5,
    sample_size: int = 2**16,
    minibatch: bool = False,
    reduce: Callable[[Any], Any] | None = None,
) -> KMeansResult:
    """Cluster features: k-means++ and Lloyd's iterations on a sample, then passes over everything.

    A uniform sample is drawn in a first pass. On it, k-means starts `restarts` times and runs until it converges; the
    start of smallest inertia goes on over all features (unless the sample holds them all). Memory depends on the sample
    alone. The result depends on the seed and on the numbers of the pictures, not on batches, their order or the number
    of processes, to the bit where pictures give the same features (mini-batches, by their nature, excepted).

    Args:
        features: `[N, C]` or `[B, C, h, w]` in memory; or a function that gives a new iterator over batches of those,
            each alone (pictures are then numbered as they come) or with the pictures' numbers in the data set, `[B]`.
        clusters: Number of clusters K.
        seed: Of the sample and of the starts.
        spherical: Cosine instead of Euclidean distance.
        restarts: Number of starts.
        iterations: Most iterations of each start on the sample.
        passes: Most passes over all features after that; 0 leaves it at the sample.
        tolerance: Stop once an iteration lowers the inertia by less than this fraction.
        sample_size: Most features in the sample.
        minibatch: Move the centres after every batch, by the mean of all features seen, instead of after each pass.
        reduce: Combines the accumulators of all processes (see :func:`merge_over_processes`); called with each
            process's :class:`FeatureSample` or :class:`ClusterStatistics`.

    Raises:
        ValueError: There are fewer features than clusters, or a feature is not finite.
    """
    if min(restarts, iterations) < 1:
        raise ValueError(f'restarts and iterations must be at least 1, not {restarts} and {iterations}')
    combine = reduce or _alone
    sample = combine(_draw(features, sample_size, seed))
    rows = sample.rows()
    starts = (_start(rows, clusters, seed + restart, spherical) for restart in range(restarts))
    tries = [_lloyd(rows, start, spherical, iterations, tolerance, rows) for start in starts]
    best = min(tries, key=lambda result: result.inertia)
    if sample.seen <= len(rows) or not passes:
        return best
    if minibatch:
        return _minibatches(features, best, spherical, passes, rows, combine)
    return _lloyd(features, best.centres, spherical, passes, tolerance, rows, combine)


def kmeans_plus_plus(
    rows: Tensor, clusters: int, generator: torch.Generator, spherical: bool = True, candidates: int | None = None
) -> Tensor:
    """Choose features as first centres, far from each other but not outliers (Arthur and Vassilvitskii, 2007).

    Each centre is drawn with a probability proportional to the squared distance from those before; of several
    candidates the one that lowers the inertia most is taken.

    Args:
        rows: Features `[N, C]`.
        clusters: Number of centres K, at most N.
        generator: CPU generator.
        spherical: Distances between unit vectors.
        candidates: Number of candidates for each centre; 2 + ln K where not given, 1 for the plain method.

    Returns:
        Centres `[K, C]`, rows of the input (of unit length where spherical).

    Raises:
        ValueError: There are fewer features than clusters.
    """
    if not 1 <= clusters <= len(rows):
        raise ValueError(f'{clusters} clusters need at least as many features, not {len(rows)}')
    rows = F.normalize(rows.float(), dim=1) if spherical else rows.float()
    candidates = candidates or 2 + int(math.log(clusters))
    lengths = rows.square().sum(dim=1)
    squares, chosen = torch.ones_like(lengths), []
    for number in range(clusters):
        drawn = _draw_rows(squares, candidates if number else 1, generator)
        distances = _squared_distances(rows, lengths, drawn)
        closest = torch.minimum(squares.unsqueeze(1), distances) if number else distances
        winner = int(closest.sum(dim=0).argmin())
        squares = closest[:, winner]
        chosen.append(drawn[winner])
    return rows[torch.stack(chosen)]


def _draw_rows(weights: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Numbers of rows, drawn with the given weights (uniformly where all are zero)."""
    weights = weights.double() if bool(weights.any()) else torch.ones_like(weights, dtype=torch.float64)
    edges = weights.cumsum(dim=0)
    uniform = torch.rand(count, generator=generator, dtype=torch.float64).to(edges.device)
    return torch.searchsorted(edges, uniform * edges[-1], right=True).clamp_(max=len(edges) - 1)


def _squared_distances(rows: Tensor, lengths: Tensor, drawn: Tensor) -> Tensor:
    """`[N, n]` to the drawn rows; exactly zero where it is no more than rounding."""
    both = lengths.unsqueeze(1) + lengths[drawn]
    squares = torch.addmm(both, rows, rows[drawn].T, alpha=-2)
    return squares.masked_fill_(squares <= 1e-6 * both, 0)


def _start(rows: Tensor, clusters: int, seed: int, spherical: bool) -> Tensor:
    return kmeans_plus_plus(rows, clusters, torch.Generator().manual_seed(seed), spherical)


def _lloyd(
    features: Features,
    centres: Tensor,
    spherical: bool,
    passes: int,
    tolerance: float,
    spare: Tensor,
    combine: Callable[[Any], Any] = _alone,
) -> KMeansResult:
    """Move the centres to the mean of their features, again and again, until the inertia falls no more."""
    previous, number = math.inf, 0
    while True:
        statistics = ClusterStatistics(centres, spherical)
        for batch, _ in _batches(features):
            statistics.update(batch.to(centres.device))
        statistics, number = combine(statistics), number + 1
        centres, inertia = statistics.new_centres(spare), statistics.inertia
        settled = inertia == 0 or (inertia >= (1 - tolerance) * previous and bool(statistics.counts.all()))
        if settled or number == passes:
            return KMeansResult(centres, inertia, statistics.counts, number)
        previous = inertia


def _minibatches(
    features: Features,
    start: KMeansResult,
    spherical: bool,
    passes: int,
    spare: Tensor,
    combine: Callable[[Any], Any],
) -> KMeansResult:
    """Move the centres after every batch to the mean of all features that were nearest to them when they came.

    The sample's features stand at the beginning of these means, so that the first batches do not throw the centres off.
    """
    centres, weights = start.centres, start.counts
    sums = centres.double() * weights.unsqueeze(1)
    counts, inertia = torch.zeros_like(weights), 0.0
    for _ in range(passes):
        counts, inertia = torch.zeros_like(weights), 0.0
        for batch, _ in _batches(features):
            statistics = combine(ClusterStatistics(centres, spherical).update(batch.to(centres.device)))
            sums, weights = sums + statistics.sums, weights + statistics.counts
            counts, inertia = counts + statistics.counts, inertia + statistics.inertia
            centres = centres_of(sums, weights, centres, spherical, spare)
    return KMeansResult(centres, inertia, counts, passes)


def _draw(features: Features, size: int, seed: int) -> FeatureSample:
    sample = FeatureSample(size, seed)
    for batch, indices in _batches(features):
        sample.update(batch, indices)
    return sample


def _batches(features: Features) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches with the numbers of their pictures."""
    first = 0
    for item in [features] if isinstance(features, Tensor) else features():
        batch, indices = (item, None) if isinstance(item, Tensor) else item
        yield batch, torch.arange(first, first + len(batch)) if indices is None else indices
        first += len(batch)
