"""Each level, cue and rule alone finds the figures of generated scenes."""

import pytest
import torch

from mmseg_primaps.models.lightcluster import (
    CONSISTENT,
    LEVELS,
    FittedClusters,
    LightClusterOptions,
    PatchFeatures,
    level_mask,
    patch_levels,
)
from mmseg_primaps.ops import (
    assign_clusters,
    cluster_evidence,
    foreground_clusters,
    kmeans,
    relative_saliency,
)
from tests.ops.figure_ground import FigureGround, binary_iou, figure_ground

CLUSTERS = 5


def as_patches(scenes: FigureGround) -> PatchFeatures:
    """Features with a token of each picture: what its object looks like."""
    inside = scenes.foreground.unsqueeze(1)
    token = (scenes.features * inside).sum(dim=(2, 3)) / inside.sum(dim=(2, 3))
    return PatchFeatures(scenes.features, relative_saliency(scenes.saliency), token)


def fit(patches: PatchFeatures, options: LightClusterOptions) -> FittedClusters:
    """Fit data-set and category level in memory, as the stages do it from disk."""
    fitted = FittedClusters()
    tokens = kmeans(patches.token, 3).centres
    groups = assign_clusters(patches.token, tokens)
    found = [_clusters(patches, torch.ones_like(groups, dtype=torch.bool), options)]
    found += [_clusters(patches, groups == group, options) for group in range(3)]
    centres, flags = (torch.stack(values) for values in zip(*found, strict=True))
    fitted.set(
        dataset_centres=centres[0], dataset_foreground=flags[0], category_tokens=tokens,
        category_centres=centres[1:], category_foreground=flags[1:],
    )  # fmt: skip
    return fitted


def _clusters(
    patches: PatchFeatures, members: torch.Tensor, options: LightClusterOptions
) -> tuple[torch.Tensor, torch.Tensor]:
    features, saliency = patches.features[members], patches.saliency[members]
    centres = kmeans(features, CLUSTERS, spherical=options.spherical).centres
    evidence = cluster_evidence(assign_clusters(features, centres, options.spherical), saliency, CLUSTERS)
    return centres, foreground_clusters(evidence.total(), options.cue, options.threshold)


@pytest.fixture(scope='module')
def scenes() -> FigureGround:
    return figure_ground()


@pytest.mark.parametrize('cue', ['attention', 'border', 'both'])
@pytest.mark.parametrize('spherical', [True, False])
def test_every_level_alone_and_all_together_find_the_figures(scenes: FigureGround, cue: str, spherical: bool) -> None:
    options = LightClusterOptions(cue=cue, spherical=spherical)
    patches = as_patches(scenes)
    levels = patch_levels(patches, fit(patches, options), options)
    for level in (*LEVELS, CONSISTENT):
        assert binary_iou(level_mask(levels, level, options), scenes.foreground) > 0.85, level


@pytest.mark.parametrize('rule', ['majority', 'all'])
@pytest.mark.parametrize('whole', [True, False])
def test_each_rule_outvotes_or_follows_a_level_that_is_wrong(scenes: FigureGround, rule: str, whole: bool) -> None:
    options = LightClusterOptions(rule=rule, whole_regions=whole)
    patches = as_patches(scenes)
    levels = patch_levels(patches, fit(patches, options), options)
    wrong = levels.masks.clone()
    wrong[:, 0] = False
    mask = level_mask(levels._replace(masks=wrong), CONSISTENT, options)
    if rule == 'majority':
        assert binary_iou(mask, scenes.foreground) > 0.85
    else:
        assert not mask.any()


def test_a_picture_says_the_same_alone_and_in_company(scenes: FigureGround) -> None:
    options, patches = LightClusterOptions(), as_patches(scenes)
    fitted = fit(patches, options)
    together = patch_levels(patches, fitted, options)
    for index in range(0, len(scenes.kinds), 5):
        alone = patch_levels(patches.picture(index), fitted, options)
        assert torch.equal(alone.masks[0], together.masks[index])
        assert torch.equal(alone.clusters[0], together.clusters[index])


def test_a_constant_picture_has_no_foreground_of_its_own(scenes: FigureGround) -> None:
    options, patches = LightClusterOptions(), as_patches(scenes)
    flat = PatchFeatures(torch.ones(1, 16, 6, 8), torch.ones(1, 6, 8), patches.token[:1])
    levels = patch_levels(flat, fit(patches, options), options)
    assert levels.masks.shape == (1, 3, 6, 8)
    assert not level_mask(levels, 'image', options).any()


def test_fewer_patches_than_clusters_are_clusters_of_their_own(scenes: FigureGround) -> None:
    options, patches = LightClusterOptions(image_clusters=9), as_patches(scenes)
    small = PatchFeatures(patches.features[:1, :, :2, :2], torch.ones(1, 2, 2), patches.token[:1])
    assert int(patch_levels(small, fit(patches, LightClusterOptions()), options).clusters.max()) < 4
