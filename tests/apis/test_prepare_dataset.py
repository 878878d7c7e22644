"""Preparing each data set from what its owners distribute, in miniature."""

import json
import runpy
import shutil
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS
from PIL import Image
from scipy.io import savemat

from mmseg_primaps.apis.prepare import cityscapes27, potsdam3, prepare_dataset
from mmseg_primaps.apis.prepare.destination import Destination
from mmseg_primaps.utils import InputError

LOAD = [
    {'type': 'LoadCheckedImage'},
    {'type': 'LoadMappedAnnotations', 'palette': True},
    {'type': 'PackProposalInputs'},
]
TOOL = Path(__file__).resolve().parents[2] / 'tools' / 'prepare_dataset.py'


@pytest.fixture(autouse=True)
def mmseg_scope() -> None:
    init_default_scope('mmseg')


def load(kind: str, root: Path, **options: object) -> list[dict]:
    """All pictures of a prepared data set, with labels."""
    data = DATASETS.build({'type': kind, 'data_root': str(root), 'pipeline': LOAD, **options})
    return [data[i] for i in range(len(data))]


def encode(array: np.ndarray, kind: str = 'PNG') -> bytes:
    buffer = BytesIO()
    Image.fromarray(array).save(buffer, format=kind)
    return buffer.getvalue()


def noise(height: int, width: int, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, channels), dtype=np.uint8)


@pytest.fixture
def cityscapes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The owners' two archives with three small pictures."""
    monkeypatch.setattr(cityscapes27, 'HEIGHT', 16)
    monkeypatch.setattr(cityscapes27, 'WIDTH', 32)
    source = tmp_path / 'source'
    source.mkdir()
    with zipfile.ZipFile(source / 'leftImg8bit_trainvaltest.zip', 'w') as archive:
        for split, city in (('train', 'aachen'), ('train', 'bochum'), ('val', 'lindau')):
            name = f'leftImg8bit/{split}/{city}/{city}_000000_000019_leftImg8bit.png'
            archive.writestr(name, encode(noise(16, 32)))
    with zipfile.ZipFile(source / 'gtFine_trainvaltest.zip', 'w') as archive:
        for split, city in (('train', 'aachen'), ('train', 'bochum'), ('val', 'lindau')):
            stem = f'gtFine/{split}/{city}/{city}_000000_000019_gtFine'
            ids = np.arange(16 * 32, dtype=np.uint16).reshape(16, 32) % 34
            archive.writestr(f'{stem}_labelIds.png', encode(ids.astype(np.uint8)))
            archive.writestr(f'{stem}_color.png', encode(noise(16, 32)))
        archive.writestr('README', 'text')
    return source


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    """Pictures unpacked, label maps zipped; only the first belongs to list 7."""
    source = tmp_path / 'source'
    sky, person = 156, 0
    shapes = {1: (400, 360, sky), 2: (359, 400, sky), 3: (400, 400, person)}
    maps = {number: np.full((height, width), fine, np.uint8) for number, (height, width, fine) in shapes.items()}
    with zipfile.ZipFile(source_file(source / 'stuffthingmaps_trainval2017.zip'), 'w') as archive:
        for split in ('train2017', 'val2017'):
            for number, label in maps.items():
                path = source / split / f'{number:012d}.jpg'
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(encode(noise(*label.shape), 'JPEG'))
                archive.writestr(f'{split}/{number:012d}.png', encode(label))
    return source


