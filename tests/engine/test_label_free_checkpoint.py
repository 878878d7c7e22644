"""The checkpoint that a criterion without labels likes best, and how a metrics file names the choice."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from mmengine.logging import MessageHub

from mmseg_primaps.apis import evaluate, train
from mmseg_primaps.apis.report import checkpoint_rule
from mmseg_primaps.engine.hooks import LabelFreeCheckpointHook
from mmseg_primaps.utils import InputError
from tests.conftest import tiny_config

PRIMAPS = 'primaps_mobilenetv2_camvid.py'


class Recorder(SimpleNamespace):
    """A runner as far as the hook sees one."""

    def save_checkpoint(self, folder: str, name: str, **_: object) -> None:
        """Leave a file of that name."""
        (Path(folder) / name).write_text(name)


def epochs(hook: LabelFreeCheckpointHook, values: list[float], folder: Path) -> None:
    runner = Recorder(epoch=0, work_dir=str(folder), message_hub=MessageHub.get_instance(f'hub{folder}'))
    for runner.epoch, value in enumerate(values):
        hook.before_train_epoch(runner)
        for part in (value - 1, value + 1):
            hook.after_train_iter(runner, 0, outputs={f'decode.{hook.criterion}': part})
        hook.after_train_epoch(runner)


def test_only_the_best_epoch_is_kept(tmp_path: Path) -> None:
    epochs(LabelFreeCheckpointHook('agreement'), [50, 70, 60], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ['best_agreement_epoch_2.pth']


def test_early_epochs_and_those_between_are_left_out(tmp_path: Path) -> None:
    epochs(LabelFreeCheckpointHook(interval=2, start=3), [90, 80, 70, 60, 65], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ['best_information_epoch_4.pth']


def test_wrong_options_are_named() -> None:
    with pytest.raises(InputError, match='criterion'):
        LabelFreeCheckpointHook('mIoU')
    with pytest.raises(InputError, match='interval'):
        LabelFreeCheckpointHook(interval=0)


@pytest.mark.parametrize(
    ('checkpoint', 'rule'),
    [
        ('last', 'last'),
        ('work/epoch_50.pth', 'last'),
        ('work/best_information_epoch_7.pth', 'best information with the proposals, without labels'),
        ('work/best_mIoU_epoch_7.pth', 'best mIoU of the validation set: labels chose the checkpoint'),
        ('other.pth', 'unknown'),
    ],
)
def test_metrics_name_the_rule(checkpoint: str, rule: str) -> None:
    assert checkpoint_rule(checkpoint) == rule


def test_training_keeps_it_and_evaluation_says_so(camvid: Path, tmp_path: Path, cache: Path) -> None:
    cfg = tiny_config(PRIMAPS, camvid, tmp_path / 'run')
    cfg.custom_hooks.append({'type': 'LabelFreeCheckpointHook'})
    assert train(cfg)['protocol']['checkpoint_rule'] == 'last'
    (kept,) = (tmp_path / 'run').glob('best_information_epoch_*.pth')
    report = evaluate(tiny_config(PRIMAPS, camvid, tmp_path / 'test'), str(kept))
    assert 'without labels' in report['protocol']['checkpoint_rule']


def test_a_head_without_proposals_is_refused(camvid: Path, tmp_path: Path, cache: Path) -> None:
    cfg = tiny_config('ablations/no_proposals.py', camvid, tmp_path / 'run')
    cfg.custom_hooks.append({'type': 'LabelFreeCheckpointHook'})
    with pytest.raises(InputError, match='pseudo_label'):
        train(cfg)
