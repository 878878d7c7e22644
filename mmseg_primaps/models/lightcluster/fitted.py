"""The whole fitted model: a few cluster centres."""

from typing import Any

import torch
from torch import Tensor, nn

_EMPTY = {
    'dataset_centres': torch.zeros(0, 0),
    'dataset_foreground': torch.zeros(0, dtype=torch.bool),
    'category_tokens': torch.zeros(0, 0),
    'category_centres': torch.zeros(0, 0, 0),
    'category_foreground': torch.zeros(0, 0, dtype=torch.bool),
    'class_tokens': torch.zeros(0, 0),
    'seed': torch.tensor(0),
    'encoder': torch.zeros(0, dtype=torch.uint8),
}


class FittedClusters(nn.Module):
    """Cluster centres of a LightCluster model; empty until they are fitted or loaded.

    Attributes:
        dataset_centres: Centres of all patches, `[K, C]`.
        dataset_foreground: Which of them are foreground, bool `[K]`.
        category_tokens: Centres of the pictures' tokens, `[G, D]`.
        category_centres: Centres of the patches of each group, `[G, K', C]`.
        category_foreground: Which of them are foreground, bool `[G, K']`.
        class_tokens: Centres of the region tokens, `[N, D]`: the object classes.
        seed: Seed of the image-level k-means.
        encoder: SHA-256 of the backbone's weights that all this was fitted with, uint8 `[32]`.
    """

    dataset_centres: Tensor
    dataset_foreground: Tensor
    category_tokens: Tensor
    category_centres: Tensor
    category_foreground: Tensor
    class_tokens: Tensor
    seed: Tensor
    encoder: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name, value in _EMPTY.items():
            self.register_buffer(name, value.clone())

    @property
    def is_fitted(self) -> bool:
        """Whether everything is there."""
        return bool(self.dataset_centres.numel() and self.category_centres.numel() and self.class_tokens.numel())

    @torch.no_grad()
    def set(self, **values: Tensor) -> None:
        """Replace some of the buffers, whatever shape they had."""
        for name, value in values.items():
            old = getattr(self, name)
            setattr(self, name, value.detach().to(device=old.device, dtype=old.dtype).clone())

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        """The number of clusters comes from the checkpoint."""
        for name, buffer in list(self._buffers.items()):
            found = state_dict.get(prefix + name)
            if found is not None and buffer is not None and found.shape != buffer.shape:
                setattr(self, name, buffer.new_zeros(found.shape))
        super()._load_from_state_dict(state_dict, prefix, *args)
