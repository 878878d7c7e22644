"""The benchmark measures what it says, and what it compares agrees."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mmseg_primaps.apis import benchmark_cases as cases
from mmseg_primaps.apis import benchmark_inputs as inputs
from mmseg_primaps.apis import benchmark_pipeline as pipeline
from mmseg_primaps.apis.benchmark import CASES, benchmark, reached, table, write_rows
from mmseg_primaps.apis.memory import resident
from mmseg_primaps.utils import InputError

ROOT = Path(__file__).resolve().parents[2]
FIELDS = ['case', 'reference', 'threads', 'ours_s', 'reference_s', 'ratio', 'ours_peak_mb', 'reference_peak_mb']
FIELDS += ['max_error', 'gate']


def small(name: str, build: object, **options: object) -> cases.Case:
    return cases.Case(name, 'plain', build, **options)


def waiting(mine: int, theirs: int) -> cases.Case:
    """A case whose sides do nothing but fill memory, in MiB."""

    def fill(mebibytes: int) -> torch.Tensor:
        return torch.ones(mebibytes, 2**18)

    return small('fill', lambda _: cases.Work(lambda: fill(mine), lambda: fill(theirs), lambda ours, ref: 0.25), gate=9)


def test_a_row_has_the_figures_and_their_names() -> None:
    (row,) = benchmark('em', cases=[waiting(8, 64)])
    assert list(row) == FIELDS
    assert row['ratio'] == row['reference_s'] / row['ours_s']
    assert row['max_error'] == 0.25
    assert row['threads'] == 1


@pytest.mark.skipif(resident('VmRSS') is None, reason='this system does not tell the memory of a process')
def test_peaks_are_what_each_side_takes_alone() -> None:
    (row,) = benchmark('em', cases=[waiting(40, 160)])
    assert row['ours_peak_mb'] == pytest.approx(40, abs=15)
    assert row['reference_peak_mb'] == pytest.approx(160, abs=15)


def test_nothing_to_compare_with_leaves_the_figures_open() -> None:
    alone = small('alone', lambda _: cases.Work(lambda: torch.ones(3), None, lambda ours, ref: 1.0), gate=2.0)
    (row,) = benchmark('em', cases=[alone])
    assert row['ratio'] is row['reference_s'] is row['reference_peak_mb'] is row['max_error'] is None
    assert reached(row)
    assert 'alone' in table([row])


def test_threads_are_set_for_a_case_and_put_back() -> None:
    seen = []
    work = cases.Work(lambda: seen.append(torch.get_num_threads()), None, lambda ours, ref: 0.0)
    benchmark('em', cases=[small('threads', lambda _: work, threads=2)])
    assert set(seen) == {2}
    assert torch.get_num_threads() == 1


def test_cases_for_another_kind_of_device_are_left_out() -> None:
    work = cases.Work(lambda: torch.ones(3), None, lambda ours, ref: 0.0)
    chosen = [small(str(device), lambda _: work, device=device) for device in (None, 'cpu', 'cuda')]
    assert [row['case'] for row in benchmark('em', cases=chosen)] == ['None', 'cpu']


def test_a_missed_gate_is_marked(tmp_path: Path) -> None:
    rows = benchmark('em', cases=[waiting(64, 1)])
    assert not reached(rows[0])
    assert ' !' in table(rows)
    write_rows(rows, tmp_path / 'new' / 'rows.json')
    assert json.loads((tmp_path / 'new' / 'rows.json').read_text()) == rows


def test_a_side_that_breaks_off_is_named() -> None:
    def fail() -> None:
        raise MemoryError

    broken = small('broken', lambda _: cases.Work(fail, None, lambda ours, ref: 0.0))
    with pytest.raises((RuntimeError, MemoryError)):
        benchmark('em', cases=[broken])


@pytest.mark.parametrize(('options', 'message'), [({'runs': 4}, '--runs'), ({'device': 'cuda'}, '--device')])
def test_what_cannot_be_measured_is_said_at_once(options: dict, message: str) -> None:
    if 'device' in options and torch.cuda.is_available():
        pytest.skip('this machine has a CUDA device')
    with pytest.raises(InputError, match=message):
        benchmark('em', **options)


@pytest.mark.parametrize(
    'build',
    [
        cases._masks(2, 70, 8),
        cases._masks(1, 70, 12, gap=1e-6),
        cases._crf(3, 24, 32),
        cases._crf_threads(3, 24),
        cases.em_work(2, 16, 5, 20),
    ],
)
def test_both_sides_of_a_comparison_agree(build: object) -> None:
    work = build(torch.device('cpu'))
    if work.reference is None:
        pytest.skip('pydensecrf is not installed')
    assert work.error(work.ours(), work.reference()) < 1e-5


def test_another_number_of_masks_is_the_largest_error() -> None:
    masks = torch.zeros(2, 4, 4)
    masks[0] = 1
    assert cases._difference(masks, torch.ones(1, 4, 4)) == 0
    assert cases._difference(masks, torch.ones(2, 4, 4)) == 1


@pytest.mark.parametrize('kind', list(CASES))
def test_every_gate_that_was_asked_for_is_measured(kind: str) -> None:
    gates = {'proposals': [25.0, 10.0], 'crf': [0.9, 0.9, 1.8], 'em': [25.0]}
    assert [case.gate for case in CASES[kind]() if case.gate] == gates[kind]


def test_inputs_are_alike_every_time() -> None:
    assert torch.equal(inputs.feature_maps(1, 20, 8, 8), inputs.feature_maps(1, 20, 8, 8))
    assert torch.equal(inputs.regions(1, 5, 16, 16), inputs.regions(1, 5, 16, 16))
    pictures = inputs.photographs(5, 32, 48)
    assert pictures.shape == (5, 3, 32, 48)
    assert torch.equal(pictures[0], pictures[4])
    torch.testing.assert_close(inputs.flat_probabilities(1, 4, 16, 16).sum(1), torch.ones(1, 16, 16))


def test_the_features_of_the_benchmark_give_about_a_dozen_masks() -> None:
    features = inputs.feature_maps(1, 384, 40, 40)
    assert 9 <= cases.principal_masks(features).shape[1] <= 15


def test_nearly_equal_eigenvalues_are_as_near_as_asked() -> None:
    rows = inputs.degenerate_features(80, 16, 1e-3)[0].flatten(1).T.double()
    values = torch.linalg.eigvalsh(torch.cov(rows.T))
    assert float(values[-1] / values[-2]) == pytest.approx(1.001, abs=1e-4)


def test_a_short_run_differs_in_the_feature_store_alone(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('PRIMAPS_SHARED', str(shared))
    case = pipeline.PipelineCase('x', 'primaps_mobilenetv2_camvid.py', pictures=(3, 2), vit='vit_tiny_patch16_224')
    ours, reference = (pipeline.shortened(case, ROOT / 'configs', 7, store, tmp_path) for store in (True, False))
    assert ours.train_cfg.max_epochs == ours.train_cfg.val_interval == 7
    assert (ours.train_dataloader.dataset.indices, ours.val_dataloader.dataset.indices) == (3, 2)
    assert Path(ours.model.backbone.checkpoint).is_file()
    assert ours.custom_hooks[1:] == reference.custom_hooks
    assert ours.custom_hooks[0]['type'] == pipeline.STORE


def test_a_run_is_timed_epoch_by_epoch(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('PRIMAPS_SHARED', str(shared))
    monkeypatch.setenv('PRIMAPS_CACHE', str(tmp_path))
    monkeypatch.chdir(tmp_path)
    loaders = {'num_workers': 0, 'persistent_workers': False, 'batch_size': 2}
    options = {f'{loader}_dataloader.{key}': value for loader in ('train', 'val') for key, value in loaders.items()}
    case = pipeline.PipelineCase('tiny', 'primaps_mobilenetv2_camvid.py', pictures=(2, 2), options=options)
    found = pipeline._run(case, ROOT / 'configs', 3, True, 1)
    assert found['seconds'] > 0
    assert set(found['metrics']) == {'Acc', 'mIoU'}


def test_a_run_in_its_own_process_may_load_with_workers(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('PRIMAPS_SHARED', str(shared))
    monkeypatch.chdir(tmp_path)
    loaders = {'num_workers': 1, 'persistent_workers': True, 'batch_size': 2}
    options = {f'{loader}_dataloader.{key}': value for loader in ('train', 'val') for key, value in loaders.items()}
    case = pipeline.PipelineCase('tiny', 'primaps_mobilenetv2_camvid.py', pictures=(2, 2), options=options)
    assert pipeline._in_process(case, ROOT / 'configs', 2, True)['seconds'] > 0


def test_a_whole_run_is_a_row_like_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(case: object, configs: Path, epochs: int, store: bool) -> dict:
        metrics = {'Acc': 50.0 if store else 50.5, 'mIoU': 20.0}
        return {'seconds': 2.0 if store else 8.0, 'peak': 100.0, 'metrics': metrics}

    monkeypatch.setattr(pipeline, '_in_process', run)
    rows = pipeline.benchmark_pipeline(ROOT / 'configs', 6)
    assert [row['gate'] for row in rows] == [3.0, 10.0]
    assert all(list(row) == FIELDS for row in rows)
    assert rows[0]['ratio'] == 4
    assert rows[0]['max_error'] == 0.5


def test_a_run_on_the_cpu_sees_no_gpu_and_one_on_a_missing_gpu_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def run(*_: object) -> dict:
        seen.append(os.environ.get('CUDA_VISIBLE_DEVICES'))
        return {'seconds': 1.0, 'peak': 1.0, 'metrics': {'Acc': 1.0, 'mIoU': 1.0}}

    monkeypatch.setattr(pipeline, '_in_process', run)
    for before in (None, '3'):
        monkeypatch.delenv('CUDA_VISIBLE_DEVICES', raising=False)
        if before is not None:
            monkeypatch.setenv('CUDA_VISIBLE_DEVICES', before)
        pipeline.benchmark_pipeline(ROOT / 'configs', 6)
        assert os.environ.get('CUDA_VISIBLE_DEVICES') == before
    assert set(seen) == {''}
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match='--device cuda'):
            pipeline.benchmark_pipeline(ROOT / 'configs', 6, 'cuda')


def test_proposals_with_crf_are_timed_alone() -> None:
    work = cases._proposals(1)(torch.device('cpu'))
    assert work.reference is None
    assert work.ours().shape == (1, 320, 320)


def test_the_tool_prints_its_mistake_in_one_line() -> None:
    command = [sys.executable, str(ROOT / 'tools' / 'benchmark.py'), 'em', '--runs', '2']
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr.strip().splitlines()[-1].startswith('error: --runs 2')
