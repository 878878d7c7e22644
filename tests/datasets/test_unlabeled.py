"""A user's own pictures."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mmseg_primaps.datasets.palettes import cluster_palette
from mmseg_primaps.utils import InputError

PIPELINE = [{'type': 'LoadCheckedImage'}, {'type': 'PackProposalInputs'}]


@pytest.fixture
def folder(tmp_path: Path, save: Callable, picture: Callable) -> Path:
    """Pictures of mixed kinds and sizes in nested folders, and files that are none."""
    pictures = tmp_path / 'pictures'
    save(pictures / 'b.png', picture(10, 12))
    save(pictures / 'trip' / 'A.JPG', picture(20, 14))
    save(pictures / 'trip' / 'day 2' / 'c.jpeg', picture(8, 8))
    (pictures / 'notes.txt').write_text('none')
    (pictures / '._b.png').write_text('none')
    return pictures


@pytest.fixture
def paths(build: Callable) -> Callable[..., list[str]]:
    """Paths that a data set finds, relative to where it starts."""

    def find(source: object, **options: object) -> list[str]:
        data = build('UnlabeledDataset', data_root=str(source), pipeline=PIPELINE, **options)
        base = Path(data.data_prefix['img_path']).absolute()
        entries = [data.get_data_info(i)['img_path'] for i in range(len(data))]
        return [Path(path).absolute().relative_to(base).as_posix() for path in entries]

    return find


def test_a_folder_is_searched_with_its_sub_folders(folder: Path, paths: Callable) -> None:
    assert paths(folder) == ['b.png', 'trip/A.JPG', 'trip/day 2/c.jpeg']


def test_a_glob_chooses(folder: Path, paths: Callable) -> None:
    assert paths(folder / '**' / '*.jpeg') == ['trip/day 2/c.jpeg']
    assert paths(folder / 'trip' / '*') == ['A.JPG']


def test_a_list_keeps_its_order(folder: Path, paths: Callable) -> None:
    (folder / 'list.txt').write_text('trip/A.JPG\nb.png\n')
    assert paths(folder / 'list.txt') == ['trip/A.JPG', 'b.png']


def test_one_picture_is_a_data_set(folder: Path, paths: Callable) -> None:
    assert paths(folder / 'b.png') == ['b.png']


def test_relative_folders_work(folder: Path, paths: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    assert paths('pictures')[0] == paths('./pictures/*')[0] == 'b.png'


@pytest.mark.parametrize(
    ('text', 'message'),
    [('', 'is empty'), ('b.png\ngone.jpg\n', r'names .*gone\.jpg, which does not exist'), ('b.png\nb.png\n', 'twice')],
)
def test_a_bad_list_is_named(folder: Path, paths: Callable, text: str, message: str) -> None:
    (folder / 'list.txt').write_text(text)
    with pytest.raises(InputError, match=message):
        paths(folder / 'list.txt')


def test_a_folder_without_pictures_is_named(tmp_path: Path, paths: Callable) -> None:
    with pytest.raises(InputError, match='no pictures in'):
        paths(tmp_path)


def test_a_source_that_is_nothing_is_named(tmp_path: Path, paths: Callable) -> None:
    with pytest.raises(InputError, match='is no folder, picture, list or glob'):
        paths(tmp_path / 'gone')


def test_two_pictures_of_one_name_are_named(folder: Path, paths: Callable, save: Callable, picture: Callable) -> None:
    save(folder / 'b.jpg', picture())
    with pytest.raises(InputError, match=r'b\.jpg and .*b\.png have one name'):
        paths(folder)


def test_clusters_get_names_and_colours_of_their_own(folder: Path, build: Callable) -> None:
    data = build('UnlabeledDataset', data_root=str(folder), num_classes=40, pipeline=PIPELINE)
    assert data.metainfo['classes'][39] == 'cluster 39'
    assert len({tuple(colour) for colour in data.metainfo['palette']}) == 40
    assert min(min(colour) for colour in cluster_palette(255)) >= 0


@pytest.mark.parametrize('count', [0, 256])
def test_a_number_of_clusters_beyond_the_map_is_an_error(folder: Path, build: Callable, count: int) -> None:
    with pytest.raises(InputError, match='num_classes must be 1 to 255'):
        build('UnlabeledDataset', data_root=str(folder), num_classes=count, pipeline=PIPELINE)


def test_names_that_disagree_with_the_number_are_an_error(folder: Path, build: Callable) -> None:
    with pytest.raises(InputError, match='num_classes=3, but metainfo names 2'):
        build('UnlabeledDataset', data_root=str(folder), num_classes=3, metainfo={'classes': ('a', 'b')})


def test_labels_are_optional_and_paired_by_path(folder: Path, build: Callable, save: Callable, tmp_path: Path) -> None:
    labels = tmp_path / 'labels'
    save(labels / 'b.png', np.full((10, 12), 1, np.uint8))
    with pytest.raises(InputError, match=r'labels/trip/A\.png, a label map, does not exist'):
        build('UnlabeledDataset', data_root=str(folder), num_classes=2, label_root=str(labels))
    with pytest.raises(InputError, match='set label_root'):
        build('UnlabeledDataset', data_root=str(folder), num_classes=2)
    data = build('UnlabeledDataset', data_root=str(folder / 'b.png'), num_classes=2, label_root=str(labels))
    assert data[0]['data_samples'].gt_sem_seg.data.unique().tolist() == [1]
