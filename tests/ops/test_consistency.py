import pytest
import torch

from mmseg_primaps.ops import (
    assign_clusters,
    cluster_evidence,
    consistent_foreground,
    foreground_clusters,
    foreground_patches,
    kmeans,
    whole_regions,
)
from tests.ops.figure_ground import binary_iou, figure_ground


def noisy(mask: torch.Tensor, share: float, seed: int) -> torch.Tensor:
    """The mask with a share of its places turned over."""
    return mask ^ (torch.rand(mask.shape, generator=torch.Generator().manual_seed(seed)) < share)


def test_two_of_three_and_three_of_three() -> None:
    votes = torch.tensor([[0, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 1]], dtype=torch.bool)
    levels = votes.T[None, :, None, :]
    assert consistent_foreground(levels).flatten().tolist() == [False, False, True, True]
    assert consistent_foreground(levels, 'all').flatten().tolist() == [False, False, False, True]


def test_one_level_alone_decides_alone() -> None:
    mask = torch.rand(2, 1, 5, 5) > 0.5
    for rule in ('majority', 'all'):
        assert torch.equal(consistent_foreground(mask, rule), mask[:, 0])


def test_agreement_is_better_than_each_noisy_level() -> None:
    truth = figure_ground().foreground
    levels = torch.stack([noisy(truth, 0.15, seed) for seed in range(3)], dim=1)
    together = binary_iou(consistent_foreground(levels), truth)
    alone = [binary_iou(levels[:, i], truth) for i in range(3)]
    assert together > max(alone) + 0.1


def test_regions_keep_objects_whole() -> None:
    scene = figure_ground()
    levels = torch.stack([noisy(scene.foreground, 0.2, seed) for seed in range(3)], dim=1)
    assert binary_iou(consistent_foreground(levels, regions=scene.foreground.long()), scene.foreground) == 1.0


def test_three_levels_of_clusters_agree_on_generated_scenes() -> None:
    scene = figure_ground(noise=0.25)
    levels, regions = [], torch.zeros_like(scene.foreground, dtype=torch.int64)
    labels = assign_clusters(scene.features, kmeans(scene.features, 8, seed=0).centres)
    evidence = cluster_evidence(labels, scene.saliency, 8).total()
    levels.append(foreground_patches(labels, foreground_clusters(evidence)))
    category, image = torch.zeros_like(levels[0]), torch.zeros_like(levels[0])
    for kind in scene.kinds.unique():
        chosen = scene.kinds == kind
        labels = assign_clusters(scene.features[chosen], kmeans(scene.features[chosen], 4, seed=0).centres)
        evidence = cluster_evidence(labels, scene.saliency[chosen], 4).total()
        category[chosen] = foreground_patches(labels, foreground_clusters(evidence))
    for i in range(len(regions)):
        one = scene.features[i : i + 1]
        regions[i] = assign_clusters(one, kmeans(one, 3, seed=0).centres)[0]
        evidence = cluster_evidence(regions[i : i + 1], scene.saliency[i : i + 1], 3)
        image[i] = foreground_patches(regions[i : i + 1], foreground_clusters(evidence))[0]
    levels += [category, image]
    for level in levels:
        assert binary_iou(level, scene.foreground) > 0.85
    together = consistent_foreground(torch.stack(levels, dim=1), regions=regions)
    assert binary_iou(together, scene.foreground) > 0.95


@pytest.mark.parametrize('value', [False, True])
def test_no_foreground_and_nothing_but_foreground_stay_so(value: bool) -> None:
    levels = torch.full((2, 3, 4, 4), value)
    regions = torch.randint(3, (2, 4, 4))
    for rule in ('majority', 'all'):
        assert consistent_foreground(levels, rule, regions).unique().tolist() == [value]


def test_a_tie_is_background_and_places_without_region_stay() -> None:
    mask = torch.tensor([[[True, False, True, True, False]]])
    regions = torch.tensor([[[0, 0, 7, 255, 255]]])
    assert whole_regions(mask, regions).tolist() == [[[False, False, True, True, False]]]


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match='rule'):
        consistent_foreground(torch.zeros(1, 3, 2, 2, dtype=torch.bool), 'some')
    with pytest.raises(ValueError, match='at least one level'):
        consistent_foreground(torch.zeros(1, 0, 2, 2, dtype=torch.bool))
