"""The stages of LightCluster: each reads what the one before left on disk and leaves something for the next."""

from .fit import Fit
from .pipeline import NAMES, run_stages
from .stage import StageFolder

__all__ = ['NAMES', 'Fit', 'StageFolder', 'run_stages']
