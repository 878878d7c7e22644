"""Segmentors."""

from .primaps_segmentor import PriMaPsSegmentor

__all__ = ['PriMaPsSegmentor']
