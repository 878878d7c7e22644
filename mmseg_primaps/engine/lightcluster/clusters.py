"""Stages 2 to 4: clusters of the whole data set, groups of pictures, clusters of each group."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from mmengine.dist import all_reduce, barrier, is_main_process
from torch import Tensor

from ...ops import (
    KMeansResult,
    assign_clusters,
    cluster_evidence,
    foreground_clusters,
    foreground_scores,
    kmeans,
    merge_over_processes,
)
from ...ops.foreground import ClusterEvidence
from ...utils import InputError, progress
from .blocks import share
from .features import stored_patches, stored_tokens
from .fit import Fit
from .stage import StageFolder

KMEANS = ('seed', 'spherical', 'restarts', 'passes', 'sample_size')
FOREGROUND = ('cue', 'threshold')
RESULT = 'clusters'

Reduce = Callable[[Any], Any]


def fit_dataset_level(fit: Fit, features: StageFolder) -> StageFolder:
    """Cluster all patches of the data set and tell which clusters are foreground."""
    options = fit.options
    folder = fit.folder('2_dataset', features, **options.only('dataset_clusters', *KMEANS, *FOREGROUND))
    if not folder.has(RESULT):
        found = fit_patches(fit, features, fit.mine(), options.dataset_clusters, merge_over_processes)
        if is_main_process():
            folder.write(RESULT, found)
    barrier()
    return folder


def fit_categories(fit: Fit, features: StageFolder) -> StageFolder:
    """Group the pictures by their tokens, by cosine."""
    options, pictures = fit.options, len(fit.pictures)
    categories = options.categories or fit.model.num_classes - 1
    if categories > pictures:
        raise InputError(
            f'model.method.categories={categories} groups need as many pictures, the training set has {pictures}: '
            f'set model.method.categories to {pictures} or less'
        )
    folder = fit.folder('3_categories', features, categories=categories, **options.only(*KMEANS))
    if not folder.has(RESULT):
        found = _kmeans(
            fit, lambda: stored_tokens(fit, features, fit.mine()), categories, merge_over_processes, spherical=True
        )
        if is_main_process():
            tokens = stored_tokens(fit, features, list(range(pictures)))
            groups = torch.cat([assign_clusters(token, found.centres) for token, _ in tokens])
            folder.write(RESULT, {'centres': found.centres.cpu().numpy(), 'groups': groups.numpy()})
    barrier()
    return folder


def fit_category_level(fit: Fit, features: StageFolder, categories: StageFolder) -> StageFolder:
    """Cluster the patches of every group of pictures; each group is one process's work."""
    options = fit.options
    folder = fit.folder('4_category', features, categories, **options.only('category_clusters', *KMEANS, *FOREGROUND))
    groups = torch.from_numpy(categories.read(RESULT)['groups'])
    wanted = [group for group in range(int(groups.max()) + 1) if bool((groups == group).any())]
    missing = share([group for group in wanted if not folder.has(group)])
    for group in progress(missing, 'categories') if missing else ():
        members = (groups == group).nonzero().flatten().tolist()
        folder.write(group, fit_patches(fit, features, members, options.category_clusters))
    barrier()
    return folder


def fit_patches(
    fit: Fit, features: StageFolder, indices: list[int], clusters: int, reduce: Reduce | None = None
) -> dict[str, Any]:
    """Cluster the patches of some pictures and score the clusters.

    Args:
        fit: Model and pictures.
        features: What stage 1 left.
        indices: Numbers of the pictures, ascending; with ``reduce`` those of this process.
        clusters: Number of clusters K.
        reduce: Combines what the processes have seen.

    Returns:
        Arrays: ``centres`` `[K, C]`, ``foreground`` `[K]`, ``scores`` `[K]` and the evidence.
    """
    passes = iter(range(1, 10**6))

    def stream() -> Iterator[tuple[Tensor, Tensor]]:
        title = f'clusters of the data set, pass {next(passes)}'
        numbers = indices if reduce is None else progress(indices, title)
        for index, one in zip(numbers, stored_patches(fit, features, indices), strict=True):
            yield one.features, torch.tensor([index])

    centres = _kmeans(fit, stream, clusters, reduce).centres
    evidence = _evidence(fit, stored_patches(fit, features, indices), centres)
    if reduce is not None:
        for values in evidence:
            all_reduce(values)
    flags = foreground_clusters(evidence, fit.options.cue, fit.options.threshold)
    found = {'centres': centres, 'foreground': flags, 'scores': foreground_scores(evidence, fit.options.cue)}
    return {name: value.cpu().numpy() for name, value in {**found, **evidence._asdict()}.items()}


def _evidence(fit: Fit, patches: Iterator[Any], centres: Tensor) -> ClusterEvidence:
    clusters = len(centres)
    total = ClusterEvidence(*torch.zeros(3, clusters, dtype=torch.int64, device=fit.device))
    for one in patches:
        labels = assign_clusters(one.features, centres.to(fit.device), fit.options.spherical)
        total = total.merge(cluster_evidence(labels, one.saliency, clusters).total())
    return total


def _kmeans(
    fit: Fit, stream: Callable[[], Iterator[Any]], clusters: int, reduce: Reduce | None, spherical: bool | None = None
) -> KMeansResult:
    options = fit.options
    try:
        return kmeans(
            stream,
            clusters,
            options.seed,
            options.spherical if spherical is None else spherical,
            options.restarts,
            passes=options.passes,
            sample_size=options.sample_size,
            reduce=reduce,
        )
    except ValueError as error:
        raise InputError(f'k-means with {clusters} clusters: {error}') from error
