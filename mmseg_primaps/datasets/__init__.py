"""Data sets of the benchmarks, and users' own pictures."""

from . import transforms
from .camvid import CamVidDataset
from .cityscapes27 import Cityscapes27Dataset
from .folder_dataset import FolderDataset
from .unlabeled import UnlabeledDataset

__all__ = ['CamVidDataset', 'Cityscapes27Dataset', 'FolderDataset', 'UnlabeledDataset', 'transforms']
