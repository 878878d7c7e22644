"""The shell scripts that start several processes, run as a user runs them, without a GPU."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmseg_primaps.apis.processes import slurm_environment
from mmseg_primaps.utils import InputError
from tests.conftest import ROOT
from tests.process_case import SMALL, TIMEOUT, case_config

SCRIPTS = sorted((ROOT / 'tools').glob('*.sh'))


def run(*command: str | Path, **variables: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, **SMALL, 'PYTHON': sys.executable, **variables}
    return subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True, timeout=TIMEOUT)


@pytest.mark.parametrize('script', SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_sound_and_say_what_they_want(script: Path) -> None:
    assert run('bash', '-n', script).returncode == 0
    if script.name != 'launch.sh':
        asked = run(script)
        assert asked.returncode == 2
        assert f'tools/{script.name} ' in asked.stderr


def test_a_wrong_number_of_processes_is_named() -> None:
    asked = run(ROOT / 'tools/dist_train.sh', 'config.py', 'two')
    assert asked.returncode == 2
    assert 'GPUS=two' in asked.stderr


def test_train_on_two_processes_then_evaluate_on_two(camvid: Path, tmp_path: Path) -> None:
    config = tmp_path / 'config.py'
    case_config('published', camvid, tmp_path, 2).dump(str(config))
    cache = {'PRIMAPS_CACHE': str(tmp_path / 'cache')}
    trained = run(ROOT / 'tools/dist_train.sh', config, '2', '--work-dir', tmp_path / 'run', **cache)
    assert trained.returncode == 0, trained.stderr[-3000:]
    report = json.loads((tmp_path / 'run/metrics.json').read_text())
    checkpoint, figures = tmp_path / 'run/epoch_2.pth', tmp_path / 'figures.json'
    options = ['--work-dir', tmp_path / 'test', '--metrics', figures]
    tested = run(ROOT / 'tools/dist_test.sh', config, checkpoint, '2', *options, **cache)
    assert tested.returncode == 0, tested.stderr[-3000:]
    assert json.loads(figures.read_text())['predictions'] == report['predictions']


SRUN = """#!{python}
import os, subprocess, sys
options = [word for word in sys.argv[1:] if word.startswith('-') and '=' in word]
command = sys.argv[1 + len(options):]
given = dict(word.lstrip('-').split('=', 1) for word in options)
tasks = int(given['ntasks'])
slurm = {{'SLURM_NTASKS': str(tasks), 'SLURM_NODELIST': 'here[1-2]'}}
own = [{{**os.environ, **slurm, 'SLURM_PROCID': str(r), 'SLURM_LOCALID': str(r)}} for r in range(tasks)]
running = [subprocess.Popen(command, env=environment) for environment in own]
print(given['partition'], given['job-name'], 'gres' in given)
sys.exit(max(process.wait() for process in running))
"""


def test_slurm_starts_as_many_tasks_as_asked_for(camvid: Path, tmp_path: Path) -> None:
    programs = {'srun': SRUN.format(python=sys.executable), 'scontrol': '#!/bin/sh\necho 127.0.0.1\necho elsewhere\n'}
    for name, text in programs.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    config = tmp_path / 'config.py'
    cfg = case_config('kmeans', camvid, tmp_path, 2)
    cfg.train_cfg.update(max_epochs=1, val_interval=1)
    cfg.dump(str(config))
    port = str(20000 + os.getpid() % 10000)
    done = run(
        ROOT / 'tools/slurm_train.sh', 'part', 'job', config, '--work-dir', tmp_path / 'run',
        PATH=f'{tmp_path}:{os.environ["PATH"]}', GPUS='2', GPUS_PER_NODE='0', PORT=port,
        PRIMAPS_CACHE=str(tmp_path / 'cache'),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert 'part job False' in done.stdout
    assert 0 <= json.loads((tmp_path / 'run/metrics.json').read_text())['Acc'] <= 100


def test_what_slurm_says_becomes_what_torch_asks_for() -> None:
    slurm = {'SLURM_PROCID': '3', 'SLURM_NTASKS': '4', 'SLURM_NODELIST': 'a[1-2]', 'MASTER_ADDR': 'a1'}
    wanted = {'RANK': '3', 'WORLD_SIZE': '4', 'LOCAL_RANK': '0', 'MASTER_ADDR': 'a1', 'MASTER_PORT': '29500'}
    assert slurm_environment(slurm) == wanted
    assert slurm_environment({**slurm, 'SLURM_LOCALID': '1', 'MASTER_PORT': '5'})['LOCAL_RANK'] == '1'
    with pytest.raises(InputError, match='SLURM_NTASKS'):
        slurm_environment({'SLURM_PROCID': '0'})
