"""Feature caches are filed under a backbone's representation: it must tell every setting that changes a feature."""

import pytest

from mmseg_primaps.models.backbones import ColourTexture, HybridBackbone, TimmViT

COLOUR = {'type': 'ColourTexture'}


@pytest.mark.parametrize(
    'options',
    [{'feature': 'key'}, {'out_indices': (-2,)}, {'norm': False}, {'pos_interpolation': 'timm'}],
)
def test_settings_of_a_vit_change_its_representation(options: dict, tiny: dict) -> None:
    assert repr(TimmViT('dino_vits8', model_kwargs=tiny)) != repr(TimmViT('dino_vits8', model_kwargs=tiny, **options))


@pytest.mark.parametrize(
    'options',
    [{'stride': 16}, {'weights': (1, 1, 0.5)}, {'mean': (0, 0, 0)}, {'std': (1, 1, 1)}, {'channel_order': 'bgr'}],
)
def test_settings_of_hand_crafted_features_change_their_representation(options: dict) -> None:
    assert repr(ColourTexture()) != repr(ColourTexture(**options))


def test_weights_and_parts_of_a_mixture_change_its_representation() -> None:
    plain = repr(HybridBackbone([COLOUR, COLOUR]))
    assert plain != repr(HybridBackbone([COLOUR, COLOUR], weights=(1, 2)))
    assert plain != repr(HybridBackbone([COLOUR, {**COLOUR, 'weights': (1, 0, 0)}]))
