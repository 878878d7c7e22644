"""The starts that prototypes can have: principal directions, or clusters of all features."""

from collections.abc import Iterator

import torch
from torch import Tensor

from ..ops import KMeansResult, StreamingPCA, cosine_kmeans_loss, kmeans
from ..utils import InputError, progress
from .clean_features import CleanFeatures


def principal_start(
    features: CleanFeatures, num_classes: int, generator: torch.Generator, limit: int | None = None
) -> Tensor:
    """Principal directions ``[K, C]``, their signs drawn, of the features of ``limit`` batches or, if None, of all.

    With a limit only full batches count, as published: the authors collect them from a loader that drops the rest.
    """
    pca = StreamingPCA()
    for batch in progress(features.epoch(generator, drop_last=limit is not None, limit=limit), 'principal directions'):
        pca.update(batch)
    # a generator of their own: the signs follow from the seed alone, however many pictures were shuffled before
    signs = torch.Generator().manual_seed(generator.initial_seed())
    return pca.components(num_classes, generator=signs)


def gradient_kmeans(
    features: CleanFeatures, directions: Tensor, generator: torch.Generator, epochs: int, lr: float
) -> Tensor:
    """Move directions ``[K, C]`` by a few epochs of cosine k-means with Adam, as published."""
    directions = directions.clone().to(features.device).requires_grad_()
    optimizer = torch.optim.Adam([directions], lr=lr)
    for epoch in range(epochs):
        for batch in progress(features.epoch(generator, drop_last=True), f'k-means, epoch {epoch + 1}'):
            optimizer.zero_grad()
            cosine_kmeans_loss(batch, directions).backward()
            optimizer.step()
    return directions.detach()


def cluster_start(features: CleanFeatures, num_classes: int, seed: int, restarts: int, sample_size: int) -> Tensor:
    """Unit centres ``[K, C]`` of spherical k-means++, run to convergence; of several starts the one of least inertia.

    Nothing but ``seed`` is drawn from, so that runs with different seeds of training can share one start.

    Raises:
        InputError: There are fewer features than clusters.
    """
    passes = iter(range(1, 10**6))

    def stream() -> Iterator[Tensor]:
        # always the same order: pictures are numbered as they come
        order = torch.Generator().manual_seed(0)
        return progress(features.epoch(order), f'k-means++, pass {next(passes)}')

    try:
        found: KMeansResult = kmeans(
            stream, num_classes, seed, restarts=restarts, passes=50, tolerance=1e-4, sample_size=sample_size
        )
    except ValueError as error:
        raise InputError(f'PrototypeInitHook: k-means++ with {num_classes} clusters: {error}') from error
    return found.centres
