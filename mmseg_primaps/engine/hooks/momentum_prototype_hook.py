"""Move the momentum prototypes."""

from typing import Any

from mmengine.runner import Runner
from mmseg.registry import HOOKS

from ...models.decode_heads import PriMaPsHead
from ...utils import InputError
from .frozen_encoder_hook import FrozenEncoderHook, bare_model


@HOOKS.register_module()
class MomentumPrototypeHook(FrozenEncoderHook):
    """Every ``interval`` iterations: ``theta_M <- d theta_M + (1 - d) theta_R``.

    The first two calls copy, then ``d = min(limit, 1 - 1/call)``; see :func:`mmseg_primaps.ops.momentum_decay`.

    Args:
        interval: Iterations between two calls (10 as published).
    """

    def __init__(self, interval: int = 10) -> None:
        if interval < 1:
            raise InputError(f'MomentumPrototypeHook.interval={interval}: give a positive number of iterations')
        self.interval = interval

    def before_train(self, runner: Runner) -> None:
        """Check the head before hours of work."""
        super().before_train(runner)
        head = bare_model(runner).decode_head
        if not isinstance(head, PriMaPsHead):
            raise InputError(f'MomentumPrototypeHook needs decode_head.type=PriMaPsHead, not {type(head).__name__}')

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict | None = None
    ) -> None:
        """Update after iterations ``interval``, ``2 * interval``, ..."""
        if (runner.iter + 1) % self.interval == 0:
            decay = bare_model(runner).decode_head.update_momentum()
            runner.message_hub.update_scalar('train/momentum_decay', decay)
