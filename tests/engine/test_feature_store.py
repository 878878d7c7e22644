"""What the feature store knows of the pictures, so that nobody opens them again."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from mmseg_primaps.apis import build_runner
from mmseg_primaps.engine.feature_store import FeatureStore
from tests.conftest import tiny_config


def datasets(cfg: Config) -> tuple[Any, Any]:
    """The training and the validation set of a run whose store is filled."""
    runner = build_runner(cfg)
    train, val = runner.train_loop.dataloader.dataset, runner.val_loop.dataloader.dataset
    runner.call_hook('before_run')
    runner.call_hook('before_train')
    return train, val


@pytest.fixture
def cfg(camvid: Path, tmp_path: Path, cache: Path) -> Config:
    """A run on pictures of which one is wider than the others and one was taken with the camera held upright."""
    folder = tmp_path / 'camvid'
    shutil.copytree(camvid, folder)
    wide, turned = (folder / 'images' / 'train' / name for name in ('1.png', '2.png'))
    Image.open(wide).resize((160, 96)).save(wide)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(turned).save(turned, exif=exif)
    return tiny_config('primaps_mobilenetv2_camvid.py', folder, tmp_path / 'run')


@pytest.fixture
def filled(cfg: Config) -> tuple[Any, Any]:
    return datasets(cfg)


def test_training_and_evaluation_open_no_picture(filled: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> None:
        raise AssertionError(f'{path} was opened')

    monkeypatch.setattr('mmseg_primaps.datasets.transforms.stored.picture_size', refuse)
    for dataset in filled:
        assert all('features' in item for item in dataset)


def test_geometry_is_that_of_the_picture(filled: tuple[Any, Any]) -> None:
    scales = set()
    for dataset in filled:
        for index, item in enumerate(dataset):
            stored = item['data_samples'].metainfo
            loaded = dataset.picture_pipeline(dataset.get_data_info(index))['data_samples'].metainfo
            assert all(stored[key] == loaded[key] for key in ('img_shape', 'ori_shape', 'scale_factor'))
            scales.add(stored['scale_factor'])
    assert len(scales) == 3


def test_a_store_that_names_the_pictures_alone_is_read(filled: tuple[Any, Any]) -> None:
    store: FeatureStore = filled[0].feature_store
    path = filled[0].get_data_info(0)['img_path']
    before, size = np.array(store.read(path)), store.picture_size(path)
    for index in store.folder.glob('*-*.json'):
        index.write_text(json.dumps([image for image, *_ in json.loads(index.read_text())]))
    store.refresh()
    assert size == (96, 128)
    assert store.picture_size(path) is None
    assert np.array_equal(store.read(path), before)
    assert filled[0][0]['data_samples'].metainfo['scale_factor'][1] == 64 / size[0]


@pytest.mark.parametrize(
    ('step', 'before'),
    [
        ({'type': 'CLAHE'}, 'LoadCheckedImage'),
        ({'type': 'RGB2Gray'}, 'CenterCropSeg'),
        ({'type': 'AdjustGamma'}, 'CenterCropSeg'),
        ({'type': 'Rerange'}, 'CenterCropSeg'),
        ({'type': 'Pad', 'size': (128, 200)}, 'CenterCropSeg'),
        ({'type': 'Resize', 'scale': (150, 110)}, 'CenterCropSeg'),
        ({'type': 'ResizeShortestEdge', 'scale': 80, 'max_size': 200}, 'CenterCropSeg'),
        ({'type': 'ResizeToMultiple', 'size_divisor': 32}, 'CenterCropSeg'),
        ({'type': 'CenterCrop', 'crop_size': (90, 70)}, 'CenterCropSeg'),
    ],
    ids=lambda value: value['type'] if isinstance(value, dict) else value,
)
def test_steps_that_are_not_random_may_stand_anywhere(cfg: Config, step: dict, before: str) -> None:
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        names = [transform['type'] for transform in loader.dataset.pipeline]
        loader.dataset.pipeline.insert(names.index(before) + 1, step)
    for dataset in datasets(cfg):
        assert dataset[0]['features'].shape[-2:] == dataset[2]['features'].shape[-2:]
