"""The scripts that draw how cost grows run, and their figures are what they are called."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def rows(script: str, folder: Path, *arguments: str, plot: bool = True) -> list[dict]:
    command = [sys.executable, str(ROOT / 'benchmarks' / script), *arguments]
    files = ['--json', str(folder / 'rows.json'), *(['--plot', str(folder / 'curves.png')] if plot else [])]
    result = subprocess.run([*command, *files], capture_output=True, text=True, check=False, timeout=240)
    assert result.returncode == 0, result.stderr[-2000:]
    assert not plot or (folder / 'curves.png').stat().st_size > 1000
    return json.loads((folder / 'rows.json').read_text())


def test_masks_are_timed_beside_their_floor(tmp_path: Path) -> None:
    small, large = rows(
        'proposal_growth.py', tmp_path, '--channels', '16', '64', '--grids', '12', '--runs', '1', '--batch', '2'
    )
    assert (small['channels'], large['channels']) == (16, 64)
    assert large['times_floor'] == pytest.approx(large['ours_ms'] / large['floor_ms'])
    work = 2 * 144 * (64**2 + round(large['masks']) * 64)
    assert large['gflop_of_floor'] == pytest.approx(work / 1e9)


def test_a_whole_run_is_told_by_stages(tmp_path: Path) -> None:
    small = ['--pictures', '2', '4', '--val', '2', '--epochs', '1', '--size', '64', '--batch-size', '2']
    few, many = rows('whole_run.py', tmp_path, *small)
    stages = ['features_s', 'proposals_s', 'start_s', 'em_s', 'evaluation_s']
    assert [name for name in few if name in stages] == stages
    assert 0 < sum(many[name] for name in stages) <= many['whole_s']
    assert many['cache_mb'] > few['cache_mb']


def test_steps_are_told_as_fractions_of_what_the_device_can_do(tmp_path: Path) -> None:
    sizes = ['--batch', '2', '--channels', '70', '--grid', '8', '--size', '64', '--runs', '1']
    masks, crf, both, step = rows('device_floor.py', tmp_path, *sizes, plot=False)
    assert [masks['step'], both['step'], step['step']] == ['principal masks', 'proposals with CRF', 'EM step']
    for one in (masks, crf, both, step):
        assert one['pictures_a_second'] == pytest.approx(1e3 / one['ms_a_picture'])
        assert one['of_memory_rate'] > 0
    assert crf['of_arithmetic'] == 0
    # Three passes over a map that is written and read: 27 classes, 64 x 64 pixels, two pictures, in float32.
    moved = step['of_memory_rate'] * step['memory_gb_a_second'] * 1e9 * 2 * step['ms_a_picture'] / 1e3
    assert moved == pytest.approx(3 * 2 * 4 * 2 * 27 * 64 * 64)
