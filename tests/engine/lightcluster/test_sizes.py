"""Pictures of a set that differ in size and aspect ratio: nothing is turned, cut or mixed up."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmseg_primaps.apis.lightcluster import lightcluster
from mmseg_primaps.engine.lightcluster.masks import unpack_mask
from tests.lightcluster_case import FINE, crop_figures, figure_config, make_figures, stage_arrays

# Heights and widths: upright, broad, square, and one that is no multiple of the patch.
SHAPES = ((144, 104), (96, 144), (144, 144), (120, 143))
WHOLE = [dict(type='LoadCheckedImage'), dict(type='ResizeToMultiple', size_divisor=8), dict(type='PackProposalInputs')]


@pytest.fixture(scope='module')
def mixed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, tuple[int, int]]]:
    data = make_figures(tmp_path_factory.mktemp('mixed'), train=6, val=4, size=FINE)
    return data, crop_figures(data, SHAPES)


def run(data: Path, work_dir: Path, batch: int, **options: object) -> dict:
    """Whole pictures in fitting and evaluation, several sizes in one batch of the loader."""
    cfg = figure_config(data, work_dir, size=FINE, **{'lightcluster.pictures': 0, **options})
    cfg.train_dataloader.dataset.pipeline = WHOLE
    cfg.test_dataloader.batch_size = batch
    cfg.model.test_cfg = dict()
    return lightcluster(cfg)


@pytest.fixture(scope='module')
def fitted(mixed: tuple[Path, dict], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    folder = tmp_path_factory.mktemp('run')
    return folder, run(mixed[0], folder, 2, **{'lightcluster.proposals': 'clusters', 'lightcluster.pictures': 3})


def padded(size: tuple[int, int]) -> tuple[int, int]:
    return -(-size[0] // 8) * 8, -(-size[1] // 8) * 8


def test_every_stage_keeps_the_shape_of_each_picture(mixed: tuple[Path, dict], fitted: tuple[Path, dict]) -> None:
    sizes, seen = mixed[1], set()
    for key, array in stage_arrays(fitted[0]).items():
        picture, _, kind = key.rpartition('/')[2].partition('.')
        if not picture.isdigit():
            continue
        height, width = padded(sizes[f'train_{picture}'])
        grid = height // 8, width // 8
        wanted = {
            'features': (30, *grid), 'saliency': grid, 'levels': (3, *grid), 'clusters': grid, 'patches': grid,
            'regions': (height, width), 'mask': (height, -(-width // 8)),
        }  # fmt: skip
        assert array.shape == wanted.get(kind, array.shape), key
        seen.add(kind)
    assert seen >= {'features', 'saliency', 'levels', 'clusters', 'patches', 'mask', 'regions'}


def test_masks_lie_where_the_figures_are(mixed: tuple[Path, dict], fitted: tuple[Path, dict]) -> None:
    data, sizes = mixed
    masks = {key: array for key, array in stage_arrays(fitted[0]).items() if key.endswith('.mask')}
    assert len(masks) == 6
    for key, packed in masks.items():
        name = f'train_{key.rpartition("/")[2].partition(".")[0]}'
        height, width = padded(sizes[name])
        truth = np.array(Image.open(data / 'SegmentationClass' / f'{name}.png').resize((width, height), 0)) > 0
        mask = unpack_mask(packed, width).numpy()
        assert (mask & truth).sum() / (mask | truth).sum() > 0.8, name


def test_proposals_have_the_size_of_the_training_picture(mixed: tuple[Path, dict], fitted: tuple[Path, dict]) -> None:
    proposals = sorted((fitted[0] / 'proposals').rglob('*.png'))
    assert len(proposals) == 6
    for path in proposals:
        assert Image.open(path).size[::-1] == padded(mixed[1][Path(path.stem).stem])


def test_evaluation_takes_several_sizes_in_one_batch(
    mixed: tuple[Path, dict], fitted: tuple[Path, dict], tmp_path: Path
) -> None:
    report = fitted[1]
    assert report['foreground_IoU'] > 85
    assert (fitted[0] / 'pictures' / 'steps.png').is_file()
    alone = run(mixed[0], tmp_path, 1)
    assert report['predictions']['pred_sem_seg']['confusion'] == alone['predictions']['pred_sem_seg']['confusion']


def test_principal_masks_as_regions_fit_every_size(mixed: tuple[Path, dict], tmp_path: Path) -> None:
    report = run(mixed[0], tmp_path, 4, **{'model.method.regions': 'proposals'})
    assert report['foreground_IoU'] > 50
