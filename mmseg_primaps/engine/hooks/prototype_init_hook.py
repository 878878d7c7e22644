"""Give the prototypes their start."""

import torch
from mmengine.dist import broadcast, is_main_process
from mmengine.logging import print_log
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import Tensor

from ...ops import StreamingPCA, cosine_kmeans_loss
from ...utils import InputError, progress
from ..clean_features import CleanFeatures
from .frozen_encoder_hook import FrozenEncoderHook, bare_model


@HOOKS.register_module()
class PrototypeInitHook(FrozenEncoderHook):
    """Principal directions of the features, then a few epochs of cosine k-means, before training.

    Runs once: prototypes that came from a checkpoint or belong to a resumed run are never overwritten.

    Args:
        epochs: Epochs of k-means (2 as published; 0 gives the principal directions).
        lr: Learning rate of k-means (Adam).
        batch_size: Pictures a batch; that of the training loader by default.
        pca_batches: Number of batches the principal directions are taken from (93 as published); None for all.
        seed: Seed of the order of pictures and of the signs of the directions; the runner's by default.
    """

    priority = 'NORMAL'

    def __init__(
        self,
        epochs: int = 2,
        lr: float = 5e-3,
        batch_size: int | None = None,
        pca_batches: int | None = 93,
        seed: int | None = None,
    ) -> None:
        if epochs < 0 or lr <= 0:
            raise InputError(f'PrototypeInitHook: epochs={epochs} must be at least 0 and lr={lr} positive')
        self.epochs, self.lr, self.batch_size, self.pca_batches, self.seed = epochs, lr, batch_size, pca_batches, seed

    def before_train(self, runner: Runner) -> None:
        """Fit the start and copy it to every prototype set."""
        super().before_train(runner)
        head = bare_model(runner).decode_head
        if bool(head.initialized) or runner.iter > 0:
            print_log('prototypes are already there: no initialisation', 'current')
            return
        if head.num_classes > head.in_channels:
            raise InputError(
                f'num_classes={head.num_classes} is more than in_channels={head.in_channels}: principal directions '
                'can start at most in_channels clusters'
            )
        if is_main_process():
            head.initialize(self.fit(runner).to(head.running.direction))
        for prototypes in head.predictors.values():
            broadcast(prototypes.direction.data)
            broadcast(prototypes.gain.data)
        head.initialized.fill_(True)

    def fit(self, runner: Runner) -> Tensor:
        """Raw directions ``[K, C]``."""
        model = bare_model(runner)
        model.eval()
        loader = runner.train_dataloader
        batch_size = self.batch_size or loader.batch_size or 32
        seed = runner.seed if self.seed is None else self.seed
        generator = torch.Generator().manual_seed(int(seed or 0))
        features = CleanFeatures(model, loader.dataset, batch_size, loader.num_workers)
        directions = self._principal(features, model.decode_head.num_classes, generator)
        return self._kmeans(features, directions, generator)

    def _principal(self, features: CleanFeatures, num_classes: int, generator: torch.Generator) -> Tensor:
        pca = StreamingPCA()
        for batch in progress(features.epoch(generator, limit=self.pca_batches), 'principal directions'):
            pca.update(batch)
        return pca.components(num_classes, generator=generator)

    def _kmeans(self, features: CleanFeatures, directions: Tensor, generator: torch.Generator) -> Tensor:
        directions = directions.clone().to(features.device).requires_grad_()
        optimizer = torch.optim.Adam([directions], lr=self.lr)
        for epoch in range(self.epochs):
            for batch in progress(features.epoch(generator, drop_last=True), f'k-means, epoch {epoch + 1}'):
                optimizer.zero_grad()
                cosine_kmeans_loss(batch, directions).backward()
                optimizer.step()
        return directions.detach()
