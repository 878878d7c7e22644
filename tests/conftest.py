"""Fixtures that every test may use."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
os.environ.setdefault('OMP_WAIT_POLICY', 'passive')


def shared_folder() -> Path | None:
    """The folder with golden numbers and real pictures, or None where a user does not have it."""
    folder = Path(os.environ.get('PRIMAPS_SHARED', ROOT.parent / 'shared'))
    return folder.resolve() if folder.is_dir() else None


@pytest.fixture(scope='session')
def shared() -> Path:
    folder = shared_folder()
    if folder is None:
        pytest.skip('PRIMAPS_SHARED does not name a folder with golden numbers and real pictures')
    return folder


@pytest.fixture(scope='session')
def golden(shared: Path) -> dict[str, np.ndarray]:
    """Numbers that the authors' code gave (loaded lazily, one array at a time)."""
    return np.load(shared / 'golden' / 'primaps_official.npz')


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """One thread: two busy test processes with spinning OpenMP threads are far slower."""
    torch.set_num_threads(1)


def make_camvid(root: Path, train: int = 6, test: int = 3, size: tuple[int, int] = (96, 128)) -> Path:
    """A tiny folder in CamVid's layout: a bright upper half (sky), a textured lower half (road) and a box (car)."""
    draw = np.random.default_rng(0)
    for split, count in (('train', train), ('test', test)):
        for part in ('images', 'labels'):
            (root / part / split).mkdir(parents=True, exist_ok=True)
        for index in range(count):
            label = np.zeros(size, np.uint8)
            label[size[0] // 2 :] = 3
            x = int(draw.integers(10, size[1] - 40))
            label[size[0] // 2 - 10 : size[0] // 2 + 20, x : x + 30] = 8
            colours = np.array([[150, 190, 240], *[[0, 0, 0]] * 2, [90, 90, 95], *[[0, 0, 0]] * 4, [200, 40, 30]])
            noise = draw.normal(0, 1, (*size, 3)) * np.where(label == 3, 25, 6)[..., None]
            image = np.clip(colours[label] + noise, 0, 255).astype(np.uint8)
            Image.fromarray(image).save(root / 'images' / split / f'{index}.png')
            label[:2] = 11
            Image.fromarray(label).save(root / 'labels' / split / f'{index}.png')
    return root


@pytest.fixture(scope='session')
def camvid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six training and three test pictures of 96 x 128 in CamVid's layout."""
    return make_camvid(tmp_path_factory.mktemp('camvid'))


def tiny_config(config: str, camvid: Path, work_dir: Path, **options: object) -> Config:
    """A config of this project, cut down to the tiny CamVid folder, hand-crafted features and 64 pixels."""
    from mmseg_primaps.apis import load_config

    cfg = load_config(str(ROOT / 'configs' / config), {'data_root': str(camvid)}, str(work_dir))
    cfg.model.backbone = dict(type='ColourTexture')
    cfg.model.data_preprocessor.update(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])
    cfg.model.decode_head.update(in_channels=30)
    for name in ('train', 'val', 'test'):
        loader = cfg[f'{name}_dataloader']
        loader.update(batch_size=2, num_workers=0, persistent_workers=False)
        for transform in loader.dataset.pipeline:
            if 'size' in transform:
                transform['size'] = 64
    cfg.train_cfg.update(max_epochs=2, val_interval=2)
    cfg.default_hooks.checkpoint.interval = 1
    cfg.merge_from_dict(options)
    return cfg


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own for proposals and features."""
    monkeypatch.setenv('PRIMAPS_CACHE', str(tmp_path / 'cache'))
    return tmp_path / 'cache'
