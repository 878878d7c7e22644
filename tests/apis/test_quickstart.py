"""The main job on pictures that the package makes itself."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmseg_primaps.apis import quickstart as module
from mmseg_primaps.apis.examples import Example
from mmseg_primaps.apis.quickstart import comparison, comparison_picture, example_numbers, quickstart
from mmseg_primaps.engine.hooks import MomentumPrototypeHook
from mmseg_primaps.utils import InputError

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
SCENES = (4, 2)
SMALL = {
    'train_cfg.max_epochs': 2,
    'train_cfg.val_interval': 2,
    'default_hooks.checkpoint.interval': 1,
    'train_dataloader.batch_size': 2,
    'train_dataloader.num_workers': 0,
    'train_dataloader.persistent_workers': False,
    'val_dataloader.num_workers': 0,
    'val_dataloader.persistent_workers': False,
}


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp('quickstart')
        patch.setenv('PRIMAPS_CACHE', str(folder / 'cache'))
        yield folder


@pytest.fixture(scope='module')
def interrupted(folder: Path) -> list[str]:
    """Stop a run in its second epoch; which files it left."""

    def stop(self: Any, runner: Any, *args: Any, **kwargs: Any) -> None:
        if runner.epoch == 1:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MomentumPrototypeHook, 'after_train_iter', stop)
        with pytest.raises(KeyboardInterrupt):
            quickstart(CONFIGS, folder, SCENES, SMALL)
    return [path.relative_to(folder).as_posix() for path in folder.rglob('*') if path.is_file()]


@pytest.fixture(scope='module')
def reports(folder: Path, interrupted: list[str]) -> dict[str, Any]:
    """The same call again: it goes on where the first one stopped."""
    return quickstart(CONFIGS, folder, SCENES, SMALL)


def test_an_interrupted_run_goes_on(folder: Path, interrupted: list[str], reports: dict[str, Any]) -> None:
    assert 'quickstart/epoch_1.pth' in interrupted
    assert 'metrics.json' not in interrupted
    logs = ''.join(path.read_text() for path in (folder / 'quickstart').glob('*/*.log'))
    assert 'resumed epoch: 1' in logs
    assert reports.keys() == {'k-means', 'PriMaPs-EM'}


def test_figures_and_pictures_are_written(folder: Path, reports: dict[str, Any]) -> None:
    assert json.loads((folder / 'metrics.json').read_text()) == reports
    for report in reports.values():
        assert 0 < report['mIoU'] <= report['Acc'] <= 100
        assert report['protocol']['pictures'] == SCENES[1]
    for name in ('comparison.png', 'clusters.png'):
        assert np.array(Image.open(folder / name)).std() > 10


def test_a_finished_run_only_shows_its_result(
    folder: Path, reports: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(module, 'train', lambda *_, **__: pytest.fail('trained again'))
    assert quickstart(CONFIGS, folder, SCENES, SMALL) == reports
    shown = capsys.readouterr().out
    assert 'PriMaPs-EM' in shown
    assert str(folder / 'comparison.png') in shown


def test_a_run_stopped_before_its_figures_were_written_is_evaluated(folder: Path, reports: dict[str, Any]) -> None:
    (folder / 'quickstart_kmeans' / 'metrics.json').unlink()
    again = quickstart(CONFIGS, folder, SCENES, SMALL)
    assert again['k-means']['Acc'] == pytest.approx(reports['k-means']['Acc'])


def test_other_settings_in_the_same_folder_are_refused(folder: Path, reports: dict[str, Any]) -> None:
    with pytest.raises(InputError, match='other settings.*--work-dir'):
        quickstart(CONFIGS, folder, SCENES, {**SMALL, 'train_cfg.max_epochs': 3})


def test_the_table_leaves_out_classes_that_do_not_occur() -> None:
    ious = {'a': {'sky': 40.0, 'bus': None, 'road': None}, 'b': {'sky': 30.0, 'bus': None, 'road': 0.0}}
    reports = {
        name: {'Acc': 50.0, 'mIoU': 20.0, 'predictions': {'pred_sem_seg': {'IoU': iou}}} for name, iou in ious.items()
    }
    table = comparison(reports)
    assert 'bus' not in table
    assert any('road' in line and '-' in line and '0.0' in line for line in table.splitlines())


def test_clusters_are_painted_in_the_colours_of_their_classes() -> None:
    image, labels = np.full((40, 40, 3), 99, np.uint8), np.zeros((40, 40), int)
    example = Example(image, clusters=np.full((40, 40), 1), labels=labels)
    picture = comparison_picture({'ours': [example]}, [np.full((40, 40), 255)], {'ours': [-1, 0]})
    road = (picture == (128, 64, 128)).all(-1).sum()
    assert road > 2 * 220 * 220  # prediction, labels and the legend


def test_examples_are_spread_over_the_set() -> None:
    assert example_numbers(24) == [0, 4, 9, 13, 18, 23]
    assert example_numbers(2) == [0, 1]
