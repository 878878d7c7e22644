"""Small helpers that belong to no floor of the house in particular."""

from .errors import InputError
from .progress import progress

__all__ = ['InputError', 'progress']
