"""What runs around the model: hooks and the clean pictures they work on."""

from . import hooks

__all__ = ['hooks']
