"""Configs, command-line errors, seeds and protocols."""

import json
import os
import subprocess
import sys
import urllib.error
from pathlib import Path

import pytest
from mmengine.config import Config

from mmseg_primaps.apis.cli import as_input_error, run
from mmseg_primaps.apis.config import datasets, load_config
from mmseg_primaps.apis.seeds import over_seeds
from mmseg_primaps.evaluation.protocol import PROTOCOLS, find_protocol
from mmseg_primaps.utils import InputError

ROOT = Path(__file__).resolve().parents[2]
CAMVID = str(ROOT / 'configs' / 'primaps_mobilenetv2_camvid.py')


def test_top_level_options_reach_data_sets_and_head() -> None:
    cfg = load_config(CAMVID, {'data_root': 'elsewhere', 'num_classes': 5})
    assert {dataset.data_root for dataset in datasets(cfg)} == {'elsewhere'}
    assert cfg.model.decode_head.num_classes == 5


def test_work_dir_follows_the_config_name() -> None:
    assert load_config(CAMVID).work_dir == 'work_dirs/primaps_mobilenetv2_camvid'
    assert load_config(CAMVID, work_dir='mine').work_dir == 'mine'


@pytest.mark.parametrize('text', [None, 'model = dict(', '_base_ = "no_such_file.py"'])
def test_config_that_cannot_be_read_is_named(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / 'broken.py'
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match='broken.py'):
        load_config(str(path))


def test_input_error_is_one_line_and_exit_status_two(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise InputError('Caught InputError in DataLoader worker.\nTraceback\nmmseg.InputError: a.png: broken')

    with pytest.raises(SystemExit) as exit_info:
        run(fail)
    assert exit_info.value.code == 2
    assert capsys.readouterr().err == 'error: a.png: broken\n'


def test_interruption_says_how_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit):
        run(stop)
    assert '--resume' in capsys.readouterr().err


def test_mistakes_that_mmengine_reports_are_translated() -> None:
    assert 'NoNet' in str(as_input_error(KeyError('NoNet is not in the mmseg::model registry. Please check')))
    assert 'downloaded' in str(as_input_error(urllib.error.URLError('no route')))
    assert 'x.pth' in str(as_input_error(FileNotFoundError('x.pth can not be found.')))
    assert as_input_error(ZeroDivisionError()) is None


def test_tool_prints_one_line_for_a_missing_folder(tmp_path: Path) -> None:
    command = [sys.executable, 'tools/train.py', CAMVID, '--work-dir', str(tmp_path)]
    command += ['--cfg-options', 'data_root=nowhere']
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, 'OMP_NUM_THREADS': '1'})
    assert done.returncode == 2
    assert 'Traceback' not in done.stderr
    assert done.stderr.splitlines()[-1].startswith('error: ')
    assert 'nowhere' in done.stderr.splitlines()[-1]


def test_several_seeds_give_mean_and_spread(tmp_path: Path) -> None:
    cfg = Config({'work_dir': str(tmp_path / 'runs')})
    seen = []

    def fake(one: Config) -> dict:
        seen.append((one.randomness.seed, Path(one.work_dir).name))
        return {'Acc': 40.0 + one.randomness.seed, 'protocol': {}}

    over_seeds(cfg, [0, 2, 4], fake)
    report = json.loads((tmp_path / 'runs' / 'seeds.json').read_text())
    assert seen == [(0, 'seed_0'), (2, 'seed_2'), (4, 'seed_4')]
    assert report['summary']['Acc'] == {'mean': 42.0, 'std': 2.0, 'min': 40.0, 'max': 44.0}


def test_protocols_set_geometry_flip_crf_and_matching() -> None:
    cfg = load_config(CAMVID)
    find_protocol('stego').apply(cfg)
    types = [transform['type'] for transform in cfg.test_dataloader.dataset.pipeline]
    assert types == [
        'LoadCheckedImage', 'LoadMappedAnnotations', 'ResizeShortSide', 'CenterCropSeg', 'PackProposalInputs',
    ]  # fmt: skip
    assert cfg.test_dataloader.dataset.pipeline[2]['interpolation'] == 'nearest'
    assert cfg.model.test_cfg.crf
    assert cfg.model.test_cfg.crf_scale == 2
    find_protocol('full').apply(cfg)
    assert len(cfg.test_dataloader.dataset.pipeline) == 3
    assert not PROTOCOLS['hp'].flip
    with pytest.raises(InputError, match='nonsense'):
        find_protocol('nonsense')
    cfg.model.type = 'EncoderDecoder'
    with pytest.raises(InputError, match='PriMaPsSegmentor'):
        find_protocol('primaps').apply(cfg)
