"""HP's training objective and probes as a decode head."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

from ...ops import hidden_positive_loss
from ...utils import InputError
from .probe_head import ProbeHead

OUTPUTS = 4


@MODELS.register_module()
class HPHead(ProbeHead):
    """Trains an ``HPNeck`` with ``trainable=True``, and evaluates HP's clusters and linear probe.

    Training needs ``HiddenPositiveHook``, which fills the reference pools and ramps the weight of task-specific
    positives, and for the consistency term a photometric second view (``HPView``).

    Args:
        in_channels: Channels d of the codes.
        num_classes: Number of clusters and classes.
        feature_channels: Channels C of the backbone's features.
        pool_size: Patches of a reference pool (2048; 1024 for Potsdam).
        temperature: tau of the contrast (0.8 COCO-Stuff, 0.6 Cityscapes, 0.4 Potsdam).
        consistency: alpha, weight of the distance between the two views' codes (0.05; 0 for Potsdam).
        kept_share: rho, share of all pairs in the denominator (0.02; 1 for Potsdam).
        **options: Further arguments of :class:`~.probe_head.ProbeHead`.
    """

    agnostic_pool: Tensor
    specific_pool: Tensor

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        feature_channels: int,
        pool_size: int = 2048,
        temperature: float = 0.6,
        consistency: float = 0.05,
        kept_share: float = 0.02,
        **options: Any,
    ) -> None:
        super().__init__(in_channels, num_classes, **options)
        if temperature <= 0 or not 0 <= kept_share <= 1 or pool_size < 1:
            raise InputError(
                f'HPHead: temperature={temperature} and pool_size={pool_size} must be positive, '
                f'kept_share={kept_share} a share'
            )
        self.temperature, self.consistency, self.kept_share = temperature, consistency, kept_share
        self.project = nn.Linear(in_channels, in_channels)
        self.register_buffer('agnostic_pool', torch.zeros(pool_size, feature_channels))
        self.register_buffer('specific_pool', torch.zeros(pool_size, in_channels))
        self.specific_weight = 0.0

    def projected(self, codes: Tensor) -> Tensor:
        """Codes ``[B, d, h, w]`` after the project head, ``[B, P, d]``, unit length."""
        return F.normalize(self.project(_patches(codes)), dim=2)

    def loss(self, inputs: Sequence[Tensor], batch_data_samples: list, train_cfg: Any) -> dict[str, Tensor]:
        """HP's contrast, consistency where there is a second view, and the probes' losses.

        Args:
            inputs: What a trainable ``HPNeck`` gives in training: features, codes of the moving average, mixed codes,
                codes; of B pictures, or of 2 B: pictures, then their photometric views.
            batch_data_samples: B samples.
            train_cfg: Unused.

        Raises:
            InputError: No trainable ``HPNeck``, or empty pools.
        """
        if len(inputs) != OUTPUTS:
            raise InputError('HPHead trains an HPNeck: set neck.type=HPNeck and neck.trainable=True')
        if not self.agnostic_pool.any():
            raise InputError('HPHead has no reference pools: add HiddenPositiveHook to custom_hooks')
        size = len(batch_data_samples)
        features, stable, mixed, codes = (values[:size] for values in inputs)
        view = self.projected(codes)
        loss, log = hidden_positive_loss(
            F.normalize(_patches(features.detach()), dim=2),
            F.normalize(_patches(stable.detach()), dim=2),
            (view, self.projected(mixed)),
            self.agnostic_pool,
            self.specific_pool,
            self.specific_weight,
            self.temperature,
            self.kept_share,
        )
        losses = {'loss_contrast': loss, **log, **self.probe_losses(codes, batch_data_samples)}
        if len(inputs[-1]) == 2 * size and self.consistency:
            other = self.projected(inputs[-1][size:])
            distance = F.pairwise_distance(view.flatten(0, 1), other.flatten(0, 1)).mean()
            losses['loss_consistency'] = self.consistency * distance
        return losses


def _patches(maps: Tensor) -> Tensor:
    """``[B, C, h, w]`` to ``[B, h w, C]``."""
    return maps.flatten(2).transpose(1, 2)
