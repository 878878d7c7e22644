"""Foreground or background of every patch, by the data set's, the category's and the picture's own clusters."""

from typing import NamedTuple

import torch
from torch import Tensor

from ...ops import (
    assign_clusters,
    cluster_evidence,
    consistent_foreground,
    foreground_clusters,
    foreground_patches,
    kmeans,
)
from .fitted import FittedClusters
from .options import LightClusterOptions
from .patches import PatchFeatures

LEVELS = ('dataset', 'category', 'image')
CONSISTENT = 'consistent'


class PatchLevels(NamedTuple):
    """What the three levels say of a batch of pictures."""

    masks: Tensor
    """Bool `[B, 3, h, w]`, in the order of :data:`LEVELS`."""
    clusters: Tensor
    """Image-level cluster of every patch, long `[B, h, w]`."""


def dataset_level(features: Tensor, fitted: FittedClusters, options: LightClusterOptions) -> Tensor:
    """Foreground by the clusters of the whole data set: bool `[B, h, w]` of features `[B, C, h, w]`."""
    labels = assign_clusters(features, fitted.dataset_centres, options.spherical)
    return foreground_patches(labels, fitted.dataset_foreground)


def category_level(features: Tensor, token: Tensor, fitted: FittedClusters, options: LightClusterOptions) -> Tensor:
    """Foreground by the clusters of the group that each picture's token `[B, D]` is nearest to: bool `[B, h, w]`."""
    masks = []
    for one, group in zip(features, assign_clusters(token, fitted.category_tokens).tolist(), strict=True):
        labels = assign_clusters(one[None], fitted.category_centres[group], options.spherical)
        masks.append(foreground_patches(labels, fitted.category_foreground[group]))
    return torch.cat(masks)


def image_level(patches: PatchFeatures, options: LightClusterOptions, seed: int) -> tuple[Tensor, Tensor]:
    """Foreground by clusters of each picture alone.

    Returns:
        Bool `[B, h, w]`, and the cluster of every patch, long `[B, h, w]`.
    """
    labels = torch.cat([_own_clusters(one[None], options, seed) for one in patches.features])
    evidence = cluster_evidence(labels, patches.saliency, options.image_clusters)
    flags = foreground_clusters(evidence, options.cue, options.threshold)
    return foreground_patches(labels, flags), labels


def _own_clusters(features: Tensor, options: LightClusterOptions, seed: int) -> Tensor:
    places = features.shape[2] * features.shape[3]
    clusters = min(options.image_clusters, places)
    found = kmeans(features, clusters, seed, options.spherical, options.restarts, sample_size=places)
    return assign_clusters(features, found.centres, options.spherical)


def patch_levels(patches: PatchFeatures, fitted: FittedClusters, options: LightClusterOptions) -> PatchLevels:
    """All three levels."""
    image, clusters = image_level(patches, options, int(fitted.seed))
    dataset = dataset_level(patches.features, fitted, options)
    category = category_level(patches.features, patches.token, fitted, options)
    return PatchLevels(torch.stack([dataset, category, image], dim=1), clusters)


def level_mask(levels: PatchLevels, level: str, options: LightClusterOptions) -> Tensor:
    """The mask of one level alone, or of all together (:data:`CONSISTENT`): bool `[B, h, w]`."""
    if level == CONSISTENT:
        regions = levels.clusters if options.whole_regions else None
        return consistent_foreground(levels.masks, options.rule, regions)
    return levels.masks[:, LEVELS.index(level)]
