"""What every folder data set checks before training, shown on CamVid's layout."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from mmseg_primaps.utils import InputError

UNLABELLED = [{'type': 'LoadCheckedImage'}, {'type': 'PackProposalInputs'}]


@pytest.fixture
def root(tmp_path: Path, save: Callable, picture: Callable) -> Path:
    """Three training pictures and one test picture with labels."""
    for number, split in enumerate(['train', 'train', 'train', 'test']):
        save(tmp_path / 'images' / split / f'{number}.png', picture(seed=number))
        save(tmp_path / 'labels' / split / f'{number}.png', np.full((24, 36), number, np.uint8))
    return tmp_path


def test_pictures_and_labels_of_a_split_are_paired_by_name(root: Path, build: Callable) -> None:
    data = build('CamVidDataset', data_root=str(root))
    assert [Path(data.get_data_info(i)['img_path']).name for i in range(3)] == ['0.png', '1.png', '2.png']
    assert [int(item['data_samples'].gt_sem_seg.data.unique()) for item in data] == [0, 1, 2]
    assert len(build('CamVidDataset', data_root=str(root), split='all')) == 4


def test_training_without_label_loading_needs_no_labels(root: Path, build: Callable) -> None:
    for label in (root / 'labels' / 'train').iterdir():
        label.unlink()
    assert len(build('CamVidDataset', data_root=str(root), pipeline=UNLABELLED)) == 3


def test_a_missing_label_is_named_when_labels_are_loaded(root: Path, build: Callable) -> None:
    (root / 'labels' / 'train' / '1.png').unlink()
    with pytest.raises(InputError, match=r'labels/train/1\.png, a label map, does not exist'):
        build('CamVidDataset', data_root=str(root))


def test_a_label_of_another_size_is_named(root: Path, build: Callable, save: Callable) -> None:
    save(root / 'labels' / 'train' / '0.png', np.zeros((24, 37), np.uint8))
    with pytest.raises(InputError, match=r'0\.png is 37x24, its picture .*0\.png is 36x24'):
        build('CamVidDataset', data_root=str(root))[0]


def test_an_id_outside_the_classes_is_named(root: Path, build: Callable, save: Callable) -> None:
    save(root / 'labels' / 'train' / '0.png', np.full((24, 36), 12, np.uint8))
    with pytest.raises(InputError, match=r'0\.png holds ids that are no class here: \[12\]'):
        build('CamVidDataset', data_root=str(root))[0]


def test_the_void_id_is_ignored(root: Path, build: Callable, save: Callable) -> None:
    save(root / 'labels' / 'train' / '0.png', np.full((24, 36), 11, np.uint8))
    assert build('CamVidDataset', data_root=str(root))[0]['data_samples'].gt_sem_seg.data.unique().tolist() == [255]


def test_a_missing_folder_is_named(root: Path, build: Callable) -> None:
    with pytest.raises(InputError, match='nowhere/images/train does not exist: check data_root'):
        build('CamVidDataset', data_root=str(root / 'nowhere'))


def test_an_empty_folder_is_named(root: Path, build: Callable) -> None:
    for path in (root / 'images' / 'test').iterdir():
        path.unlink()
    with pytest.raises(InputError, match=r'no picture \*\.png below .*images'):
        build('CamVidDataset', data_root=str(root), split='test')


def test_an_unknown_split_is_named(root: Path, build: Callable) -> None:
    with pytest.raises(InputError, match="split must be one of .*'train'.* not 'training'"):
        build('CamVidDataset', data_root=str(root), split='training')


def test_a_list_chooses_pictures_in_its_order(root: Path, build: Callable) -> None:
    (root / 'list.txt').write_text('train/2\n# a comment\n\ntrain/0\n')
    data = build('CamVidDataset', data_root=str(root), ann_file='list.txt')
    assert [int(item['data_samples'].gt_sem_seg.data.unique()) for item in data] == [2, 0]


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('\n# nothing\n', 'is empty'),
        ('train/0\ntrain/9\ntrain/8\n', r'images/train/9\.png is listed but does not exist \(2 are missing in all\)'),
        ('train/0\ntrain/0\n', 'names train/0 twice'),
    ],
)
def test_a_bad_list_is_named(root: Path, build: Callable, text: str, message: str) -> None:
    (root / 'list.txt').write_text(text)
    with pytest.raises(InputError, match=message):
        build('CamVidDataset', data_root=str(root), ann_file='list.txt')


def test_a_missing_list_is_named(root: Path, build: Callable) -> None:
    with pytest.raises(InputError, match=r'list .*gone\.txt does not exist'):
        build('CamVidDataset', data_root=str(root), ann_file='gone.txt')


def test_mmsegs_own_prefixes_work(root: Path, build: Callable) -> None:
    prefix = {'img_path': 'images/test', 'seg_map_path': 'labels/test'}
    assert len(build('CamVidDataset', data_root=str(root), data_prefix=prefix)) == 1


def test_a_choice_of_classes_renumbers_them(root: Path, build: Callable) -> None:
    data = build('CamVidDataset', data_root=str(root), metainfo={'classes': ('building', 'pole')})
    assert [int(item['data_samples'].gt_sem_seg.data.unique()) for item in data] == [255, 0, 1]
    assert data.metainfo['palette'] == [[128, 0, 0], [192, 192, 128]]


def test_the_metainfo_is_plain_enough_for_a_checkpoint(root: Path, build: Callable, tmp_path: Path) -> None:
    torch.save(build('CamVidDataset', data_root=str(root)).metainfo, tmp_path / 'meta.pth')
    assert len(torch.load(tmp_path / 'meta.pth', weights_only=True)['classes']) == 11
