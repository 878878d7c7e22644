import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_primaps.ops import (
    assign_clusters,
    border_mask,
    cluster_evidence,
    feature_norm_saliency,
    foreground_clusters,
    foreground_patches,
    foreground_scores,
    kmeans,
    relative_saliency,
)
from mmseg_primaps.ops.foreground import CUES
from tests.ops.figure_ground import binary_iou, figure_ground


@pytest.mark.parametrize('cue', CUES)
@pytest.mark.parametrize('spherical', [True, False])
def test_each_cue_finds_the_foreground_of_the_whole_set(cue: str, spherical: bool) -> None:
    scene = figure_ground()
    centres = kmeans(scene.features, 8, seed=0, spherical=spherical).centres
    labels = assign_clusters(scene.features, centres, spherical)
    flags = foreground_clusters(cluster_evidence(labels, scene.saliency, 8).total(), cue)
    assert binary_iou(foreground_patches(labels, flags), scene.foreground) > 0.95


@pytest.mark.parametrize('cue', CUES)
def test_each_cue_finds_the_foreground_of_one_picture(cue: str) -> None:
    scene = figure_ground(pictures=1)
    labels = assign_clusters(scene.features, kmeans(scene.features, 3, seed=0).centres)
    flags = foreground_clusters(cluster_evidence(labels, scene.saliency, 3), cue)
    assert binary_iou(foreground_patches(labels, flags), scene.foreground) > 0.95


@pytest.mark.parametrize('cue', CUES)
def test_a_picture_of_one_cluster_has_no_foreground(cue: str) -> None:
    labels = torch.zeros(1, 7, 9, dtype=torch.int64)
    flags = foreground_clusters(cluster_evidence(labels, torch.rand(1, 7, 9), 3), cue)
    assert flags.tolist() == [[False, False, False]]


def test_a_map_without_saliency_tells_nothing() -> None:
    labels = (torch.arange(25) % 5 == 0).long().view(1, 5, 5)
    scores = foreground_scores(cluster_evidence(labels, torch.zeros(1, 5, 5), 2), 'attention')
    torch.testing.assert_close(scores, torch.ones(1, 2, dtype=torch.float64))


def test_the_cues_disagree_where_a_salient_object_touches_the_border() -> None:
    labels = torch.zeros(1, 6, 6, dtype=torch.int64)
    labels[:, :3] = 1
    saliency = 0.1 + labels.float()
    evidence = cluster_evidence(labels, saliency, 2)
    assert foreground_clusters(evidence, 'attention').tolist() == [[False, True]]
    assert foreground_clusters(evidence, 'border').tolist() == [[False, False]]
    assert foreground_clusters(evidence, 'both').tolist() == [[False, True]]


def test_one_cue_never_silences_the_other() -> None:
    labels = torch.zeros(1, 9, 9, dtype=torch.int64)
    labels[:, 4, 4] = 1
    saliency = torch.ones(1, 9, 9)
    saliency[:, 4, 4] = 0.01
    evidence = cluster_evidence(labels, saliency, 2)
    assert foreground_scores(evidence, 'both')[0, 1] == pytest.approx(1.0)
    assert foreground_clusters(evidence, 'border').tolist() == [[False, True]]


def test_border_is_the_outermost_ring() -> None:
    assert border_mask(4, 5).sum() == 2 * 5 + 2 * 2
    assert border_mask(2, 5).all()
    assert border_mask(1, 1).all()


def test_feature_norm_is_the_length_of_each_feature() -> None:
    features = torch.zeros(1, 2, 1, 2)
    features[0, :, 0, 1] = torch.tensor([3.0, 4.0])
    assert feature_norm_saliency(features).tolist() == [[[0.0, 5.0]]]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**20), st.integers(1, 5), st.integers(1, 4))
def test_evidence_of_parts_adds_up_to_the_bit(seed: int, pictures: int, clusters: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    labels = torch.randint(clusters, (pictures, 4, 5), generator=draw)
    saliency = torch.rand(pictures, 4, 5, generator=draw)
    whole = cluster_evidence(labels, saliency, clusters).total()
    parts = [cluster_evidence(labels[i : i + 1], saliency[i : i + 1], clusters).total() for i in range(pictures)]
    merged = parts[-1]
    for part in parts[-2::-1]:
        merged = merged.merge(part)
    assert all(torch.equal(a, b) for a, b in zip(whole, merged, strict=True))
    assert int(whole.patches.sum()) == pictures * 20
    assert int(whole.border.sum()) == pictures * 14


def test_relative_saliency_has_mean_one_in_every_picture() -> None:
    saliency = torch.rand(3, 4, 4) * torch.tensor([1e-6, 1.0, 1e6]).view(3, 1, 1)
    torch.testing.assert_close(relative_saliency(saliency).mean(dim=(1, 2)), torch.ones(3))


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match='both be'):
        cluster_evidence(torch.zeros(1, 2, 2), torch.zeros(1, 2, 3), 2)
    evidence = cluster_evidence(torch.zeros(1, 2, 2).long(), torch.zeros(1, 2, 2), 2)
    with pytest.raises(ValueError, match='cue'):
        foreground_scores(evidence, 'colour')
