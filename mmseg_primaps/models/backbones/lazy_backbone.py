"""A backbone that is built when somebody wants to run it, and not before."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from mmengine.model import BaseModule
from mmengine.runner.checkpoint import load_state_dict
from mmseg.registry import MODELS
from torch import Tensor, nn

from ..utils.frozen import freeze


class LazyBackbone(BaseModule):
    """Stands in for a frozen backbone whose weights are on disk.

    Checkpoints of a model with it hold the backbone's weights, as if it were there. A checkpoint that brings other
    weights, or a forward pass, builds the backbone itself.

    Args:
        config: Config of the backbone.
        manifest: What caches of its features are filed under.
        weights: File with its ``state_dict``.
    """

    def __init__(
        self, config: dict[str, Any], manifest: dict[str, Any], weights: str, init_cfg: dict | None = None
    ) -> None:
        super().__init__(init_cfg=None)
        self._config, self._weights = config, weights
        self._manifest: dict[str, Any] | None = manifest
        self._built: list[nn.Module] = []  # hidden from torch, or the keys of its tensors would change

    @property
    def manifest(self) -> dict[str, Any] | None:
        """What caches are filed under; None once a checkpoint has brought other weights."""
        return self._manifest

    @property
    def is_built(self) -> bool:
        """Whether there is a backbone by now."""
        return bool(self._built)

    def build(self) -> nn.Module:
        """The backbone itself, frozen."""
        if not self._built:
            backbone = MODELS.build(self._config)
            backbone.load_state_dict(self._stored(), strict=True)
            freeze(backbone)
            self._built = [backbone]
        return self._built[0]

    def forward(self, images: Tensor) -> Any:
        """What the backbone makes of the pictures."""
        return self.build().to(images.device)(images)

    def init_weights(self) -> None:
        """The weights are known."""
        self._is_init = True

    def _stored(self) -> dict[str, Tensor]:
        return torch.load(self._weights, map_location='cpu', weights_only=True, mmap=True)

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        state = self._built[0].state_dict() if self._built else self._stored()
        destination.update({prefix + name: value for name, value in state.items()})

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        brought = {key.removeprefix(prefix): value for key, value in state_dict.items() if key.startswith(prefix)}
        own = self._stored()
        if all(name in own and torch.equal(own[name], value.cpu()) for name, value in brought.items()):
            return
        load_state_dict(self.build(), brought, strict=False)
        self._manifest = None


_stand_in: ContextVar[dict[str, Any] | None] = ContextVar('stand_in', default=None)


@contextmanager
def backbone_stand_in(config: dict[str, Any] | None) -> Iterator[None]:
    """Have models that are built meanwhile take a :class:`LazyBackbone` of these arguments; the config stays as it is.

    Args:
        config: ``manifest`` and ``weights`` of the backbone; None changes nothing.
    """
    token = _stand_in.set(config)
    try:
        yield
    finally:
        _stand_in.reset(token)


def stand_in(backbone: dict[str, Any]) -> dict[str, Any]:
    """The config to build in place of a backbone's: its own where nothing stands in."""
    found = _stand_in.get()
    return backbone if found is None else {'type': LazyBackbone, 'config': backbone, **found}
