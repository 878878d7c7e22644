"""Train from a config."""

import time
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.runner import Runner
from mmseg.registry import RUNNERS
from mmseg.utils import register_all_modules

from ..engine.backbone_record import find_backbone
from ..engine.hooks import FeatureStoreHook
from ..engine.hooks.frozen_encoder_hook import bare_model
from ..models.backbones.lazy_backbone import backbone_stand_in
from ..models.utils import Segmentor
from ..utils import InputError
from ..utils.proposal_store import cache_root
from .cli import as_input_error
from .processes import join_processes, wrap_for_cpu
from .report import write_report


def build_runner(cfg: Config) -> Runner:
    """Build mmengine's runner; a user's mistake in the config becomes an :class:`InputError`."""
    register_all_modules(init_default_scope=False)
    if cfg.get('visualizer'):
        # mmengine hands out one visualizer a name: a second run of this process would write into the first one's folder
        cfg.visualizer.name = f'visualizer_{time.time_ns()}'
    try:
        join_processes(cfg)
        wrap_for_cpu(cfg)
        with backbone_stand_in(known_backbone(cfg)):
            return RUNNERS.build(cfg) if 'runner_type' in cfg else Runner.from_cfg(cfg)
    except Exception as error:
        raise (as_input_error(error) or error) from error


def load_model(runner: Runner) -> Segmentor:
    """The runner's model with the weights that its config names, in evaluation mode."""
    runner._init_model_weights()
    runner.load_or_resume()
    model = bare_model(runner)
    model.eval()
    return model


def known_backbone(cfg: Config) -> dict[str, Any] | None:
    """What an earlier run with a feature store has noted of the backbone, which then is built only if it must run."""
    hooks = [hook for hook in cfg.get('custom_hooks') or [] if hook['type'] == FeatureStoreHook.__name__]
    found: list[Any] = [None]
    if hooks and is_main_process():
        found[0] = find_backbone(cache_root(hooks[0].get('cache')), cfg.model.backbone, cfg.get('load_from'))
    broadcast_object_list(found)
    return found[0]


def train(cfg: Config, resume: bool = False, amp: bool = False) -> dict[str, Any]:
    """Run proposals, initialisation and training; returns the metrics of the last evaluation.

    The last checkpoint is the result; ``metrics.json`` in the work folder holds the figures and their protocol.
    """
    cfg.resume = resume
    if amp:
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')
    runner = build_runner(cfg)
    try:
        runner.train()
    except InputError:
        raise
    except Exception as error:
        raise (as_input_error(error) or error) from error
    if runner.val_loop is None:
        return {}
    return write_report(runner, runner.val_loop.evaluator, Path(runner.work_dir) / 'metrics.json', checkpoint='last')
