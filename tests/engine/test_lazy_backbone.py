"""Where everything needed is stored, a run has no backbone; and it never takes another one's features."""

import shutil
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_primaps.apis import build_runner, evaluate, train
from mmseg_primaps.engine.backbone_record import come_from
from mmseg_primaps.models.backbones.lazy_backbone import LazyBackbone
from tests.conftest import tiny_config

PRIMAPS = 'primaps_mobilenetv2_camvid.py'


@MODELS.register_module(force=True)
class CountedBackbone(nn.Module):
    """A convolution that knows how often it was built."""

    built = 0
    forbidden = False

    def __init__(self, checkpoint: str | None = None, width: int = 12, init_cfg: dict | None = None) -> None:
        super().__init__()
        if CountedBackbone.forbidden:
            raise AssertionError('the backbone was built')
        CountedBackbone.built += 1
        self.body = nn.Sequential(nn.Conv2d(3, width, 8, stride=8), nn.BatchNorm2d(width), nn.ReLU())
        if checkpoint is not None:
            self.load_state_dict(torch.load(checkpoint, weights_only=True))

    def forward(self, pictures: Tensor) -> tuple[Tensor]:
        """One feature map."""
        return (self.body(pictures),)


@pytest.fixture(autouse=True)
def _allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CountedBackbone, 'forbidden', False)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / 'weights.pth'
    torch.manual_seed(5)
    torch.save(CountedBackbone().state_dict(), path)
    return path


def config(camvid: Path, work_dir: Path, weights: Path | None) -> Config:
    cfg = tiny_config(PRIMAPS, camvid, work_dir, **{'train_cfg.max_epochs': 1, 'train_cfg.val_interval': 1})
    cfg.model.backbone = dict(type='CountedBackbone', checkpoint=str(weights) if weights else None)
    cfg.model.decode_head.in_channels = 12
    return cfg


def saved(folder: Path) -> dict:
    return torch.load(folder / 'epoch_1.pth', weights_only=False)


def test_second_run_and_its_evaluation_need_no_backbone(
    camvid: Path, tmp_path: Path, cache: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = train(config(camvid, tmp_path / 'first', weights))
    moved = shutil.move(weights, tmp_path / 'elsewhere.pth')  # the same weights under another name
    monkeypatch.setattr(CountedBackbone, 'forbidden', True)
    second = train(config(camvid, tmp_path / 'second', moved))
    assert {key: first[key] for key in ('Acc', 'mIoU', 'predictions')} == {
        key: second[key] for key in ('Acc', 'mIoU', 'predictions')
    }
    states = [saved(tmp_path / name)['state_dict'] for name in ('first', 'second')]
    assert list(states[0]) == list(states[1])
    assert all(torch.equal(value, states[1][key]) for key, value in states[0].items())
    assert any(key.startswith('backbone.body.0') for key in states[1])
    assert 'CountedBackbone' in saved(tmp_path / 'second')['meta']['cfg']
    assert 'LazyBackbone' not in saved(tmp_path / 'second')['meta']['cfg']
    for name in ('first', 'second'):
        tested = evaluate(config(camvid, tmp_path / 'test', moved), str(tmp_path / name / 'epoch_1.pth'))
        assert tested['Acc'] == first['Acc']


def test_what_is_missing_is_computed_by_the_backbone_itself(
    camvid: Path, tmp_path: Path, cache: Path, weights: Path
) -> None:
    first = train(config(camvid, tmp_path / 'first', weights))
    stored = sorted(cache.glob('features/*/*.json'))
    for path in stored:
        if path.name != 'manifest.json':
            path.unlink()
    before = CountedBackbone.built
    again = train(config(camvid, tmp_path / 'again', weights))
    assert CountedBackbone.built == before + 1
    assert again['predictions'] == first['predictions']


def test_other_weights_are_never_taken_for_the_stored_ones(
    camvid: Path, tmp_path: Path, cache: Path, weights: Path
) -> None:
    first = train(config(camvid, tmp_path / 'first', weights))
    other = tmp_path / 'other.pth'
    torch.manual_seed(6)
    torch.save(CountedBackbone().state_dict(), other)
    before = CountedBackbone.built
    second = train(config(camvid, tmp_path / 'second', other))
    assert CountedBackbone.built == before + 1
    assert second['predictions'] != first['predictions']
    # the checkpoint of the second run brings its own weights to a model that was configured with the first ones
    tested = evaluate(config(camvid, tmp_path / 'test', weights), str(tmp_path / 'second' / 'epoch_1.pth'))
    assert tested['predictions'] == second['predictions']


def test_random_weights_are_not_noted(camvid: Path, tmp_path: Path, cache: Path) -> None:
    train(config(camvid, tmp_path / 'first', None))
    assert not list(cache.glob('backbones/*'))
    runner = build_runner(config(camvid, tmp_path / 'second', None))
    assert not isinstance(runner.model.backbone, LazyBackbone)


def test_a_whole_checkpoint_can_be_what_a_run_starts_from(
    camvid: Path, tmp_path: Path, cache: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(config(camvid, tmp_path / 'first', weights))
    for name in ('second', 'third'):
        cfg = config(camvid, tmp_path / name, None)
        cfg.load_from = str(tmp_path / 'first' / 'epoch_1.pth')
        train(cfg)
        monkeypatch.setattr(CountedBackbone, 'forbidden', True)


def test_halves_in_a_file_are_the_weights_that_were_read_from_it(tmp_path: Path) -> None:
    backbone = CountedBackbone()
    halves = {key: value.half() for key, value in backbone.state_dict().items() if value.is_floating_point()}
    torch.save({'teacher': halves}, tmp_path / 'half.pth')
    backbone.load_state_dict({key: value.float() for key, value in halves.items()}, strict=False)
    assert come_from(backbone, [str(tmp_path / 'half.pth')])
    backbone.body[0].weight.data[0, 0, 0, 0] += 1
    assert not come_from(backbone, [str(tmp_path / 'half.pth')])
    assert come_from(nn.ReLU(), [])
