"""Fill and renew HP's reference pools, and ramp the weight of its task-specific positives."""

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.dist import broadcast
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import Tensor

from ...models.decode_heads import HPHead
from ...models.necks import HPNeck
from ...ops import specific_weight
from ...utils import InputError
from ..clean_pictures import CleanPictures
from .frozen_encoder_hook import FrozenEncoderHook, bare_model
from .mask_proposal_hook import proposal_index


@HOOKS.register_module()
class HiddenPositiveHook(FrozenEncoderHook):
    """Reference pools of HP: one random patch of as many random pictures as the pool has places.

    The task-agnostic pool (features) is filled once and never renewed; the task-specific one (codes of the moving
    average) is made anew every ``renew_interval`` batches of an epoch. Both are taken in training mode, dropout
    included: clean features would give sparser positives. A set smaller than the pool is gone through several times.

    Args:
        renew_interval: Batches between two renewals (20; 100 for COCO-Stuff).
        warmup: Iterations without task-specific positives (50; 1000 COCO-Stuff, 100 Potsdam).
        batch_size: Pictures a batch while a pool is filled.
        seed: Seed of pictures and patches; the runner's by default.
    """

    priority = 'LOW'

    def __init__(
        self, renew_interval: int = 20, warmup: int = 50, batch_size: int = 64, seed: int | None = None
    ) -> None:
        if renew_interval < 1 or warmup < 0:
            raise InputError(
                f'HiddenPositiveHook: renew_interval={renew_interval} must be positive and warmup={warmup} at least 0'
            )
        self.renew_interval, self.warmup, self.batch_size, self.seed = renew_interval, warmup, batch_size, seed

    def before_train(self, runner: Runner) -> None:
        """Fill both pools; a resumed run keeps the task-agnostic one."""
        super().before_train(runner)
        model = bare_model(runner)
        neck = getattr(model, 'neck', None)
        if not isinstance(model.decode_head, HPHead) or not isinstance(neck, HPNeck) or not neck.trainable:
            raise InputError('HiddenPositiveHook needs decode_head.type=HPHead and an HPNeck with trainable=True')
        seed = runner.seed if self.seed is None else self.seed
        self.generator = torch.Generator().manual_seed(int(seed or 0) + runner.iter)
        self.pictures = CleanPictures(runner.train_dataloader.dataset)
        self.fill(runner, with_features=not bool(model.decode_head.agnostic_pool.any()))

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Renew the task-specific pool where it is due, and set its positives' weight."""
        super().before_train_iter(runner, batch_idx, data_batch)
        if batch_idx and batch_idx % self.renew_interval == 0:
            self.fill(runner, with_features=False)
        head = bare_model(runner).decode_head
        head.specific_weight = specific_weight(runner.iter, self.warmup, runner.max_iters)

    @torch.no_grad()
    def fill(self, runner: Runner, with_features: bool) -> None:
        """Make the task-specific pool anew, and the task-agnostic one where asked for."""
        model = bare_model(runner)
        head, neck = model.decode_head, model.neck
        training = neck.training
        model.backbone.eval()
        neck.train()
        features, codes = [], []
        for maps in self._features(runner, len(head.specific_pool)):
            features.append(self._random_patch(neck.drop(maps)))
            codes.append(self._random_patch(neck.stable_codes(maps)))
        neck.train(training)
        head.specific_pool.copy_(F.normalize(torch.cat(codes), dim=1))
        if with_features:
            head.agnostic_pool.copy_(F.normalize(torch.cat(features), dim=1))
        for pool in (head.agnostic_pool, head.specific_pool):
            broadcast(pool)

    def _features(self, runner: Runner, count: int) -> Iterator[Tensor]:
        """Backbone features ``[B, C, h, w]`` of ``count`` pictures in random order."""
        size = len(self.pictures)
        rounds = [torch.randperm(size, generator=self.generator) for _ in range(-(-count // size))]
        order = torch.cat(rounds)[:count].tolist()
        model = bare_model(runner)
        for batch in self.pictures.batches(order, self.batch_size, runner.train_dataloader.num_workers):
            yield self.pictures.features(model, batch, proposal_index(model))

    def _random_patch(self, maps: Tensor) -> Tensor:
        """One patch of each of the maps ``[B, C, h, w]``: ``[B, C]``."""
        flat = maps.flatten(2)
        place = torch.randint(flat.shape[2], (len(flat),), generator=self.generator).to(flat.device)
        return flat[torch.arange(len(flat), device=flat.device), :, place]
