"""Stages: resumed, shared and repeated to the bit; and sets of pictures that hold nothing to find."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from mmseg_primaps.apis.lightcluster import lightcluster
from mmseg_primaps.engine.lightcluster import StageFolder
from mmseg_primaps.utils import InputError
from tests.lightcluster_case import ROOT, assert_same_stages, figure_config, make_figures, stage_arrays


@pytest.fixture(scope='module')
def figures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_figures(tmp_path_factory.mktemp('figures'))


@pytest.fixture(scope='module')
def whole(figures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing interrupted."""
    folder = tmp_path_factory.mktemp('whole')
    lightcluster(quick(figures, folder))
    return folder


def quick(figures: Path, work_dir: Path, **options: object) -> Config:
    """Without CRF and pictures: what is tested here does not depend on them."""
    fast = {'model.method.crf': False, 'model.test_cfg.crf': [False], 'lightcluster.pictures': 0}
    return figure_config(figures, work_dir, **{**fast, 'lightcluster.proposals': 'clusters', **options})


class Stop(RuntimeError):
    """Somebody pulled the plug."""


def stop_in_stage(monkeypatch: pytest.MonkeyPatch, stage: str, files: int) -> None:
    """Fail when a stage wants to write one more file than ``files``."""
    write, written = StageFolder.write, iter(range(10**6))

    def interrupted(self: StageFolder, *args: object) -> None:
        if self.path.name.startswith(stage) and next(written) == files:
            raise Stop
        write(self, *args)

    monkeypatch.setattr(StageFolder, 'write', interrupted)


def times(work_dir: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in (work_dir / 'stages').rglob('*.npz')}


# Files that a stage leaves: of some pictures each, of a group of pictures each, or a single one.
STAGES = {
    '1_features': 3, '2_dataset': 1, '3_categories': 1, '4_category': 3, '5_levels': 3, '6_masks': 3, '7_regions': 3,
    '8_classes': 1, '9_evaluation': 1,
}  # fmt: skip


