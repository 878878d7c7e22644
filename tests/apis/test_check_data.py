"""The table that tells what training would meet."""

from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from mmseg_primaps.apis.check_data import check_data
from mmseg_primaps.utils import InputError

TRAIN = [
    {'type': 'LoadCheckedImage'},
    {'type': 'ResizeShortSide', 'size': 16},
    {'type': 'CenterCropSeg', 'size': 16},
    {'type': 'LoadMaskProposals'},
    {'type': 'RandomFlip', 'prob': 0.5},
    {'type': 'PackProposalInputs'},
]
TEST = [TRAIN[0], {'type': 'LoadMappedAnnotations'}, *TRAIN[1:3], TRAIN[-1]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Four training and two test pictures of 32x64 with two classes and void."""
    for number in range(6):
        split = 'test' if number > 3 else 'train'
        label = np.repeat(np.array([[3], [8], [11], [11]], np.uint8), 16, 0).repeat(32, 1).T.copy()
        for folder, array in (('images', np.full((32, 64, 3), number, np.uint8)), ('labels', label)):
            path = tmp_path / folder / split / f'{number}.png'
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(path)
    return tmp_path


def config(root: Path, batch_size: int = 2) -> Config:
    """A config as a user has it."""
    data = {'type': 'CamVidDataset', 'data_root': str(root)}
    return Config(
        {
            'train_dataloader': {
                'batch_size': batch_size,
                'drop_last': True,
                'dataset': {**data, 'split': 'train', 'pipeline': TRAIN},
            },
            'val_dataloader': {'batch_size': 2, 'dataset': {**data, 'split': 'test', 'pipeline': TEST}},
            'model': {'decode_head': {'num_classes': 11}},
        }
    )


def row(text: str, title: str) -> list[str]:
    """The cells of a table's row."""
    line = next(line for line in text.splitlines() if line.startswith(f'| {title} '))
    return [cell.strip() for cell in line.strip('|').split('|')][1:]


def test_pictures_sizes_crops_and_classes_are_told(root: Path) -> None:
    text = check_data(config(root))
    assert row(text, 'pictures') == ['4', '2']
    assert row(text, 'steps of one pass') == ['2', '1']
    assert row(text, 'sizes') == ['64x32', '64x32']
    assert row(text, 'kept by the crop') == ['50%, at least 50%'] * 2
    assert row(text, 'void pixels') == ['no labels loaded', '50.0%']
    assert row(text, '8') == ['car', '50.00%']
    assert 'val: never seen in the sample: sky, building, pole, road' in text
    assert 'train: ' not in text


def test_pairs_that_do_not_match_are_counted(root: Path) -> None:
    (root / 'labels' / 'train' / '0.png').rename(root / 'labels' / 'train' / '9.png')
    text = check_data(config(root))
    assert 'train: 1 pictures have no label map' in text
    assert 'train: 1 label maps have no picture' in text


def test_damage_is_told_and_does_not_stop_the_check(root: Path) -> None:
    (root / 'images' / 'train' / '1.png').write_text('no picture')
    Image.fromarray(np.full((32, 64), 77, np.uint8)).save(root / 'labels' / 'test' / '4.png')
    text = check_data(config(root))
    assert row(text, 'damaged') == ['1', '1']
    assert '1.png cannot be decoded' in text
    assert '4.png holds ids that are no class here: [77]' in text


def test_a_batch_that_never_fills_is_told(root: Path) -> None:
    assert 'train: 4 pictures fill no batch: lower train_dataloader.batch_size' in check_data(
        config(root, batch_size=5)
    )


def test_a_crop_that_loses_most_of_the_picture_is_told(root: Path) -> None:
    cfg = config(root)
    cfg.train_dataloader.dataset.pipeline[2].size = 8
    assert 'train: the crop loses most of some pictures' in check_data(cfg)


def test_a_wrong_number_of_classes_is_told(root: Path) -> None:
    cfg = config(root)
    cfg.model.decode_head.num_classes = 7
    assert 'val: 11 classes, but model.decode_head.num_classes=7' in check_data(cfg)


def test_a_missing_folder_and_an_empty_config_are_errors(root: Path) -> None:
    with pytest.raises(InputError, match='does not exist'):
        check_data(config(root / 'nowhere'))
    with pytest.raises(InputError, match='no train_dataloader'):
        check_data(Config({}))


def test_the_check_takes_seconds_on_real_pictures(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('PRIMAPS_SHARED', str(shared))
    base = Path(__file__).resolve().parents[2] / 'configs' / '_base_' / 'datasets' / 'cocostuff27_sample.py'
    text = check_data(Config.fromfile(base))
    assert row(text, 'pictures') == ['23', '26']
    assert row(text, 'damaged') == ['0', '0']