def source_file(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def test_cityscapes_is_unpacked_into_the_layout_that_is_read(cityscapes: Path, tmp_path: Path) -> None:
    record = prepare_dataset('cityscapes27', cityscapes, tmp_path / 'made')
    items = load('Cityscapes27Dataset', tmp_path / 'made')
    assert len(items) == 2
    assert items[0]['data_samples'].gt_sem_seg.data[0, 0, :8].tolist() == [255] * 7 + [0]
    assert record['counts']['leftImg8bit/train/*.png'] == 2
    assert 'leftImg8bit/train/*.png: 2 files, the owners distribute 2975' in record['notes']
    assert not list((tmp_path / 'made').rglob('*color*'))


def test_wrong_counts_stop_when_strict(cityscapes: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match='2 files, the owners distribute 2975'):
        prepare_dataset('cityscapes27', cityscapes, tmp_path / 'made', strict=True)
    assert not (tmp_path / 'made').exists()


def test_a_picture_of_another_size_is_named(cityscapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cityscapes27, 'WIDTH', 2048)
    with pytest.raises(InputError, match=r'leftImg8bit\.png is 32x16, expected 2048x16'):
        prepare_dataset('cityscapes27', cityscapes, tmp_path / 'made')


def test_what_is_missing_names_the_download(tmp_path: Path) -> None:
    for name, word in (
        ('cityscapes27', 'gtFine_trainvaltest.zip'),
        ('cocostuff27', 'stuffthingmaps'),
        ('coco', 'train2017.zip'),
        ('potsdam3', '4_Ortho_RGBIR.zip'),
        ('voc2012', 'VOCtrainval_11-May-2012.tar'),
    ):
        with pytest.raises(InputError, match=word):
            prepare_dataset(name, tmp_path, tmp_path / 'made')


def test_a_label_map_without_picture_is_named(cityscapes: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(cityscapes / 'gtFine_trainvaltest.zip', 'a') as archive:
        archive.writestr('gtFine/val/ulm/ulm_000000_000019_gtFine_labelIds.png', encode(np.zeros((16, 32), np.uint8)))
    with pytest.raises(InputError, match=r'ulm.* has no picture'):
        prepare_dataset('cityscapes27', cityscapes, tmp_path / 'made')


def test_an_interrupted_preparation_goes_on(cityscapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, written = Destination.write, []

    def tired(self: Destination, target: str, content: bytes | Path) -> None:
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(target)
        write(self, target, content)

    monkeypatch.setattr(Destination, 'write', tired)
    with pytest.raises(KeyboardInterrupt):
        prepare_dataset('cityscapes27', cityscapes, tmp_path / 'made')
    assert not json.loads((tmp_path / 'made' / 'prepared.json').read_text())['complete']
    monkeypatch.setattr(Destination, 'write', lambda self, *args: (written.append(args[0]), write(self, *args)))
    prepare_dataset('cityscapes27', cityscapes, tmp_path / 'made')
    assert len(written) == len(set(written)) == 6
    assert json.loads((tmp_path / 'made' / 'prepared.json').read_text())['complete']


def test_a_picture_cut_short_on_its_way_is_named(coco: Path, tmp_path: Path) -> None:
    path = coco / 'val2017' / '000000000002.jpg'
    path.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(InputError, match=r'000000000002\.jpg is cut short'):
        prepare_dataset('coco', coco, tmp_path / 'made')


def test_coco_gets_list_7_by_its_rule_and_says_so(coco: Path, tmp_path: Path) -> None:
    record = prepare_dataset('cocostuff27', coco, tmp_path / 'made')
    assert (tmp_path / 'made/curated/train2017/Coco164kFull_Stuff_Coarse_7.txt').read_text() == '000000000001\n'
    assert len(load('COCOStuff27Dataset', tmp_path / 'made', subset=7)) == 1
    assert len(load('COCO81Dataset', tmp_path / 'made')) == 3
    assert sum('made by its rule: 1 pictures' in note for note in record['notes']) == 2


def test_cocos_original_lists_are_taken_over(coco: Path, tmp_path: Path) -> None:
    for split in ('train2017', 'val2017'):
        for name in ('Coco164kFull_Stuff_Coarse_7.txt', 'Coco164kFull_Stuff_Coarse.txt'):
            source_file(coco / 'curated' / split / name).write_text('000000000003\n')
    record = prepare_dataset('cocostuff27', coco, tmp_path / 'made')
    assert not [note for note in record['notes'] if 'rule' in note]
    items = load('COCOStuff27Dataset', tmp_path / 'made', subset='full')
    assert [item['data_samples'].gt_sem_seg.data.unique().tolist() for item in items] == [[9]]


def test_coco_label_maps_of_another_size_are_named(coco: Path, tmp_path: Path) -> None:
    path = coco / 'val2017' / '000000000002.jpg'
    path.write_bytes(encode(noise(10, 20), 'JPEG'))
    with pytest.raises(InputError, match=r'000000000002\.png is 400x359, expected 20x10'):
        prepare_dataset('coco', coco, tmp_path / 'made')


def test_coco_label_maps_are_drawn_from_json(coco: Path, tmp_path: Path) -> None:
    pytest.importorskip('pycocotools', reason='drawing label maps from JSON needs pycocotools')
    (coco / 'stuffthingmaps_trainval2017.zip').unlink()
    shutil.rmtree(coco / 'train2017')
    images = [{'id': i, 'height': h, 'width': w} for i, (h, w) in enumerate([(400, 360), (359, 400), (400, 400)], 1)]
    square = [[10, 10, 30, 10, 30, 30, 10, 30]]
    counts = {'counts': [0, 400 * 100, 400 * 260], 'size': [400, 360]}
    things = [
        {'image_id': 1, 'category_id': 3, 'area': 400, 'segmentation': square, 'iscrowd': 0},
        {'image_id': 1, 'category_id': 90, 'area': 900, 'segmentation': [[0, 0, 40, 0, 40, 40, 0, 40]], 'iscrowd': 0},
    ]
    stuff = [
        {'image_id': 1, 'category_id': 157, 'area': 40000, 'segmentation': counts, 'iscrowd': 0},
        {'image_id': 1, 'category_id': 183, 'area': 9, 'segmentation': square, 'iscrowd': 0},
    ]
    for name, annotations in (('instances', things), ('stuff', stuff)):
        path = source_file(coco / 'annotations' / f'{name}_val2017.json')
        path.write_text(json.dumps({'images': images, 'annotations': annotations}))
    prepare_dataset('coco', coco, tmp_path / 'made')
    label = np.asarray(Image.open(tmp_path / 'made' / 'annotations' / 'val2017' / '000000000001.png'))
    assert label.shape == (400, 360)
    assert (label[20, 20], label[5, 5], label[200, 50], label[200, 300]) == (2, 89, 156, 255)


def test_a_broken_json_is_named(coco: Path, tmp_path: Path) -> None:
    (coco / 'stuffthingmaps_trainval2017.zip').unlink()
    for split in ('train2017', 'val2017'):
        source_file(coco / 'annotations' / f'instances_{split}.json').write_text('{"images": [')
    with pytest.raises(InputError, match=r'instances_train2017\.json is no COCO annotation file'):
        prepare_dataset('coco', coco, tmp_path / 'made')


@pytest.fixture
def tiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three small tiles, two of them labelled, one of these not in the published 24."""
    monkeypatch.setattr(potsdam3, 'PATCH', 4)
    monkeypatch.setattr(potsdam3, 'TILE', 120)
    source = tmp_path / 'source'
    source.mkdir()
    colours = np.array(potsdam3._COLOURS, np.uint8)
    ids = np.random.default_rng(1).integers(0, 6, (120, 120))
    for name in ('2_10', '2_13', '7_12'):
        tifffile.imwrite(source / f'top_potsdam_{name}_RGBIR.tif', noise(120, 120, 4), photometric='rgb')
        tifffile.imwrite(source / f'top_potsdam_{name}_label.tif', colours[ids], photometric='rgb')
    np.save(tmp_path / 'ids.npy', ids)
    return source


@pytest.mark.parametrize('kind', ['png', 'mat'])
def test_potsdam_tiles_become_half_scale_patches(tiles: Path, tmp_path: Path, kind: str) -> None:
    prepare_dataset('potsdam3', tiles, tmp_path / 'made', kind=kind)
    made = tmp_path / 'made'
    assert len(list((made / 'imgs').iterdir())) == 3 * 225
    assert len(list((made / 'gt').iterdir())) == 2 * 225
    sizes = {name: len((made / f'{name}.txt').read_text().split()) for name in ('labelled_train', 'labelled_test')}
    assert sizes == {'labelled_train': 379, 'labelled_test': 71}
    half = cv2.resize(noise(120, 120, 4), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_LINEAR)
    (made / 'one.txt').write_text('16\n')
    item = load('Potsdam3Dataset', made, ann_file='one.txt')[0]
    assert np.array_equal(item['inputs'].permute(1, 2, 0), half[4:8, 4:8, [2, 1, 0]])
    fine = np.load(tmp_path / 'ids.npy')[::2, ::2][4:8, 4:8]
    assert np.array_equal(item['data_samples'].gt_sem_seg.data[0], np.array([0, 1, 2, 2, 0, 1])[fine])


def test_a_drawn_potsdam_split_warns_wherever_it_is_used(tiles: Path, tmp_path: Path) -> None:
    prepare_dataset('potsdam3', tiles, tmp_path / 'made', seed=3)
    data = DATASETS.build({'type': 'Potsdam3Dataset', 'data_root': str(tmp_path / 'made'), 'pipeline': LOAD})
    assert any('drawn with seed 3' in note for note in data.metainfo['notes'])


def test_a_potsdam_split_is_drawn_by_its_seed_alone(tmp_path: Path) -> None:
    for name, seed in (('one', 3), ('two', 3), ('three', 4)):
        potsdam3._draw_split(8550, list(range(5400)), seed, Destination(tmp_path / name, {}))
    lists = {name: (tmp_path / name / 'labelled_test.txt').read_text() for name in ('one', 'two', 'three')}
    assert lists['one'] == lists['two'] != lists['three']
    assert len(lists['one'].split()) == 855
    assert len((tmp_path / 'one' / 'labelled_train.txt').read_text().split()) == 4545
    assert len((tmp_path / 'one' / 'unlabelled_train.txt').read_text().split()) == 3150


def test_a_colour_that_means_nothing_is_void() -> None:
    colours = np.array([[[255, 255, 255], [0, 0, 0], [255, 0, 255], [254, 255, 255], [255, 0, 0]]], np.uint8)
    assert potsdam3.fine_ids(colours).tolist() == [[0, 255, 255, 255, 5]]


def test_the_original_potsdam_patches_and_lists_are_taken_over(tmp_path: Path) -> None:
    source = tmp_path / 'source' / 'potsdam'
    for number in range(2):
        savemat(source_file(source / 'imgs' / f'{number}.mat'), {'img': noise(8, 8, 4)})
        savemat(source_file(source / 'gt' / f'{number}.mat'), {'gt': np.full((8, 8), 4, np.int32)})
    for name, text in (('labelled_train', '0\n'), ('labelled_test', '1\n'), ('unlabelled_train', '')):
        (source / f'{name}.txt').write_text(text)
    prepare_dataset('potsdam3', source.parent, tmp_path / 'made')
    items = load('Potsdam3Dataset', tmp_path / 'made', split='val')
    assert items[0]['data_samples'].gt_sem_seg.data.unique().tolist() == [0]
    (source / 'labelled_test.txt').unlink()
    with pytest.raises(InputError, match=r'patches without labelled_test\.txt'):
        prepare_dataset('potsdam3', source.parent, tmp_path / 'other')


def test_the_original_lists_cannot_number_new_patches(tiles: Path, tmp_path: Path) -> None:
    (tiles / 'labelled_test.txt').write_text('7\n')
    with pytest.raises(InputError, match='lists number the original patches'):
        prepare_dataset('potsdam3', tiles, tmp_path / 'made')


def test_a_damaged_tile_is_named(tiles: Path, tmp_path: Path) -> None:
    path = tiles / 'top_potsdam_2_10_RGBIR.tif'
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match=r'top_potsdam_2_10_RGBIR\.tif'):
        prepare_dataset('potsdam3', tiles, tmp_path / 'made')


def test_voc_is_taken_over(tmp_path: Path) -> None:
    root = tmp_path / 'source' / 'VOCdevkit' / 'VOC2012'
    label = Image.fromarray(np.full((6, 9), 15, np.uint8))
    label.putpalette(bytes(range(256)) * 3)
    source_file(root / 'JPEGImages' / '2007_000032.jpg').write_bytes(encode(noise(6, 9), 'JPEG'))
    label.save(source_file(root / 'SegmentationClass' / '2007_000032.png'))
    source_file(root / 'ImageSets' / 'Segmentation' / 'val.txt').write_text('2007_000032\n')
    prepare_dataset('voc2012', tmp_path / 'source', tmp_path / 'made')
    items = load('VOC2012Dataset', tmp_path / 'made', split='val')
    assert items[0]['data_samples'].gt_sem_seg.data.unique().tolist() == [15]


def test_five_crops_are_cut_and_read_back(cityscapes: Path, tmp_path: Path) -> None:
    prepare_dataset('cityscapes27', cityscapes, tmp_path / 'made', five_crops=0.5)
    folder = tmp_path / 'made' / 'cropped' / 'cityscapes27_five_crop_0.5'
    whole = load('Cityscapes27Dataset', tmp_path / 'made')
    crops = load('FiveCropDataset', tmp_path / 'made', source='Cityscapes27Dataset')
    assert sorted(int(path.stem) for path in (folder / 'img' / 'train').iterdir()) == list(range(10))
    assert len(crops) == 10
    label = whole[0]['data_samples'].gt_sem_seg.data[0]
    by_name = {Path(item['data_samples'].img_path).stem: item['data_samples'].gt_sem_seg.data[0] for item in crops}
    expected = [label[:8, :16], label[:8, 16:], label[8:, :16], label[8:, 16:], label[4:12, 8:24]]
    assert all((by_name[str(k)] == crop).all() for k, crop in enumerate(expected))
    assert np.asarray(Image.open(folder / 'label' / 'train' / '0.png')).min() == 0


@pytest.mark.parametrize(
    'options', [{'name': 'coco', 'five_crops': 0.5}, {'name': 'ade'}, {'name': 'coco', 'kind': 'x'}]
)
def test_options_without_sense_are_errors(tmp_path: Path, options: dict) -> None:
    with pytest.raises(InputError):
        prepare_dataset(source=tmp_path, destination=tmp_path / 'made', **options)


def test_the_command_prints_counts_and_one_line_errors(
    coco: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(sys, 'argv', ['prepare_dataset.py', 'coco', str(coco), str(tmp_path / 'made')])
    runpy.run_path(str(TOOL), run_name='__main__')
    assert '3  images/train2017/*.jpg' in capsys.readouterr().out
    monkeypatch.setattr(sys, 'argv', ['prepare_dataset.py', 'voc2012', str(coco), str(tmp_path / 'other')])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(TOOL), run_name='__main__')
    assert stopped.value.code == 2
    assert capsys.readouterr().err.strip().splitlines()[-1].startswith('error: ')
