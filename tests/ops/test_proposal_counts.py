"""Counts are those of a loop over images, proposals and classes."""

import pytest
import torch

from mmseg_primaps.ops import count_proposals, majority_vote, proposal_histogram
from mmseg_primaps.ops.proposal_counts import _shortest


def test_counts_are_those_of_a_plain_loop() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(4, (3, 9, 7), generator=generator)
    proposals = torch.randint(6, (3, 9, 7), generator=generator)
    proposals[proposals == 5] = 255
    counts = count_proposals(labels, proposals, 4)
    for image in range(3):
        for slot, number in enumerate([255, *range(5)]):
            inside = labels[image][proposals[image] == number]
            assert counts.pixels[image, slot].tolist() == torch.bincount(inside, minlength=4).tolist()
            assert (counts.slots[image][proposals[image] == number] == image * counts.pixels.shape[1] + slot).all()
    assert torch.equal(counts.vote(), majority_vote(labels, proposals, 4))
    assert torch.equal(counts.histogram(), proposal_histogram(labels, proposals, 4))


@pytest.mark.parametrize('dtype', [torch.uint8, torch.int16, torch.int64])
def test_any_whole_numbers_give_the_same_counts(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    labels, proposals = (torch.randint(n, (2, 5, 6), generator=generator) for n in (4, 6))
    proposals[0, 0] = 255
    counts, expected = count_proposals(labels, proposals.to(dtype), 4), count_proposals(labels, proposals, 4)
    assert torch.equal(counts.pixels, expected.pixels)
    assert torch.equal(counts.vote(), expected.vote())


def test_numbers_are_as_short_as_hold_every_count() -> None:
    assert torch.iinfo(_shortest(2**31)).max == 2**31 - 1
    assert torch.iinfo(_shortest(2**31 + 1)).max == 2**63 - 1


@pytest.mark.parametrize(
    ('labels', 'proposals', 'message'),
    [
        (torch.zeros(1, 2, 2), torch.zeros(1, 2, 3), r'\[B, H, W\]'),
        (torch.full((1, 2, 2), 4), torch.zeros(1, 2, 2), r'0\.\.3'),
        (torch.zeros(1, 2, 2), torch.full((1, 2, 2), -2), 'negative'),
        (torch.full((1, 2, 2), 2**32 + 1), torch.zeros(1, 2, 2), r'0\.\.3'),
        (torch.zeros(1, 2, 2), torch.full((1, 2, 2), 2 - 2**32), 'negative'),
    ],
)
def test_what_cannot_be_counted_is_named(labels: torch.Tensor, proposals: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        count_proposals(labels, proposals, 4)
