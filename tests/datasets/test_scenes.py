"""Scenes that the package makes itself."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmseg_primaps.datasets import Cityscapes27Dataset
from mmseg_primaps.datasets.scenes import make_scene, write_scenes
from mmseg_primaps.datasets.scenes.arrays import single
from mmseg_primaps.datasets.scenes.camera import Camera
from mmseg_primaps.datasets.scenes.canvas import Canvas
from mmseg_primaps.datasets.scenes.generate import PAINTERS
from mmseg_primaps.datasets.scenes.labels import Label
from mmseg_primaps.datasets.scenes.noise import fractal_noise, lattice_noise
from mmseg_primaps.utils import InputError

KINDS = sorted(PAINTERS)
SHAPE = (96, 192)


def pngs(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob('*.png'))


@pytest.mark.parametrize('kind', KINDS)
def test_the_same_seed_gives_the_same_scene_and_another_seed_another_one(kind: str) -> None:
    first, again, other = (make_scene(kind, seed, SHAPE) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.labels, again.labels)
    assert (first.image != other.image).mean() > 0.5


@pytest.mark.parametrize('kind', KINDS)
def test_a_scene_has_the_asked_size_and_known_labels(kind: str) -> None:
    for seed in range(4):
        scene = make_scene(kind, seed, SHAPE)
        assert scene.image.shape == (*SHAPE, 3)
        assert scene.labels.shape == SHAPE
        assert scene.image.dtype == scene.labels.dtype == np.uint8
        assert set(np.unique(scene.labels)) <= {int(label) for label in Label}


@pytest.mark.parametrize(('kind', 'expected'), [('street', Label.ROAD), ('landscape', Label.TERRAIN)])
def test_outdoor_scenes_have_sky_above_their_ground(kind: str, expected: Label) -> None:
    for seed in range(5):
        labels = make_scene(kind, seed, SHAPE).labels
        sky, ground = np.nonzero(labels == Label.SKY)[0], np.nonzero(labels == expected)[0]
        assert ground.size > 0
        assert sky.size == 0 or sky.mean() < ground.mean()


def test_the_scenes_of_a_seed_show_most_classes_that_a_benchmark_counts() -> None:
    labels = [make_scene(kind, seed, SHAPE).labels for kind in KINDS for seed in range(12)]
    share = np.bincount(np.concatenate([label.ravel() for label in labels]), minlength=34) / (
        len(labels) * np.prod(SHAPE)
    )
    assert (share[7:] > 0).sum() >= 18
    assert share.max() < 0.4
    assert share[Label.UNLABELLED] < 0.1


def test_a_class_does_not_have_one_colour() -> None:
    means = []
    for seed in range(12):
        scene = make_scene('street', seed, SHAPE)
        means.append(scene.image[scene.labels == Label.ROAD].mean(axis=0))
    assert np.std(means, axis=0).min() > 8


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(KeyError, match='seaside'):
        make_scene('seaside', 0, SHAPE)


def test_files_lie_in_the_folders_of_cityscapes(tmp_path: Path) -> None:
    root = write_scenes(tmp_path / 'scenes', train=4, val=1, shape=SHAPE)
    images = [path for path in pngs(root) if path.startswith('leftImg8bit')]
    assert len(images) == 5
    assert 'leftImg8bit/val/street/street_000000_000000_leftImg8bit.png' in images
    for image in images:
        label = image.replace('leftImg8bit/', 'gtFine/', 1).replace('_leftImg8bit', '_gtFine_labelIds')
        assert np.array(Image.open(root / label)).shape == np.array(Image.open(root / image)).shape[:2]


def test_the_normal_loader_reads_the_written_labels_as_classes(tmp_path: Path) -> None:
    root = write_scenes(tmp_path, train=2, val=0, shape=SHAPE)
    steps = [{'type': 'LoadCheckedImage'}, {'type': 'LoadMappedAnnotations'}]
    dataset = Cityscapes27Dataset(data_root=str(root), split='train', pipeline=steps)
    assert len(dataset) == 2
    for results, number in zip(dataset, range(2), strict=True):
        scene = make_scene('street', (0, 0, number), SHAPE)
        np.testing.assert_array_equal(results['img'], scene.image[..., ::-1])
        expected = np.where(scene.labels < 7, 255, scene.labels.astype(int) - 7)
        np.testing.assert_array_equal(results['gt_seg_map'], expected)


def test_a_second_call_writes_nothing_and_a_damaged_set_is_completed(tmp_path: Path) -> None:
    root = write_scenes(tmp_path, train=3, val=1, shape=SHAPE)
    before = {path: (root / path).stat().st_mtime_ns for path in pngs(root)}
    lost = root / pngs(root)[0]
    content = lost.read_bytes()
    lost.unlink()
    write_scenes(tmp_path, train=3, val=1, shape=SHAPE)
    after = {path: (root / path).stat().st_mtime_ns for path in pngs(root)}
    assert before.keys() == after.keys()
    assert lost.read_bytes() == content
    assert sum(before[path] != after[path] for path in before) == 2  # the lost picture and its labels
    assert not list(root.rglob('*.part'))


def test_asking_for_more_scenes_changes_none(tmp_path: Path) -> None:
    few = write_scenes(tmp_path / 'few', train=2, val=1, shape=SHAPE)
    many = write_scenes(tmp_path / 'many', train=5, val=2, shape=SHAPE)
    assert all((few / path).read_bytes() == (many / path).read_bytes() for path in pngs(few))


def test_a_folder_of_other_settings_is_refused(tmp_path: Path) -> None:
    write_scenes(tmp_path, train=1, val=0, shape=SHAPE)
    with pytest.raises(InputError, match=r'scenes\.json.*other settings'):
        write_scenes(tmp_path, train=1, val=0, seed=1, shape=SHAPE)


def test_lattice_noise_is_smooth_bounded_and_periodic() -> None:
    rng = np.random.default_rng(0)
    u = np.linspace(-70, 70, 20001, dtype=np.float32)
    noise = lattice_noise(rng, u, np.zeros_like(u))
    assert np.abs(noise).max() <= 1
    assert np.abs(np.diff(noise)).max() < 0.05
    whole = np.float32([-3, 61])
    first, second = lattice_noise(np.random.default_rng(1), whole, whole)
    assert first == second


def test_noise_finer_than_a_pixel_fades() -> None:
    u = np.linspace(0, 50, 500, dtype=np.float32)
    fine, coarse = (
        fractal_noise(np.random.default_rng(0), u, u, frequency=2.0, octaves=4, resolution=r) for r in (1000.0, 0.5)
    )
    assert np.std(fine) > 0.3
    assert np.all(coarse == 0)


def test_ground_pixels_and_foot_points_agree() -> None:
    camera = Camera.draw(np.random.default_rng(0), SHAPE)
    lateral, depth, first = camera.ground()
    column, row = camera.foot(float(lateral[20, 50]), float(depth[20, 50]))
    assert (column, row) == pytest.approx((50, first + 20), abs=1e-3)


def test_paint_outside_the_canvas_is_ignored() -> None:
    canvas = Canvas((10, 10))
    assert canvas.polygon(single([(20, 20), (30, 20), (30, 30)])) is None
    canvas.shade((50, 50), (3, 3), 0.5)
    assert canvas.image.sum() == 0
