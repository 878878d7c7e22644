"""Confusion, matching and scores are the published protocol's."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_primaps.ops import confusion_matrix, match_clusters, segmentation_scores


@pytest.mark.parametrize('case', ['a', 'b', 'c'])
def test_gives_the_published_scores(golden: dict[str, np.ndarray], case: str) -> None:
    def read(name: str) -> torch.Tensor:
        return torch.from_numpy(golden[f'metric_{case}_{name}'])

    classes = read('confusion').shape[1]
    confusion = confusion_matrix(read('pred'), read('label'), classes, classes)
    assignment = match_clusters(confusion)
    scores = segmentation_scores(confusion, assignment)
    assert confusion.dtype == assignment.dtype == torch.int64
    assert torch.equal(confusion, read('confusion'))
    assert torch.equal(assignment, read('assignment'))
    np.testing.assert_allclose([scores['mIoU'], scores['Acc']], read('miou_acc'), rtol=0, atol=1e-5)
    np.testing.assert_allclose(scores['IoU'], read('iou'), rtol=0, atol=1e-4)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), clusters=st.integers(1, 7), classes=st.integers(1, 7))
def test_the_scores_equal_those_of_relabelled_pixels(seed: int, clusters: int, classes: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    pred = torch.randint(clusters, (50,), generator=generator)
    label = torch.randint(classes, (50,), generator=generator)
    confusion = confusion_matrix(pred, label, clusters, classes)
    assignment = match_clusters(confusion)
    scores = segmentation_scores(confusion, assignment)
    relabelled = assignment[pred]
    assert scores['Acc'] == pytest.approx(100 * float((relabelled == label).float().mean()), abs=1e-4)
    for c, iou in enumerate(scores['IoU']):
        union = ((relabelled == c) | (label == c)).sum()
        expected = 100 * ((relabelled == c) & (label == c)).sum() / union
        assert torch.allclose(iou, expected.double(), equal_nan=True, atol=1e-4)
    assert (assignment >= 0).sum() == min(clusters, classes)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_renaming_clusters_changes_no_score(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    # Powers of two: no two matchings count the same pixels.
    confusion = 2 ** torch.randperm(25, generator=generator).view(5, 5)
    order = torch.randperm(5, generator=generator)
    first = segmentation_scores(confusion, match_clusters(confusion))
    second = segmentation_scores(confusion[order], match_clusters(confusion[order]))
    assert first['Acc'] == pytest.approx(second['Acc'])
    assert torch.allclose(first['IoU'], second['IoU'])


def test_surplus_clusters_are_unmatched_and_wrong() -> None:
    confusion = torch.tensor([[6, 0], [0, 3], [1, 2]])
    assignment = match_clusters(confusion)
    scores = segmentation_scores(confusion, assignment)
    assert assignment.tolist() == [0, 1, -1]
    assert scores['Acc'] == pytest.approx(100 * 9 / 12)
    assert scores['IoU'].tolist() == pytest.approx([100 * 6 / 7, 100 * 3 / 5])


def test_many_to_one_takes_the_class_of_largest_overlap() -> None:
    confusion = torch.tensor([[6, 0], [0, 3], [1, 2], [4, 4], [0, 0]])
    assignment = match_clusters(confusion, many_to_one=True)
    assert assignment.tolist() == [0, 1, 1, 0, -1]
    assert segmentation_scores(confusion, assignment)['Acc'] == pytest.approx(100 * 15 / 20)


def test_a_class_that_occurs_nowhere_is_dropped_from_the_mean() -> None:
    scores = segmentation_scores(torch.tensor([[5, 0, 0], [0, 5, 0], [0, 0, 0]]), torch.tensor([0, 1, 2]))
    assert scores['mIoU'] == 100
    assert scores['IoU'].isnan().tolist() == [False, False, True]


def test_nothing_counted_gives_nan_and_no_error() -> None:
    confusion = confusion_matrix(torch.full((2, 2), 99), torch.full((2, 2), 255), 3, 3)
    scores = segmentation_scores(confusion, match_clusters(confusion))
    assert confusion.sum() == 0
    assert np.isnan(scores['Acc'])
    assert np.isnan(scores['mIoU'])


@pytest.mark.parametrize(
    ('pred', 'label', 'message'),
    [
        ([0, 0], [0], 'differ in shape'),
        ([0, 0], [0, 4], r'labels must lie in 0\.\.3 or 255 \(ignored\), found 0\.\.4'),
        ([0, 5], [0, 3], r'predictions must lie in 0\.\.4, found 0\.\.5'),
        ([0, -1], [0, 3], 'predictions must lie'),
    ],
)
def test_refuses_values_out_of_range(pred: list[int], label: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        confusion_matrix(torch.tensor(pred), torch.tensor(label), 5, 4)


@pytest.mark.parametrize('assignment', [[0, 1], [0, 1, 2], [0, 1, -2]])
def test_refuses_an_impossible_assignment(assignment: list[int]) -> None:
    with pytest.raises(ValueError, match='must give each of 3 clusters a class'):
        segmentation_scores(torch.ones(3, 2, dtype=torch.int64), torch.tensor(assignment))
