"""What the tools call."""

from .check_data import check_data
from .config import load_config
from .propose import propose
from .seeds import over_seeds
from .test import evaluate
from .train import build_runner, train

__all__ = ['build_runner', 'check_data', 'evaluate', 'load_config', 'over_seeds', 'propose', 'train']
