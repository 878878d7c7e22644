"""Decode heads."""

from .cosine_kmeans_head import CosineKMeansHead
from .linear_probe_head import LinearProbeHead
from .primaps_head import PriMaPsHead
from .prototype_head import PrototypeHead

__all__ = ['CosineKMeansHead', 'LinearProbeHead', 'PriMaPsHead', 'PrototypeHead']
