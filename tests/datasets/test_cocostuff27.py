"""COCO-Stuff-27 in COCO's layout."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mmseg_primaps.datasets import COCOStuff27Dataset
from mmseg_primaps.utils import InputError

# Coarse class of every fine id, ten to a row, as the benchmark's table has it.
COARSE = [
    *(9, 11, 11, 11, 11, 11, 11, 11, 11, 8),
    *(8, 8, 8, 8, 8, 7, 7, 7, 7, 7),
    *(7, 7, 7, 7, 7, 6, 6, 6, 6, 6),
    *(6, 6, 6, 10, 10, 10, 10, 10, 10, 10),
    *(10, 10, 10, 5, 5, 5, 5, 5, 5, 5),
    *(5, 2, 2, 2, 2, 2, 2, 2, 2, 2),
    *(2, 3, 3, 3, 3, 3, 3, 3, 3, 3),
    *(3, 0, 0, 0, 0, 0, 0, 1, 1, 1),
    *(1, 1, 1, 4, 4, 4, 4, 4, 4, 4),
    *(4, 17, 17, 22, 20, 20, 22, 15, 25, 16),
    *(13, 12, 12, 17, 17, 23, 15, 15, 17, 15),
    *(21, 15, 25, 13, 13, 13, 13, 13, 22, 26),
    *(14, 14, 15, 22, 21, 21, 24, 20, 22, 15),
    *(17, 16, 15, 22, 24, 21, 17, 25, 16, 21),
    *(17, 22, 16, 21, 21, 25, 21, 26, 21, 24),
    *(20, 17, 14, 21, 26, 15, 23, 20, 21, 24),
    *(15, 24, 22, 25, 15, 20, 17, 17, 22, 14),
    *(18, 18, 18, 18, 18, 18, 18, 26, 26, 19),
    *(19, 24),
]


@pytest.fixture
def root(tmp_path: Path, save: Callable, picture: Callable) -> Path:
    """Four pictures; the first label map holds every fine id."""
    for number, split in [(139, 'val2017'), (9, 'train2017'), (25, 'train2017'), (30, 'train2017')]:
        ids = np.r_[np.arange(182), 255, 255].astype(np.uint8).reshape(8, 23)
        save(tmp_path / 'images' / split / f'{number:012d}.jpg', picture(8, 23))
        save(tmp_path / 'annotations' / split / f'{number:012d}.png', ids)
    lists = {'train2017': ['000000000009', '000000000030'], 'val2017': ['000000000139']}
    for split, names in lists.items():
        path = tmp_path / 'curated' / split / 'Coco164kFull_Stuff_Coarse_7.txt'
        path.parent.mkdir(parents=True)
        path.write_text('\n'.join(names) + '\n')
    return tmp_path


def test_the_table_has_the_published_class_of_all_182_ids() -> None:
    table = COCOStuff27Dataset.METAINFO['label_table']
    assert [table[i] for i in range(182)] == COARSE
    assert table[255] == 255
    assert len(table) == 183
    assert len(set(COCOStuff27Dataset.METAINFO['classes'])) == 27


def test_label_maps_hold_coarse_classes(root: Path, build: Callable) -> None:
    label = build('COCOStuff27Dataset', data_root=str(root))[0]['data_samples'].gt_sem_seg.data
    assert label.flatten().tolist() == [*COARSE, 255, 255]


@pytest.mark.parametrize(
    ('split', 'subset', 'count'), [('train', None, 3), ('train', 7, 2), ('all', 7, 3), ('val', 7, 1)]
)
def test_splits_and_lists_choose_pictures(
    root: Path, build: Callable, split: str, subset: int | None, count: int
) -> None:
    assert len(build('COCOStuff27Dataset', data_root=str(root), split=split, subset=subset)) == count


def test_label_maps_may_lie_in_stuffthingmaps(root: Path, build: Callable) -> None:
    (root / 'annotations').rename(root / 'stuffthingmaps')
    assert '/stuffthingmaps/' in build('COCOStuff27Dataset', data_root=str(root)).get_data_info(0)['seg_map_path']


def test_a_missing_curated_list_is_named(root: Path, build: Callable) -> None:
    with pytest.raises(InputError, match=r'curated/train2017/Coco164kFew_Stuff_6\.txt does not exist'):
        build('COCOStuff27Dataset', data_root=str(root), subset=6)


def test_an_unknown_list_is_named(root: Path, build: Callable) -> None:
    with pytest.raises(InputError, match='subset must be 7, 6'):
        build('COCOStuff27Dataset', data_root=str(root), subset=5)


def test_an_id_beyond_181_is_named(root: Path, build: Callable, save: Callable) -> None:
    save(root / 'annotations' / 'val2017' / '000000000139.png', np.full((8, 23), 182, np.uint8))
    with pytest.raises(InputError, match=r'000000000139\.png holds ids that are no class here: \[182\]'):
        build('COCOStuff27Dataset', data_root=str(root), split='val')[0]


def test_real_pictures_load_and_all_27_classes_occur(shared: Path, build: Callable) -> None:
    data = build('COCOStuff27Dataset', data_root=str(shared / 'data' / 'cocostuff27_sample'), split='all')
    found = {int(c) for item in data for c in np.unique(item['data_samples'].gt_sem_seg.data)}
    assert len(data) == 49
    assert found - {255} == set(range(27))
