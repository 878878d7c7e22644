"""Any timm ViT as a backbone, to the token as the original authors' code gives it."""

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
from mmseg.registry import MODELS

from mmseg_primaps.models.backbones import VIT_PRESETS, TimmViT
from mmseg_primaps.utils import InputError


def relative_error(actual: torch.Tensor, expected: np.ndarray) -> float:
    expected = torch.from_numpy(expected).reshape(actual.shape)
    return float((actual - expected).abs().max() / expected.abs().max())


def as_map(tokens: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    rows, columns = size
    return tokens[..., 1:, :].swapaxes(-1, -2).reshape(*tokens.shape[:-2], tokens.shape[-1], rows, columns)


DINO_SIZES = {'224': (28, 28), '320': (40, 40), '160x256': (20, 32)}


@pytest.mark.parametrize('size', DINO_SIZES)
def test_dino_gives_the_authors_tokens_qkv_and_cls_attention(golden_vit: Callable, official: dict, size: str) -> None:
    vit, grid = golden_vit('dino'), DINO_SIZES[size]
    images = torch.from_numpy(official[f'dino_in_{size}']).float()
    got = vit.extract(images, ['token', 'query', 'key', 'value', 'cls_token', 'cls_attention'])
    tokens, qkv = official[f'dino_tokens_last_{size}'], official[f'dino_qkv_last_{size}']
    assert relative_error(got['token'], as_map(tokens, grid)) < 1e-4
    assert relative_error(got['cls_token'], tokens[:, 0]) < 1e-4
    for name, expected in zip(('query', 'key', 'value'), as_map(qkv, grid), strict=True):
        assert relative_error(got[name], expected) < 1e-4
    attention = official[f'dino_cls_attention_{size}']
    assert relative_error(got['cls_attention'], attention[..., 1:].reshape(*attention.shape[:2], *grid)) < 1e-4
    assert np.allclose(1 - got['cls_attention'].sum((2, 3)), attention[..., 0], atol=1e-5)


@pytest.mark.parametrize('size', DINO_SIZES)
def test_dino_gives_the_second_last_block(golden_vit: Callable, official: dict, size: str) -> None:
    images = torch.from_numpy(official[f'dino_in_{size}']).float()
    (features,) = golden_vit('dino', out_indices=(-2,))(images)
    assert relative_error(features, as_map(official[f'dino_tokens_second_last_{size}'], DINO_SIZES[size])) < 1e-4


@pytest.mark.parametrize('size', ['322', '224x308'])
def test_dinov2_gives_the_authors_maps_and_cls(golden_vit: Callable, official: dict, size: str) -> None:
    vit = golden_vit('dinov2', out_indices=(-2, -1))
    images = torch.from_numpy(official[f'dinov2_in_{size}']).float()
    second_last, last = vit(images)
    assert relative_error(last, official[f'dinov2_map_last_{size}']) < 1e-4
    assert relative_error(second_last, official[f'dinov2_map_second_last_{size}']) < 1e-4
    assert relative_error(vit.cls_token(images), official[f'dinov2_cls_last_{size}']) < 1e-4


def test_timm_interpolates_positions_differently(golden_vit: Callable, official: dict) -> None:
    images = torch.from_numpy(official['dino_in_320']).float()
    own, timm = (golden_vit('dino', pos_interpolation=how)(images)[0] for how in ('original', 'timm'))
    assert 1e-3 < (own - timm).abs().max() < 1.0


def test_the_trained_size_needs_no_interpolation(golden_vit: Callable, official: dict) -> None:
    images = torch.from_numpy(official['dino_in_224']).float()
    own, timm = (golden_vit('dino', pos_interpolation=how)(images)[0] for how in ('original', 'timm'))
    assert torch.equal(own, timm)


def test_several_features_share_one_forward_pass(golden_vit: Callable) -> None:
    images = torch.randn(2, 3, 64, 48, generator=torch.Generator().manual_seed(0))
    vit = golden_vit('dino', feature=['token', 'key'], out_indices=(-1, 0))
    maps = vit(images)
    assert [tuple(m.shape) for m in maps] == [(2, 48, 8, 6)] * 4
    assert torch.allclose(maps[0], vit.extract(images)['token'])
    assert torch.allclose(maps[3], vit.extract(images, ['key'], block=0)['key'])


@pytest.mark.parametrize(
    ('name', 'prefix'),
    [('vit_small_patch14_reg4_dinov2', 5), ('vit_small_patch16_dinov3', 5), ('vit_base_patch16_224.mae', 1)],
)
def test_register_tokens_are_no_patches(name: str, prefix: int, tiny: dict) -> None:
    vit = TimmViT(name, model_kwargs={**tiny, 'embed_dim': 96}).eval()
    assert vit.vit.num_prefix_tokens == prefix
    images = torch.randn(1, 3, 3 * vit.patch_size, 2 * vit.patch_size)
    got = vit.extract(images, ['token', 'key', 'cls_token', 'cls_attention'])
    assert got['token'].shape == got['key'].shape == (1, 96, 3, 2)
    tokens = vit.vit.forward_features(images)
    assert torch.allclose(got['token'].flatten(2).transpose(1, 2), tokens[:, prefix:], atol=1e-5)
    assert torch.allclose(got['cls_token'], tokens[:, 0], atol=1e-5)
    assert (got['cls_attention'].sum((2, 3)) < 1).all()


def test_features_of_a_batch_are_those_of_each_image(golden_vit: Callable) -> None:
    images = torch.randn(3, 3, 40, 64)
    vit = golden_vit('dino', feature=['token', 'query'])
    together, alone = vit(images), [vit(image[None]) for image in images]
    for index, maps in enumerate(together):
        assert torch.allclose(maps, torch.cat([one[index] for one in alone]), atol=1e-5)


@pytest.mark.parametrize('size', [(321, 320), (7, 16), (16, 30)])
def test_a_size_that_the_patch_does_not_divide_names_the_nearest_sizes(
    golden_vit: Callable, size: tuple[int, int]
) -> None:
    with pytest.raises(InputError, match='crop size to') as caught:
        golden_vit('dino')(torch.zeros(1, 3, *size))
    assert '\n' not in str(caught.value)
    assert f'{max(8, size[0] // 8 * 8)}x{max(8, size[1] // 8 * 8)}' in str(caught.value)


def test_an_unknown_name_lists_close_ones() -> None:
    with pytest.raises(InputError, match='dino_vits8'):
        TimmViT('dino_vit_s8')
    with pytest.raises(InputError, match='no plain ViT|cannot be built'):
        TimmViT('resnet18')


@pytest.mark.parametrize(
    'options', [{'feature': 'edges'}, {'pos_interpolation': 'nearest'}, {'out_indices': (3,)}, {'out_indices': (-4,)}]
)
def test_a_wrong_option_is_named(options: dict, tiny: dict) -> None:
    with pytest.raises(InputError, match=next(iter(options))):
        TimmViT('dino_vits8', model_kwargs=tiny, **options)


def test_the_authors_interpolation_is_refused_where_it_has_no_meaning(tiny: dict) -> None:
    with pytest.raises(InputError, match='does not apply'):
        TimmViT('vit_small_patch16_dinov3', pos_interpolation='original', model_kwargs=tiny)
    with pytest.raises(InputError, match='cls_edges'):
        TimmViT('dino_vits8', model_kwargs=tiny).extract(torch.zeros(1, 3, 16, 16), ['cls_edges'])
    siglip = TimmViT('vit_base_patch16_siglip_224', model_kwargs=tiny)
    with pytest.raises(InputError, match='no CLS token'):
        siglip.cls_token(torch.zeros(1, 3, 32, 32))


def test_init_weights_keeps_the_loaded_weights(golden_vit: Callable) -> None:
    vit = golden_vit('dino')
    before = copy.deepcopy(vit.state_dict())
    vit.init_weights()
    assert all(torch.equal(before[key], value) for key, value in vit.state_dict().items())


def test_a_copy_interpolates_its_own_positions(golden_vit: Callable) -> None:
    vit = golden_vit('dino')
    images = torch.randn(1, 3, 40, 40)
    expected, twin = vit(images)[0], copy.deepcopy(vit)
    vit.vit.pos_embed.zero_()
    assert torch.equal(twin(images)[0], expected)


def test_the_registry_builds_it(tiny: dict) -> None:
    vit = MODELS.build({'type': 'TimmViT', 'model_name': 'dino_vits16', 'model_kwargs': tiny, 'init_cfg': None})
    assert (vit.patch_size, vit.out_channels, vit.num_heads) == (16, 48, 3)


def test_every_preset_names_a_timm_model_and_a_size_that_its_patch_divides() -> None:
    import timm

    for preset in VIT_PRESETS.values():
        assert timm.is_model(preset.timm_name)
        patch = int(preset.timm_name.split('patch')[1].split('_')[0])
        assert preset.image_size % patch == 0
        assert not preset.on_hub or preset.timm_name in timm.list_pretrained(preset.timm_name)
