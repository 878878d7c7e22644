"""Decode heads."""

from .cosine_kmeans_head import CosineKMeansHead
from .hp_head import HPHead
from .linear_probe_head import LinearProbeHead
from .primaps_head import PriMaPsHead
from .probe_head import ProbeHead
from .prototype_head import PrototypeHead
from .stego_head import STEGOHead

__all__ = [
    'CosineKMeansHead',
    'HPHead',
    'LinearProbeHead',
    'PriMaPsHead',
    'ProbeHead',
    'PrototypeHead',
    'STEGOHead',
]
