"""Every proposal gets the class that most of its pixels were predicted to be."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_primaps.ops import majority_vote


def vote_one_by_one(labels: torch.Tensor, proposals: torch.Tensor, ignore_index: int = 255) -> torch.Tensor:
    result = torch.full_like(labels, ignore_index)
    for image in range(len(labels)):
        for mask in proposals[image].unique():
            if mask != ignore_index:
                inside = proposals[image] == mask
                result[image][inside] = np.bincount(labels[image][inside].numpy()).argmax()
    return result


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), classes=st.integers(1, 9), masks=st.integers(1, 255), images=st.integers(1, 4))
def test_equals_the_vote_of_each_proposal_alone(seed: int, classes: int, masks: int, images: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(classes, (images, 6, 7), generator=generator)
    proposals = torch.randint(masks, (images, 6, 7), generator=generator)
    proposals[torch.rand(proposals.shape, generator=generator) < 0.3] = 255
    assert torch.equal(majority_vote(labels, proposals, classes), vote_one_by_one(labels, proposals))


def test_a_tie_goes_to_the_smaller_class() -> None:
    labels = torch.tensor([[[2, 1, 0], [1, 2, 0]]])
    proposals = torch.tensor([[[7, 7, 255], [7, 7, 255]]])
    assert majority_vote(labels, proposals, 3).tolist() == [[[1, 1, 255], [1, 1, 255]]]


def test_gives_the_published_pseudo_labels(golden: dict[str, np.ndarray]) -> None:
    proposals = torch.from_numpy(np.stack([golden[f'mask_map_{image}'] for image in range(3)]))
    pseudo_labels = majority_vote(torch.from_numpy(golden['em_pred_first']), proposals, 27)
    assert pseudo_labels.dtype == torch.int64
    assert torch.equal(pseudo_labels, torch.from_numpy(golden['em_pseudo_label_first']).long())


@pytest.mark.parametrize('ignore_index', [0, -1, 255])
def test_any_ignore_index_stays(ignore_index: int) -> None:
    labels = torch.zeros(1, 2, 2, dtype=torch.uint8)
    proposals = torch.tensor([[[ignore_index, 1], [1, ignore_index]]])
    assert majority_vote(labels, proposals, 2, ignore_index).tolist() == [[[ignore_index, 0], [0, ignore_index]]]


def test_without_proposals_everything_is_ignored() -> None:
    nothing = majority_vote(torch.zeros(2, 3, 3, dtype=torch.int64), torch.full((2, 3, 3), 255), 5)
    assert (nothing == 255).all()
    assert majority_vote(torch.zeros(0, 3, 3).long(), torch.zeros(0, 3, 3).long(), 5).shape == (0, 3, 3)


def test_inputs_are_left_as_they_were() -> None:
    labels, proposals = torch.ones(1, 2, 2, dtype=torch.int64), torch.tensor([[[255, 1], [2, 3]]])
    majority_vote(labels, proposals, 2)
    assert proposals.tolist() == [[[255, 1], [2, 3]]]
    assert labels.unique().tolist() == [1]


@pytest.mark.parametrize(
    ('labels', 'proposals', 'message'),
    [
        (torch.zeros(1, 2, 2), torch.zeros(1, 2, 3), 'must both be'),
        (torch.zeros(2, 2), torch.zeros(2, 2), 'must both be'),
        (torch.full((1, 2, 2), 4), torch.zeros(1, 2, 2), r'labels must lie in 0\.\.3, found 4\.\.4'),
        (torch.full((1, 2, 2), -1), torch.zeros(1, 2, 2), 'labels must lie'),
        (torch.zeros(1, 2, 2), torch.full((1, 2, 2), -3), 'must not be negative, found -3'),
    ],
)
def test_refuses_what_it_cannot_count(labels: torch.Tensor, proposals: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        majority_vote(labels, proposals, 4)
