"""Keep the backbone and the neck as they are."""

from typing import Any

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch.optim import Optimizer

from ...models.utils import Segmentor, drop_frozen_parameters, freeze, frozen_modules
from ..checks import check_run


def bare_model(runner: Runner) -> Segmentor:
    """The segmentor itself, without the wrapper of distributed training."""
    return runner.model.module if is_model_wrapper(runner.model) else runner.model


@HOOKS.register_module()
class FrozenEncoderHook(Hook):
    """Freeze backbone and neck: evaluation mode, no gradient, no optimiser entry, whatever backbone the user names.

    The other hooks of this package derive from it, so that a plain mmseg config is safe with any one of them.
    """

    def before_run(self, runner: Runner) -> None:
        """Freeze the encoder and take its parameters out of the optimiser, before weights and states are loaded."""
        model = bare_model(runner)
        trained = any(p.requires_grad for module in frozen_modules(model) for p in module.parameters())
        for module in frozen_modules(model):
            freeze(module)
        if trained and runner.model is not model:
            # the wrapper of distributed training has counted on gradients that will never come
            runner.model = runner.wrap_model(runner.cfg.get('model_wrapper_cfg'), model)
        optimizer = getattr(runner.optim_wrapper, 'optimizer', None)
        if isinstance(optimizer, Optimizer):  # a config still, where nothing is trained
            drop_frozen_parameters(optimizer)

    def before_train(self, runner: Runner) -> None:
        """Check data and numbers of classes; the first hook to get here does it for all."""
        model = bare_model(runner)
        if getattr(runner, '_primaps_checked', None) is not runner.train_loop:
            check_run(runner, model)
            runner._primaps_checked = runner.train_loop

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Undo ``model.train()``, which the training loop calls after every other place to do so."""
        for module in frozen_modules(bare_model(runner)):
            module.eval()
