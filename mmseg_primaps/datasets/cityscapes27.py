"""Cityscapes with all 27 classes, as the unsupervised benchmarks count them."""

from typing import ClassVar

from mmseg.registry import DATASETS

from .folder_dataset import FolderDataset

# Index = the owners' label id - 7. The colours are the owners'.
_CLASSES = {
    'road': (128, 64, 128),
    'sidewalk': (244, 35, 232),
    'parking': (250, 170, 160),
    'rail track': (230, 150, 140),
    'building': (70, 70, 70),
    'wall': (102, 102, 156),
    'fence': (190, 153, 153),
    'guard rail': (180, 165, 180),
    'bridge': (150, 100, 100),
    'tunnel': (150, 120, 90),
    'pole': (153, 153, 153),
    'polegroup': (153, 153, 153),
    'traffic light': (250, 170, 30),
    'traffic sign': (220, 220, 0),
    'vegetation': (107, 142, 35),
    'terrain': (152, 251, 152),
    'sky': (70, 130, 180),
    'person': (220, 20, 60),
    'rider': (255, 0, 0),
    'car': (0, 0, 142),
    'truck': (0, 0, 70),
    'bus': (0, 60, 100),
    'caravan': (0, 0, 90),
    'trailer': (0, 0, 110),
    'train': (0, 80, 100),
    'motorcycle': (0, 0, 230),
    'bicycle': (119, 11, 32),
}
_FIRST_ID = 7


@DATASETS.register_module()
class Cityscapes27Dataset(FolderDataset):
    """Cityscapes, 27 classes (not mmseg's 19 training ids), in the owners' layout.

    ``leftImg8bit/<split>/<city>/*_leftImg8bit.png`` beside ``gtFine/<split>/<city>/*_gtFine_labelIds.png``. Ids 7 to 33
    are classes 0 to 26; ids 0 to 6 and 255 are void. The owners' files hold no other id, so one is an error;
    ``LoadMappedAnnotations(unknown_ids='ignore')`` makes it void, as the published code does.

    Args:
        split: ``train``, ``val``, ``test``, ``train_extra`` or ``all`` (train and val).
        **kwargs: As for :class:`FolderDataset`.
    """

    METAINFO: ClassVar[dict] = {
        'classes': tuple(_CLASSES),
        'palette': [list(colour) for colour in _CLASSES.values()],
        'label_table': {
            **dict.fromkeys(range(_FIRST_ID), 255),
            **{_FIRST_ID + i: i for i in range(len(_CLASSES))},
            255: 255,
            -1: 255,
        },
    }
    IMAGE_FOLDER = 'leftImg8bit'
    LABEL_FOLDERS = ('gtFine',)
    IMG_SUFFIX = '_leftImg8bit.png'
    SEG_MAP_SUFFIX = '_gtFine_labelIds.png'
    SPLITS: ClassVar[dict[str, tuple[str, ...]]] = {
        'train': ('train',),
        'val': ('val',),
        'test': ('test',),
        'train_extra': ('train_extra',),
        'all': ('train', 'val'),
    }
