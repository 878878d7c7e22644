"""Tiny ViTs with the weights that the authors' code was run with."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mmseg_primaps.models.backbones import TimmViT

TINY = {'embed_dim': 48, 'depth': 3, 'num_heads': 3}


@pytest.fixture(scope='session')
def tiny() -> dict[str, int]:
    """Geometry of the small random checkpoints."""
    return dict(TINY)


@pytest.fixture(scope='session')
def official(shared: Path) -> dict[str, np.ndarray]:
    """Tokens, queries, keys, values and attention that DINO's and DINOv2's own code gave."""
    return np.load(shared / 'golden' / 'models_official.npz')


@pytest.fixture(scope='session')
def golden_vit(shared: Path) -> Callable[..., TimmViT]:
    """Builds a tiny DINO or DINOv2 backbone from the authors' key names."""

    def build(kind: str, **options: Any) -> TimmViT:
        files = {'dino': ('dino_vits8', 'dino_tiny_p8.pth'), 'dinov2': ('dinov2_vits14', 'dinov2_tiny_p14.pth')}
        name, file = files[kind]
        checkpoint = str(shared / 'golden' / 'checkpoints' / file)
        return TimmViT(name, checkpoint=checkpoint, model_kwargs=TINY, **options).eval()

    return build


@pytest.fixture(autouse=True)
def no_gradient() -> Iterator[None]:
    with torch.no_grad():
        yield
