"""Weights reach the ViT completely, from whatever file, or not at all."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.runner.checkpoint import load_state_dict

from mmseg_primaps.models.backbones import TimmViT, vit_weights
from mmseg_primaps.utils import InputError


@pytest.fixture
def weights(tiny: dict) -> dict[str, torch.Tensor]:
    return TimmViT('dino_vits8', model_kwargs=tiny).vit.state_dict()


def saved(path: Path, content: object) -> str:
    torch.save(content, path)
    return str(path)


WRAPPED = {
    'dino': lambda w: {
        'teacher': {f'module.backbone.{k}': v for k, v in w.items()} | {'head.mlp.0.weight': w['norm.bias']}
    },
    'mae': lambda w: {'model': {**w, 'mask_token': w['cls_token'], 'decoder_pos_embed': w['pos_embed']}},
    'ibot': lambda w: {'state_dict': {**w, 'masked_embed': w['norm.bias'][None], 'head.weight': w['norm.bias']}},
    'stego': lambda w: {
        'state_dict': {f'net.model.{k}': v for k, v in w.items()} | {'linear_probe.bias': w['norm.bias']}
    },
    'hp': lambda w: {'epoch': 1, 'net_model_state_dict': {f'model.{k}': v for k, v in w.items()}},
    'own': lambda w: {'state_dict': {f'backbone.vit.{k}': v for k, v in w.items()}, 'meta': {}},
    'half': lambda w: {k: v.half() for k, v in w.items()},
}


@pytest.mark.parametrize('wrap', WRAPPED)
def test_weights_are_found_whatever_wraps_them(wrap: str, weights: dict, tiny: dict, tmp_path: Path) -> None:
    checkpoint = saved(tmp_path / 'weights.pth', WRAPPED[wrap](weights))
    vit = TimmViT('dino_vits8', checkpoint=checkpoint, model_kwargs=tiny).vit
    tolerance = 1e-3 if wrap == 'half' else 0
    assert all(torch.allclose(value, weights[key], atol=tolerance) for key, value in vit.state_dict().items())
    assert all(value.dtype == torch.float32 for value in vit.state_dict().values())


def test_the_grid_of_the_checkpoint_is_kept(tiny: dict, tmp_path: Path) -> None:
    weights = TimmViT('dinov2_vits14', model_kwargs={**tiny, 'img_size': 70}).vit.state_dict()
    vit = TimmViT('dinov2_vits14', checkpoint=saved(tmp_path / 'w.pth', weights), model_kwargs=tiny).vit
    assert torch.equal(vit.pos_embed, weights['pos_embed'])


def test_register_tokens_load_from_the_authors_key_names(tiny: dict, tmp_path: Path) -> None:
    weights = dict(TimmViT('dinov2_vits14_reg', model_kwargs=tiny).vit.state_dict())
    cls_position = torch.randn(1, 1, 48)
    authors = {**weights, 'mask_token': torch.zeros(1, 48), 'register_tokens': weights['reg_token']}
    authors['pos_embed'] = torch.cat([cls_position, weights['pos_embed']], dim=1)
    del authors['reg_token']
    vit = TimmViT('dinov2_vits14_reg', checkpoint=saved(tmp_path / 'w.pth', authors), model_kwargs=tiny).vit
    assert torch.equal(vit.reg_token, weights['reg_token'])
    assert torch.equal(vit.pos_embed, weights['pos_embed'])
    assert torch.equal(vit.cls_token, weights['cls_token'] + cls_position)


@pytest.mark.parametrize(
    ('change', 'reason'),
    [
        (lambda w: {k: v for k, v in w.items() if k != 'norm.weight'}, 'norm.weight'),
        (lambda w: {**w, 'blocks.1.attn.extra': torch.zeros(1)}, 'blocks.1.attn.extra'),
        (lambda w: {**w, 'norm.weight': torch.zeros(7)}, 'norm.weight'),
        (lambda w: {k: v for k, v in w.items() if 'blocks.2' not in k}, 'another backbone'),
        (lambda w: {'conv1.weight': torch.zeros(1)}, 'holds no ViT'),
        (lambda w: torch.zeros(3), 'no dictionary'),
    ],
)
def test_a_file_that_does_not_fit_is_refused_with_one_line(
    change: object, reason: str, weights: dict, tiny: dict, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        TimmViT('dino_vits8', checkpoint=saved(tmp_path / 'w.pth', change(weights)), model_kwargs=tiny)
    assert 'w.pth' in str(caught.value)
    assert '\n' not in str(caught.value)


def test_another_patch_size_is_refused(weights: dict, tiny: dict, tmp_path: Path) -> None:
    with pytest.raises(InputError, match='patch_size 8.*patch_size 16'):
        TimmViT('dino_vits16', checkpoint=saved(tmp_path / 'w.pth', weights), model_kwargs=tiny)


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A hub that does not answer and an empty cache."""
    monkeypatch.setattr(vit_weights.hub, 'HF_HUB_CACHE', str(tmp_path))
    monkeypatch.setattr(vit_weights.hub, 'ENDPOINT', 'http://127.0.0.1:9')


