"""Prototype logits and lengths on the patch grid equal those of upsampled features."""

import pytest
import torch
import torch.nn.functional as F
from torch.nn.utils.parametrizations import weight_norm

from mmseg_primaps.ops import prototype_logits, upsampled_length


def test_logits_commute_with_upsampling() -> None:
    generator = torch.Generator().manual_seed(0)
    features, direction = torch.randn(2, 7, 5, 6, generator=generator), torch.randn(4, 7, generator=generator)
    gain = torch.rand(4, generator=generator) + 0.5
    grid = F.interpolate(prototype_logits(features, direction, gain), (20, 30), mode='bilinear')
    weight = gain[:, None] * direction / direction.norm(dim=1, keepdim=True)
    full = torch.einsum('kc,bchw->bkhw', weight, F.interpolate(features, (20, 30), mode='bilinear'))
    torch.testing.assert_close(grid, full, atol=1e-5, rtol=1e-5)


def test_cosine_needs_no_normalised_features() -> None:
    features, direction = torch.randn(2, 7, 5, 6), torch.randn(4, 7)
    expected = F.cosine_similarity(features[:, None], direction[None, :, :, None, None], dim=2)
    torch.testing.assert_close(prototype_logits(features, direction, cosine=True), expected, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize('size', [(16, 15), (4, 5), (3, 2), (1, 1), (9, 31)])
@pytest.mark.parametrize('grid', [(4, 5), (1, 1), (1, 6), (7, 1)])
def test_upsampled_length_is_the_norm_of_upsampled_features(grid: tuple[int, int], size: tuple[int, int]) -> None:
    features = torch.randn(2, 37, *grid, generator=torch.Generator().manual_seed(0))
    expected = F.interpolate(features, size, mode='bilinear').norm(dim=1, keepdim=True)
    torch.testing.assert_close(upsampled_length(features, size), expected, atol=1e-5, rtol=1e-5)


def draw(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_equal_to_a_weight_normalised_convolution() -> None:
    convolution = weight_norm(torch.nn.Conv2d(5, 4, 1, bias=False), dim=0)
    gain, direction = (parameter.detach().flatten(1) for parameter in convolution.parameters())
    features = draw(2, 5, 3, 4)
    assert torch.allclose(prototype_logits(features, direction, gain.flatten()), convolution(features), atol=1e-6)


def test_without_a_gain_every_cluster_has_one() -> None:
    features, direction = draw(2, 5, 3, 4), draw(4, 5)
    with_gain = prototype_logits(features, direction, torch.ones(4))
    assert torch.allclose(prototype_logits(features, direction), with_gain, atol=1e-6)


def test_the_cosine_with_a_zero_feature_is_zero() -> None:
    assert not prototype_logits(torch.zeros(1, 5, 1, 1), draw(4, 5), cosine=True).any()
