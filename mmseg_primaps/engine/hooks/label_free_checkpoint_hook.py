"""Keep the checkpoint that a criterion without labels likes best."""

import math
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.logging import print_log
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from ...utils import InputError
from .frozen_encoder_hook import FrozenEncoderHook

CRITERIA = ('information', 'agreement')


@HOOKS.register_module()
class LabelFreeCheckpointHook(FrozenEncoderHook):
    """Average a criterion over each epoch and keep the prototypes of the best one, beside the last ones.

    Both criteria compare the momentum prototypes' labels with the proposals of the training pictures (see
    :class:`mmseg_primaps.ops.ProposalAgreement`), so no label is looked at. The file is
    ``best_<criterion>_epoch_<n>.pth``; the result of training stays the last checkpoint.

    Args:
        criterion: ``'information'`` or ``'agreement'``.
        interval: Epochs between two comparisons.
        start: First epoch that may be the best: prototypes have hardly moved before.
    """

    priority = 'LOW'

    def __init__(self, criterion: str = 'information', interval: int = 1, start: int = 1) -> None:
        if criterion not in CRITERIA:
            raise InputError(f'LabelFreeCheckpointHook.criterion={criterion!r}: choose one of {", ".join(CRITERIA)}')
        if interval < 1 or start < 1:
            raise InputError(f'LabelFreeCheckpointHook: interval={interval} and start={start} must be positive')
        self.criterion, self.interval, self.start = criterion, interval, start
        self.total, self.count = 0.0, 0

    def before_train_epoch(self, runner: Runner) -> None:
        """Begin a new average."""
        self.total, self.count = 0.0, 0

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict | None = None
    ) -> None:
        """Add a batch's value."""
        name = f'decode.{self.criterion}'  # mmseg's prefix for what a decode head reports
        if outputs is None or name not in outputs:
            raise InputError('LabelFreeCheckpointHook needs decode_head.type=PriMaPsHead with pseudo_label=proposals')
        self.total, self.count = self.total + float(outputs[name]), self.count + 1

    def after_train_epoch(self, runner: Runner) -> None:
        """Keep this epoch's checkpoint if it is the best so far."""
        epoch = runner.epoch + 1
        if not self.count or epoch < self.start or epoch % self.interval:
            return
        value = self.total / self.count
        runner.message_hub.update_scalar(f'train/epoch_{self.criterion}', value)
        best = runner.message_hub.runtime_info.get(f'best_{self.criterion}', (-math.inf, ''))
        if value > best[0]:
            self._keep(runner, value, epoch, best[1])

    def _keep(self, runner: Runner, value: float, epoch: int, before: str) -> None:
        name = f'best_{self.criterion}_epoch_{epoch}.pth'
        runner.message_hub.update_info(f'best_{self.criterion}', (value, name))
        runner.save_checkpoint(runner.work_dir, name, save_optimizer=False, save_param_scheduler=False, by_epoch=True)
        if before and is_main_process():
            (Path(runner.work_dir) / before).unlink(missing_ok=True)
        print_log(f'{name}: {self.criterion} {value:.2f} %, the best so far (no labels used)', 'current')
