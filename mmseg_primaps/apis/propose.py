"""Mask proposals alone."""

from pathlib import Path

from mmengine.config import Config

from ..engine.hooks import MaskProposalHook
from ..utils import InputError
from .train import build_runner, load_model


def propose(cfg: Config, out: str | None = None) -> Path:
    """Compute the missing proposals of the training set of ``cfg``; returns their folder.

    Every rank of a distributed run takes its share; an interrupted run goes on where it stopped.
    """
    for loop in ('val', 'test'):
        for part in ('dataloader', 'cfg', 'evaluator'):
            cfg.pop(f'{loop}_{part}', None)
    hooks = [hook for hook in cfg.get('custom_hooks', []) if hook['type'] == 'MaskProposalHook']
    if not hooks:
        raise InputError('config: custom_hooks has no MaskProposalHook, so nothing says how to make proposals')
    runner = build_runner(cfg)
    model = load_model(runner)
    hook = next(hook for hook in runner.hooks if isinstance(hook, MaskProposalHook))
    if out:
        hook.cache = out
    loader = runner.build_dataloader(cfg.train_dataloader)
    return hook.propose(model, loader.dataset, loader.num_workers).root
