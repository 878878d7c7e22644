"""What the prototype heads share: one feature map in, logits of prototypes out."""

from collections.abc import Sequence
from typing import Any

import torch
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor

from ...utils import InputError
from ..utils import Prototypes, select_feature

# what heads hold beside prototypes: a head that has none of it starts from their checkpoints all the same
OTHER_HEADS = ('linear.', 'project.', 'agnostic_pool', 'specific_pool', 'momentum.', 'momentum_calls')


class PrototypeHead(BaseDecodeHead):
    """A decode head whose whole model is ``K`` prototypes on frozen features.

    Args:
        in_channels: Channels ``C`` of the feature map.
        num_classes: Number of clusters ``K``.
        in_index: Which feature map of the backbone or neck.
        ignore_index: Label of pixels without a class.

    ``cosine`` says of which predictors (all, none or some by name) the soft output is a cosine: the segmentor then
    divides their upsampled logits by the length of the upsampled feature before the CRF sees them.
    """

    running: Prototypes
    cosine: bool | tuple[str, ...] = False

    def __init__(self, in_channels: int, num_classes: int, in_index: int = -1, ignore_index: int = 255) -> None:
        super().__init__(
            in_channels,
            channels=in_channels,
            num_classes=num_classes,
            out_channels=num_classes,
            in_index=in_index,
            ignore_index=ignore_index,
            dropout_ratio=0,
            init_cfg=None,
        )
        del self.conv_seg
        self.register_buffer('initialized', torch.tensor(False))

    @property
    def predictors(self) -> dict[str, Prototypes]:
        """The prototype sets that can predict, the main one first."""
        return {'running': self.running}

    def features(self, inputs: Tensor | Sequence[Tensor]) -> Tensor:
        """The head's feature map ``[B, C, h, w]``, cut off from the backbone's graph."""
        feature = select_feature(inputs, self.in_index).detach()
        if feature.shape[1] != self.in_channels:
            raise InputError(
                f'decode_head.in_channels={self.in_channels}, but the feature map has {feature.shape[1]} channels; '
                f'set in_channels={feature.shape[1]}'
            )
        return feature

    def forward(self, inputs: Tensor | Sequence[Tensor]) -> Tensor:
        """Logits ``[B, K, h, w]`` of the main prototypes."""
        main = next(iter(self.predictors.values()))
        return self.classify(self.features(inputs), main)

    def classify(self, features: Tensor, prototypes: Prototypes) -> Tensor:
        """Logits ``[B, K, h, w]`` of features ``[B, C, h, w]`` by one prototype set."""
        return prototypes(features)

    def initialize(self, direction: Tensor, gain: Tensor | None = None) -> None:
        """Set every prototype set to raw directions ``[K, C]`` and gains ``[K]`` (ones if not given)."""
        for prototypes in {id(p): p for p in (self.running, *self.predictors.values())}.values():
            prototypes.set(direction, gain)
        self.initialized.fill_(True)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        found = state_dict.get(prefix + 'running.direction')
        if found is not None and found.shape != self.running.direction.shape:
            classes, channels = found.shape
            raise InputError(
                f'the checkpoint has {classes} prototypes of {channels} channels, the model {self.num_classes} of '
                f'{self.in_channels}; set num_classes={classes} and in_channels={channels}'
            )
        self._adapt(state_dict, prefix)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def _adapt(self, state_dict: dict[str, Any], prefix: str) -> None:
        """Let one kind of head start from a checkpoint of another: a method's clusters become every prototype set."""
        for key in [key for key in state_dict if key.startswith(tuple(prefix + name for name in OTHER_HEADS))]:
            if not hasattr(self, key.removeprefix(prefix).split('.')[0]):
                state_dict.pop(key)
        if hasattr(self, 'momentum') and f'{prefix}momentum.direction' not in state_dict:
            for part in ('direction', 'gain'):
                if f'{prefix}running.{part}' in state_dict:
                    state_dict[f'{prefix}momentum.{part}'] = state_dict[f'{prefix}running.{part}']
            state_dict.setdefault(f'{prefix}momentum_calls', torch.tensor(0))
