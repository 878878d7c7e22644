"""Every config of the published tables builds, and trains and evaluates on a folder in its data set's layout."""

import functools
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, MODELS

from mmseg_primaps.apis import load_config, train
from mmseg_primaps.apis.config import LOADERS
from mmseg_primaps.models.backbones.presets import find_preset
from tests.benchmark_folders import make_benchmark
from tests.conftest import ROOT

SIZE = 56  # the smallest crop that both patches divide
METHODS = {'primaps': 'PriMaPsHead', 'kmeans': 'CosineKMeansHead', 'linear': 'LinearProbeHead'}
BACKBONES = {'dino_vits8': 384, 'dino_vitb8': 768, 'dinov2_vits14': 384, 'dinov2_vitb14': 768}
CLASSES = {'cityscapes': 27, 'cocostuff': 27, 'potsdam': 3}
PUBLISHED = ['_'.join(names) for names in product(METHODS, BACKBONES, CLASSES)]
STACKED = ['_'.join(names) for names in product(('stego', 'hp', 'primaps_stego', 'primaps_hp'), CLASSES)]


@pytest.fixture(scope='session')
def benchmarks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: make_benchmark(name, tmp_path_factory.mktemp(name)) for name in CLASSES}


@pytest.fixture(autouse=True)
def mmseg_scope() -> None:
    init_default_scope('mmseg')


@functools.cache
def parsed(name: str) -> Config:
    return load_config(str(ROOT / 'configs' / f'{name}.py'))


def data_set_of(name: str) -> str:
    return name.rsplit('_', 1)[1]


def sizes(cfg: Config) -> Iterator[Any]:
    """Every pipeline step that has a size."""
    for loader in LOADERS:
        yield from (step for step in cfg[loader].dataset.pipeline if 'size' in step)


def small(name: str, benchmarks: dict[str, Path], work_dir: Path) -> Config:
    """A config as published, but one block of the ViT with random weights, crops of 56 pixels and one step."""
    data_root = {'data_root': str(benchmarks[data_set_of(name)])}
    cfg = load_config(str(ROOT / 'configs' / f'{name}.py'), data_root, str(work_dir))
    cfg.model.backbone.update(pretrained=False, model_kwargs=dict(depth=1))
    for step in sizes(cfg):
        step.size = SIZE
    for loader in LOADERS:
        cfg[loader].update(batch_size=2, num_workers=0, persistent_workers=False)
    cfg.train_cfg.update(max_epochs=1, val_interval=1)
    return cfg


def test_every_pair_of_the_tables_has_a_config() -> None:
    assert [name for name in PUBLISHED + STACKED if not (ROOT / 'configs' / f'{name}.py').is_file()] == []


@pytest.mark.parametrize('name', PUBLISHED)
def test_published_config_builds_and_its_parts_fit(name: str, benchmarks: dict[str, Path], tmp_path: Path) -> None:
    method, backbone = name.split('_', 1)[0], name.split('_', 1)[1].rsplit('_', 1)[0]
    published = parsed(name)
    assert published.model.backbone.model_name == backbone
    assert published.model.backbone.pretrained
    assert {step.size for step in sizes(published)} == {find_preset(backbone).image_size}
    cfg = small(name, benchmarks, tmp_path)
    model = MODELS.build(cfg.model).eval()
    assert type(model.decode_head).__name__ == METHODS[method]
    assert model.backbone.out_channels == BACKBONES[backbone] == model.decode_head.in_channels
    dataset = DATASETS.build(cfg.val_dataloader.dataset)
    assert len(dataset.metainfo['classes']) == CLASSES[data_set_of(name)] == model.decode_head.num_classes
    labelled = DATASETS.build(cfg.train_dataloader.dataset)[0]['data_samples']
    assert ('gt_sem_seg' in labelled) == (method == 'linear')
    sample = dataset[0]
    with torch.no_grad():
        (found,) = model.test_step({'inputs': [sample['inputs']], 'data_samples': [sample['data_samples']]})
    assert found.pred_sem_seg.data.shape == sample['data_samples'].gt_sem_seg.data.shape
    assert int(found.pred_sem_seg.data.max()) < CLASSES[data_set_of(name)]


@pytest.mark.parametrize('name', PUBLISHED)
def test_published_config_trains_a_step_and_evaluates(
    name: str, benchmarks: dict[str, Path], tmp_path: Path, cache: Path
) -> None:
    report = train(small(name, benchmarks, tmp_path / 'run'))
    protocol = report['protocol']
    assert protocol['iterations'] == 1
    assert protocol['pictures'] == 2
    assert protocol['flip'] is True
    assert protocol['matching'] == ['identity' if name.startswith('linear') else 'hungarian']
    assert 0 <= report['Acc'] <= 100
    assert 0 <= report['mIoU'] <= 100
    assert ('running_Acc' in report) == name.startswith('primaps')
    assert len(list(cache.rglob('*.png'))) == (2 if name.startswith('primaps') else 0)


@pytest.mark.parametrize('name', STACKED)
def test_config_of_a_projection_head_has_parts_that_fit(name: str) -> None:
    model_cfg = parsed(name).model.to_dict()
    model_cfg['backbone'].update(pretrained=False, model_kwargs=dict(depth=1))
    model_cfg['neck']['trainable'] = True  # a frozen one refuses to work without weights
    model = MODELS.build(model_cfg).eval()
    with torch.no_grad():
        features = model.decode_head.features(model.extract_feat(torch.zeros(1, 3, SIZE, SIZE)))
    assert features.shape == (1, model_cfg['decode_head']['in_channels'], 7, 7)
    assert model.decode_head.num_classes == CLASSES[data_set_of(name)]
    step = next(step for step in parsed(name).test_dataloader.dataset.pipeline if 'size' in step)
    assert step['size'] % model.backbone.patch_size == 0
