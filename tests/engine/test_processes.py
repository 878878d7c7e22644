"""Several processes train as one does, evaluate as one does, and share out the work of the frozen backbone."""

import os
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.multiprocessing import ProcessExitedException

from mmseg_primaps.apis import propose
from mmseg_primaps.utils.proposal_store import ProposalStore
from tests.conftest import make_camvid
from tests.process_case import case_config, on_processes, run_case

# neither number is a multiple of the processes: batches are dropped and evaluation is filled up with pictures
TRAIN, TEST = 13, 5
Found = dict[str, Any]


@pytest.fixture(scope='module')
def camvid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_camvid(tmp_path_factory.mktemp('data'), TRAIN, TEST)


@pytest.fixture(scope='module')
def alone(camvid: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Found]:
    folder = tmp_path_factory.mktemp('alone')
    torch.set_num_threads(1)  # comes before the fixture that does so for every test
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('PRIMAPS_CACHE', str(folder / 'cache'))
        return {case: run_case(case, camvid, folder) for case in ('published', 'best', 'kmeans', 'plain')}


@pytest.fixture(scope='module', params=[2, 4])
def together(
    request: pytest.FixtureRequest, camvid: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[Found]]:
    """What each rank found, for every case; four processes have no time for all of them."""
    folder, cases = tmp_path_factory.mktemp(f'processes_{request.param}'), ['published', 'best']
    cases += ['kmeans', 'plain'] if request.param == 2 else []

    def work(rank: int) -> None:
        for case in cases:
            torch.save(run_case(case, camvid, folder, request.param), folder / f'{case}_{rank}.pt')

    on_processes(request.param, work, PRIMAPS_CACHE=str(folder / 'cache'))
    ranks = range(request.param)
    return {case: [torch.load(folder / f'{case}_{r}.pt', weights_only=False) for r in ranks] for case in cases}


def test_prototypes_are_those_of_one_process(alone: dict[str, Found], together: dict[str, list[Found]]) -> None:
    for case in together.keys() - {'plain'}:
        for found in together[case]:
            assert found['head'].keys() == alone[case]['head'].keys()
            for key, value in found['head'].items():
                torch.testing.assert_close(value, alone[case]['head'][key], atol=1e-6, rtol=1e-6, msg=f'{case} {key}')


def test_every_rank_holds_the_same_bits(together: dict[str, list[Found]]) -> None:
    for first, *others in together.values():
        for other in others:
            assert first['backbone'] == other['backbone']
            assert all(torch.equal(value, other['head'][key]) for key, value in first['head'].items())
            assert first['scalars'] == other['scalars']
            assert first['predictions'] == other['predictions']


def test_every_picture_is_evaluated_once(alone: dict[str, Found], together: dict[str, list[Found]]) -> None:
    for case, ranks in together.items():
        for name, scores in alone[case]['predictions'].items():
            assert torch.tensor(scores['confusion']).sum() > 0
            assert ranks[-1]['predictions'][name] == scores


def test_logged_figures_are_those_of_the_global_batch(
    alone: dict[str, Found], together: dict[str, list[Found]]
) -> None:
    for case, ranks in together.items():
        assert any('loss' in key for key in alone[case]['scalars'])
        for key, values in alone[case]['scalars'].items():
            # an untrained network's features hardly differ: there rounding moves labels
            if case != 'plain' or key.endswith(('loss_focal', 'labelled')):
                assert ranks[0]['scalars'][key] == pytest.approx(values, rel=1e-3 if case == 'plain' else 1e-5), key


def test_a_trainable_backbone_is_frozen_before_processes_wait_for_its_gradients(
    alone: dict[str, Found], together: dict[str, list[Found]]
) -> None:
    if 'plain' not in together:
        pytest.skip('one number of processes is enough')
    assert together['plain'][0]['backbone'] == alone['plain']['backbone']
    assert not torch.equal(together['plain'][0]['head']['running.gain'], torch.ones(11))


def test_a_rank_that_dies_leaves_whole_files_and_the_rest_is_made_once(
    camvid: Path, tmp_path: Path, cache: Path
) -> None:
    with pytest.raises(ProcessExitedException):
        on_processes(2, partial(propose_on_rank, camvid, tmp_path, 'die'))
    before = {path: path.stat().st_mtime_ns for path in cache.rglob('*.png')}
    assert 0 < len(before) < TRAIN
    on_processes(2, partial(propose_on_rank, camvid, tmp_path, 'live'))
    after = {path: path.stat().st_mtime_ns for path in cache.rglob('*.png')}
    assert len(after) == TRAIN
    assert {path: after[path] for path in before} == before
    written = [(tmp_path / f'live_{rank}').read_text().splitlines() for rank in range(2)]
    assert len({*written[0], *written[1]}) == len(written[0]) + len(written[1]) == TRAIN - len(before)
    assert abs(len(written[0]) - len(written[1])) <= 1


def propose_on_rank(camvid: Path, folder: Path, fate: str, rank: int) -> None:
    """Make proposals and note which; where fate wills, rank 1 is gone before its third."""
    cfg = case_config('published', camvid, folder / 'run', 2)
    cfg.launcher = 'pytorch'
    for hook in cfg.custom_hooks:
        if hook['type'] == 'MaskProposalHook':
            hook['batch_size'] = 1
    write, count = ProposalStore.write, iter(range(TRAIN))

    def noted(self: ProposalStore, image: str, proposals: np.ndarray) -> None:
        if next(count) == 2 and fate == 'die' and rank == 1:
            os._exit(9)
        with (folder / f'{fate}_{rank}').open('a') as file:
            print(image, file=file)
        write(self, image, proposals)

    ProposalStore.write = noted  # type: ignore[method-assign]  # this process is a copy that ends here
    propose(cfg)
