"""Proposals and clusters of any pictures."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from PIL import Image

from mmseg_primaps.apis import load_config
from mmseg_primaps.apis.demo import demo, result_names
from mmseg_primaps.datasets.palettes import cluster_palette
from mmseg_primaps.utils import InputError
from tests.conftest import ROOT

UNLABELED = str(ROOT / 'configs' / 'primaps_unlabeled.py')


@pytest.fixture(autouse=True)
def mmseg_scope() -> None:
    init_default_scope('mmseg')


def scene(path: Path, size: tuple[int, int] = (100, 150)) -> str:
    """A blue picture whose right third is noisy orange."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = np.full((*size, 3), (60, 120, 220), np.uint8)
    right = picture[:, size[1] * 2 // 3 :]
    right[:] = np.clip(np.random.default_rng(0).normal((220, 120, 20), 20, right.shape), 0, 255)
    Image.fromarray(picture).save(path)
    return str(path)


@pytest.fixture
def checkpoint(tmp_path: Path) -> str:
    """Random prototypes for the model of ``primaps_unlabeled.py``, as a training run leaves them."""
    model = MODELS.build(Config.fromfile(UNLABELED).model)
    torch.manual_seed(0)
    model.decode_head.initialize(torch.randn(27, 30))
    torch.save({'meta': {}, 'state_dict': model.state_dict()}, tmp_path / 'model.pth')
    return str(tmp_path / 'model.pth')


def test_proposals_of_any_picture_need_no_config(tmp_path: Path) -> None:
    (sheet,) = demo([scene(tmp_path / 'a.png')], str(tmp_path / 'out'), size=64)
    assert sorted(path.name for path in sheet.parent.iterdir()) == ['a.png', 'a_proposals.png']
    proposals = np.array(Image.open(tmp_path / 'out' / 'a_proposals.png'))
    assert proposals.shape == (64, 96)
    # the two parts of the picture, on the sides where they are
    left, right = proposals[10:-10, 10:50], proposals[10:-10, 75:-8]
    assert not set(np.unique(left)) & set(np.unique(right)) - {255}
    (label,) = set(np.unique(right)) - {255}
    assert (right == label).mean() > 0.9


def test_a_checkpoint_also_gives_clusters(tmp_path: Path, checkpoint: str) -> None:
    picture = scene(tmp_path / 'a.png')
    (plain,) = demo([picture], str(tmp_path / 'plain'), UNLABELED, size=64)
    (sheet,) = demo([picture], str(tmp_path / 'out'), UNLABELED, checkpoint, size=64)
    labels = np.array(Image.open(tmp_path / 'out' / 'a_labels.png'))
    assert labels.shape == (64, 96)
    assert labels.max() < 27
    flat = int(labels[30, 20])  # the flat part has the colour that a legend of UnlabeledDataset gives its cluster
    shown = np.array(Image.open(sheet))[:, :, :3].reshape(-1, 3).astype(int)
    painted = 0.4 * np.array((60, 120, 220)) + 0.6 * np.array(cluster_palette(27)[flat])
    assert (np.abs(shown - painted).max(1) <= 3).mean() > 0.05
    assert set(np.unique(labels[:, :50])).isdisjoint(np.unique(labels[:, 80:]))
    assert Image.open(sheet).height > Image.open(plain).height
    assert not (tmp_path / 'plain' / 'a_labels.png').exists()


def test_pictures_of_one_name_keep_results_of_their_own(tmp_path: Path) -> None:
    pictures = [scene(tmp_path / 'x' / 'a.png'), scene(tmp_path / 'y' / 'a.jpg', (80, 80))]
    sheets = demo(pictures, str(tmp_path / 'out'), size=32)
    assert [sheet.name for sheet in sheets] == ['a.png', 'a_2.png']
    sizes = [Image.open(tmp_path / 'out' / f'{name}_proposals.png').size for name in ('a', 'a_2')]
    assert sizes == [(48, 32), (32, 32)]
    assert result_names(['a.png', 'b/a_2.png', 'b/a.jpg']) == ['a', 'a_2', 'a_3']


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'checkpoint': 'x.pth'}, '--checkpoint needs --config'),
        ({'config': 'gone.py'}, r'gone\.py: no such file'),
        ({'config': UNLABELED, 'checkpoint': 'gone.pth'}, r'gone\.pth.* does not exist'),
        ({'size': 7}, '--size 7 is less than a patch of 8'),
        ({'device': 'nonsense'}, '--device nonsense cannot be used'),
    ],
)
def test_mistakes_end_in_one_line(tmp_path: Path, options: dict, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        demo([scene(tmp_path / 'a.png')], str(tmp_path / 'out'), **options)
    assert '\n' not in str(caught.value)


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    torch.save({'state_dict': {'backbone.conv.weight': torch.zeros(1)}}, tmp_path / 'other.pth')
    with pytest.raises(InputError, match='is not of this model: it lacks'):
        demo([scene(tmp_path / 'a.png')], str(tmp_path / 'out'), UNLABELED, str(tmp_path / 'other.pth'))


def test_the_number_of_clusters_of_the_training_run_can_be_given(tmp_path: Path) -> None:
    cfg = load_config(UNLABELED, {'num_classes': 3})
    model = MODELS.build(cfg.model)
    torch.save({'state_dict': model.state_dict()}, tmp_path / 'three.pth')
    arguments = [scene(tmp_path / 'a.png')], str(tmp_path / 'out'), UNLABELED, str(tmp_path / 'three.pth')
    with pytest.raises(InputError, match='set num_classes=3'):
        demo(*arguments)
    demo(*arguments, size=32, config_options={'num_classes': 3})
    assert np.array(Image.open(tmp_path / 'out' / 'a_labels.png')).max() < 3


def test_a_picture_that_is_not_there_stops_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r'gone\.png is no file \(1 of 2 pictures\)'):
        demo([scene(tmp_path / 'a.png'), 'gone.png'], str(tmp_path / 'out'))
    assert not (tmp_path / 'out').exists()


def test_the_tool_names_an_unreadable_picture_in_one_line(tmp_path: Path) -> None:
    broken = tmp_path / 'broken.jpg'
    broken.write_bytes(b'none')
    command = [sys.executable, 'tools/demo.py', str(broken), '--out', str(tmp_path / 'out')]
    environment = {**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)
    assert done.returncode == 2
    assert 'Traceback' not in done.stderr
    assert done.stderr.splitlines()[-1].startswith(f'error: {broken} cannot be decoded')
