"""VOC 2012 and COCO-81: things before a background."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from mmseg.datasets import PascalVOCDataset
from PIL import Image

from mmseg_primaps.datasets import COCO81Dataset
from mmseg_primaps.utils import InputError

PALETTE = [
    {'type': 'LoadCheckedImage'},
    {'type': 'LoadMappedAnnotations', 'palette': True},
    {'type': 'PackProposalInputs'},
]


@pytest.fixture
def voc(tmp_path: Path, save: Callable, picture: Callable) -> Path:
    """Two pictures; the label maps are palette pictures with a void border."""
    for name in ('2007_000032', '2007_000033', '2008_000001'):
        save(tmp_path / 'JPEGImages' / f'{name}.jpg', picture(4, 22))
        if name < '2008':
            label = Image.fromarray(np.tile(np.r_[np.arange(21), 255].astype(np.uint8), (4, 1)))
            label.putpalette(np.array(PascalVOCDataset.METAINFO['palette'], np.uint8).tobytes().ljust(768, b'\0'))
            (tmp_path / 'SegmentationClass').mkdir(exist_ok=True)
            label.save(tmp_path / 'SegmentationClass' / f'{name}.png')
    lists = tmp_path / 'ImageSets' / 'Segmentation'
    lists.mkdir(parents=True)
    (lists / 'train.txt').write_text('2007_000032\n')
    (lists / 'val.txt').write_text('2007_000033\n')
    return tmp_path


def test_voc_label_maps_are_palette_indices(voc: Path, build: Callable) -> None:
    data = build('VOC2012Dataset', data_root=str(voc), split='val', pipeline=PALETTE)
    assert data[0]['data_samples'].gt_sem_seg.data[0, 0].tolist() == [*range(21), 255]
    assert data.metainfo['classes'] == PascalVOCDataset.METAINFO['classes']


def test_all_voc_pictures_train_without_labels(voc: Path, build: Callable) -> None:
    pipeline = [PALETTE[0], PALETTE[2]]
    assert len(build('VOC2012Dataset', data_root=str(voc), split='all', pipeline=pipeline)) == 3
    assert len(build('VOC2012Dataset', data_root=str(voc), split='train', pipeline=pipeline)) == 1


def test_the_augmented_split_wants_its_own_folder(voc: Path, build: Callable) -> None:
    (voc / 'ImageSets' / 'Segmentation' / 'trainaug.txt').write_text('2008_000001\n')
    with pytest.raises(InputError, match='SegmentationClassAug does not exist'):
        build('VOC2012Dataset', data_root=str(voc), split='trainaug', pipeline=PALETTE)


def test_a_missing_voc_list_is_named(voc: Path, build: Callable) -> None:
    with pytest.raises(InputError, match=r'Segmentation/trainval\.txt does not exist'):
        build('VOC2012Dataset', data_root=str(voc), split='trainval', pipeline=PALETTE)


def test_coco_things_are_numbered_without_gaps_and_stuff_is_background() -> None:
    table = COCO81Dataset.METAINFO['label_table']
    assert [table[fine] for fine in (0, 10, 12, 89)] == [1, 11, 12, 80]
    assert {table[fine] for fine in (11, 90, *range(91, 182), 255)} == {0}
    assert sorted({*table.values()}) == list(range(81))
    assert COCO81Dataset.METAINFO['classes'][1::79] == ('person', 'toothbrush')
    assert len(COCO81Dataset.METAINFO['palette']) == 81


def test_coco_things_load_from_the_stuff_maps(shared: Path, build: Callable) -> None:
    data = build('COCO81Dataset', data_root=str(shared / 'data' / 'cocostuff27_sample'), split='val')
    assert len(data) == 26
    assert int(data[0]['data_samples'].gt_sem_seg.data.max()) <= 80
