"""Necks: projection heads of other methods, whose codes take the place of backbone features."""

from .hp_neck import HPNeck
from .projection import CodeNeck, CodeProjection
from .stego_neck import STEGONeck

__all__ = ['CodeNeck', 'CodeProjection', 'HPNeck', 'STEGONeck']
