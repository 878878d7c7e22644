"""One set of class prototypes: directions and gains."""

import torch
from torch import Tensor, nn

from ...ops import prototype_logits


class Prototypes(nn.Module):
    """``K`` prototypes in the weight-norm parametrisation ``g * v / |v|`` of the published code.

    ``direction`` ``[K, C]`` keeps its raw norm: it sets the angular step size of the optimiser. ``gain`` ``[K]`` starts
    at one. The momentum set is not trained: its values are buffers, so that no optimiser ever sees them.

    Args:
        num_classes: ``K``.
        channels: ``C``.
        trainable: Parameters if true, buffers otherwise.
        train_gain: Whether the gains are trained as well (they are in the EM stage, not in k-means).
    """

    direction: Tensor
    gain: Tensor

    def __init__(self, num_classes: int, channels: int, trainable: bool = True, train_gain: bool = True) -> None:
        super().__init__()
        direction, gain = torch.randn(num_classes, channels), torch.ones(num_classes)
        self._add('direction', direction, trainable)
        self._add('gain', gain, trainable and train_gain)

    def _add(self, name: str, value: Tensor, trainable: bool) -> None:
        if trainable:
            self.register_parameter(name, nn.Parameter(value))
        else:
            self.register_buffer(name, value)

    def forward(self, features: Tensor) -> Tensor:
        """Logits ``[B, K, h, w]`` of features ``[B, C, h, w]``: ``g <v/|v|, f>``."""
        return prototype_logits(features, self.direction, self.gain)

    @torch.no_grad()
    def set(self, direction: Tensor, gain: Tensor | None = None) -> None:
        """Copy raw directions ``[K, C]`` and gains ``[K]`` (ones if not given)."""
        self.direction.copy_(direction)
        self.gain.copy_(torch.ones_like(self.gain) if gain is None else gain)

    @torch.no_grad()
    def move_towards(self, other: 'Prototypes', decay: float) -> None:
        """Exponential moving average, directions and gains apart: ``self = decay * self + (1 - decay) * other``."""
        for mine, theirs in ((self.direction, other.direction), (self.gain, other.gain)):
            mine.mul_(decay).add_(theirs, alpha=1 - decay)
