"""Tiny data sets, written in the layouts that the owners distribute."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, TRANSFORMS
from PIL import Image

import mmseg_primaps  # noqa: F401

LOAD = [{'type': 'LoadCheckedImage'}, {'type': 'LoadMappedAnnotations'}, {'type': 'PackProposalInputs'}]


@pytest.fixture(autouse=True)
def mmseg_scope() -> None:
    init_default_scope('mmseg')


@pytest.fixture
def build() -> Callable[..., Any]:
    """Build a data set whose pipeline loads pictures and labels."""

    def make(kind: str, **options: Any) -> Any:
        return DATASETS.build({'type': kind, 'pipeline': LOAD, **options})

    return make


@pytest.fixture
def step() -> Callable[..., Any]:
    """Build one pipeline step."""
    return lambda kind, **options: TRANSFORMS.build({'type': kind, **options})


@pytest.fixture
def save() -> Callable[..., Path]:
    """Save an array as a picture, folders included."""

    def write(path: Path, array: np.ndarray, **options: Any) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(array).save(path, **options)
        return path

    return write


@pytest.fixture
def picture() -> Callable[..., np.ndarray]:
    """A picture whose pixels are all different enough to tell crops apart."""

    def make(height: int = 24, width: int = 36, seed: int = 0) -> np.ndarray:
        return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)

    return make
