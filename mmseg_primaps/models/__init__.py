"""Models: backbones, necks, decode heads, segmentors and data preprocessors."""

from . import backbones, data_preprocessors, decode_heads, necks, segmentors

__all__ = ['backbones', 'data_preprocessors', 'decode_heads', 'necks', 'segmentors']
