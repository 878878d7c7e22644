"""HP's projection head as a neck."""

import copy
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor

from ...ops import attention_mix
from ...utils import InputError
from .projection import CodeNeck, CodeProjection


@MODELS.register_module()
class HPNeck(CodeNeck):
    """Codes of HP (Seong et al. 2023) from frozen ViT features: STEGO's head, trained with hidden positives.

    Inference uses the online head alone; dropout is off in evaluation, as published. A trainable neck also holds the
    head's moving average, which finds task-specific positives, and mixes every code with its neighbours by the last
    block's attention. The backbone then gives queries and keys before the features
    (``TimmViT(feature=['query', 'key', 'token'])``); another backbone has no attention, so cosines of its features,
    times ``sharpness``, take its place (``attention='features'``).

    Args:
        in_channels: C of the backbone's feature map.
        dim: d of the codes (512 Cityscapes and COCO-Stuff, 256 Potsdam).
        momentum: Decay of the moving average (0.999; 0.99 for COCO-Stuff).
        attention: ``'query_key'`` (published) or ``'features'``.
        num_heads: Attention heads of the backbone, for ``'query_key'``.
        sharpness: See above.
        **options: Further arguments of :class:`~.projection.CodeNeck`.
    """

    def __init__(
        self,
        in_channels: int,
        dim: int,
        momentum: float = 0.999,
        attention: str = 'query_key',
        num_heads: int = 6,
        sharpness: float = 10.0,
        **options: Any,
    ) -> None:
        super().__init__(in_channels, dim, **options)
        self.projection = CodeProjection(in_channels, dim)
        if attention not in ('query_key', 'features'):
            raise InputError(f"neck.attention={attention!r} is unknown: choose 'query_key' or 'features'")
        self.momentum, self.attention, self.num_heads, self.sharpness = momentum, attention, num_heads, sharpness
        if self.trainable:
            self.average = copy.deepcopy(self.projection).requires_grad_(False)

    def forward(self, inputs: Tensor | Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Features and codes; in training of a trainable neck also what the loss needs.

        Args:
            inputs: Feature maps ``[B, C, h, w]`` of the backbone.

        Returns:
            Features ``[B, C, h, w]`` and codes ``[B, d, h, w]``; in training features, codes of the moving average,
            mixed codes and codes, the first three under dropout.
        """
        features = self.select(inputs)
        codes = self.projection(features, self.drop)
        if not (self.training and self.trainable):
            return self.drop(features), codes
        stable = self.stable_codes(features)
        mixed = attention_mix(codes, self._scores(inputs, features))
        self._update_average()
        return self.drop(features), stable, self.drop(mixed), codes

    @torch.no_grad()
    def stable_codes(self, features: Tensor) -> Tensor:
        """Codes ``[B, d, h, w]`` of the moving average, under dropout."""
        return self.drop(self.average(features, self.drop))

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        """Start the moving average from the head where a file has none, as the released ones."""
        if self.trainable and not any(key.startswith(f'{prefix}average.') for key in state_dict):
            start = f'{prefix}projection.'
            for key in [key for key in state_dict if key.startswith(start)]:
                state_dict[f'{prefix}average.{key.removeprefix(start)}'] = state_dict[key]
        super()._load_from_state_dict(state_dict, prefix, *args)

    @torch.no_grad()
    def _update_average(self) -> None:
        """Once a training pass, before the optimiser's step, as published: it lags by one."""
        for mine, theirs in zip(self.average.parameters(), self.projection.parameters(), strict=True):
            mine.mul_(self.momentum).add_(theirs, alpha=1 - self.momentum)

    @torch.no_grad()
    def _scores(self, inputs: Tensor | Sequence[Tensor], features: Tensor) -> Tensor:
        """Attention between patches before the softmax, mean over heads, ``[B, P, P]``."""
        if self.attention == 'features':
            unit = F.normalize(features.flatten(2), dim=1)
            return self.sharpness * torch.einsum('bcp,bcq->bpq', unit, unit)
        if isinstance(inputs, Tensor) or len(inputs) < 3:  # noqa: PLR2004
            raise InputError(
                "HPNeck needs queries and keys: set backbone.feature=['query', 'key', 'token'], or "
                "neck.attention='features' for a backbone without attention"
            )
        query, key = (values.flatten(2) for values in inputs[:2])
        # heads are concatenated along C, so the full product is the sum of the heads' products
        return torch.einsum('bcp,bcq->bpq', query, key) / (query.shape[1] * self.num_heads) ** 0.5
