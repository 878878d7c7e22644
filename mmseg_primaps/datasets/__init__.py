"""Data sets of the benchmarks, and users' own pictures."""

from . import transforms
from .camvid import CamVidDataset
from .cityscapes27 import Cityscapes27Dataset
from .coco81 import COCO81Dataset
from .cocostuff27 import COCOStuff27Dataset
from .five_crop import FiveCropDataset
from .folder_dataset import FolderDataset
from .potsdam3 import Potsdam3Dataset
from .samplers import GlobalBatchSampler
from .unlabeled import UnlabeledDataset
from .voc2012 import VOC2012Dataset

__all__ = [
    'COCO81Dataset',
    'COCOStuff27Dataset',
    'CamVidDataset',
    'Cityscapes27Dataset',
    'FiveCropDataset',
    'FolderDataset',
    'GlobalBatchSampler',
    'Potsdam3Dataset',
    'UnlabeledDataset',
    'VOC2012Dataset',
    'transforms',
]
