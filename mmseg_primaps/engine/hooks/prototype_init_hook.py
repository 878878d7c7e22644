"""Give the prototypes their start."""

import torch
from mmengine.dist import broadcast, broadcast_object_list
from mmengine.logging import print_log
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import Tensor

from ...models.decode_heads.prototype_head import PrototypeHead
from ...utils import InputError
from ..clean_features import CleanFeatures
from ..prototype_starts import cluster_start, gradient_kmeans, principal_start
from ..start_choice import choose_start
from .frozen_encoder_hook import FrozenEncoderHook, bare_model

STARTS = ('pca', 'kmeans++', 'auto')
PRESETS = {'paper': 'pca', 'best': 'auto'}


@HOOKS.register_module()
class PrototypeInitHook(FrozenEncoderHook):
    """Start the prototypes before training, in one of three ways.

    ``'pca'``, as published: principal directions of the features, then a few epochs of cosine k-means by gradient; the
    signs of the directions come from the seed. ``'kmeans++'``: spherical k-means of all features, run to convergence
    from many starts, of which the one of least inertia is kept; it does not depend on the seed of training.
    ``'auto'``: both, and the one whose clusters tell more about the proposals (see
    :class:`mmseg_primaps.ops.ProposalAgreement`); no label is used.

    All processes work on it, each on pictures of its own, and get what one process gets with the same global batch.

    Runs once: prototypes that came from a checkpoint or belong to a resumed run are never overwritten.

    Args:
        epochs: Epochs of gradient k-means after the principal directions (2 as published; 0 leaves them).
        lr: Its learning rate (Adam).
        batch_size: Pictures a batch and process; that of the training loader by default.
        pca_batches: Number of batches the principal directions are taken from (93 as published); None for all.
        seed: Seed of the order of pictures and of the signs of the directions; the runner's by default.
        init: ``'pca'``, ``'kmeans++'`` or ``'auto'``; the preset's by default.
        preset: ``'paper'`` is ``init='pca'``, ``'best'`` is ``init='auto'``; the head's by default.
        restarts: Number of starts of k-means++.
        sample_size: Features that k-means++ converges on before it goes over all of them.
        cluster_seed: Seed of k-means++, the same whatever the run's.
    """

    priority = 'NORMAL'

    def __init__(
        self,
        epochs: int = 2,
        lr: float = 5e-3,
        batch_size: int | None = None,
        pca_batches: int | None = 93,
        seed: int | None = None,
        init: str | None = None,
        preset: str | None = None,
        restarts: int = 16,
        sample_size: int = 2**13,
        cluster_seed: int = 0,
    ) -> None:
        if epochs < 0 or lr <= 0:
            raise InputError(f'PrototypeInitHook: epochs={epochs} must be at least 0 and lr={lr} positive')
        if preset is not None and preset not in PRESETS:
            raise InputError(f'PrototypeInitHook.preset={preset!r}: choose one of {", ".join(PRESETS)}')
        self.init, self.preset = init, preset
        if init is not None and init not in STARTS:
            raise InputError(f'PrototypeInitHook.init={init!r}: choose one of {", ".join(STARTS)}')
        if restarts < 1 or sample_size < 1:
            raise InputError(f'PrototypeInitHook: restarts={restarts} and sample_size={sample_size} must be positive')
        self.epochs, self.lr, self.batch_size, self.pca_batches, self.seed = epochs, lr, batch_size, pca_batches, seed
        self.restarts, self.sample_size, self.cluster_seed = restarts, sample_size, cluster_seed

    def start_of(self, head: PrototypeHead) -> str:
        """Which start a head gets: ``init``, else this hook's preset's, else the head's preset's."""
        preset = str(self.preset or getattr(head, 'preset', 'paper'))
        return self.init or PRESETS[preset]

    def before_train(self, runner: Runner) -> None:
        """Fit the start and copy it to every prototype set."""
        super().before_train(runner)
        head = bare_model(runner).decode_head
        if bool(head.initialized) or runner.iter > 0:
            print_log('prototypes are already there: no initialisation', 'current')
            return
        if self.start_of(head) == 'pca' and head.num_classes > head.in_channels:
            raise InputError(
                f'num_classes={head.num_classes} is more than in_channels={head.in_channels}: principal directions '
                "can start at most in_channels clusters; PrototypeInitHook(init='kmeans++') can start more"
            )
        head.initialize(self.fit(runner).to(head.running.direction))
        for prototypes in head.predictors.values():
            broadcast(prototypes.direction.data)
            broadcast(prototypes.gain.data)

    def fit(self, runner: Runner) -> Tensor:
        """Raw directions ``[K, C]``."""
        model = bare_model(runner)
        model.eval()
        loader = runner.train_dataloader
        batch_size = self.batch_size or loader.batch_size or 32
        seed = [runner.seed if self.seed is None else self.seed]
        broadcast_object_list(seed)  # ranks may have seeds of their own (diff_rank_seed)
        features = CleanFeatures(model, loader.dataset, batch_size, loader.num_workers)
        head = model.decode_head
        starts, wanted = {}, self.start_of(head)
        if wanted != 'pca':
            starts['kmeans++'] = self._clusters(features, head.num_classes)
        if wanted != 'kmeans++' and head.num_classes <= head.in_channels:
            starts['pca'] = self._principal(features, head.num_classes, int(seed[0] or 0))
        return self._choose(features, starts)

    def _choose(self, features: CleanFeatures, starts: dict[str, Tensor]) -> Tensor:
        if len(starts) == 1:
            return next(iter(starts.values()))
        chosen, figures = choose_start(features, starts)
        for name, figure in figures.items():
            told = f'information {figure.information:.1f} %, agreement {figure.agreement:.1f} %'
            print_log(f'start {name}: {told}{" (taken)" if name == chosen else ""}', 'current')
        return starts[chosen]

    def _clusters(self, features: CleanFeatures, num_classes: int) -> Tensor:
        return cluster_start(features, num_classes, self.cluster_seed, self.restarts, self.sample_size)

    def _principal(self, features: CleanFeatures, num_classes: int, seed: int) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        directions = principal_start(features, num_classes, generator, self.pca_batches)
        return gradient_kmeans(features, directions, generator, self.epochs, self.lr)
