"""The data set configs: what they share and where they differ."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config
from mmseg.registry import DATASETS

BASES = Path(__file__).resolve().parents[2] / 'configs' / '_base_' / 'datasets'
# The data sets of the crop protocol (STEGO's and HP's protocol is another).
NAMES = sorted(path.stem for path in BASES.glob('*.py') if "'./crops.py'" in path.read_text() or '_322' in path.stem)


def pipelines(cfg: Config) -> dict[str, list[Any]]:
    """All pipelines of a config."""
    loaders = {part: cfg[f'{part}_dataloader'] for part in ('train', 'val', 'test')}
    return {
        **{part: loader.dataset.pipeline for part, loader in loaders.items() if loader},
        'clean': cfg.clean_pipeline,
        'plain train': cfg.train_pipeline,
    }


@pytest.mark.parametrize('name', NAMES)
def test_training_loads_no_labels(name: str) -> None:
    steps = [step.type for step in Config.fromfile(BASES / f'{name}.py').train_dataloader.dataset.pipeline]
    assert not [step for step in steps if 'Annotations' in step]


@pytest.mark.parametrize('name', NAMES)
def test_the_test_pipeline_is_the_test_loaders(name: str) -> None:
    cfg = Config.fromfile(BASES / f'{name}.py')
    assert cfg.test_pipeline == cfg.test_dataloader.dataset.pipeline


@pytest.mark.parametrize('name', NAMES)
def test_the_crop_is_one_size_everywhere(name: str) -> None:
    cfg = Config.fromfile(BASES / f'{name}.py')
    sizes = {step.size for pipeline in pipelines(cfg).values() for step in pipeline if 'size' in step}
    assert sizes == {322 if name.endswith('_322') else 320} == {cfg.crop_size}


@pytest.mark.parametrize('name', ['cityscapes27', 'cocostuff27', 'potsdam3', 'cocostuff27_sample'])
def test_evaluation_scales_without_antialiasing_as_published(name: str) -> None:
    cfg = Config.fromfile(BASES / f'{name}.py')
    steps = {part: pipeline for part, pipeline in pipelines(cfg).items() if part in ('train', 'val')}
    resize = {part: next(s for s in pipeline if s.type == 'ResizeShortSide') for part, pipeline in steps.items()}
    assert resize['val'].antialias is False
    assert 'antialias' not in resize['train']


def test_benchmark_batches_are_the_published_ones() -> None:
    cfg = Config.fromfile(BASES / 'cityscapes27.py')
    assert (cfg.train_dataloader.batch_size, cfg.val_dataloader.batch_size) == (32, 16)
    assert cfg.train_dataloader.drop_last


def test_coco_trains_and_evaluates_on_list_7() -> None:
    cfg = Config.fromfile(BASES / 'cocostuff27.py')
    assert cfg.train_dataloader.dataset.subset == cfg.val_dataloader.dataset.subset == 7


def test_camvid_follows_its_protocol(shared: Path, monkeypatch: pytest.MonkeyPatch, step: Callable) -> None:
    monkeypatch.setenv('PRIMAPS_SHARED', str(shared))
    cfg = Config.fromfile(BASES / 'camvid.py')
    train, val = (DATASETS.build(cfg[f'{part}_dataloader'].dataset) for part in ('train', 'val'))
    assert (len(train), len(val), cfg.train_dataloader.batch_size) == (123, 59, 16)
    assert train[0]['inputs'].shape == val[0]['inputs'].shape == (3, 320, 320)
    assert val[0]['data_samples'].gt_sem_seg.shape == (320, 320)
    assert val[0]['data_samples'].ori_shape == (320, 320)
