"""Cityscapes-27 in the owners' layout."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mmseg_primaps.datasets import Cityscapes27Dataset
from mmseg_primaps.utils import InputError

# Label ids 7 to 33 as the owners name them.
NAMES = (
    *('road', 'sidewalk', 'parking', 'rail track', 'building', 'wall', 'fence', 'guard rail', 'bridge', 'tunnel'),
    *('pole', 'polegroup', 'traffic light', 'traffic sign', 'vegetation', 'terrain', 'sky', 'person', 'rider', 'car'),
    *('truck', 'bus', 'caravan', 'trailer', 'train', 'motorcycle', 'bicycle'),
)


@pytest.fixture
def root(tmp_path: Path, save: Callable, picture: Callable) -> Path:
    """Two cities in train, one in val; each label map holds every id once per row."""
    ids = np.tile(np.arange(34, dtype=np.uint8), (17, 1))
    for split, city in [('train', 'aachen'), ('train', 'bochum'), ('val', 'lindau')]:
        stem = f'{city}_000000_000019'
        save(tmp_path / 'leftImg8bit' / split / city / f'{stem}_leftImg8bit.png', picture(17, 34))
        save(tmp_path / 'gtFine' / split / city / f'{stem}_gtFine_labelIds.png', ids)
        save(tmp_path / 'gtFine' / split / city / f'{stem}_gtFine_instanceIds.png', ids)
    return tmp_path


def test_ids_7_to_33_are_the_27_classes_and_the_rest_is_void(root: Path, build: Callable) -> None:
    data = build('Cityscapes27Dataset', data_root=str(root))
    row = data[0]['data_samples'].gt_sem_seg.data[0, 0].tolist()
    assert row == [255] * 7 + list(range(27))
    assert data.metainfo['classes'] == NAMES
    assert len(data.metainfo['palette']) == 27


@pytest.mark.parametrize(('split', 'count'), [('train', 2), ('val', 1), ('all', 3)])
def test_splits_hold_their_cities(root: Path, build: Callable, split: str, count: int) -> None:
    assert len(build('Cityscapes27Dataset', data_root=str(root), split=split)) == count


def test_an_id_that_the_owners_do_not_use_is_an_error_or_void(root: Path, build: Callable, save: Callable) -> None:
    path = next((root / 'gtFine' / 'val').rglob('*labelIds.png'))
    save(path, np.full((17, 34), 99, np.uint8))
    with pytest.raises(InputError, match=r'labelIds\.png holds ids that are no class here: \[99\]'):
        build('Cityscapes27Dataset', data_root=str(root), split='val')[0]
    lenient = [
        {'type': 'LoadCheckedImage'},
        {'type': 'LoadMappedAnnotations', 'unknown_ids': 'ignore'},
        {'type': 'PackProposalInputs'},
    ]
    data = build('Cityscapes27Dataset', data_root=str(root), split='val', pipeline=lenient)
    assert data[0]['data_samples'].gt_sem_seg.data.unique().tolist() == [255]


def test_the_label_of_another_city_is_not_taken(root: Path, build: Callable) -> None:
    moved = next((root / 'gtFine' / 'train' / 'bochum').glob('*labelIds.png'))
    moved.rename(root / 'gtFine' / 'train' / 'aachen' / moved.name)
    with pytest.raises(InputError, match='bochum/.*labelIds.png, a label map, does not exist'):
        build('Cityscapes27Dataset', data_root=str(root))


def test_the_table_covers_all_8_bit_ids_that_occur() -> None:
    table = Cityscapes27Dataset.METAINFO['label_table']
    assert {i - 7: table[i] for i in range(7, 34)} == {i: i for i in range(27)}
    assert {table[i] for i in (*range(7), 255, -1)} == {255}
