"""Small helpers that belong to no floor of the house in particular."""

from .digest import file_digest
from .errors import InputError
from .progress import progress, progress_bar

__all__ = ['InputError', 'file_digest', 'progress', 'progress_bar']
