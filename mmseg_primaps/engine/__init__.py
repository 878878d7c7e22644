"""What runs around the model: hooks and the clean pictures they work on."""

from . import hooks, weights_files

__all__ = ['hooks', 'weights_files']
