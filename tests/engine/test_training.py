"""One command from pictures to prototypes: proposals, start, EM, evaluation, resume."""

import json
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmseg_primaps.apis import build_runner, evaluate, over_seeds, propose, train
from mmseg_primaps.apis.test import for_seed
from mmseg_primaps.utils import InputError
from tests.conftest import tiny_config

PRIMAPS = 'primaps_mobilenetv2_camvid.py'
KMEANS = 'kmeans_mobilenetv2_camvid.py'


def head_state(folder: Path, epoch: int = 2) -> dict[str, torch.Tensor]:
    state = torch.load(folder / f'epoch_{epoch}.pth', weights_only=False)['state_dict']
    return {key: value for key, value in state.items() if key.startswith('decode_head')}


def without_store(cfg: Config) -> Config:
    cfg.custom_hooks = [hook for hook in cfg.custom_hooks if hook['type'] != 'FeatureStoreHook']
    return cfg


def assert_same(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> None:
    assert left.keys() == right.keys()
    for key, value in left.items():
        assert torch.equal(value, right[key]), key


def test_one_command_makes_proposals_start_and_prototypes(camvid: Path, tmp_path: Path, cache: Path) -> None:
    report = train(tiny_config(PRIMAPS, camvid, tmp_path / 'run'))
    assert len(list(cache.rglob('*.png'))) == 6
    for key in ('Acc', 'mIoU', 'running_Acc', 'running_mIoU'):
        assert 0 <= report[key] <= 100
    assert report['protocol']['flip'] is True
    assert report == json.loads((tmp_path / 'run' / 'metrics.json').read_text())
    state = head_state(tmp_path / 'run')
    assert bool(state['decode_head.initialized'])
    assert not torch.equal(state['decode_head.running.gain'], torch.ones(11))


def test_same_seed_gives_the_same_training_and_another_seed_another(camvid: Path, tmp_path: Path, cache: Path) -> None:
    for name, seed in (('a', 0), ('b', 0), ('c', 1)):
        train(tiny_config(PRIMAPS, camvid, tmp_path / name, **{'randomness.seed': seed}))
    assert_same(head_state(tmp_path / 'a'), head_state(tmp_path / 'b'))
    other = head_state(tmp_path / 'c')['decode_head.running.direction']
    assert not torch.equal(head_state(tmp_path / 'a')['decode_head.running.direction'], other)


def test_stored_features_train_as_computed_ones_do(camvid: Path, tmp_path: Path, cache: Path) -> None:
    stored = train(tiny_config(PRIMAPS, camvid, tmp_path / 'stored'))
    computed = train(without_store(tiny_config(PRIMAPS, camvid, tmp_path / 'computed')))
    left, right = head_state(tmp_path / 'stored'), head_state(tmp_path / 'computed')
    for key, value in left.items():
        torch.testing.assert_close(value, right[key], atol=1e-5, rtol=1e-5)
    assert stored['Acc'] == pytest.approx(computed['Acc'], abs=0.1)


def test_resume_goes_on_and_keeps_prototypes_and_proposals(camvid: Path, tmp_path: Path, cache: Path) -> None:
    whole = tiny_config(PRIMAPS, camvid, tmp_path / 'whole')
    train(whole)
    train(tiny_config(PRIMAPS, camvid, tmp_path / 'parts', **{'train_cfg.max_epochs': 1}))
    before = {path: path.stat().st_mtime_ns for path in cache.rglob('*.png')}
    assert before
    train(tiny_config(PRIMAPS, camvid, tmp_path / 'parts'), resume=True)
    assert {path: path.stat().st_mtime_ns for path in cache.rglob('*.png')} == before
    parts = head_state(tmp_path / 'parts')
    assert int(parts['decode_head.momentum_calls']) == int(head_state(tmp_path / 'whole')['decode_head.momentum_calls'])
    assert not torch.equal(
        parts['decode_head.running.direction'], head_state(tmp_path / 'parts', 1)['decode_head.running.direction']
    )


def test_interrupted_proposals_are_completed_not_redone(camvid: Path, tmp_path: Path, cache: Path) -> None:
    folder = propose(tiny_config(PRIMAPS, camvid, tmp_path / 'run'))
    files = sorted(folder.rglob('*.png'))
    files[2].unlink()
    before = {path: path.stat().st_mtime_ns for path in files if path.exists()}
    assert propose(tiny_config(PRIMAPS, camvid, tmp_path / 'run')) == folder
    assert sorted(folder.rglob('*.png')) == files
    assert {path: path.stat().st_mtime_ns for path in files if path in before} == before


def test_frozen_backbone_keeps_buffers_and_stays_out_of_the_optimiser(
    camvid: Path, tmp_path: Path, cache: Path
) -> None:
    cfg = without_store(tiny_config(PRIMAPS, camvid, tmp_path / 'run'))
    cfg.model.type = 'EncoderDecoder'
    cfg.model.test_cfg = dict(mode='whole')
    cfg.model.backbone = dict(type='ResNetV1c', depth=18, norm_cfg=dict(type='BN'))
    cfg.model.decode_head.in_channels = 512
    runner = build_runner(cfg)
    runner._init_model_weights()
    before = {key: value.clone() for key, value in runner.model.backbone.state_dict().items()}
    runner.train()
    assert_same(before, dict(runner.model.backbone.state_dict()))
    trained = sum(len(group['params']) for group in runner.optim_wrapper.optimizer.param_groups)
    assert trained == 2


def test_kmeans_needs_no_proposals_and_evaluates_from_its_checkpoint(camvid: Path, tmp_path: Path, cache: Path) -> None:
    report = train(tiny_config(KMEANS, camvid, tmp_path / 'run'))
    assert not list(cache.glob('*/manifest.json'))
    checkpoint = str(tmp_path / 'run' / 'epoch_2.pth')
    again = evaluate(tiny_config(KMEANS, camvid, tmp_path / 'test'), checkpoint, str(tmp_path / 'figures.json'))
    assert again['Acc'] == pytest.approx(report['Acc'], abs=1e-4)
    assert json.loads((tmp_path / 'figures.json').read_text())['protocol']['checkpoint'] == checkpoint


@pytest.mark.parametrize(
    ('options', 'match'),
    [
        ({'model.decode_head.num_classes': 7}, 'num_classes=7'),
        ({'model.backbone': {'type': 'NoSuchNet'}}, 'NoSuchNet'),
        ({'train_dataloader.dataset.data_root': 'no/such/folder'}, 'no/such/folder'),
        ({'model.decode_head.in_channels': 31}, 'in_channels=30'),
    ],
)
def test_mistakes_end_in_one_line(camvid: Path, tmp_path: Path, cache: Path, options: dict, match: str) -> None:
    with pytest.raises(InputError, match=match):
        train(tiny_config(PRIMAPS, camvid, tmp_path / 'run', **options))


def test_checkpoints_of_several_seeds_are_evaluated_in_one_report(camvid: Path, tmp_path: Path, cache: Path) -> None:
    seeds = over_seeds(tiny_config(KMEANS, camvid, tmp_path / 'runs'), [0, 1], train)
    pattern = str(tmp_path / 'runs' / 'seed_{seed}' / 'epoch_2.pth')
    again = over_seeds(
        tiny_config(KMEANS, camvid, tmp_path / 'test'),
        [0, 1],
        lambda one: evaluate(one, for_seed(pattern, one.randomness.seed)),
    )
    assert again['summary']['Acc']['mean'] == pytest.approx(seeds['summary']['Acc']['mean'], abs=1e-3)
    assert (tmp_path / 'test' / 'seeds.json').is_file()
    with pytest.raises(InputError, match='seed'):
        for_seed('epoch_2.pth', 0)


def test_second_run_of_a_process_writes_its_scalars_into_its_own_folder(
    camvid: Path, tmp_path: Path, cache: Path
) -> None:
    for name in ('first', 'second'):
        train(tiny_config(KMEANS, camvid, tmp_path / name))
    assert len(list((tmp_path / 'second').rglob('scalars.json'))) == 1
