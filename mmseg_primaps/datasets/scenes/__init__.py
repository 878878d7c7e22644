"""Pictures that the package makes itself: varied outdoor scenes and texture mosaics with pixel labels."""

from .generate import Scene, make_scene
from .write import write_scenes

__all__ = ['Scene', 'make_scene', 'write_scenes']
