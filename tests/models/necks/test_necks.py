"""Projection heads of STEGO and HP as necks."""

import pytest
import torch
from mmengine.runner.checkpoint import load_state_dict
from mmseg.registry import MODELS

from mmseg_primaps.models.necks import CodeProjection, HPNeck, STEGONeck
from mmseg_primaps.utils import InputError


def features() -> torch.Tensor:
    return torch.randn(2, 16, 5, 4, generator=torch.Generator().manual_seed(0))


def loaded(neck: torch.nn.Module) -> torch.nn.Module:
    neck.load_state_dict(neck.state_dict())
    return neck.eval()


def test_the_projection_adds_a_linear_and_a_two_layer_branch() -> None:
    projection, x = CodeProjection(16, 3), features()
    expected = projection.linear(x) + projection.output(projection.hidden(x).clamp_min(0))
    assert torch.allclose(projection(x), expected)
    drawn = iter((torch.zeros_like(x), x))
    without_first = expected - projection.linear(x) + projection.linear(torch.zeros_like(x))
    assert torch.allclose(projection(x, lambda _: next(drawn)), without_first, atol=1e-5)


@pytest.mark.parametrize('neck', [STEGONeck, HPNeck])
def test_the_last_map_is_the_code_and_the_first_the_feature(neck: type) -> None:
    options = {'preset': 'fixed'} if neck is STEGONeck else {}
    module, x = loaded(neck(16, 3, **options)), features()
    outputs = module((features() + 1, x))
    assert torch.equal(outputs[0], x)
    assert outputs[-1].shape == (2, 3, 5, 4)
    assert torch.equal(module(x)[-1], outputs[-1])  # a bare tensor is the only map


def test_dropout_stays_on_in_evaluation_under_the_papers_preset() -> None:
    torch.manual_seed(0)
    x = features().abs() + 0.1
    paper, fixed, hp = loaded(STEGONeck(16, 3)), loaded(STEGONeck(16, 3, preset='fixed')), loaded(HPNeck(16, 3))
    assert not torch.equal(paper(x)[-1], paper(x)[-1])
    assert torch.equal(fixed(x)[-1], fixed(x)[-1])
    assert torch.equal(hp(x)[-1], hp(x)[-1])
    kept = torch.stack([(paper(x)[0] != 0).float().mean() for _ in range(200)]).mean()
    assert abs(float(kept) - 0.9) < 0.02
    assert float(paper(x)[0].max()) == pytest.approx(float(x.max()) / 0.9, rel=0.5)


def test_whole_channels_are_dropped_in_training() -> None:
    torch.manual_seed(0)
    neck = HPNeck(16, 3, trainable=True, attention='features', dropout=0.5).train()
    dropped = neck(features())[0] == 0
    per_channel = dropped.flatten(2).float().mean(2)
    assert set(per_channel.unique().tolist()) == {0.0, 1.0}


def test_a_frozen_neck_without_weights_refuses_to_run() -> None:
    with pytest.raises(InputError, match='load_from'):
        STEGONeck(16, 3)(features())
    HPNeck(16, 3, trainable=True).eval()(features())


@pytest.mark.parametrize('load', [torch.nn.Module.load_state_dict, load_state_dict])
def test_weights_of_a_whole_model_reach_the_neck_and_another_geometry_is_refused(load: object) -> None:
    model, other = (torch.nn.ModuleDict({'neck': STEGONeck(16, d, preset='fixed')}) for d in (3, 4))
    source = torch.nn.ModuleDict({'neck': STEGONeck(16, 3, trainable=True)}).state_dict()
    load(model, source)
    assert model['neck'](features())[-1].shape[1] == 3
    with pytest.raises(InputError, match='neck.dim'):
        load(other, source)


def test_a_feature_map_of_another_width_is_named() -> None:
    with pytest.raises(InputError, match='in_channels=16'):
        HPNeck(8, 3, trainable=True)(features())


@pytest.mark.parametrize('options', [{'preset': 'best'}, {'dropout': 1.0}, {'dropout': -0.1}])
def test_a_wrong_option_is_named(options: dict) -> None:
    with pytest.raises(InputError, match=next(iter(options))):
        STEGONeck(16, 3, **options)


def test_the_registry_builds_them() -> None:
    for name in ('STEGONeck', 'HPNeck'):
        assert MODELS.build({'type': name, 'in_channels': 16, 'dim': 3}).out_channels == 3
