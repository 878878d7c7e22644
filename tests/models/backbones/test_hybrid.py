"""Learned and hand-crafted features side by side."""

import pytest
import torch

from mmseg_primaps.models.backbones import HybridBackbone
from mmseg_primaps.utils import InputError

VIT = {'type': 'TimmViT', 'model_name': 'dino_vits16', 'model_kwargs': {'embed_dim': 48, 'depth': 1, 'num_heads': 3}}
COLOUR = {'type': 'ColourTexture', 'stride': 8}


def test_each_group_has_the_norm_of_its_weight_on_the_first_grid() -> None:
    backbone = HybridBackbone([VIT, COLOUR], weights=(1.0, 0.5)).eval()
    (features,) = backbone(torch.randn(2, 3, 64, 96))
    assert features.shape == (2, 78, 4, 6)
    assert torch.allclose(features[:, :48].norm(dim=1), torch.ones(2, 4, 6), atol=1e-5)
    assert torch.allclose(features[:, 48:].norm(dim=1), torch.full((2, 4, 6), 0.5), atol=1e-5)
    assert backbone.out_channels == 78


def test_a_coarser_group_is_interpolated() -> None:
    (features,) = HybridBackbone([COLOUR, VIT]).eval()(torch.randn(1, 3, 64, 64))
    assert features.shape == (1, 78, 8, 8)


@pytest.mark.parametrize(('backbones', 'weights'), [([VIT], None), ([VIT, COLOUR], (1.0,)), ([VIT, COLOUR], (1, -1))])
def test_wrong_options_are_named(backbones: list, weights: tuple | None) -> None:
    with pytest.raises(InputError, match='weight'):
        HybridBackbone(backbones, weights)
