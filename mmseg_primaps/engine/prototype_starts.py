"""The starts that prototypes can have: principal directions, or clusters of all features."""

from collections.abc import Iterator

import torch
from mmengine.dist import broadcast
from torch import Tensor

from ..ops import (
    KMeansResult,
    StreamingPCA,
    cosine_kmeans_loss,
    kmeans,
    mean_over_processes,
    merge_over_processes,
)
from ..utils import InputError, progress
from .clean_features import CleanFeatures


def principal_start(
    features: CleanFeatures, num_classes: int, generator: torch.Generator, limit: int | None = None
) -> Tensor:
    """Principal directions ``[K, C]``, their signs drawn, of the features of ``limit`` batches or, if None, of all.

    With a limit only full batches count, as published: the authors collect them from a loader that drops the rest.
    Several processes merge what they have seen, which is exact.
    """
    pca = StreamingPCA()
    for part in progress(features.epoch(generator, drop_last=limit is not None, limit=limit), 'principal directions'):
        for maps, _ in part:
            pca.update(maps)
    # a generator of their own: the signs follow from the seed alone, however many pictures were shuffled before
    signs = torch.Generator().manual_seed(generator.initial_seed())
    directions = merge_over_processes(pca).components(num_classes, generator=signs).to(features.device)
    broadcast(directions)  # two kinds of processors need not round alike
    return directions


def gradient_kmeans(
    features: CleanFeatures, directions: Tensor, generator: torch.Generator, epochs: int, lr: float
) -> Tensor:
    """Move directions ``[K, C]`` by a few epochs of cosine k-means with Adam, as published.

    A step is that of the global batch: processes average their gradients by the number of their features.
    """
    directions = directions.clone().requires_grad_()
    optimizer = torch.optim.Adam([directions], lr=lr)
    for epoch in range(epochs):
        for part in progress(features.epoch(generator, drop_last=True), f'k-means, epoch {epoch + 1}'):
            directions.grad = batch_gradient([maps for maps, _ in part], directions)
            optimizer.step()
    return directions.detach()


def batch_gradient(part: list[Tensor], directions: Tensor) -> Tensor:
    """Gradient ``[K, C]`` of the cosine k-means loss of a global batch, of which ``part`` is this process's share."""
    counts = [maps[:, 0].numel() for maps in part]
    gradient = torch.zeros_like(directions)
    for maps, count in zip(part, counts, strict=True):
        loss = cosine_kmeans_loss(maps, directions) * (count / sum(counts))
        gradient += torch.autograd.grad(loss, directions)[0]
    return mean_over_processes(gradient, sum(counts))


def cluster_start(features: CleanFeatures, num_classes: int, seed: int, restarts: int, sample_size: int) -> Tensor:
    """Unit centres ``[K, C]`` of spherical k-means++, run to convergence; of several starts the one of least inertia.

    Nothing but ``seed`` is drawn from, so that runs with different seeds of training can share one start; nor does the
    number of processes matter.

    Raises:
        InputError: There are fewer features than clusters.
    """
    passes = iter(range(1, 10**6))

    def stream() -> Iterator[tuple[Tensor, Tensor]]:
        # always the same order: pictures are numbered by their places in it
        order = torch.Generator().manual_seed(0)
        for part in progress(features.epoch(order), f'k-means++, pass {next(passes)}'):
            yield from part

    try:
        found: KMeansResult = kmeans(
            stream,
            num_classes,
            seed,
            restarts=restarts,
            passes=50,
            tolerance=1e-4,
            sample_size=sample_size,
            reduce=merge_over_processes,
        )
    except ValueError as error:
        raise InputError(f'PrototypeInitHook: k-means++ with {num_classes} clusters: {error}') from error
    return found.centres
