"""CamVid with 11 classes, in plain parallel folders."""

from typing import ClassVar

from mmseg.registry import DATASETS

from .folder_dataset import FolderDataset

_CLASSES = {
    'sky': (128, 128, 128),
    'building': (128, 0, 0),
    'pole': (192, 192, 128),
    'road': (128, 64, 128),
    'pavement': (60, 40, 222),
    'tree': (128, 128, 0),
    'sign': (192, 128, 128),
    'fence': (64, 64, 128),
    'car': (64, 0, 128),
    'pedestrian': (64, 64, 0),
    'bicyclist': (0, 128, 192),
}


@DATASETS.register_module()
class CamVidDataset(FolderDataset):
    """CamVid street scenes: ``images/<split>/*.png`` beside ``labels/<split>/*.png``, ids 0 to 10, 11 is void.

    Args:
        split: ``train``, ``test`` or ``all``.
        **kwargs: As for :class:`FolderDataset`.
    """

    METAINFO: ClassVar[dict] = {
        'classes': tuple(_CLASSES),
        'palette': [list(colour) for colour in _CLASSES.values()],
        'label_table': {**{i: i for i in range(len(_CLASSES))}, len(_CLASSES): 255, 255: 255},
    }
    SPLITS: ClassVar[dict[str, tuple[str, ...]]] = {
        'train': ('train',),
        'val': ('val',),
        'test': ('test',),
        'all': ('train', 'test'),
    }
