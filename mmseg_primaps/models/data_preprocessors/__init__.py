"""Data preprocessors."""

from .two_view import TwoViewDataPreProcessor

__all__ = ['TwoViewDataPreProcessor']
