"""Potsdam-3 as MATLAB patches and as PNG."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from mmseg_primaps.utils import InputError

LISTS = {'labelled_train': [0, 1], 'labelled_test': [2], 'unlabelled_train': [3]}
FINE = np.array([[0, 1, 2, 3, 4, 5, -1, 255]], dtype=np.int32)
COARSE = [0, 1, 2, 2, 0, 1, 255, 255]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Four patches (small ones) and the lists; the unlabelled one has no label map."""
    (tmp_path / 'imgs').mkdir()
    (tmp_path / 'gt').mkdir()
    for number in range(4):
        patch = np.random.default_rng(number).integers(0, 256, (1, 8, 4), dtype=np.uint8)
        savemat(tmp_path / 'imgs' / f'{number}.mat', {'img': patch})
        if number < 3:
            savemat(tmp_path / 'gt' / f'{number}.mat', {'gt': FINE})
    for name, numbers in LISTS.items():
        (tmp_path / f'{name}.txt').write_text(''.join(f'{number}\n' for number in numbers))
    return tmp_path


def test_fine_ids_become_three_classes(root: Path, build: Callable) -> None:
    data = build('Potsdam3Dataset', data_root=str(root))
    assert data[0]['data_samples'].gt_sem_seg.data.flatten().tolist() == COARSE
    assert data[0]['inputs'].shape == (3, 1, 8)
    assert len(data.metainfo['classes']) == 3


def test_png_patches_give_the_same(root: Path, build: Callable, save: Callable) -> None:
    for path in (root / 'imgs').iterdir():
        path.unlink()
    for number in range(3):
        save(root / 'imgs' / f'{number}.png', np.zeros((1, 8, 3), np.uint8))
        (root / 'gt' / f'{number}.mat').unlink()
        save(root / 'gt' / f'{number}.png', (FINE & 255).astype(np.uint8))
    item = build('Potsdam3Dataset', data_root=str(root), split='val')[0]
    assert item['data_samples'].gt_sem_seg.data.flatten().tolist() == COARSE


@pytest.mark.parametrize(('split', 'count'), [('train', 2), ('val', 1), ('train+val', 3)])
def test_splits_follow_the_lists(root: Path, build: Callable, split: str, count: int) -> None:
    assert len(build('Potsdam3Dataset', data_root=str(root), split=split)) == count


def test_unlabelled_patches_serve_training_only(root: Path, build: Callable) -> None:
    pipeline = [{'type': 'LoadCheckedImage'}, {'type': 'PackProposalInputs'}]
    assert len(build('Potsdam3Dataset', data_root=str(root), split='all', pipeline=pipeline)) == 4
    with pytest.raises(InputError, match=r'gt/3\.mat, a label map, does not exist'):
        build('Potsdam3Dataset', data_root=str(root), split='all')


def test_an_unknown_id_is_an_error_or_void(root: Path, build: Callable) -> None:
    savemat(root / 'gt' / '2.mat', {'gt': FINE + 6})
    with pytest.raises(InputError, match=r'2\.mat holds ids that are no class here: \[6, 7'):
        build('Potsdam3Dataset', data_root=str(root), split='val')[0]


def test_both_kinds_of_patches_at_once_are_an_error(root: Path, build: Callable, save: Callable) -> None:
    save(root / 'imgs' / '0.png', np.zeros((1, 8, 3), np.uint8))
    with pytest.raises(InputError, match='keep one kind'):
        build('Potsdam3Dataset', data_root=str(root))


def test_a_missing_folder_or_list_is_named(root: Path, build: Callable) -> None:
    (root / 'labelled_test.txt').unlink()
    with pytest.raises(InputError, match=r'labelled_test\.txt does not exist'):
        build('Potsdam3Dataset', data_root=str(root), split='val')
    with pytest.raises(InputError, match='nowhere/imgs does not exist'):
        build('Potsdam3Dataset', data_root=str(root / 'nowhere'))


def test_the_warning_about_a_drawn_split_reaches_the_metainfo(root: Path, build: Callable) -> None:
    assert build('Potsdam3Dataset', data_root=str(root)).metainfo['notes'] == []
    (root / 'prepared.json').write_text(json.dumps({'notes': ['drawn with seed 0']}))
    assert build('Potsdam3Dataset', data_root=str(root)).metainfo['notes'] == ['drawn with seed 0']
