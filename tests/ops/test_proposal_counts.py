"""Counts are those of a loop over images, proposals and classes."""

import pytest
import torch

from mmseg_primaps.ops import count_proposals, majority_vote, proposal_histogram


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
            assert (counts.slots[image][proposals[image] == number] == slot).all()
    assert torch.equal(counts.vote(), majority_vote(labels, proposals, 4))
    assert torch.equal(counts.histogram(), proposal_histogram(labels, proposals, 4))


@pytest.mark.parametrize(
    ('labels', 'proposals', 'message'),
    [
        (torch.zeros(1, 2, 2), torch.zeros(1, 2, 3), r'\[B, H, W\]'),
        (torch.full((1, 2, 2), 4), torch.zeros(1, 2, 2), r'0\.\.3'),
        (torch.zeros(1, 2, 2), torch.full((1, 2, 2), -2), 'negative'),
    ],
)
def test_what_cannot_be_counted_is_named(labels: torch.Tensor, proposals: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        count_proposals(labels, proposals, 4)
