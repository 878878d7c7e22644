"""Nearest pictures by pooled features."""

import pytest
import torch
import torch.nn.functional as F

from mmseg_primaps.ops import neighbours


def test_features_are_pooled_first_and_normalised_after() -> None:
    features = torch.randn(3, 5, 4, 4)
    expected = features.mean((2, 3))
    assert torch.allclose(neighbours.pooled_features(features), expected / expected.norm(dim=1, keepdim=True))


@pytest.mark.parametrize('block', [1, 40, 2**26])
def test_neighbours_are_sorted_by_cosine_and_begin_with_the_picture_itself(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, 'BLOCK', block)
    vectors = F.normalize(torch.randn(20, 6, generator=torch.Generator().manual_seed(0)), dim=1)
    vectors[7] = vectors[3]  # a twin must not take the first place
    table = neighbours.nearest_neighbours(vectors, 5)
    assert torch.equal(table[:, 0], torch.arange(20))
    similarity = vectors @ vectors.T
    for row, found in enumerate(table):
        others = similarity[row].clone()
        others[row] = -2
        assert torch.allclose(similarity[row, found[1:]], others.topk(4).values)


def test_a_small_set_gives_short_rows() -> None:
    assert neighbours.nearest_neighbours(torch.eye(3), 30).shape == (3, 3)