@pytest.mark.parametrize('stage', STAGES)
def test_every_stage_can_be_interrupted_and_goes_on_to_the_same_bits(
    figures: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    assert len([path for path in times(whole) if path.parent.name.startswith(stage)]) == STAGES[stage]
    # What an earlier run had finished before; copied, so that every stage is tried in a short time.
    for path in (whole / 'stages').iterdir():
        if path.name < stage:
            shutil.copytree(path, tmp_path / 'stages' / path.name)
    done = STAGES[stage] // 2
    with monkeypatch.context() as patch:
        stop_in_stage(patch, stage, done)
        with pytest.raises(Stop):
            lightcluster(quick(figures, tmp_path))
    kept = times(tmp_path)
    assert len([path for path in kept if path.parent.name.startswith(stage)]) == done
    assert not [path for path in kept if path.parent.name[0] > stage[0]]
    report = lightcluster(quick(figures, tmp_path))
    now = times(tmp_path)
    assert {path: now[path] for path in kept} == kept
    assert_same_stages(whole, tmp_path)
    assert report['mIoU'] == json.loads((whole / 'metrics.json').read_text())['mIoU']


def test_a_finished_run_is_read_and_not_done_again(figures: Path, whole: Path) -> None:
    before = times(whole)
    lightcluster(quick(figures, whole))
    assert times(whole) == before


def test_a_changed_option_redoes_the_stages_it_touches_alone(figures: Path, tmp_path: Path) -> None:
    lightcluster(quick(figures, tmp_path), until='regions')
    before = {path.parent.name for path in times(tmp_path)}
    lightcluster(quick(figures, tmp_path, **{'model.method.rule': 'all'}), until='regions')
    new = {path.parent.name for path in times(tmp_path)} - before
    assert sorted(name.split('-')[0] for name in new) == ['6_masks', '7_regions']


def test_another_seed_gives_other_clusters_of_the_same_features(figures: Path, whole: Path, tmp_path: Path) -> None:
    lightcluster(quick(figures, tmp_path, **{'randomness.seed': 1}), until='dataset')
    first, second = stage_arrays(whole), stage_arrays(tmp_path)
    features = {name for name in second if name.startswith('1_features')}
    assert features < set(first)
    assert not any(name in first for name in second if name.startswith('2_dataset'))


def test_loading_processes_change_no_bit(figures: Path, whole: Path, tmp_path: Path) -> None:
    workers = {'train_dataloader.num_workers': 2, 'test_dataloader.num_workers': 2}
    lightcluster(quick(figures, tmp_path, **workers))
    assert_same_stages(whole, tmp_path)


@pytest.mark.parametrize('processes', [2, 3])
def test_any_number_of_processes_gives_the_same_bits(
    figures: Path, whole: Path, tmp_path: Path, processes: int
) -> None:
    quick(figures, tmp_path).dump(str(tmp_path / 'config.py'))
    environment = {**os.environ, 'OMP_NUM_THREADS': '1', 'MKL_NUM_THREADS': '1', 'PYTHONPATH': str(ROOT)}
    launch = ['-m', 'torch.distributed.run', '--standalone', f'--nproc-per-node={processes}']
    tool = [str(ROOT / 'tools/lightcluster.py'), str(tmp_path / 'config.py'), '--work-dir', str(tmp_path)]
    done = subprocess.run(
        [sys.executable, *launch, *tool, '--launcher', 'pytorch'], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert_same_stages(whole, tmp_path)


def rewrite(figures: Path, folder: Path, picture: np.ndarray, count: int) -> Path:
    """The set with ``count`` training pictures, all alike."""
    make_figures(folder, train=count, val=1)
    for index in range(count):
        Image.fromarray(picture).save(folder / 'JPEGImages' / f'train_{index}.jpg')
    return folder


def constant() -> np.ndarray:
    return np.full((96, 96, 3), 120, np.uint8)


def test_constant_pictures_have_no_foreground_and_the_run_says_so(figures: Path, tmp_path: Path) -> None:
    data = rewrite(figures, tmp_path / 'data', constant(), 3)
    with pytest.raises(InputError, match='hold 0 objects, too few for 3'):
        lightcluster(quick(data, tmp_path / 'run', **{'model.backbone.type': 'ColourTexture'}))
    levels = [array for name, array in stage_arrays(tmp_path / 'run').items() if name.endswith('.levels')]
    assert levels
    assert not np.stack(levels).any()


def test_pictures_of_nothing_but_foreground_are_one_object_each(figures: Path, tmp_path: Path) -> None:
    report = lightcluster(quick(figures, tmp_path, **{'model.method.threshold': 0}))
    arrays = stage_arrays(tmp_path)
    assert all(array.all() for name, array in arrays.items() if name.endswith(('.levels', '.patches')))
    regions = [array for name, array in arrays.items() if name.endswith('.regions')]
    assert len(regions) == 9
    assert all((array == 1).all() for array in regions)
    assert report['background_IoU'] == 0
    assert 0 < report['foreground_IoU'] < 50


def test_one_picture_is_enough(figures: Path, tmp_path: Path) -> None:
    data = make_figures(tmp_path / 'data', train=1, val=1)
    options = {'model.method.categories': 1, 'model.num_classes': 2}
    report = lightcluster(quick(data, tmp_path / 'run', **options))
    assert report['foreground_IoU'] > 50


def test_more_categories_than_pictures_are_refused(figures: Path, tmp_path: Path) -> None:
    data = make_figures(tmp_path / 'data', train=2, val=1)
    with pytest.raises(InputError, match=r'categories=3 .* the training set has 2'):
        lightcluster(quick(data, tmp_path / 'run'))


def test_more_clusters_than_patches_are_refused(figures: Path, tmp_path: Path) -> None:
    data = make_figures(tmp_path / 'data', train=3, val=1)
    with pytest.raises(InputError, match='10000 clusters need'):
        lightcluster(quick(data, tmp_path / 'run', **{'model.method.dataset_clusters': 10000}))


@pytest.fixture(autouse=True)
def fresh_logger() -> Iterator[None]:
    """Log files belong to a test's own folder."""
    from mmengine.logging import MMLogger

    MMLogger._instance_dict.clear()
    yield
    MMLogger._instance_dict.clear()
