"""What the tools call."""

from .config import load_config
from .seeds import over_seeds
from .propose import propose
from .test import evaluate
from .train import build_runner, train

__all__ = ['build_runner', 'evaluate', 'load_config', 'over_seeds', 'propose', 'train']