def test_weights_that_cannot_be_downloaded_end_the_first_use_at_once(no_hub: None, tiny: dict) -> None:
    start = time.monotonic()
    vit = TimmViT('dino_vits8', pretrained=True, model_kwargs=tiny)
    for use in (vit.init_weights, lambda: vit(torch.zeros(1, 3, 16, 16))):
        with pytest.raises(InputError, match='cannot be downloaded.*checkpoint=') as caught:
            use()
        assert '\n' not in str(caught.value)
    assert time.monotonic() - start < 15


def test_a_missing_file_ends_the_first_use_and_names_the_option(tiny: dict, tmp_path: Path) -> None:
    vit = TimmViT('dino_vits8', checkpoint=str(tmp_path / 'none.pth'), model_kwargs=tiny)
    with pytest.raises(InputError, match=r'checkpoint=.*none\.pth.*does not exist'):
        vit.init_weights()


@pytest.mark.parametrize('load', [torch.nn.Module.load_state_dict, load_state_dict])
def test_a_checkpoint_of_the_whole_model_brings_weights_that_are_not_there(
    load: Callable, weights: dict, tiny: dict, tmp_path: Path
) -> None:
    vit = TimmViT('dino_vits8', checkpoint=str(tmp_path / 'none.pth'), model_kwargs=tiny)
    model = torch.nn.ModuleDict({'backbone': vit})
    load(model, {f'backbone.vit.{key}': value for key, value in weights.items()})
    vit.init_weights()
    assert torch.equal(vit.vit.norm.weight, weights['norm.weight'])


@pytest.mark.parametrize(
    ('change', 'reason'),
    [
        (lambda w: {k: v for k, v in w.items() if 'blocks.2' not in k}, 'depth 2.*depth 3'),
        (lambda w: {**w, 'pos_embed': torch.zeros(1, 10, 48)}, 'pos_embed'),
        (lambda w: {k: v for k, v in w.items() if k != 'norm.bias'}, 'norm.bias'),
    ],
)
def test_a_whole_model_with_another_backbone_is_refused_not_skipped(
    change: Callable, reason: str, weights: dict, tiny: dict
) -> None:
    model = torch.nn.ModuleDict({'backbone': TimmViT('dino_vits8', model_kwargs=tiny)})
    with pytest.raises(InputError, match=reason):
        load_state_dict(model, {f'backbone.vit.{key}': value for key, value in change(weights).items()})


def test_a_checkpoint_of_the_head_alone_leaves_the_backbone(weights: dict, tiny: dict) -> None:
    model = torch.nn.ModuleDict({'backbone': TimmViT('dino_vits8', model_kwargs=tiny)})
    load_state_dict(model, {'decode_head.x': torch.zeros(1)})


def test_weights_that_the_hub_lacks_are_said_to_be_lacking() -> None:
    with pytest.raises(InputError, match='checkpoint='):
        TimmViT('ibot_vits16', pretrained=True)


@pytest.mark.parametrize('name', ['dinov3_vits16', 'vit_small_patch16_dinov3_qkvb', 'eva02_tiny_patch14_224'])
def test_rotary_models_load_their_own_weights(name: str, tiny: dict, tmp_path: Path) -> None:
    kwargs = {**tiny, 'embed_dim': 96}
    source = TimmViT(name, model_kwargs=kwargs).eval()
    twin = TimmViT(name, checkpoint=saved(tmp_path / 'w.pth', source.vit.state_dict()), model_kwargs=kwargs).eval()
    images = torch.randn(1, 3, 2 * source.patch_size, 3 * source.patch_size)
    assert torch.equal(twin(images)[0], source(images)[0])


def test_dinov3_loads_from_the_authors_key_names(tiny: dict, tmp_path: Path) -> None:
    kwargs = {**tiny, 'embed_dim': 96}
    source = TimmViT('dinov3_vits16', model_kwargs=kwargs).eval()
    authors = {'mask_token': torch.zeros(1, 96), 'rope_embed.periods': torch.zeros(8)}
    for key, value in source.vit.state_dict().items():
        renamed = (
            key.replace('reg_token', 'storage_tokens').replace('gamma_1', 'ls1.gamma').replace('gamma_2', 'ls2.gamma')
        )
        authors[renamed] = value
    for block in range(3):
        authors[f'blocks.{block}.attn.qkv.bias'] = torch.zeros(3 * 96)
        authors[f'blocks.{block}.attn.qkv.bias_mask'] = torch.zeros(3 * 96)
    twin = TimmViT('dinov3_vits16', checkpoint=saved(tmp_path / 'w.pth', authors), model_kwargs=kwargs).eval()
    images = torch.randn(1, 3, 32, 48)
    assert torch.equal(twin(images)[0], source(images)[0])
