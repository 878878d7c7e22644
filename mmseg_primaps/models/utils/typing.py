"""Types of what mmseg does not type."""

from typing import Any, TypeAlias

Segmentor: TypeAlias = Any
"""A segmentor of mmseg: a module with ``backbone``, ``decode_head``, ``data_preprocessor``, maybe ``neck``."""
