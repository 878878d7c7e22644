"""What the feature store knows of the pictures, so that nobody opens them again."""

import json
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


def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> None:
        raise AssertionError(f'{path} was opened')

    monkeypatch.setattr('mmseg_primaps.datasets.transforms.stored.picture_size', refuse)


@pytest.fixture
def filled(camvid: Path, tmp_path: Path, cache: Path) -> tuple[Any, Any]:
    return datasets(tiny_config('primaps_mobilenetv2_camvid.py', camvid, tmp_path))


def test_training_and_evaluation_open_no_picture(
    filled: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch, camvid: Path
) -> None:
    no_pictures(monkeypatch)
    for dataset in filled:
        assert 'features' in dataset[0]
    with Image.open(filled[0].get_data_info(0)['img_path']) as picture:
        assert filled[0].feature_store.picture_size(picture.filename) == picture.size[::-1]


def test_geometry_is_that_of_the_picture(filled: tuple[Any, Any]) -> None:
    for dataset in filled:
        stored, loaded = dataset[0]['data_samples'], dataset.picture_pipeline(dataset.get_data_info(0))['data_samples']
        for key in ('img_shape', 'ori_shape', 'scale_factor'):
            assert stored.metainfo[key] == loaded.metainfo[key]


def test_a_store_that_names_the_pictures_alone_is_read(
    filled: tuple[Any, Any], tmp_path: Path, camvid: Path, cache: Path
) -> None:
    store: FeatureStore = filled[0].feature_store
    path = filled[0].get_data_info(0)['img_path']
    before, size = np.array(store.read(path)), store.picture_size(path)
    for index in store.folder.glob('*-*.json'):
        index.write_text(json.dumps([image for image, *_ in json.loads(index.read_text())]))
    store.refresh()
    assert size is not None
    assert store.picture_size(path) is None
    assert np.array_equal(store.read(path), before)
    assert filled[0][0]['data_samples'].metainfo['scale_factor'][1] == 64 / size[0]
