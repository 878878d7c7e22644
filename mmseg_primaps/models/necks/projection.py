"""The projection head that STEGO and HP share."""

from collections.abc import Callable, Sequence
from typing import Any

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from ...utils import InputError
from ..utils import select_feature


class CodeProjection(nn.Module):
    """A linear and a two-layer branch of 1x1 convolutions, added: features ``[B, C, h, w]`` to codes ``[B, d, h, w]``.

    Each branch gets its input through ``drop``, called anew for each, as in the public codes of STEGO and HP.

    Args:
        in_channels: C.
        dim: d.
    """

    def __init__(self, in_channels: int, dim: int) -> None:
        super().__init__()
        self.linear = nn.Conv2d(in_channels, dim, 1)
        self.hidden = nn.Conv2d(in_channels, in_channels, 1)
        self.output = nn.Conv2d(in_channels, dim, 1)

    def forward(self, features: Tensor, drop: Callable[[Tensor], Tensor] = lambda x: x) -> Tensor:
        """Codes ``[B, d, h, w]``, not normalised."""
        return self.linear(drop(features)) + self.output(F.relu(self.hidden(drop(features))))


class CodeNeck(BaseModule):
    """Base of necks that replace one feature map by a method's codes: the interface for methods of one's own.

    A derived class makes its layers and a ``forward`` that begins with :meth:`select`.

    Its output is a tuple whose last map is the code: a decode head with ``in_index=-1`` (the default) works on codes.
    A neck is frozen like the backbone unless it is ``trainable``; a frozen one without loaded weights refuses to run,
    because random codes look like codes.

    Args:
        in_channels: C of the backbone's feature map.
        dim: d of the codes.
        in_index: Which feature map of the backbone.
        dropout: Share of channels dropped before each branch.
        trainable: Train the neck (to make a method's checkpoint) instead of freezing it.
        init_cfg: As in mmengine; ``dict(type='Pretrained', checkpoint=..., prefix='neck.')`` loads weights.

    Raises:
        InputError: Use without weights, or weights of another geometry.
    """

    def __init__(
        self,
        in_channels: int,
        dim: int,
        in_index: int = -1,
        dropout: float = 0.1,
        trainable: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        if not 0 <= dropout < 1:
            raise InputError(f'neck.dropout={dropout}: give a share from 0 to below 1 (0.1 as published)')
        self.in_channels, self.dim, self.in_index = in_channels, dim, in_index
        self.dropout, self.trainable = dropout, trainable
        self.out_channels = dim
        self._loaded = trainable

    def select(self, inputs: Tensor | Sequence[Tensor]) -> Tensor:
        """The backbone's feature map ``[B, C, h, w]`` that this neck works on."""
        if not self._loaded:
            raise InputError(
                f'{type(self).__name__} has no weights: set load_from to a checkpoint that tools/convert_checkpoint.py '
                'made, or neck.trainable=True to train one'
            )
        features = select_feature(inputs, self.in_index)
        if features.shape[1] != self.in_channels:
            raise InputError(
                f'neck.in_channels={self.in_channels}, but the feature map has {features.shape[1]} channels; '
                f'set in_channels={features.shape[1]} or choose the backbone of the checkpoint'
            )
        return features

    def drop(self, features: Tensor) -> Tensor:
        """Drop whole channels in training mode; each call draws anew."""
        return F.dropout2d(features, self.dropout, self.training)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        """Refuse a projection of another geometry, which mmengine would skip with no more than a warning.

        What only training needs (a moving average) is left out where this neck has none.
        """
        for key in [key for key in state_dict if key.startswith(f'{prefix}average.')]:
            if not hasattr(self, 'average'):
                state_dict.pop(key)
        own = {f'{prefix}{key}': value for key, value in self.state_dict().items()}
        found = {key: value for key, value in state_dict.items() if key in own}
        for key, value in found.items():
            if value.shape != own[key].shape:
                raise InputError(
                    f'the checkpoint has {key} {tuple(value.shape)}, the neck {tuple(own[key].shape)}; '
                    'set neck.in_channels and neck.dim to those of the checkpoint'
                )
        self._loaded = self._loaded or bool(found)
        super()._load_from_state_dict(state_dict, prefix, *args)
