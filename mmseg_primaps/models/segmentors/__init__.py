"""Segmentors."""

from .lightcluster_segmentor import LightClusterSegmentor
from .primaps_segmentor import PriMaPsSegmentor

__all__ = ['LightClusterSegmentor', 'PriMaPsSegmentor']
