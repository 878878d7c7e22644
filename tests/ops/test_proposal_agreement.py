"""Clusters and proposals, compared without labels."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import entropy
from scipy.stats.contingency import crosstab

from mmseg_primaps.ops import ProposalAgreement, majority_vote, proposal_histogram


def contingency(rows: list[int], columns: list[int]) -> np.ndarray:
    return crosstab(rows, columns).count


def example() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(5, (3, 8, 9), generator=generator)
    proposals = torch.randint(1, 6, (3, 8, 9), generator=generator)
    proposals[:, :2] = 255
    return labels, proposals


def test_information_is_the_mutual_information_of_cluster_and_proposal() -> None:
    labels, proposals = example()
    kept = proposals != 255
    names = (proposals + 1000 * torch.arange(3).view(-1, 1, 1))[kept]
    joint = contingency(names.tolist(), labels[kept].tolist())
    expected = (entropy(joint.sum(0)) + entropy(joint.sum(1)) - entropy(joint.ravel())) / math.log(5) * 100
    assert ProposalAgreement(5).update(labels, proposals).information == pytest.approx(expected, rel=1e-9)


def test_agreement_is_the_share_of_labelled_pixels_with_their_pseudo_label() -> None:
    labels, proposals = example()
    target = majority_vote(labels, proposals, 5)
    expected = (labels == target)[target != 255].double().mean() * 100
    assert ProposalAgreement(5).update(labels, proposals).agreement == pytest.approx(float(expected))


def test_pictures_one_at_a_time_count_as_a_batch_does() -> None:
    labels, proposals = example()
    whole, parts = ProposalAgreement(5).update(labels, proposals), ProposalAgreement(5)
    for label, proposal in zip(labels, proposals, strict=True):
        parts.update(label[None], proposal[None])
    assert parts.information == pytest.approx(whole.information)
    assert parts.agreement == whole.agreement


def test_one_cluster_for_everything_agrees_but_tells_nothing() -> None:
    proposals = example()[1]
    figures = ProposalAgreement(5).update(torch.zeros_like(proposals), proposals)
    assert figures.agreement == 100
    assert figures.information == pytest.approx(0, abs=1e-9)


def test_pictures_without_a_proposal_count_nothing() -> None:
    labels = torch.zeros(1, 2, 2, dtype=torch.long)
    figures = ProposalAgreement(3).update(labels, torch.full((1, 2, 2), 255))
    assert (figures.agreement, figures.information) == (0, 0)


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match='must both be'):
        proposal_histogram(torch.zeros(1, 2, 2), torch.zeros(1, 2, 3), 2)
